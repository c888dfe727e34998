"""`python driver.py settings.json`: finds the best model with FLAML and reports each trial as a child run.

Runs in the job's own Python, whose packages are pinned beside this file.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import flaml
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from emulator.machine_learning.automl import onnx_model
from emulator.machine_learning.automl.tables import read_table, without_gaps

sys.path.pop(0)

POLL_SECONDS = 1.0
MODEL = "outputs/mlflow-model"
TRIALS = Path("trials.log")
ONNX = Path("model.onnx")


class Leaderboard:
    """Child runs of the job, one a trial, as FLAML writes its log."""

    def __init__(self, settings: dict[str, Any], scale: float) -> None:
        self.client = MlflowClient()
        self.parent = os.environ["MLFLOW_RUN_ID"]
        self.experiment = self.client.get_run(self.parent).info.experiment_id
        self.settings = settings
        self.scale = scale
        self.best: tuple[float, str] | None = None
        self._read = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Leaderboard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._take()

    def score(self, loss: float) -> float:
        """FLAML minimizes a loss; what Azure reports is the metric."""
        return loss / self.scale if self.settings["metric"] in ("rmse", "mae") else 1 - loss

    def _follow(self) -> None:
        while not self._done.wait(POLL_SECONDS):
            self._take()

    def _take(self) -> None:
        lines = TRIALS.read_text().splitlines() if TRIALS.exists() else []
        whole = [line for line in lines[self._read :] if line.endswith("}")]
        self._read += len(whole)
        for line in whole:
            record = json.loads(line)
            if "learner" in record and record["record_id"] >= 0:
                self._report(record)

    def _report(self, record: dict[str, Any]) -> None:
        name = f"{os.environ['AZUREML_RUN_ID']}_{record['record_id']}"
        tags = {"mlflow.parentRunId": self.parent, "mlflow.source.name": f"FLAML {record['learner']}"}
        run = self.client.create_run(self.experiment, run_name=name, tags={**tags, "learner": record["learner"]})
        score = self.score(record["validation_loss"])
        self.client.log_metric(run.info.run_id, self.settings["shown"], score)
        self.client.log_metric(run.info.run_id, "fit_seconds", record["trial_time"])
        for key, value in record["config"].items():
            self.client.log_param(run.info.run_id, key, value)
        self.client.set_terminated(run.info.run_id)
        self.client.log_metric(self.parent, self.settings["shown"], score, step=record["record_id"])
        say(f"trial {record['record_id']}: {record['learner']}, {self.settings['shown']} {score:.5f}")
        if self.best is None or record["validation_loss"] < self.best[0]:
            self.best = (record["validation_loss"], run.info.run_id)


def say(text: str) -> None:
    """A line of the job's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def options_of(settings: dict[str, Any]) -> dict[str, Any]:
    """Arguments of FLAML's `fit`."""
    options = {
        "task": {"forecasting": "ts_forecast"}.get(settings["task"], settings["task"]),
        "metric": settings["metric"],
        "estimator_list": settings["learners"],
        "max_iter": max(settings["trials"], 2),  # a single one FLAML fits and does not score
        "time_budget": settings["seconds"],
        "early_stop": settings["stop_early"],
        "log_file_name": str(TRIALS),
        "log_type": "all",
        "model_history": False,
        "seed": 1,
        "verbose": 0,
        "n_jobs": -1,
    }
    if settings["folds"] and settings["task"] != "forecasting":
        options.update(eval_method="cv", n_splits=settings["folds"])
    return options


def prepared(path: str, settings: dict[str, Any]) -> pd.DataFrame:
    """The rows whose target is known; of a series by time, with the time as the first column."""
    table = read_table(Path(path)).dropna(subset=[settings["target"]])
    if settings["forecast"]:
        column = settings["forecast"]["time"]
        table[column] = pd.to_datetime(table[column])
        table = table.sort_values(column)
        table = table[[column, *(name for name in table.columns if name != column)]].reset_index(drop=True)
        table = without_gaps(table, column)
    for name in table.select_dtypes(include=["string", "boolean"]).columns:
        table[name] = table[name].astype(object)
    return table


class Features:
    """What FLAML is given of a table: the columns as they are, or the matrix that an ONNX graph can make of them."""

    def __init__(self, table: pd.DataFrame, *, onnx: bool) -> None:
        self.table = table
        self.texts = onnx_model.texts_of(table) if onnx else []
        self.encoder = onnx_model.encoder_of(self.plain(table), self.texts) if onnx else None

    def plain(self, table: pd.DataFrame) -> pd.DataFrame:
        return onnx_model.plain(table, self.texts)

    def of(self, table: pd.DataFrame) -> Any:
        """The features of rows."""
        return table if self.encoder is None else self.encoder.transform(self.plain(table))

    def model(self, automl: Any) -> Any:
        """What answers rows of the table."""
        if self.encoder is None:
            return automl
        # The emulator is not there where the model is loaded.
        cloudpickle.register_pickle_by_value(onnx_model)
        plain = FunctionTransformer(onnx_model.plain, kw_args={"texts": self.texts})
        return Pipeline([("plain", plain), ("encoder", self.encoder), ("model", automl)])

    def write_onnx(self, automl: Any, file: Path) -> float:
        """Writes the graph; gives its largest difference from the model on any row."""
        if self.encoder is None:
            raise ValueError("these features are not those of a graph")
        rows = self.plain(self.table)
        file.write_bytes(onnx_model.graph_of(self.encoder, automl, rows, self.texts).SerializeToString())
        return onnx_model.assert_parity(file, automl, self.encoder, rows, self.texts)


def main() -> None:
    """Fits, reports, and logs the best model at its child run."""
    settings: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    say(f"This emulator's AutoML is FLAML {flaml.__version__}: the contract is Azure's, models and scores are FLAML's")
    table, target = prepared(settings["data"]["trainingData"], settings), settings["target"]
    features = Features(table.drop(columns=[target]), onnx=settings["onnx"])
    options, scale = options_of(settings), 1.0
    if settings["task"] != "classification":
        scale = float(np.ptp(table[target].to_numpy(dtype=float))) or 1.0
    if settings["metric"] == "roc_auc" and table[target].nunique() > 2:
        options["metric"] = "roc_auc_ovr_weighted"
    if settings["forecast"]:
        options.update(dataframe=table, label=target, period=settings["forecast"]["horizon"], eval_method="holdout")
    else:
        options.update(X_train=features.of(features.table), y_train=table[target])
        if validation := settings["data"].get("validationData"):
            held = prepared(validation, settings)
            options.update(X_val=features.of(held[features.table.columns]), y_val=held[target])
    began, automl = time.monotonic(), flaml.AutoML()
    with Leaderboard(settings, scale) as board:
        automl.fit(**options)
    if board.best is None:
        raise SystemExit("FLAML finished no trial within the limits: raise 'limits.timeout_minutes'")
    loss, best = board.best
    log_model(board, best, features, automl, settings["outputs"].get("best_model") or "mlflow-model")
    board.client.set_tag(board.parent, "automl_best_child_run_id", best)
    board.client.set_tag(board.parent, "automl_engine", f"FLAML {flaml.__version__}")
    board.client.log_metric(board.parent, f"best_{settings['shown']}", board.score(loss))
    took = time.monotonic() - began
    say(f"best: {automl.best_estimator}, {settings['shown']} {board.score(loss):.5f}, {took:.0f} s")


def log_model(board: Leaderboard, best: str, features: Features, automl: Any, output: str) -> None:
    """Writes the best model into the job's output and logs it at its child run, as ONNX too when asked for."""
    folder = Path(output)
    if folder.exists():
        folder.rmdir()
    requirements = Path(__file__).with_name("packages.lock.txt").read_text().splitlines()
    options = {"serialization_format": "cloudpickle", "pip_requirements": requirements}
    mlflow.sklearn.save_model(features.model(automl), str(folder), **options)
    board.client.log_artifacts(best, str(folder), MODEL)
    if features.encoder is not None:
        difference = features.write_onnx(automl, ONNX)
        board.client.log_artifact(best, str(ONNX), "outputs")
        say(f"model.onnx answers every row like the model: they differ by {difference:.1g} at most")


if __name__ == "__main__":
    main()

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

import flaml
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from emulator.machine_learning.automl.tables import read_table, without_gaps

sys.path.pop(0)

POLL_SECONDS = 1.0
MODEL = "outputs/mlflow-model"
TRIALS = Path("trials.log")


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
        "max_iter": settings["trials"],
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


def main() -> None:
    """Fits, reports, and logs the best model at its child run."""
    settings: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    say(f"This emulator's AutoML is FLAML {flaml.__version__}: the contract is Azure's, models and scores are FLAML's")
    table, target = prepared(settings["data"]["trainingData"], settings), settings["target"]
    options, scale = options_of(settings), 1.0
    if settings["task"] != "classification":
        scale = float(np.ptp(table[target].to_numpy(dtype=float))) or 1.0
    if settings["metric"] == "roc_auc" and table[target].nunique() > 2:
        options["metric"] = "roc_auc_ovr_weighted"
    if validation := settings["data"].get("validationData"):
        held = prepared(validation, settings)
        options.update(X_val=held.drop(columns=[target]), y_val=held[target])
    if settings["forecast"]:
        options.update(dataframe=table, label=target, period=settings["forecast"]["horizon"], eval_method="holdout")
        options.pop("X_val", None)
        options.pop("y_val", None)
    else:
        options.update(X_train=table.drop(columns=[target]), y_train=table[target])
    began, automl = time.monotonic(), flaml.AutoML()
    with Leaderboard(settings, scale) as board:
        automl.fit(**options)
    if board.best is None:
        raise SystemExit("FLAML finished no trial within the limits: raise 'limits.timeout_minutes'")
    loss, best = board.best
    folder = Path(settings["outputs"].get("best_model") or "mlflow-model")
    requirements = Path(__file__).with_name("packages.lock.txt").read_text().splitlines()
    if folder.exists():
        folder.rmdir()
    mlflow.sklearn.save_model(automl, str(folder), serialization_format="cloudpickle", pip_requirements=requirements)
    board.client.log_artifacts(best, str(folder), MODEL)
    board.client.set_tag(board.parent, "automl_best_child_run_id", best)
    board.client.set_tag(board.parent, "automl_engine", f"FLAML {flaml.__version__}")
    board.client.log_metric(board.parent, f"best_{settings['shown']}", board.score(loss))
    took = time.monotonic() - began
    say(f"best: {automl.best_estimator}, {settings['shown']} {board.score(loss):.5f}, {took:.0f} s")


if __name__ == "__main__":
    main()

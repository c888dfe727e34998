"""AutoML jobs: what is refused, what the driver is told, and the MLTable folders it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from emulator.errors import ServiceError
from emulator.machine_learning.automl.onnx_labels import OPSETS, with_labels
from emulator.machine_learning.automl.specification import from_step, read_automl
from emulator.machine_learning.automl.tables import read_table, without_gaps
from emulator.machine_learning.jobs.pipeline import validate_pipeline

DETAILS = {"taskType": "Classification", "targetColumnName": "y", "trainingData": {"uri": "azureml:rows:1"}}


def read(**change: Any) -> dict[str, Any]:
    return read_automl({"taskDetails": {**DETAILS, **change}})


def test_driver_is_told_in_flamls_words() -> None:
    limits = {"maxTrials": 4, "timeout": "PT20M", "enableEarlyTermination": False}
    training = {"blockedTrainingAlgorithms": ["LightGBM", "LogisticRegression"]}
    told = read(primaryMetric="AUCWeighted", limitSettings=limits, trainingSettings=training)
    assert (told["metric"], told["trials"], told["seconds"], told["stop_early"]) == ("roc_auc", 4, 1200, False)
    assert told["learners"] == ["xgboost", "rf", "extra_tree"]
    assert read(trainingSettings={"allowedTrainingAlgorithms": ["LightGBM"]})["learners"] == ["lgbm"]
    assert read(nCrossValidations={"mode": "Custom", "value": 5})["folds"] == 5
    settings = {"timeColumnName": "when", "forecastHorizon": {"mode": "Custom", "value": 48}}
    assert read(taskType="Forecasting", forecastingSettings=settings)["forecast"] == {"time": "when", "horizon": 48}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"taskType": "ImageClassification"}, 501, "ImageClassification"),
        ({"targetColumnName": None}, 400, "'taskDetails.targetColumnName' of the AutoML job is missing"),
        ({"trainingData": None}, 400, "'taskDetails.trainingData' of the AutoML job is missing"),
        ({"primaryMetric": "NormMacroRecall"}, 501, "known: accuracy, AUC_weighted"),
        ({"trainingSettings": {"allowedTrainingAlgorithms": ["KNN"]}}, 400, "known here: extremerandomtrees"),
        (
            {
                "taskType": "Forecasting",
                "trainingSettings": {"enableOnnxCompatibleModels": True},
                "forecastingSettings": {"timeColumnName": "when"},
            },
            501,
            "enableOnnxCompatibleModels",
        ),
        ({"taskType": "Forecasting"}, 400, "forecastingSettings.timeColumnName"),
        (
            {
                "taskType": "Forecasting",
                "forecastingSettings": {"timeColumnName": "when", "timeSeriesIdColumnNames": ["shop"]},
            },
            501,
            "several series",
        ),
    ],
)
def test_what_flaml_cannot_do_is_refused_by_key(change: dict[str, Any], status: int, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        read(**change)
    assert refused.value.status == status


STEP = {
    "type": "automl",
    "task": "forecasting",
    "primary_metric": "normalized_mean_absolute_error",
    "target_column_name": "y",
    "training_data": "${{parent.inputs.rows}}",
    "n_cross_validations": "auto",
    "limits": {"max_trials": 4, "timeout_minutes": 20, "enable_early_termination": False},
    "training": {"blocked_training_algorithms": ["light_gbm", "extreme_random_trees"]},
    "forecasting": {"time_column_name": "when", "forecast_horizon": 48},
}


def test_step_of_a_pipeline_says_the_same_in_yamls_spelling() -> None:
    told = read_automl({"taskDetails": from_step(STEP, {"trainingData": {"uri": "azureml:rows:1"}})})
    assert (told["metric"], told["trials"], told["seconds"], told["stop_early"]) == ("mae", 4, 1200, False)
    assert (told["learners"], told["folds"]) == (["xgboost", "rf"], None)
    assert told["forecast"] == {"time": "when", "horizon": 48}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training_data": "{'type': 'mltable', 'path': 'azureml:rows:1'}"}, "must be an input of the pipeline"),
        ({"training_data": "${{parent.jobs.find.outputs.rows}}"}, "'find.outputs.rows', which the pipeline does not"),
        ({"forecasting": {}}, r"forecastingSettings\.timeColumnName"),
        ({"outputs": {"worst_model": {}}}, "'worst_model', which its component does not declare"),
    ],
)
def test_step_that_cannot_work_is_refused(change: dict[str, Any], message: str) -> None:
    pipeline = {"inputs": {"rows": {}}, "jobs": {"find": {**STEP, **change}}}
    with pytest.raises(ServiceError, match=message):
        validate_pipeline("/workspace", pipeline, None)  # type: ignore[arg-type]  # it names no asset


def test_table_is_read_as_its_mltable_says(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;town;when\n1;Bonn;2026-01-01\n2;Ulm;2026-01-02\n3;Kiel;2026-01-03\n")
    (tmp_path / "MLTable").write_text(
        "paths: [{pattern: ./*.csv}]\ntransformations:\n- read_delimited: {delimiter: ';', encoding: utf8}\n"
        "- convert_column_types: [{columns: [id], column_type: string}, {columns: when, column_type: datetime}]\n"
        "- drop_columns: town\n- take: 2\n"
    )
    found = read_table(tmp_path)
    assert list(found.columns) == ["id", "when"]
    assert found["id"].tolist() == ["1", "2"]
    assert found["when"].dt.day.tolist() == [1, 2]
    (tmp_path / "MLTable").write_text("paths: [{file: a.csv}]\ntransformations: [random_split]\n")
    with pytest.raises(ValueError, match="'random_split' is not known here"):
        read_table(tmp_path)


def test_missing_times_of_a_series_repeat_the_last_row() -> None:
    hours = pd.date_range("2026-01-01", periods=6, freq="h")
    table = pd.DataFrame({"time": hours, "load": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    found = without_gaps(table.drop(index=[2, 3]).reset_index(drop=True), "time")
    assert found["time"].tolist() == hours.tolist()
    assert found["load"].tolist() == [1, 2, 2, 2, 5, 6]
    assert without_gaps(table, "time") is table
    crooked = table.assign(time=[*hours[:5], hours[5] + pd.Timedelta(minutes=7)])
    assert without_gaps(crooked, "time") is crooked


@pytest.mark.parametrize(
    "learner",
    [RandomForestClassifier(5, random_state=1), ExtraTreesClassifier(5, random_state=1), LogisticRegression()],
    ids=lambda one: type(one).__name__,
)
def test_whichever_learner_wins_its_graph_answers_with_the_tables_labels(learner: Any) -> None:
    """The converter names the oldest operators that a learner needs, and those of a forest know no labels."""
    ages = np.arange(18, 80, dtype=np.float32).reshape(-1, 1)
    learner.fit(ages, ages.ravel() > 50)
    learner.classes_ = np.array([0, 1])
    options = {id(learner): {"zipmap": False}}
    kinds = [("age", FloatTensorType([None, 1]))]
    graph = convert_sklearn(learner, initial_types=kinds, target_opset=OPSETS, options=options)
    with_labels(graph, ["no", "yes"])
    onnx.checker.check_model(graph)
    running = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    assert running.run(["label"], {"age": ages[[0, -1]]})[0].tolist() == ["no", "yes"]

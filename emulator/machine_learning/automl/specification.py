"""What an AutoML job asks for, in the words of the driver; what FLAML cannot do is refused at once."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.durations import seconds
from emulator.machine_learning.spelling import camel

MODEL_OUTPUT = "best_model"
DEFAULT_TRIALS = 1000
DEFAULT_TIMEOUT = "PT6H"
STEP_TABLES = {"training_data": "trainingData", "validation_data": "validationData", "test_data": "testData"}
TABLES = tuple(STEP_TABLES.values())
COMPONENT: dict[str, Any] = {
    "type": "automl",
    "inputs": {name: {"type": "mltable"} for name in TABLES},
    "outputs": {MODEL_OUTPUT: {"type": "mlflow_model"}},
}
"""What a pipeline may bind of a step, which names no component."""
METRICS = {
    "classification": {"accuracy": "accuracy", "aucweighted": "roc_auc", "averageprecisionscoreweighted": "ap"},
    "regression": {
        "normalizedrootmeansquarederror": "rmse",
        "normalizedmeanabsoluteerror": "mae",
        "r2score": "r2",
    },
}
METRICS["forecasting"] = METRICS["regression"]
SHOWN = {
    "accuracy": "accuracy",
    "roc_auc": "AUC_weighted",
    "ap": "average_precision_score_weighted",
    "rmse": "normalized_root_mean_squared_error",
    "mae": "normalized_mean_absolute_error",
    "r2": "r2_score",
}
"""What Azure calls in a run what FLAML calls otherwise."""
LEARNERS = {
    "lightgbm": "lgbm",
    "xgboostclassifier": "xgboost",
    "xgboostregressor": "xgboost",
    "randomforest": "rf",
    "extremerandomtrees": "extra_tree",
    "logisticregression": "lrl1",
}
KNOWN = {
    "classification": ("lgbm", "xgboost", "rf", "extra_tree", "lrl1"),
    "regression": ("lgbm", "xgboost", "rf", "extra_tree"),
    "forecasting": ("lgbm", "xgboost", "rf", "extra_tree"),
}


def read_automl(properties: dict[str, Any]) -> dict[str, Any]:
    """The driver's settings, without the paths of the data.

    Raises:
        ServiceError: 400, or 501 for what is not done here; the message names the key.
    """
    details = properties.get("taskDetails") or {}
    task = str(details.get("taskType") or "").lower()
    if task not in KNOWN:
        raise unsupported(f"An AutoML job of the task '{details.get('taskType')}' (known: {', '.join(KNOWN)})")
    for name, given in (("trainingData", (details.get("trainingData") or {}).get("uri")), target(details)):
        if not given:
            raise refusal(name, "is missing")
    training = details.get("trainingSettings") or {}
    if training.get("enableOnnxCompatibleModels") and task == "forecasting":
        raise unsupported("A forecast with 'trainingSettings.enableOnnxCompatibleModels'")
    limits = details.get("limitSettings") or {}
    return {
        "task": task,
        "target": details["targetColumnName"],
        "metric": metric(task, details.get("primaryMetric")),
        "learners": learners(task, training),
        "trials": int(limits.get("maxTrials") or DEFAULT_TRIALS),
        "seconds": seconds(limits.get("timeout") or DEFAULT_TIMEOUT),
        "stop_early": limits.get("enableEarlyTermination") is not False,
        "folds": folds(details),
        "onnx": bool(training.get("enableOnnxCompatibleModels")),
        "forecast": forecast(details) if task == "forecasting" else None,
    }


def target(details: dict[str, Any]) -> tuple[str, Any]:
    """The column to predict."""
    return "targetColumnName", details.get("targetColumnName")


def metric(task: str, given: Any) -> str:
    """The primary metric in FLAML's words."""
    known = METRICS[task]
    name = plain(given or next(iter(known)))
    if name not in known:
        raise unsupported(
            f"The primary metric '{given}' of {task} (known: {', '.join(SHOWN[one] for one in known.values())})"
        )
    return known[name]


def plain(name: Any) -> str:
    """A name without what its two spellings differ in: `LightGBM` is `light_gbm`."""
    return str(name).lower().replace("_", "")


def learners(task: str, training: dict[str, Any]) -> list[str]:
    """What may be tried: all that FLAML has here, without the blocked, or of the allowed."""
    allowed = {LEARNERS.get(plain(one)) for one in training.get("allowedTrainingAlgorithms") or ()}
    blocked = {LEARNERS.get(plain(one)) for one in training.get("blockedTrainingAlgorithms") or ()}
    found = [one for one in KNOWN[task] if one not in blocked and (not allowed or one in allowed)]
    if not found:
        names = ", ".join(sorted(name for name, one in LEARNERS.items() if one in KNOWN[task]))
        raise refusal("trainingSettings", f"leaves no algorithm to try; known here: {names}")
    return found


def folds(details: dict[str, Any]) -> int | None:
    """How many folds cross-validation has; None leaves that to FLAML."""
    given = details.get("nCrossValidations") or {}
    return int(given["value"]) if str(given.get("mode")).lower() == "custom" else None


def forecast(details: dict[str, Any]) -> dict[str, Any]:
    """The time column and how far ahead."""
    given = details.get("forecastingSettings") or {}
    if not given.get("timeColumnName"):
        raise refusal("forecastingSettings.timeColumnName", "is missing")
    if given.get("timeSeriesIdColumnNames"):
        raise unsupported("Forecasting several series ('forecastingSettings.timeSeriesIdColumnNames')")
    horizon = given.get("forecastHorizon") or {}
    return {"time": given["timeColumnName"], "horizon": int(horizon.get("value") or 1)}


def tables_of(step: dict[str, Any]) -> dict[str, Any]:
    """What a pipeline's step reads, by the names that a job has for it."""
    return {name: step[key] for key, name in STEP_TABLES.items() if step.get(key)}


def from_step(step: dict[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    """The task of an AutoML job from a pipeline's step, which is spelled as in YAML; `tables` are what it reads."""
    limits, forecasting = camel(step.get("limits") or {}), camel(step.get("forecasting") or {})
    if limits.get("timeoutMinutes"):
        limits["timeout"] = f"PT{limits['timeoutMinutes']}M"
    if "forecastHorizon" in forecasting:
        forecasting["forecastHorizon"] = chosen(forecasting["forecastHorizon"])
    return {
        **tables,
        "taskType": step.get("task"),
        "targetColumnName": step.get("target_column_name"),
        "primaryMetric": step.get("primary_metric"),
        "nCrossValidations": chosen(step.get("n_cross_validations")),
        "limitSettings": limits,
        "trainingSettings": camel(step.get("training") or {}),
        "forecastingSettings": forecasting,
    }


def chosen(given: Any) -> dict[str, Any] | None:
    """A number that may be left to the service, in ARM's spelling."""
    if given is None:
        return None
    return {"mode": "Auto"} if str(given).lower() == "auto" else {"mode": "Custom", "value": given}


def refusal(name: str, message: str) -> ServiceError:
    """400 for a job that cannot work."""
    return ServiceError(400, "UserError", f"'taskDetails.{name}' of the AutoML job {message}.", target=name)

"""AutoML's models as ONNX: the graph takes the table's columns by name and is held against the model on every row.

Inputs have the shape (rows, 1): texts for columns of texts and truth values, 32-bit floats for numbers; a missing text
is empty, a missing number NaN. Outputs are `label` and `probabilities` of a classification, `variable` of a regression.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import xgboost
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from emulator.machine_learning.automl.onnx_labels import OPSETS, with_labels

TOLERANCE = 1e-4
"""What 32-bit floats may make of a probability, or of a number by its size."""
CHOICES = {"nocl": [True, False], "zipmap": [True, False, "columns"]}


def texts_of(table: pd.DataFrame) -> list[str]:
    """Columns that go into the graph as texts.

    Raises:
        SystemExit: a column is neither text nor number; the message names it.
    """
    found = []
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            raise SystemExit(f"ONNX-compatible models take texts and numbers: the column '{name}' holds times")
        if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
            found.append(name)
    return found


def plain(table: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """The table as the graph takes it."""
    given = {
        name: table[name].astype(object).where(table[name].notna(), "").astype(str)
        if name in texts
        else table[name].astype("float32")
        for name in table.columns
    }
    return pd.DataFrame(given, index=table.index)


def encoder_of(table: pd.DataFrame, texts: list[str]) -> Pipeline:
    """What makes a matrix of numbers of a plain table, fitted to it; columns that never vary are left out."""
    numbers = [name for name in table.columns if name not in texts]
    columns = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), texts),
            ("numbers", SimpleImputer(strategy="median", keep_empty_features=True), numbers),
        ]
    )
    fitted: Pipeline = Pipeline([("columns", columns), ("varying", VarianceThreshold())]).fit(table)
    return fitted


def graph_of(encoder: Pipeline, automl: Any, table: pd.DataFrame, texts: list[str]) -> onnx.ModelProto:
    """Encoder and model as one graph."""
    register_converters()
    estimator = automl.model.estimator
    inputs = [(name, (StringTensorType if name in texts else FloatTensorType)([None, 1])) for name in table.columns]
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    whole = Pipeline([("encoder", encoder), ("model", estimator)])
    graph = convert_sklearn(whole, initial_types=inputs, target_opset=OPSETS, options=options)
    with_columns(graph, list(table.columns))
    if automl.label_transformer:
        with_labels(graph, automl.label_transformer.classes_)
    onnx.checker.check_model(graph)
    return graph


def with_columns(graph: onnx.ModelProto, columns: list[str]) -> None:
    """Gives the inputs the names of the columns: the converter has made `sales_total` of `sales.total`."""
    names = {given.name: name for given, name in zip(graph.graph.input, columns, strict=True)}
    for given in graph.graph.input:
        given.name = names[given.name]
    for node in graph.graph.node:
        node.input[:] = [names.get(given, given) for given in node.input]


def register_converters() -> None:
    """Tells the converter of scikit-learn's pipelines how the boosted trees are converted."""
    classes = calculate_linear_classifier_output_shapes
    numbers = calculate_linear_regressor_output_shapes
    register = update_registered_converter
    register(lightgbm.LGBMClassifier, "LgbmClassifier", classes, convert_lightgbm, options=CHOICES)
    register(lightgbm.LGBMRegressor, "LgbmRegressor", numbers, convert_lightgbm, options={"split": None})
    register(xgboost.XGBClassifier, "XgbClassifier", classes, convert_xgboost, options=CHOICES)
    register(xgboost.XGBRegressor, "XgbRegressor", numbers, convert_xgboost)


def assert_parity(file: Path, automl: Any, encoder: Pipeline, table: pd.DataFrame, texts: list[str]) -> float:
    """Asks graph and model about every row of a plain table; gives the largest difference.

    Raises:
        SystemExit: they differ; the message shows the row.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    running = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    given = {name: table[[name]].to_numpy(object if name in texts else np.float32) for name in table.columns}
    answer = dict(zip((one.name for one in running.get_outputs()), running.run(None, given), strict=True))
    matrix = encoder.transform(table)
    wanted = automl.predict_proba(matrix) if "probabilities" in answer else automl.predict(matrix)
    wanted = np.asarray(wanted, dtype=float).reshape(len(table), -1)
    found = answer["probabilities" if "probabilities" in answer else "variable"].reshape(len(table), -1)
    difference = (np.abs(found - wanted) / np.maximum(1, np.abs(wanted))).max(axis=1)
    worst = int(difference.argmax())
    if not difference[worst] <= TOLERANCE:
        raise SystemExit(f"The ONNX graph and the model differ by {difference[worst]:.2g} on {dict(table.iloc[worst])}")
    return float(difference[worst])

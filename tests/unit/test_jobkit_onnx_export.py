"""The graph answers like the framework, on rows made to be hard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest

from ml.jobkit import features, frame, onnx_export
from ml.jobkit.errors import JobError
from ml.jobkit.features import Holdout, Label, Specification
from ml.jobkit.kinds.category import Category
from ml.jobkit.kinds.number import Number
from ml.jobkit.tasks.base import Lesson
from ml.jobkit.tasks.binary.contract import CONTRACT
from ml.jobkit.tasks.binary.task import Task
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.jobkit.trainers.lightgbm.trainer import Trainer, with_float_thresholds

NUMBER = Number("Number", "n", "number", "", "Number", range=(-1e9, 1e9))
COLOUR = Category("Colour", "c", "category", "", "Colour", categories=("red", "grün", "blue"), unknown="zeros")
SPECIFICATION = Specification(
    "toy",
    "a toy",
    "id",
    features.load(Path("ml/systems/bike_buyer/features.yaml")).as_of,
    Label("y", "yes"),
    Holdout("s", 0.2),
    (NUMBER, COLOUR),
    "digest",
)
COLOURS = ["red", "grün", "blue", "", "RED", "violet"]


def rows(count: int, seed: int) -> pd.DataFrame:
    """Numbers that no 32-bit float holds, and categories of which half are unknown."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame({"Number": draw.normal(scale=1e3, size=count) / 3, "Colour": draw.choice(COLOURS, count)})


@pytest.fixture(scope="module")
def booster() -> Any:
    """Trained on 64-bit numbers: its thresholds are not representable in 32 bits."""
    known = rows(2000, seed=0)
    matrix = np.column_stack([known["Number"], *(known["Colour"] == colour for colour in COLOUR.categories)])
    labels = (np.sin(known["Number"] / 50) + (known["Colour"] == "red") > 0).astype(int)
    settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2}
    return lightgbm.train(settings, lightgbm.Dataset(matrix.astype(np.float64), labels), 50)


def graph_of(booster: Any) -> onnx.ModelProto:
    """The whole graph of a binary classifier."""
    width = len(SPECIFICATION.encoded_columns)
    lesson = Lesson(np.zeros((0, width), np.float32), np.zeros(0), (), "binary", [])
    return Task(SPECIFICATION).graph(Trainer(Settings()).core(booster, lesson), {})


def parity(running: Any, asked: pd.DataFrame, expected: np.ndarray) -> float:
    """The largest difference of a graph's probabilities."""
    return onnx_export.assert_parity(running, SPECIFICATION, asked, {"probability": expected}, CONTRACT)


def thresholds(booster: Any) -> np.ndarray:
    found = booster.trees_to_dataframe()["threshold"].dropna().to_numpy(dtype=np.float64)
    return np.asarray(found[np.abs(found) > 1e-6])


def test_thresholds_are_rounded_down_to_32_bits(booster: Any) -> None:
    before, after = thresholds(booster), thresholds(with_float_thresholds(booster))
    assert (before.astype(np.float32) != before).any()
    assert (after.astype(np.float32) == after).all()
    assert (after <= before).all()
    assert np.allclose(after, before, rtol=1e-6)


def test_no_branch_differs_at_the_thresholds_themselves(booster: Any) -> None:
    """Each threshold, and the 32-bit numbers next to it: rounding to nearest fails here."""
    exact = thresholds(booster).astype(np.float32)
    hard = np.concatenate([exact, np.nextafter(exact, np.float32(-np.inf)), np.nextafter(exact, np.float32(np.inf))])
    asked = pd.DataFrame({"Number": hard.astype(np.float64), "Colour": np.resize(COLOURS, len(hard))})
    matrix = frame.encode(SPECIFICATION, asked)
    rounded = with_float_thresholds(booster)
    assert (rounded.predict(matrix) == booster.predict(matrix)).all()
    running = onnx_export.session(graph_of(rounded))
    assert parity(running, asked, rounded.predict(matrix)) < 1e-6


def test_unknown_categories_get_the_frameworks_answer(booster: Any) -> None:
    rounded = with_float_thresholds(booster)
    running = onnx_export.session(graph_of(rounded))
    asked = rows(500, seed=1)
    expected = rounded.predict(frame.encode(SPECIFICATION, asked))
    assert parity(running, asked, expected) < 1e-6
    label = running.run(["label"], onnx_export.inputs(SPECIFICATION, asked))[0]
    assert (label == (expected > 0.5)).all()


def test_inputs_are_the_fields_of_a_request(booster: Any) -> None:
    graph = graph_of(with_float_thresholds(booster))
    running = onnx_export.session(graph)
    assert {(put.name, put.type) for put in running.get_inputs()} == {
        ("Number", "tensor(float)"),
        ("Colour", "tensor(string)"),
    }
    assert running.get_modelmeta().custom_metadata_map == {"system": "toy", "features_sha256": "digest"}


def test_a_difference_stops_the_export_and_shows_the_row(booster: Any) -> None:
    rounded = with_float_thresholds(booster)
    running = onnx_export.session(graph_of(rounded))
    asked = rows(50, seed=2)
    expected = rounded.predict(frame.encode(SPECIFICATION, asked))
    expected[17] += 2e-5
    with pytest.raises(JobError, match=r"differ by 2e-05 in probability \(allowed 1e-05\) on row 17: .*'Colour'"):
        parity(running, asked, expected)
    with pytest.raises(JobError, match="differ by nan"):
        parity(running, asked, np.full(50, np.nan))

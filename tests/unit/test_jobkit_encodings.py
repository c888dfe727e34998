"""Each kind of feature: the graph makes of a request exactly what training makes of the raw column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from ml.jobkit import features, frame, onnx_export
from ml.jobkit.errors import JobError

FEATURES: list[dict[str, Any]] = [
    {"name": "Amount", "type": "number", "range": [0, 9e9], "unknown": "reject"},
    {"name": "Colour", "type": "category", "categories": ["red", "blue"], "unknown": "zeros"},
    {"name": "Priority", "type": "ordinal", "categories": ["low", "normal", "high"], "unknown": "zeros"},
    {"name": "Opened", "type": "datetime", "parts": ["month", "hour", "weekday"], "unknown": "reject"},
]
TIMES = pd.Series(pd.date_range("1972-02-27 00:30", "2031-01-01", freq="157h").strftime("%Y-%m-%d %H:%M:%S"))
RAW = pd.DataFrame(
    {
        "Amount": [str(number * 1.5) for number in range(len(TIMES))],
        "Colour": np.resize(["red", "blue", "violet"], len(TIMES)),
        "Priority": np.resize(["high", "low", "urgent", "normal"], len(TIMES)),
        "Opened": TIMES,
    }
)


def written(folder: Path, *chosen: dict[str, Any]) -> features.Specification:
    """The specification of some features."""
    document = {
        "system": "toy",
        "description": "a toy",
        "key": "id",
        "label": {"name": "y", "description": "yes"},
        "features": [{"description": "d", **one} for one in chosen],
    }
    path = folder / "features.yaml"
    path.write_text(yaml.safe_dump(document))
    return features.load(path)


def test_the_graph_encodes_as_the_training_does(tmp_path: Path) -> None:
    specification = written(tmp_path, *FEATURES)
    asked = frame.build(specification, RAW, strict=False)
    running = onnx_export.session(onnx_export.preprocessing(specification))
    (found,) = running.run(None, onnx_export.inputs(specification, asked))
    assert (found == frame.encode(specification, asked)).all()


def test_the_parts_of_a_point_in_time_are_those_of_the_calendar(tmp_path: Path) -> None:
    specification = written(tmp_path, FEATURES[3])
    found = frame.encode(specification, frame.build(specification, RAW))
    known = pd.to_datetime(TIMES)
    assert (found == np.column_stack([known.dt.month, known.dt.hour, known.dt.weekday])).all()


def test_an_ordinal_keeps_its_order_and_sets_strangers_apart(tmp_path: Path) -> None:
    specification = written(tmp_path, FEATURES[2])
    assert frame.encode(specification, RAW[:4]).ravel().tolist() == [2, 0, -1, 1]


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (FEATURES[2] | {"categories": ["low"]}, "write at least two texts, lowest first"),
        (FEATURES[3] | {"parts": ["year"]}, "parts is 'year'; write some of hour, weekday, month"),
        ({"name": "Demand", "type": "series", "length": 0, "range": [0, 1], "unknown": "reject"}, "at least 1"),
    ],
)
def test_a_mistake_names_key_value_and_fix(tmp_path: Path, feature: dict[str, Any], said: str) -> None:
    with pytest.raises(JobError, match=said):
        written(tmp_path, feature)


def test_a_time_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"column Opened: '2017-02-30' \(1 rows\) is not a point in time"):
        frame.build(written(tmp_path, FEATURES[3]), RAW.assign(Opened="2017-02-30")[:1])

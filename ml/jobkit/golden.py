"""Golden requests: requests with the framework's answers. Whatever serves the model must give the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit.onnx_export import TOLERANCE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ml.jobkit.features import Specification

UNKNOWN = "(unknown)"
"""Stands for a category that no `features.yaml` lists."""


def requests(
    specification: Specification, frame: pd.DataFrame, probabilities: npt.NDArray[np.float64], count: int = 20
) -> pd.DataFrame:
    """Rows from the least to the most probable, then one row with an unknown value for each category feature."""
    order = np.argsort(probabilities, kind="stable")
    spread = order[np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)]
    known = frame.iloc[spread]
    strange = [
        known.iloc[[index % len(known)]].assign(**{feature.name: UNKNOWN})
        for index, feature in enumerate(feature for feature in specification.features if feature.unknown == "zeros")
    ]
    joined: pd.DataFrame = known if not strange else pd.concat([known, *strange])
    return joined.reset_index(drop=True)


def write(path: Path, asked: pd.DataFrame, probabilities: npt.NDArray[np.float64]) -> None:
    """Write requests and answers as JSON: `{"tolerance": t, "cases": [{"request": {...}, "probability": p}, ...]}`."""
    rows = asked.to_json(orient="records", lines=True).splitlines()
    cases: list[dict[str, Any]] = [
        {"request": json.loads(row), "probability": float(probability)}
        for row, probability in zip(rows, probabilities, strict=True)
    ]
    path.write_text(json.dumps({"tolerance": TOLERANCE, "cases": cases}, indent=1, ensure_ascii=False) + "\n")

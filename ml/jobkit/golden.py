"""Golden requests: requests with the framework's answers. Whatever serves the model must give the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.contract import Contract

FILE = "golden.json"
UNKNOWN = "(unknown)"
"""Stands for a category that no `features.yaml` lists."""


def requests(
    specification: Specification, frame: pd.DataFrame, ranks: npt.NDArray[np.float64], count: int = 20
) -> pd.DataFrame:
    """Rows from the lowest to the highest answer, then one row with an unknown value for each category feature that
    allows it.
    """
    order = np.argsort(ranks, kind="stable")
    spread = order[np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)]
    known = frame.iloc[spread]
    strange = [
        known.iloc[[index % len(known)]].assign(**{feature.name: UNKNOWN})
        for index, feature in enumerate(feature for feature in specification.features if feature.unknown == "zeros")
    ]
    joined: pd.DataFrame = known if not strange else pd.concat([known, *strange])
    return joined.reset_index(drop=True)


def write(path: Path, contract: Contract, asked: pd.DataFrame, answers: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write requests and answers as JSON: `{"tolerance": t, "relative": r, "cases": [{"request": {...}, "<member>": …},
    ...]}`. `relative` is left out where it is 0.
    """
    rows = asked.to_json(orient="records", lines=True).splitlines()
    expected = [np.asarray(answers[member]).tolist() for member in contract.golden]
    cases = [
        {"request": json.loads(row), **dict(zip(contract.golden, values, strict=True))}
        for row, *values in zip(rows, *expected, strict=True)
    ]
    tolerance = {"tolerance": contract.absolute, **({"relative": contract.relative} if contract.relative else {})}
    path.write_text(json.dumps({**tolerance, "cases": cases}, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The cases of a file.

    Raises:
        JobError: there are none.
    """
    try:
        cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
    except (OSError, ValueError, LookupError, TypeError):
        cases = []
    if not cases:
        raise JobError(f"no golden requests in {path.name}; train it again")
    return cases

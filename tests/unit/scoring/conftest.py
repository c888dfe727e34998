"""One small model and one server of it for all tests that change nothing about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.scoring.models import people, write_model
from tests.unit.scoring.running import Scoring, serving


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Two hundred people."""
    return people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="session")
def rows(asked: pd.DataFrame) -> list[dict[str, Any]]:
    """The same people as requests carry them."""
    return [dict(row) for row in asked.astype(object).to_dict("records")]


@pytest.fixture(scope="session")
def row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return rows[0]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, asked: pd.DataFrame) -> Path:
    """A model folder; never changed."""
    return write_model(tmp_path_factory.mktemp("models") / "model", asked)


@pytest.fixture(scope="module")
def scoring(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    """A server with short time limits."""
    log = tmp_path_factory.mktemp("scoring") / "log"
    with serving(model, log, request_seconds=2, keep_alive_seconds=20) as running:
        yield running

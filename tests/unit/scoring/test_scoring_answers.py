"""What a server answers when all is well."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.jobkit import features
from tests.unit.scoring.models import answers
from tests.unit.scoring.running import Scoring

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def expected(model: Path, asked: pd.DataFrame) -> list[float]:
    return [float(one) for one in answers(features.load(model / "features.yaml"), asked)]


def test_rows_are_answered_in_order(scoring: Scoring, rows: list[dict[str, Any]], expected: list[float]) -> None:
    reply = scoring.score(*rows)
    assert reply.status == 200
    assert reply.json.keys() == {"result", "model", "version"}
    assert (reply.json["model"], reply.json["version"]) == ("bike-buyer", 3)
    found = [row["probability"] for row in reply.json["result"]]
    assert found == pytest.approx(expected, abs=TOLERANCE)
    assert [row["label"] for row in reply.json["result"]] == [int(one > 0.5) for one in found]
    assert np.ptp(found) > 0.2, "a model that answers alike would hide a mix-up"


def test_positions_stand_for_names(scoring: Scoring, rows: list[dict[str, Any]]) -> None:
    mixed = [rows[0], list(rows[1].values()), rows[2]]
    assert scoring.score(*mixed).json == scoring.score(*rows[:3]).json


def test_fields_may_come_in_any_order(scoring: Scoring, row: dict[str, Any]) -> None:
    assert scoring.score(dict(reversed(row.items()))).json == scoring.score(row).json


def test_whole_numbers_may_be_written_with_a_point(scoring: Scoring, row: dict[str, Any]) -> None:
    """JSON does not tell 38 and 38.0 apart, and pandas writes columns that had gaps with points."""
    assert scoring.score(row | {"Age": float(row["Age"])}).json == scoring.score(row).json


def test_long_requests_are_scored_in_parts(scoring: Scoring, rows: list[dict[str, Any]], expected: list[float]) -> None:
    reply = scoring.score(*rows * 5)
    assert [one["probability"] for one in reply.json["result"]] == pytest.approx(expected * 5, abs=TOLERANCE)


def test_an_unknown_category_is_answered_with_a_warning(scoring: Scoring, row: dict[str, Any]) -> None:
    strange = row | {"Occupation": "Astronaut", "Education": "None"}
    reply = scoring.score(row, strange)
    assert reply.status == 200
    assert 0 < reply.json["result"][1]["probability"] < 1
    warning = reply.headers["x-scoring-warning"]
    assert warning == "unknown category in row 1, field Education; 2 such values in all"
    assert "Astronaut" not in str(reply.headers)
    assert "x-scoring-warning" not in scoring.score(row).headers


def test_unknown_categories_are_listed_when_asked_for(scoring: Scoring, row: dict[str, Any]) -> None:
    strange = row | {"Occupation": "Astronaut", "Education": "None"}
    reply = scoring.ask("POST", "/score", {"data": [row, strange], "warnings": True})
    assert reply.json["warnings"] == [
        {"code": "unknown_category", "row": 1, "field": field} for field in ("Education", "Occupation")
    ]
    assert reply.headers["x-scoring-warning"].endswith("2 such values in all")
    assert {**reply.json, "warnings": []} == scoring.ask("POST", "/score", {"data": [row, strange]}).json | {
        "warnings": []
    }
    assert scoring.ask("POST", "/score", {"data": [row], "warnings": True}).json["warnings"] == []
    assert "warnings" not in scoring.ask("POST", "/score", {"data": [strange], "warnings": False}).json


def test_provenance(scoring: Scoring, model: Path) -> None:
    found = scoring.ask("GET", "/version").json
    assert found.pop("packages").keys() == {"httptools", "msgspec", "numpy", "onnxruntime", "uvloop", "yaml"}
    assert found.pop("server")
    assert found.pop("python")
    assert found == json.loads(model.joinpath("model.json").read_text())
    assert found["sha256"] == hashlib.sha256(model.joinpath("model.onnx").read_bytes()).hexdigest()


def test_health(scoring: Scoring) -> None:
    assert scoring.ask("GET", "/").body == b"Healthy"
    assert scoring.ask("GET", "/ready").json == {"status": "ready"}


def test_ids_and_times_travel_in_headers(scoring: Scoring, row: dict[str, Any]) -> None:
    given = {"x-request-id": "mine-1", "x-ms-client-request-id": "theirs-1"}
    reply = scoring.score(row, headers=given)
    assert {name: reply.headers[name] for name in given} == given
    assert float(reply.headers["x-ms-run-fn-exec-ms"]) > 0
    assert reply.headers["x-ms-server-version"].startswith("mlops-scoring/")
    first, second = (scoring.score(row).headers["x-request-id"] for _ in range(2))
    assert first != second
    assert len(first) > 16


def test_counters(scoring: Scoring, rows: list[dict[str, Any]]) -> None:
    def count(name: str) -> int:
        lines = scoring.ask("GET", "/metrics").body.decode().splitlines()
        return sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before, answered = count("scoring_rows_total"), count("scoring_requests_total")
    scoring.score(*rows[:7])
    scoring.score({"Age": 1})
    assert count("scoring_rows_total") - before == 7
    # Two looks at the counters lie between.
    assert count("scoring_requests_total") - answered == 2 + 2

"""What was asked of a scoring server, and what a query finds once it has ended: the same, at a steady rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import RunningEmulator
from tests.contract.insights_component import Insights
from tests.unit.scoring.models import people, write_model
from tests.unit.scoring.running import paced, serving

RATE = 200
"""Requests a second."""
SECONDS = 15
REFUSED = 10
"""Every tenth request has a mistake."""


def test_n_requests_are_n_records(emulator: RunningEmulator, tmp_path: Path) -> None:
    insights = Insights(emulator, "scoring-telemetry")
    asked = people(tmp_path / "people")
    rows: list[dict[str, Any]] = [dict(row) for row in asked.astype(object).to_dict("records")]
    settings = {**emulator.environment, "applicationinsights_connection_string": insights.connection_string}
    total = RATE * SECONDS
    with serving(write_model(tmp_path / "model", asked), tmp_path / "log", **settings) as scoring:
        for number in paced(total, RATE):
            row = rows[number % len(rows)] | ({"Age": 7} if number % REFUSED == 0 else {})
            assert scoring.score(row, row).status == (400 if number % REFUSED == 0 else 200)
            if number % 100 == 0:
                assert scoring.ask("GET", "/ready").status == 200
        assert scoring.stop() == 0
        stopped = scoring.said("stopped")
    assert stopped["telemetry_dropped"] == 0
    text = (
        "AppRequests | summarize requests = count(), ids = dcount(Id), rows = sum(toint(Properties.rows)) "
        "by Name, ResultCode, version = tostring(Properties.version) | sort by ResultCode asc"
    )
    good, bad = total - total // REFUSED, total // REFUSED
    assert [list(row.values()) for row in insights.ask(text)] == [
        ["POST /score", "200", "3", good, good, 2 * good],
        ["POST /score", "400", "3", bad, bad, 0],
    ]
    insights.close()

"""What a scoring server records is what a query finds: the real telemetry against the real ingestion."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.identity import DefaultAzureCredential
from azure.monitor.query import LogsQueryClient, LogsQueryResult

from emulator.supervisor import Supervisor
from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry.sender import BATCH, Telemetry
from tests.conftest import ROOT, RunningEmulator, forget_cloud, grant_deployers
from tests.contract.insights_component import Insights
from tests.unit.scoring.running import paced

RATE = 200
"""Requests a second."""
SECONDS = 10
HOUR = timedelta(hours=1)
VERSIONS = {"4": 1, "5": 3}
"""Model versions and the rows of each of their requests."""


def telemetry(insights: Insights, emulator: RunningEmulator, version: str) -> Telemetry:
    """Telemetry of a server that runs with the emulator's managed identity."""
    environment = {**emulator.environment, "APPLICATIONINSIGHTS_CONNECTION_STRING": insights.connection_string}
    found = Telemetry.from_environment(ModelIdentity("bike-buyer", int(version), "ab" * 32, "bike_buyer"), environment)
    assert found is not None
    found.start()
    return found


def request(rows: int, status: int = 200) -> RequestRecord:
    return RequestRecord(time.time(), 0.0021, status, "/score", rows, uuid.uuid4().hex)


@pytest.fixture(name="insights")
def fixture_insights(emulator: RunningEmulator) -> Iterator[Insights]:
    insights = Insights(emulator, "telemetry-tests")
    yield insights
    insights.close()


def test_every_request_is_a_row_with_its_version_and_rows(insights: Insights, emulator: RunningEmulator) -> None:
    subjects = {version: telemetry(insights, emulator, version) for version in VERSIONS}
    for number in paced(RATE * SECONDS, RATE):
        version = "4" if number % 10 else "5"
        subjects[version].record(request(VERSIONS[version], 500 if number % 100 == 99 else 200))
    for subject in subjects.values():
        assert subject.drain(20)
        assert subject.dropped == 0
    text = (
        "AppRequests | summarize requests = count(), rows = sum(toint(Properties.rows)), "
        "failed = countif(Success == false) by version = tostring(Properties.version), Name | sort by version asc"
    )
    expected = [
        ["4", "POST /score", RATE * SECONDS * 9 // 10, RATE * SECONDS * 9 // 10, RATE * SECONDS // 100],
        ["5", "POST /score", RATE * SECONDS // 10, 3 * RATE * SECONDS // 10, 0],
    ]
    with (
        DefaultAzureCredential() as credential,
        LogsQueryClient(credential, endpoint=emulator.settings.base_url) as logs,
    ):
        answer = logs.query_workspace(insights.customer_id, text, timespan=HOUR)
    assert isinstance(answer, LogsQueryResult)
    assert [list(row) for row in answer.tables[0].rows] == expected
    assert [list(row.values()) for row in insights.ask(text)] == expected
    assert sum(subject.sent for subject in subjects.values()) == RATE * SECONDS


def test_drops_can_be_queried(insights: Insights, emulator: RunningEmulator) -> None:
    subject = telemetry(insights, emulator, "4")
    subject._limit = 0
    subject.record(request(1))
    subject._limit = 10
    subject.record(request(1))
    assert subject.drain(10)
    rows = insights.ask("customMetrics | project name, value, version = tostring(customDimensions.version)")
    assert rows == [{"name": "Telemetry records dropped", "value": 1.0, "version": "4"}]


def test_a_foreign_identity_sends_nothing_and_says_so(
    insights: Insights, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {**emulator.environment, "IDENTITY_HEADER": "wrong"}
    subject = telemetry(insights, RunningEmulator(emulator.supervisor, emulator.settings, environment), "4")
    subject.record(request(1))
    assert not subject.drain(1)
    assert (subject.sent, subject.dropped) == (0, 1)
    assert "answers 401 to a request for a token" in caplog.text
    assert insights.ask("requests | count") == [{"Count": 0}]


@pytest.fixture(name="own")
def fixture_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningEmulator]:
    """An emulator that may be killed."""
    supervisor = Supervisor(tmp_path / "killed")
    status, _ = supervisor.start()
    environment = supervisor.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_cloud()
    grant_deployers()
    yield RunningEmulator(supervisor, status.settings, environment)
    forget_cloud()
    supervisor.reset()


def test_a_kill_in_the_middle_loses_nothing_that_was_accepted(own: RunningEmulator) -> None:
    insights = Insights(own, "killed")
    subject = telemetry(insights, own, "4")
    total = send_over_a_kill(subject, own)
    drained = subject.drain(60)
    # An answer that the kill cut off is sent again: a record may be there twice, none is missing.
    [row] = insights.ask("requests | summarize records = dcount(id), all = count()")
    insights.close()
    assert (drained, subject.sent, subject.dropped) == (True, total, 0)
    assert row["records"] == total
    assert total <= row["all"] <= total + BATCH


def send_over_a_kill(subject: Telemetry, own: RunningEmulator) -> int:
    """Records at a steady rate while the emulator, having accepted some, is killed and started again; how many."""
    handle = own.supervisor.handle()
    process = handle.process() if handle else None
    assert process is not None
    number, begin, starting = 0, time.monotonic(), None
    while starting is None or starting.poll() is None or number < 3 * RATE:
        assert time.monotonic() < begin + 90, "the emulator did not come back"
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        subject.record(request(1))
        number += 1
        if starting is None and subject.sent:
            process.kill()
            process.wait(10)
            command = [sys.executable, "-m", "emulator", "start", "--state", str(own.settings.state)]
            starting = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    assert starting.returncode == 0
    return number

"""The picture of a deployment under way, from the engine's events: in a terminal and in a log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tools.screen.board import Board, Message, Row, counted, told
from tools.screen.expected import Memory
from tools.screen.screen import Screen, ending

GATE = "urn:pulumi:local::mlops::mlops:ml:System$pulumi-python:dynamic/ml:QualityGate::bike_buyer-gate"
ROLLOUT = GATE.replace("QualityGate::bike_buyer-gate", "Rollout::bike_buyer-rollout")
LAKE = "urn:pulumi:local::mlops::mlops:infra:Platform$azure-native:storage:Blob::lake"
STACK = "urn:pulumi:local::mlops::pulumi:pulumi:Stack::mlops-local"
METRICS = "running step 40  auc 0.861  accuracy 0.790  log_loss 0.455"


def step(op: str, urn: str = GATE, *, custom: bool = True, **inputs: Any) -> dict[str, Any]:
    """What the engine says of an operation."""
    kind = urn.split("::")[2].rsplit("$", 1)[-1]
    return {"metadata": {"op": op, "urn": urn, "type": kind, "new": {"custom": custom, "inputs": inputs}}}


def begun(op: str, urn: str = GATE, **more: Any) -> dict[str, Any]:
    return {"resourcePreEvent": step(op, urn, **more)}


def ended(op: str, urn: str = GATE, **more: Any) -> dict[str, Any]:
    return {"resOutputsEvent": step(op, urn, **more)}


def failed(op: str, urn: str = GATE, **more: Any) -> dict[str, Any]:
    return {"resOpFailedEvent": step(op, urn, **more)}


def live(text: str, urn: str = GATE) -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": f"{text}\n", "severity": "info", "ephemeral": True}}


def said(text: str, severity: str = "info", urn: str = GATE, **more: Any) -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": f"{text}\n", "severity": severity, **more}}


def summed(**counts: int) -> dict[str, Any]:
    return {"summaryEvent": {"durationSeconds": 80, "resourceChanges": counts, "result": "succeeded"}}


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A screen on a stream, and what stands there."""

    def __init__(self, folder: Path, width: int = 80, terminal: bool = False) -> None:
        self.clock, self.stream = Clock(), StringIO()
        console = Console(file=self.stream, width=width, force_terminal=terminal, soft_wrap=True, color_system=None)
        self.memory = Memory.of(folder / "durations.json", "local")
        self.screen = Screen("Updating stack local", self.memory, console, self.clock)

    def take(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.screen.line(json.dumps(event))

    def pass_time(self, seconds: int) -> None:
        """As many seconds, with ten looks a second."""
        for _ in range(seconds * 10):
            self.clock.now += 0.1
            self.screen.tick()

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.stream.getvalue().splitlines()]

    def drawn(self) -> list[str]:
        """The live picture as it is now."""
        console = Console(file=StringIO(), width=self.screen.console.width, color_system=None)
        console.print(self.screen.picture(self.clock.now))
        assert isinstance(console.file, StringIO)
        return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_row_shows_its_last_text_and_how_it_ended(stage: Stage) -> None:
    stage.take(begun("create", waitMinutes=20), live("preparing"), live(METRICS))
    assert stage.drawn() == [
        "Updating stack local: 0 done, 1 under way (0:00)",
        "+ bike_buyer-gate 0:00 of at most 20:00 running step 40  auc 0.861  accuracy",
        "                                        0.790  log_loss 0.455",
    ]
    stage.clock.now += 41
    stage.take(ended("create"))
    assert stage.lines() == ["+ bike_buyer-gate created in 41 s"]
    assert stage.drawn() == ["Updating stack local: 1 done, 0 under way (0:41)"]


@pytest.mark.parametrize("width", [80, 160])
def test_name_state_and_metric_are_readable_at_any_width(tmp_path: Path, width: int) -> None:
    stage = Stage(tmp_path, width)
    stage.take(begun("create"), live(METRICS))
    _, row, *_ = stage.drawn()
    for part in ("bike_buyer-gate", "running step 40", "auc 0.861"):
        assert part in row
    assert max(map(len, stage.drawn())) <= width


def test_an_expectation_is_the_time_of_the_last_run(stage: Stage, tmp_path: Path) -> None:
    stage.take(begun("create", waitMinutes=20))
    stage.clock.now += 75
    stage.take(ended("create"), summed(create=1))
    stage.screen.finish(0)
    again = Stage(tmp_path)
    again.take(begun("create-replacement", waitMinutes=20), live("preparing"))
    assert again.drawn()[1] == "± bike_buyer-gate 0:00 of ~1:15 preparing"
    other = Memory.of(tmp_path / "durations.json", "dev")
    assert other.last(Row("bike_buyer-gate", "QualityGate", "create", 0.0)) is None


def test_what_failed_or_took_no_time_teaches_no_expectation(stage: Stage) -> None:
    stage.take(begun("create"), begun("update", STACK))
    stage.clock.now += 1
    stage.take(ended("update", STACK))
    stage.clock.now += 60
    stage.take(failed("create"))
    stage.screen.finish(1)
    assert not stage.memory.file.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"local": 3}', '{"local": {"a make": "x"}}'])
def test_a_damaged_memory_remembers_nothing(tmp_path: Path, content: str) -> None:
    file = tmp_path / "durations.json"
    file.write_text(content)
    assert Memory.of(file, "local").seconds == {}


def test_a_log_gets_a_line_of_each_row_every_ten_seconds_with_what_to_expect(stage: Stage) -> None:
    stage.take(begun("create", waitMinutes=20), live(METRICS))
    stage.pass_time(31)
    assert len(stage.lines()) == 3
    assert stage.lines()[0].startswith(f"  bike_buyer-gate creating: {METRICS} (10 s, at most 20 min 00 s)")


def test_a_log_is_never_silent_for_longer_than_ten_seconds(stage: Stage) -> None:
    stage.pass_time(25)
    assert stage.lines() == ["  Updating stack local (10 s)", "  Updating stack local (20 s)"]


def test_a_plugin_that_is_fetched_is_told_with_its_share(stage: Stage) -> None:
    about = {
        "type": "plugin-download",
        "id": "azure-native",
        "message": "Downloading plugin azure-native",
        "total": 200,
    }
    stage.take({"progressEvent": {**about, "received": 80, "done": False}})
    stage.pass_time(11)
    assert stage.lines() == ["  Updating stack local: Downloading plugin azure-native: 40 % (10 s)"]
    assert stage.drawn() == ["Updating stack local: Downloading plugin azure-native: 40 % (0:11)"]
    stage.take({"progressEvent": {**about, "received": 200, "done": True}})
    assert stage.drawn() == ["Updating stack local: 0 done, 0 under way (0:11)"]


def test_reading_shows_only_what_is_not_as_the_stack_knew(stage: Stage) -> None:
    stage.take(begun("refresh"), ended("same"), begun("refresh", ROLLOUT))
    stage.clock.now += 2
    stage.take(ended("update", ROLLOUT))
    stage.take(begun("refresh", LAKE), ended("delete", LAKE), summed(same=63, update=1, delete=1))
    stage.screen.finish(0)
    assert stage.lines() == [
        "~ bike_buyer-rollout has changed",
        "- lake is gone",
        "Updating stack local: done in 1 min 20 s: 1 changed, 1 gone, 63 as the stack knew",
    ]


def test_no_row_for_what_is_no_work() -> None:
    board = Board()
    provider = "urn:pulumi:local::mlops::pulumi:providers:azure-native::default"
    for event in (begun("create", STACK, custom=False), begun("create", provider), begun("same"), begun("replace")):
        assert board.take(event, 0.0) is None
    assert board.rows == {}


def test_messages_are_said_once_after_the_rows_with_errors_last() -> None:
    board = Board()
    for event in (
        said("floor missed", "error"),
        said("warning: other features", "info"),
        said("bike_buyer: the gate judges again"),
        said("bike_buyer: the gate judges again"),
        said("registering resource", "debug"),
        said("update failed", "error", urn=""),
        said("Program failed", "error", urn=""),
    ):
        board.take(event, 0.0)
    assert list(told(board.messages)) == [
        ("info", "bike_buyer: the gate judges again"),
        ("warning", "warning: bike_buyer-gate: other features"),
        ("error", "error: bike_buyer-gate: floor missed"),
        ("error", "error: Program failed"),
    ]


def test_what_a_program_prints_in_pieces_stays_together() -> None:
    board = Board()
    for text in ("Traceback (most recent call last):", "  File x", "KeyError"):
        board.take(said(text, "info#err", STACK, streamId=7), 0.0)
    assert board.messages == [Message("mlops-local", "info", "Traceback (most recent call last):\n  File x\nKeyError")]


def test_the_end_counts_as_the_engine_counts(stage: Stage) -> None:
    stage.take(summed(same=62, create=2, replace=1))
    stage.screen.finish(0)
    assert stage.lines() == ["Updating stack local: done in 1 min 20 s: 2 created, 1 replaced, 62 unchanged"]
    assert counted(Board()) == "nothing to do"


def test_a_failure_is_counted_and_its_outputs_are_not_shown(stage: Stage) -> None:
    stage.take(begun("create"), said("3 attempts failed", "error"), failed("create"), summed(same=62))
    stage.screen.finish(1)
    assert stage.lines() == [
        "x bike_buyer-gate failed",
        "error: bike_buyer-gate: 3 attempts failed",
        "Updating stack local: ended with errors in 1 min 20 s: 62 unchanged, 1 failed",
    ]


def test_a_killed_engine_is_said_to_be_killed_and_nothing_else(stage: Stage) -> None:
    stage.take(begun("create"), live(METRICS))
    stage.screen.finish(-9)
    assert stage.lines() == [
        "Updating stack local: pulumi was killed (signal 9) before it could say how it went; under way: bike_buyer-gate"
    ]
    assert "ended with 255" in ending("Updating stack local", Board(), 255)


def test_words_that_are_no_events_are_shown_as_they_are(stage: Stage) -> None:
    for line in ("error: the stack is currently locked by 1 lock(s).", "{not json", ""):
        stage.screen.line(line)
    stage.take({"stdoutEvent": {"message": "^C received; cancelling.\n"}})
    assert stage.lines() == [
        "error: the stack is currently locked by 1 lock(s).",
        "{not json",
        "^C received; cancelling.",
    ]


def test_a_message_with_brackets_is_no_markup(stage: Stage) -> None:
    stage.take(said("[/score] answered [bold]", "error"), summed(same=1))
    stage.screen.finish(1)
    assert stage.lines()[0] == "error: bike_buyer-gate: [/score] answered [bold]"


def events() -> Iterator[dict[str, Any]]:
    """A whole run."""
    yield begun("create")
    yield live(METRICS)
    yield ended("create")
    yield summed(create=1)


def test_a_terminal_keeps_only_what_has_ended(tmp_path: Path) -> None:
    stage = Stage(tmp_path, terminal=True)
    with stage.screen as screen:
        for event in events():
            screen.line(json.dumps(event))
            screen.tick()
    stage.screen.finish(0)
    assert stage.lines()[-1].endswith("Updating stack local: done in 1 min 20 s: 1 created")
    assert stage.stream.getvalue().count("+ bike_buyer-gate created") == 1

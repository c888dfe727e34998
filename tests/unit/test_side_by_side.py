"""What measures time runs alone: it waits for the tests that run, and those that come later wait for it."""

from __future__ import annotations

import fcntl
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.side_by_side import turn

SECONDS = 20.0


@dataclass
class Visitor:
    """A test of another worker: in the room from `entered` until it may `leave`."""

    folder: Path
    alone: bool = False
    entered: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._visit, daemon=True)
        self.thread.start()

    def _visit(self) -> None:
        with turn(alone=self.alone, gate=self.folder / "gate", room=self.folder / "room"):
            self.entered.set()
            self.leave.wait(SECONDS)

    def end(self) -> None:
        self.leave.set()
        self.thread.join(SECONDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("gate", "room"):
        tmp_path.joinpath(name).touch()
    return tmp_path


def gate_is_shut(folder: Path) -> bool:
    with folder.joinpath("gate").open() as gate:
        try:
            fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_tests_run_beside_each_other(folder: Path) -> None:
    first, second = Visitor(folder), Visitor(folder)
    assert first.entered.wait(SECONDS)
    assert second.entered.wait(SECONDS)
    first.end()
    second.end()


def test_who_is_alone_waits_for_all_and_is_not_overtaken(folder: Path) -> None:
    first = Visitor(folder)
    assert first.entered.wait(SECONDS)
    alone = Visitor(folder, alone=True)
    while not gate_is_shut(folder):
        assert not alone.entered.is_set()
    late = Visitor(folder)
    assert not alone.entered.wait(0.05)
    assert not late.entered.is_set()
    first.end()
    assert alone.entered.wait(SECONDS)
    assert not late.entered.wait(0.05)
    alone.end()
    assert late.entered.wait(SECONDS)
    late.end()

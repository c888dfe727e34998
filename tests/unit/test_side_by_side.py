"""What measures time runs alone: it waits for the tests that run, and those that come later wait for it."""

from __future__ import annotations

import fcntl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from xdist.remote import Producer

from tests import side_by_side
from tests.conftest import ROOT
from tests.side_by_side import LONGEST, first_of, turn, unit_of

SECONDS = 20.0
FILES = (
    "tests/contract/test_arm.py",
    "tests/local/test_two_systems.py",
    "tests/local/test_rollout_life.py",
    "tests/unit/test_store.py",
)


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


def test_files_that_share_what_is_dear_stay_together() -> None:
    assert unit_of("tests/local/test_verbs.py") == unit_of("tests/local/test_page.py") == "tests/local/deployed"
    assert unit_of("tests/contract/test_rollout.py") == unit_of("tests/contract/test_rollout_kills.py")
    assert unit_of("tests/unit/test_store.py") == "tests/unit/test_store.py"
    files = (file.relative_to(ROOT).as_posix() for file in ROOT.glob("tests/local/test_*.py"))
    assert {unit_of(file) for file in files} >= set(LONGEST)


def test_one_worker_begins_with_stacks_and_each_helps_the_other_at_the_end() -> None:
    longest, second = LONGEST[:2]
    left = ["tests/contract/test_arm.py", "tests/local/deployed", longest, "tests/unit/test_store.py"]
    assert first_of(left, stacks=True) == longest
    assert first_of([second, *left], stacks=True) == longest
    assert first_of(["tests/local/deployed", second], stacks=True) == second
    assert first_of(left, stacks=False) == "tests/contract/test_arm.py"
    assert first_of(["tests/local/deployed"], stacks=False) == "tests/local/deployed"
    assert first_of(left[::3], stacks=True) == "tests/contract/test_arm.py"


@dataclass(eq=False)
class Worker:
    """What the scheduler knows of a worker: which tests it was sent."""

    shutting_down: bool = False
    gateway: object = field(default_factory=lambda: SimpleNamespace(id="gw"))
    sent: list[int] = field(default_factory=list)

    def send_runtest_some(self, tests: list[int]) -> None:
        self.sent += tests

    def shutdown(self) -> None:
        self.shutting_down = True


def test_the_scheduler_of_xdist_does_that() -> None:
    config = SimpleNamespace(getvalue=lambda _: ["popen"] * 2, option=SimpleNamespace(loadscopereorder=True))
    scheduling: Any = side_by_side.pytest_xdist_make_scheduler(cast(Any, config), Producer("test"))
    tests = [f"{file}::test_{number}" for file in FILES for number in range(3)]
    stacks, others = Worker(), Worker()
    for worker in (stacks, others):
        scheduling.add_node(worker)
        scheduling.add_node_collection(worker, tests)
    scheduling.schedule()
    assert (stacks.sent, others.sent) == ([6, 7, 8], [0, 1, 2])
    scheduling.mark_test_complete(others, 0)  # two are left, so the next unit is sent
    scheduling.mark_test_complete(stacks, 6)
    assert (stacks.sent[3:], others.sent[3:]) == ([3, 4, 5], [9, 10, 11])

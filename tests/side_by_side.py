"""How `make test` runs in two workers: one begins with deployed stacks, which mostly wait, the others with all else.

Whole files stay together in one worker, so that what a module sets up is set up once; files that look at the session's
one deployed stack stay together too. Whoever has done its own kind helps with the other: nobody is idle at the end. A
test with the mark `alone` measures time: no other test runs beside it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

STACKS = "tests/local/"
LONGEST = tuple(
    f"{STACKS}{name}"
    for name in (
        "test_rollout_life.py",
        "test_system_life.py",
        "deployed",
        "test_pipeline_story.py",
        "test_platform_life.py",
        "test_rehearsal.py",
        "test_two_systems.py",
    )
)
"""What takes more than a minute, longest first: one that is begun last keeps one worker waiting for the other."""
DEAR = {"deployed: Deployed": f"{STACKS}deployed", "shared_place(": "tests/contract/rollouts"}
"""How a file names what it takes, and the unit that all of these files are."""
# Locks on files that are there anyway: nothing to tidy up, and two runs in one checkout wait for each other too.
GATE, ROOM = Path(__file__), Path(__file__).with_name("conftest.py")


@cache
def unit_of(file: str) -> str:
    """What stays together: a file, or all files that take something which is made once a session and is dear."""
    text = GATE.parent.parent.joinpath(file).read_text()
    return next((unit for words, unit in DEAR.items() if words in text), file)


def first_of(units: Iterable[str], *, stacks: bool) -> str:
    """The unit to begin with: a stack, the longest first, or none."""

    def late(unit: str) -> tuple[bool, int]:
        return unit.startswith(STACKS) != stacks, LONGEST.index(unit) if unit in LONGEST else len(LONGEST)

    return min(units, key=late)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Units of work in the order of collection, stacks for the first worker: numbers of tests say nothing of time."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid.partition("::")[0])

        def _assign_work_unit(self, node: object) -> None:
            unit = first_of(self.workqueue, stacks=node is self.nodes[0])
            self.workqueue.move_to_end(unit, last=False)
            super()._assign_work_unit(node)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Waits for the test's turn, before the time that the test may take begins."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def turn(*, alone: bool, gate: Path = GATE, room: Path = ROOM) -> Iterator[None]:
    """Beside other tests, or alone. Who wants to be alone shuts the gate while it waits: nobody overtakes it."""
    with gate.open() as shut, room.open() as taken:
        fcntl.flock(shut, fcntl.LOCK_EX)
        fcntl.flock(taken, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(shut, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(taken, fcntl.LOCK_UN)  # a process that the test forked may hold the file still

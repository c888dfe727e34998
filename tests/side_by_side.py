"""How `make test` runs in two workers: deployed stacks in one, which mostly wait, and everything else in the other.

Whole files stay together in one worker, so that what a module sets up is set up once. All of `tests/local` is one unit
of work and the first one. A test with the mark `alone` measures time: no other test runs beside it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STACKS = "tests/local/"
# Locks on files that are there anyway: nothing to tidy up, and two runs in one checkout wait for each other too.
GATE, ROOM = Path(__file__), Path(__file__).with_name("conftest.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Files, and the stacks together, in the order of collection: the number of tests says nothing of the time."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return STACKS if nodeid.startswith(STACKS) else str(super()._split_scope(nodeid))

    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The stacks first: they take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(STACKS))


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

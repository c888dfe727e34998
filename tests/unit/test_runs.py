"""The way of a run: places, cancel, children, and being taken up by the next start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from emulator.runs.kind import Canceled, Interrupted, OpenRun, ParentKind, RunKind
from emulator.runs.records import RunRecords, States
from emulator.runs.scheduler import Runs
from emulator.store import Document, Store

TYPE = "Microsoft.Test/owners/runs"
OWNER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/owners/o"
STATES = States(frozenset({"Done", "Failed", "Canceled"}), queued="Queued", starting="Starting", canceling="Canceling")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Work(RunKind):
    """Waits for its door to open, unless its name says that it fails."""

    def __init__(self, records: RunRecords) -> None:
        self.records = records
        self.door = threading.Event()
        self.at_work: list[str] = []
        self.most = 0
        self.interrupted: list[str] = []

    def place(self, document: Document) -> str:
        return str(document.properties.get("place", ""))

    def capacity(self, place: str) -> int | None:
        return 1 if place else None

    def start(self, run: OpenRun, document: Document) -> None:
        if document.name.startswith("bad"):
            raise ValueError("it is bad")
        self.at_work.append(document.name)
        self.most = max(self.most, len(self.at_work))
        try:
            while not self.door.wait(0.005):
                run.check()
            self.records.update(run.id, "Done")
        except Canceled:
            self.records.update(run.id, "Canceled")
        except Interrupted:
            self.interrupted.append(document.name)
            raise
        finally:
            self.at_work.remove(document.name)

    def refuse(self, document: Document, error: BaseException) -> None:
        self.records.fail(document.id, str(error))

    def finish(self, run_id: str, *, canceled: bool) -> None:
        self.records.update(run_id, "Canceled" if canceled else "Done")


class Parent(ParentKind):
    """Two children, one after the other; the failure of one ends it."""

    def __init__(self, records: RunRecords) -> None:
        self.records = records

    def next_children(self, document: Document, children: Sequence[Document]) -> list[Document]:
        stop = document.private.get("cancel") or any(child.properties["status"] != "Done" for child in children)
        if stop or len(children) == 2:
            return []
        child = Document(
            f"{OWNER}/runs/{document.name}-{len(children)}",
            {"properties": {"status": "New"}},
            {"parent": document.name},
        )
        return [self.records.store.put(child)]

    def conclude(self, document: Document, children: Sequence[Document]) -> bool:
        states = {child.properties["status"] for child in children}
        if states <= STATES.final and (len(children) == 2 or states - {"Done"}):
            self.records.update(document.id, "Done" if states == {"Done"} else "Canceled")
            return True
        return False


class World:
    """Runs of both kinds on a store that stays when the runs are made anew."""

    def __init__(self, store: Store) -> None:
        self.records = RunRecords(store, TYPE, STATES)
        self.work, self.parent = Work(self.records), Parent(self.records)
        self.runs = Runs("test", self.records, self.kind, at_once=2)

    def kind(self, document: Document) -> RunKind:
        return self.parent if document.properties.get("of") == "children" else self.work

    def submit(self, name: str, place: str = "") -> Document:
        kind = "children" if name.startswith("parent") else "work"
        body = {"properties": {"status": "New", "place": place, "of": kind}}
        document = self.records.store.put(Document(f"{OWNER}/runs/{name}", body))
        self.runs.submit(document)
        return document

    def status(self, name: str) -> str:
        document = self.records.get(f"{OWNER}/runs/{name}")
        return str(document.properties["status"]) if document else "gone"


@pytest.fixture(name="world")
def fixture_world(tmp_path: Path) -> Iterator[World]:
    world = World(Store(tmp_path / "store.sqlite"))
    world.runs.reconcile()
    yield world
    world.work.door.set()
    world.runs.stop()
    world.records.store.close()


def test_no_more_go_on_at_once_than_there_are_places(world: World) -> None:
    for name in "abc":
        world.submit(name)
    until(lambda: world.status("c") == "Queued" and len(world.work.at_work) == 2)
    world.work.door.set()
    until(lambda: all(world.status(name) == "Done" for name in "abc"))
    assert world.work.most == 2


def test_a_place_takes_as_many_as_it_has_room_for(world: World) -> None:
    world.submit("a", "Cluster")
    world.submit("b", "cluster")
    until(lambda: world.status("b") == "Queued" and world.work.at_work == ["a"])
    assert world.runs.occupying("CLUSTER") == 1
    world.work.door.set()
    until(lambda: world.status("b") == "Done")
    assert world.work.most == 1


def test_cancel_of_one_that_goes_on_of_one_that_waits_and_of_one_that_has_ended(world: World) -> None:
    going, _, waiting = (world.submit(name) for name in "abc")
    until(lambda: world.status("c") == "Queued")
    world.runs.cancel(waiting)
    until(lambda: world.status("c") == "Canceled")
    world.runs.cancel(going)
    until(lambda: world.status("a") == "Canceled")
    assert world.status("b") == "Starting"
    ended = world.records.get(going.id)
    assert ended is not None
    world.runs.cancel(ended)
    assert world.status("a") == "Canceled"


def test_one_that_does_not_start_says_why_and_holds_up_nobody(world: World) -> None:
    bad = world.submit("bad")
    world.work.door.set()
    world.submit("good")
    until(lambda: world.status("good") == "Done" and world.status("bad") == "Failed")
    found = world.records.get(bad.id)
    assert found is not None
    assert found.private["error"]["message"] == "it is bad"


def test_a_parent_takes_no_place_and_starts_its_children_in_turn(world: World) -> None:
    world.work.door.set()
    for number in range(3):
        world.submit(f"parent{number}")
    until(lambda: all(world.status(f"parent{number}") == "Done" for number in range(3)))
    assert [world.status(f"parent{number}-{child}") for number in range(3) for child in range(2)] == ["Done"] * 6


def test_cancel_of_a_parent_is_cancel_of_its_children_and_deletion_takes_them_along(world: World) -> None:
    parent = world.submit("parent")
    until(lambda: world.work.at_work == ["parent-0"])
    world.runs.cancel(parent)
    until(lambda: world.status("parent") == "Canceled")
    assert (world.status("parent-0"), world.status("parent-1")) == ("Canceled", "gone")
    world.runs.discard(parent)
    assert world.status("parent-0") == "gone"


def test_the_next_start_takes_up_what_was_left_and_a_cancel_that_was_accepted(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    first = World(store)
    first.runs.reconcile()
    _, _, canceled = first.submit("a"), first.submit("parent"), first.submit("b")
    until(lambda: len(first.work.at_work) == 2)
    first.runs.stop()
    assert len(first.work.interrupted) == 2
    first.records.update(canceled.id, "Canceling", cancel=True)
    second = World(store)
    second.work.door.set()
    second.runs.reconcile()
    until(lambda: second.status("a") == second.status("parent") == "Done")
    assert second.status("b") == "Canceled"
    second.runs.stop()
    store.close()


def test_who_waits_for_a_run_learns_its_end_its_deletion_or_that_the_emulator_stops(world: World) -> None:
    ended, deleted, open_one = (world.submit(name) for name in ("bad", "b", "c"))
    found = world.runs.wait(ended.id)
    assert found is not None
    assert found.properties["status"] == "Failed"
    world.records.store.delete(deleted.id)
    assert world.runs.wait(deleted.id) is None
    threading.Timer(0.02, world.runs.stop).start()
    with pytest.raises(Interrupted):
        world.runs.wait(open_one.id)

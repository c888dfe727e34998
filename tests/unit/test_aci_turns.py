"""Container groups: PUT, DELETE, stop and restart that overtake each other have the outcome of one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.container_instances.container_group import CONTAINER_GROUP, STOPPED, ContainerGroup
from emulator.container_instances.registry_access import RegistryAccess
from emulator.container_instances.secure_values import SecureValues
from emulator.containers.container import Container, ContainerState
from emulator.containers.log_file import LogFile
from emulator.containers.service import ContainersService
from emulator.containers.specification import ContainerSpecification
from emulator.http import Request
from emulator.service import Emulator
from emulator.settings import Settings
from emulator.store import Document, Store

GROUP = f"/subscriptions/s/resourceGroups/g/providers/{CONTAINER_GROUP}/bikes"
REQUEST = cast(Request, None)


class World:
    """A group and a host whose work waits at the `gate` of its kind: `pull` or `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store.sqlite")
        self.running: dict[str, Container] = {}
        self.gates: dict[str, threading.Event] = {}
        self.reached = threading.Event()
        host = SimpleNamespace(
            address=lambda name: "127.0.0.1",
            names=lambda prefix: [name for name in self.running if name.startswith(prefix)],
            find=self.running.get,
            start=self.start,
            stop=lambda name, grace: self.stop_all([name], grace),
            stop_all=self.stop_all,
            release=lambda name: None,
        )
        images = SimpleNamespace(resolve=lambda reference: self.pass_gate("pull"))
        containers = SimpleNamespace(
            host=host, images=lambda: images, identities=SimpleNamespace(variables=lambda name, identities: {})
        )
        self.operations = SimpleNamespace(
            begin=lambda kind, document, work: self.store.after_commit(work), headers=lambda operation, request: {}
        )
        emulator = SimpleNamespace(
            store=self.store,
            settings=Settings(folder, 1, 2, ""),
            services=SimpleNamespace(get=lambda kind: SimpleNamespace(operations=self.operations)),
        )
        self.groups = ContainerGroup(
            cast(Emulator, emulator),
            cast(ContainersService, containers),
            cast(RegistryAccess, SimpleNamespace(check=lambda document: None)),
            cast(SecureValues, SimpleNamespace(variables=lambda document, container: {})),
        )
        self.pool = ThreadPoolExecutor(4)

    def pass_gate(self, name: str) -> None:
        """Waits until the test lets this work go on; only the first time."""
        if gate := self.gates.pop(name, None):
            self.reached.set()
            assert gate.wait(5)

    def start(self, specification: ContainerSpecification) -> Container:
        made = Container(specification, LogFile(self.folder / "log"))
        made.enter(ContainerState("Running"))
        return self.running.setdefault(specification.name, made)

    def stop_all(self, names: Iterable[str], grace: float) -> None:
        self.pass_gate("stop")
        for name in names:
            self.running.pop(name).enter(ContainerState("Terminated"))

    def put(self, container: str = "one") -> Document:
        """The document as a PUT leaves it."""
        properties = {"image": "i", "resources": {"requests": {"memoryInGB": 1, "cpu": 1}}}
        containers = [{"name": container, "properties": properties}]
        body = {"properties": {"containers": containers, "restartPolicy": "Always", "provisioningState": "Updating"}}
        return self.store.put(Document(GROUP, body))

    def stored(self) -> Document:
        """The document now."""
        found = self.store.get(GROUP)
        assert found is not None
        return found

    def overtake(self, gate: str, first: Callable[[], object], then: Callable[[], object]) -> None:
        """Begins `first`, and while it waits at the gate does `then` for as long as that needs nothing of `first`."""
        hold = self.gates[gate] = threading.Event()
        work: list[Future[Any]] = [self.pool.submit(first)]
        assert self.reached.wait(5)
        work.append(self.pool.submit(then))
        threading.Timer(0.2, hold.set).start()
        for one in work:
            one.result(5)

    def names(self) -> list[str]:
        """The containers that run."""
        return [name.rpartition("/")[2] for name in self.running]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.groups.apply(made.put())
    assert made.names() == ["one"]
    yield made
    made.pool.shutdown()


def delete(world: World) -> None:
    """What ARM does for a DELETE."""
    world.groups.remove(world.stored())
    world.store.delete(GROUP)


def test_a_delete_leaves_no_container_of_a_put_that_is_under_way(world: World) -> None:
    document = world.put("two")
    world.overtake("pull", lambda: world.groups.apply(document), lambda: delete(world))
    assert (world.store.get(GROUP), world.names()) == (None, [])


def test_a_put_whose_turn_comes_after_the_delete_starts_nothing(world: World) -> None:
    document = world.put("two")
    world.overtake("stop", lambda: delete(world), lambda: world.groups.apply(document))
    assert (world.store.get(GROUP), world.names()) == (None, [])


def test_a_stop_does_not_bring_a_deleted_group_back(world: World) -> None:
    world.overtake("stop", lambda: world.groups.stop(world.stored(), REQUEST), lambda: delete(world))
    assert (world.store.get(GROUP), world.names()) == (None, [])


def test_a_put_that_overtakes_a_stop_has_the_last_word(world: World) -> None:
    def put() -> None:
        world.groups.apply(world.put("two"))

    world.overtake("stop", lambda: world.groups.stop(world.stored(), REQUEST), put)
    assert (world.names(), STOPPED in world.stored().private) == (["two"], False)


def test_the_later_of_two_puts_holds_whichever_is_applied_last(world: World) -> None:
    first, last = world.put("two"), world.put("three")
    world.overtake("pull", lambda: world.groups.apply(last), lambda: world.groups.apply(first))
    assert world.names() == ["three"]


@pytest.mark.parametrize("action", ["start_again", "restart"])
def test_a_start_of_which_no_operation_is_on_disk_leaves_the_group_stopped(world: World, action: str) -> None:
    def killed(kind: str, document: Document, work: Callable[[], None]) -> None:
        raise RuntimeError("killed")

    world.groups.stop(world.stored(), REQUEST)
    world.operations.begin = killed
    with pytest.raises(RuntimeError, match="killed"):
        getattr(world.groups, action)(world.stored(), REQUEST)
    assert STOPPED in world.stored().private


def test_a_stop_ends_a_restart_that_is_under_way(world: World) -> None:
    document = world.stored()
    world.overtake(
        "stop", lambda: world.groups.restart(document, REQUEST), lambda: world.groups.stop(document, REQUEST)
    )
    assert world.names() == []
    assert list(world.stored().private[STOPPED]) == ["one"]

"""A system's history in the workspace's storage: appended by several writers, read in order, gone with its files."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.datastore import Folder, container, folder_uri
from ml.clients.events import Event, Events
from ml.clients.workspace import Workspace
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace

__all__ = ["fixture_workspace"]


@pytest.fixture(name="system")
def fixture_system() -> str:
    return f"system_{uuid.uuid4().hex[:8]}"


@pytest.fixture(name="events")
def fixture_events(workspace: Made, system: str) -> Iterator[Events]:
    """The history of a system to which nothing has happened yet."""
    place = Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name)
    yield Events(place, system)
    Folder(place, folder_uri(f"systems/{system}")).delete()
    with container(place) as client:
        assert list(client.list_blobs(name_starts_with=f"systems/{system}/")) == []


def test_what_happened_is_read_in_order_with_time_and_who(events: Events) -> None:
    assert events.list() == []
    first = Event(kind="promoted", version=1, reason="auc 0.8500; there is no champion yet", figures={"auc": 0.85})
    back = Event(kind="rolled_back", version=1, reason="wrong answers\nfor [new] customers", before=2)
    assert [events.append(first), events.append(back)] == ["", ""]
    found = events.list()
    assert [(one.kind, one.version, one.reason, one.before) for one in found] == [
        ("promoted", 1, first.reason, None),
        ("rolled_back", 1, back.reason, 2),
    ]
    assert (found[0].figures, found[0].time) == ({"auc": 0.85}, first.time)
    assert all("process " in one.who for one in found)
    assert all(one.who.startswith(f"{getpass.getuser()} as application ") for one in found)


def test_writers_at_the_same_time_lose_nothing(events: Events) -> None:
    made = [Event(kind="kept", version=None, reason=str(number)) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(events.append, made, timeout=60)) == {""}
    assert sorted(int(one.reason) for one in events.list()) == list(range(12))


def test_lines_that_say_something_else_are_left_out(events: Events) -> None:
    events.append(Event(kind="lifted", version=3, reason="it was the network"))
    with container(events.workspace) as client:
        blob = client.get_blob_client(events.path)
        for line in (b"no json\n", b'{"kind":"sung","version":1,"reason":""}\n', b'{"kind":"kept"}\n'):
            blob.append_block(line)
        blob.append_block(b'{"kind":"kept","version":null,"reason":"r","later":"field"}\n')
    assert [(one.kind, one.reason) for one in events.list()] == [("lifted", "it was the network"), ("kept", "r")]


def test_a_history_that_cannot_be_written_is_words_and_no_error(events: Events) -> None:
    nowhere = Events(Workspace(SUBSCRIPTION_ID, "nowhere", "nowhere"), "x")
    said = nowhere.append(Event(kind="promoted", version=1, reason=""))
    assert said.startswith("the history of the system could not be written (there is no datastore")

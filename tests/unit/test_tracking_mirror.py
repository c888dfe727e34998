"""What MLflow is told of models and tags, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.machine_learning.tracking.mirror import Mirror, shown_models
from emulator.store import Document, Store

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces"


class Server:
    """Stands for the tracking server: keeps what it is told; may be away, or not know a run yet."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.missing: list[str] = []
        self.away = False

    def mirror(self, state: dict[str, Any]) -> list[str]:
        if self.away:
            raise httpx.ConnectError("away")
        self.told.append(state)
        return self.missing


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.db")
    yield store
    store.close()


def model(store: Store, name: str, *versions: str, workspace: str = "w", **tags: str) -> None:
    path = f"{WORKSPACE}/{workspace}/models/{name}"
    store.put(Document(path, {"properties": {"tags": tags}}))
    for version in versions:
        store.put(Document(f"{path}/versions/{version}", {"properties": {"modelUri": f"azureml://{version}"}}))


def job(store: Store, name: str, **tags: str) -> None:
    store.put(Document(f"{WORKSPACE}/w/jobs/{name}", {"properties": {"tags": tags}}))


def shown(store: Store) -> list[dict[str, Any]]:
    kind = "Microsoft.MachineLearningServices/workspaces/models"
    return shown_models(store.of_type(kind), store.of_type(f"{kind}/versions"))


def test_a_tag_that_names_a_version_is_an_alias(store: Store) -> None:
    named = {"champion": "2", "old": "7", "latest": "1", "v1": "1", "not an alias": "1", "team": "sales"}
    model(store, "toy", "1", "2", "0.3-beta", **named)
    [found] = shown(store)
    assert found["aliases"] == {"champion": 2}
    assert named.items() <= found["tags"].items()
    assert [one["version"] for one in found["versions"]] == [1, 2], "MLflow knows numbers only"


def test_two_workspaces_may_have_models_of_one_name(store: Store) -> None:
    model(store, "toy", "1", workspace="first")
    model(store, "toy", "1", "2", workspace="second")
    assert [(one["name"], len(one["versions"])) for one in shown(store)] == [("toy", 1), ("toy.second", 2)]


def test_only_what_changed_is_told(store: Store) -> None:
    server = Server()
    mirror = Mirror(store, server)  # type: ignore[arg-type]
    model(store, "toy", "1")
    job(store, "a", kind="training")
    job(store, "b")
    mirror.refresh()
    assert server.told[0]["tags"] == {"a": {"kind": "training"}}
    mirror.refresh()
    assert len(server.told) == 1, "nothing changed"
    job(store, "b", verdict="kept")
    mirror.refresh()
    assert server.told[1:] == [{"tags": {"b": {"verdict": "kept"}}}]
    Mirror(store, server).refresh()  # type: ignore[arg-type]
    after_a_restart = server.told.pop()
    assert [one["name"] for one in after_a_restart["models"]] == ["toy"]
    assert after_a_restart["tags"].keys() == {"a", "b"}
    store.delete(f"{WORKSPACE}/w/models/toy")
    mirror.refresh()
    assert server.told[2:] == [{"models": []}]


def test_what_could_not_be_told_is_told_later(store: Store) -> None:
    server = Server()
    mirror = Mirror(store, server)  # type: ignore[arg-type]
    model(store, "toy", "1")
    job(store, "a", kind="training")
    server.away = True
    mirror.refresh()
    assert server.told == []
    server.away, server.missing = False, ["a"]
    mirror.refresh()
    assert server.told[0].keys() == {"models", "tags"}
    server.missing = []
    mirror.refresh()
    assert server.told[1:] == [{"tags": {"a": {"kind": "training"}}}], "its run was not there yet"
    mirror.refresh()
    assert len(server.told) == 2

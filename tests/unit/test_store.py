from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.store import Document, Store

GROUP = "/subscriptions/s/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def test_ids_are_case_insensitive_and_keep_their_first_spelling(store: Store) -> None:
    store.put(Document(VAULT, {"a": 1}))
    store.put(Document(VAULT.upper(), {"a": 2}))
    found = store.get(VAULT.lower())
    assert found is not None
    assert (found.id, found.body) == (VAULT, {"a": 2})


def test_each_write_gives_a_new_etag_and_keeps_the_time_of_creation(store: Store) -> None:
    first, second = store.put(Document(VAULT, {})), store.put(Document(VAULT, {}))
    assert first.etag != second.etag
    assert (first.created, first.sequence) == (second.created, second.sequence)


def test_children_come_newest_first_and_only_from_one_level(store: Store) -> None:
    for name in ("one", "two", "three"):
        store.put(Document(f"{GROUP}/providers/Microsoft.KeyVault/vaults/{name}", {}))
    store.put(Document(f"{VAULT}/secrets/x", {}))
    names = [document.name for document in store.children(GROUP.upper(), "microsoft.keyvault/VAULTS")]
    assert names == ["three", "two", "one"]


def test_below_finds_every_depth_deepest_first_and_no_neighbour(store: Store) -> None:
    for resource in (GROUP, VAULT, f"{VAULT}/secrets/x", f"{GROUP}2", f"{VAULT}2/secrets/x"):
        store.put(Document(resource, {}))
    found = [document.id for document in store.below(VAULT)]
    assert found == [f"{VAULT}/secrets/x"]
    assert store.below(GROUP)[0].id.endswith("/secrets/x")


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.put(Document(VAULT, {}))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail()
    assert store.get(VAULT) is None


def test_soft_delete_keeps_what_purge_removes(store: Store) -> None:
    store.put(Document(VAULT, {"location": "westeurope"}, {"key": "k"}))
    assert store.delete(VAULT, keep=True)
    kept = store.get_deleted(VAULT)
    assert kept is not None
    assert (kept.body, kept.private) == ({"location": "westeurope"}, {"key": "k"})
    assert store.get(VAULT) is None
    assert store.purge(VAULT)
    assert not store.purge(VAULT)


def test_operations_survive_a_reopening(tmp_path: Path) -> None:
    first = Store(tmp_path / "s.db")
    done, going = first.start_operation("put", VAULT), first.start_operation("delete", VAULT)
    first.end_operation(done.name, "Failed", {"code": "X"})
    first.close()
    second = Store(tmp_path / "s.db")
    ended = second.operation(done.name)
    assert ended is not None
    assert (ended.status, ended.error) == ("Failed", {"code": "X"})
    assert [operation.name for operation in second.open_operations()] == [going.name]
    second.close()


def test_threads_do_not_lose_counts(store: Store) -> None:
    threads = [threading.Thread(target=lambda: [store.next("n") for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.next("n") == 101


def test_what_follows_a_commit_waits_for_the_outermost_and_never_follows_a_rollback(store: Store) -> None:
    seen: list[bool] = []

    def look() -> None:
        seen.append(store.get(VAULT) is not None)

    with store.transaction():
        with store.transaction():
            store.after_commit(look)
        store.put(Document(VAULT, {}))
        assert seen == []
    assert seen == [True]

    def fail() -> None:
        with store.transaction():
            store.after_commit(look)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail()
    store.put(Document(VAULT, {}))
    assert seen == [True]
    store.after_commit(look)
    assert seen == [True, True]

"""The blob store under the endpoint: durable, never torn, clean after a crash."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.storage import BlobStore, tables
from emulator.storage.checksums import Crc64
from emulator.storage.errors import StorageError
from emulator.storage.records import Blob, BlobKey, Block, Container

ACCOUNT, CONTAINER = "account", "container"


class Watch:
    """Notes which containers came and went."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def created(self, container: Container) -> None:
        self.seen.append(f"+{container.name}")

    def deleting(self, account: str, name: str) -> None:
        self.seen.append(f"-{name}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlobStore]:
    made = BlobStore(tmp_path, Watch())
    yield made
    made.close()


def contents(store: BlobStore) -> set[str]:
    """The content files there are."""
    return {entry.name for entry in os.scandir(store.contents.path("x").parent)}


def test_a_file_goes_in_and_comes_out(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "table.csv"
    source.write_bytes(b"a,b\n1,2\n")
    blob = store.put_file(ACCOUNT, CONTAINER, "data/table.csv", source)
    assert (blob.size, blob.headers["content-type"]) == (8, "text/csv")
    assert store.read(ACCOUNT, CONTAINER, "data/table.csv") == b"a,b\n1,2\n"
    assert [found.name for found in store.list(ACCOUNT, CONTAINER, "data/")] == ["data/table.csv"]
    assert store.exists(ACCOUNT, CONTAINER, "data/table.csv")
    assert not store.exists(ACCOUNT, "another", "data/table.csv")
    assert store.delete(ACCOUNT, CONTAINER, "data/table.csv")
    assert not store.delete(ACCOUNT, CONTAINER, "data/table.csv")
    assert contents(store) == set()


def test_an_exported_file_outlives_its_blob_and_never_changes(store: BlobStore, tmp_path: Path) -> None:
    store.put_bytes(ACCOUNT, CONTAINER, "a", b"first")
    target = tmp_path / "inputs" / "a"
    store.export(ACCOUNT, CONTAINER, "a", target)
    assert target.stat().st_ino == store.path(ACCOUNT, CONTAINER, "a").stat().st_ino
    assert target.stat().st_mode & 0o222 == 0
    store.put_bytes(ACCOUNT, CONTAINER, "a", b"second")
    store.delete(ACCOUNT, CONTAINER, "a")
    assert target.read_bytes() == b"first"


def test_an_exported_log_does_not_grow(store: BlobStore, tmp_path: Path) -> None:
    key, content = BlobKey(ACCOUNT, CONTAINER, "log"), store.contents.join([], appendable=True)
    store.containers.ensure(ACCOUNT, CONTAINER)
    store.blobs.commit(key, Blob(0, "", "AppendBlob", content, 0))
    store.blocks.append(key, io.BytesIO(b"one"), lambda blob: None)
    store.export(ACCOUNT, CONTAINER, "log", tmp_path / "log")
    store.blocks.append(key, io.BytesIO(b"two"), lambda blob: None)
    assert (tmp_path / "log").read_bytes() == b"one"
    assert store.read(ACCOUNT, CONTAINER, "log") == b"onetwo"


def test_a_copy_shares_the_content_until_both_are_gone(store: BlobStore) -> None:
    store.put_bytes(ACCOUNT, CONTAINER, "a", b"1")
    store.copy(ACCOUNT, (CONTAINER, "a"), ("another", "b"))
    assert store.path(ACCOUNT, CONTAINER, "a") == store.path(ACCOUNT, "another", "b")
    store.delete(ACCOUNT, CONTAINER, "a")
    assert store.read(ACCOUNT, "another", "b") == b"1"
    store.containers.delete(ACCOUNT, "another")
    assert contents(store) == set()


def test_containers_are_announced(tmp_path: Path) -> None:
    watch = Watch()
    store = BlobStore(tmp_path, watch)
    store.put_bytes(ACCOUNT, CONTAINER, "a", b"1")
    store.put_bytes(ACCOUNT, CONTAINER, "b", b"1")
    store.containers.delete_all(ACCOUNT)
    store.close()
    assert watch.seen == [f"+{CONTAINER}", f"-{CONTAINER}"]


def test_a_list_of_many_pages_is_whole_and_ordered(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.storage.blob_store.PAGE", 7)
    names = [f"n/{number:02}" for number in range(21)]
    for name in reversed(names):
        store.put_bytes(ACCOUNT, CONTAINER, name, b"")
    store.put_bytes(ACCOUNT, CONTAINER, "o", b"")
    assert [blob.name for blob in store.list(ACCOUNT, CONTAINER, "n/")] == names


# -- durability


def test_bytes_are_on_disk_before_the_row_that_names_them(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.containers.ensure(ACCOUNT, CONTAINER)
    events: list[str] = []
    sync, save = os.fsync, tables.save_blob

    def noted_sync(descriptor: int) -> None:
        sync(descriptor)
        events.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    def noted_save(connection: Any, blob: Any) -> None:
        events.append("row")
        save(connection, blob)

    monkeypatch.setattr("emulator.storage.content.os.fsync", noted_sync)
    monkeypatch.setattr(tables, "save_blob", noted_save)
    blob = store.put_bytes(ACCOUNT, CONTAINER, "a", b"1")
    assert events == [blob.content, "content", "row"]


def test_the_database_waits_for_the_disk(store: BlobStore) -> None:
    with store.blobs.database.writing() as connection:
        assert connection.execute("pragma synchronous").fetchone()[0] == 2
        assert connection.execute("pragma journal_mode").fetchone()[0] == "wal"


def test_a_start_removes_what_no_row_names(store: BlobStore) -> None:
    blob = store.put_bytes(ACCOUNT, CONTAINER, "a", b"1")
    staged = store.contents.write(io.BytesIO(b"block"))
    store.blocks.stage(BlobKey(ACCOUNT, CONTAINER, "b"), Block("MQ==", staged.name, staged.size))
    store.contents.write(io.BytesIO(b"left by a crash"))
    assert store.reconcile() == 1
    assert contents(store) == {blob.content, staged.name}
    with store.blobs.database.writing() as connection:
        connection.execute("update blocks set staged = staged - 8 * 24 * 3600")
    assert store.reconcile() == 1
    assert contents(store) == {blob.content}


def test_a_refused_write_leaves_nothing(store: BlobStore) -> None:
    store.put_bytes(ACCOUNT, CONTAINER, "a", b"1")
    before = contents(store)

    def refuse(blob: object) -> None:
        raise StorageError("ConditionNotMet")

    new = store.contents.write(io.BytesIO(b"2"))
    draft = Blob(0, "", "BlockBlob", new.name, 1)
    with pytest.raises(StorageError):
        store.blobs.commit(BlobKey(ACCOUNT, CONTAINER, "a"), draft, refuse)
    assert contents(store) == before
    assert store.read(ACCOUNT, CONTAINER, "a") == b"1"


def test_a_write_that_breaks_off_leaves_nothing(store: BlobStore) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        store.put(ACCOUNT, CONTAINER, "a", Broken())  # type: ignore[arg-type]
    assert contents(store) == set()
    assert not store.exists(ACCOUNT, CONTAINER, "a")


# -- many at once


def test_readers_see_one_version_or_another_never_a_mixture(store: BlobStore) -> None:
    versions = [bytes([65 + number]) * 300_000 for number in range(4)]
    store.put_bytes(ACCOUNT, CONTAINER, "a", versions[0])
    stop = threading.Event()

    def read() -> int:
        count = 0
        while not stop.is_set():
            data = store.read(ACCOUNT, CONTAINER, "a")
            assert len(data) == 300_000
            assert len(set(data)) == 1
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for number in range(20):
            store.put_bytes(ACCOUNT, CONTAINER, "a", versions[number % 4])
        stop.set()
        assert all(reader.result() > 0 for reader in readers)
    assert len(contents(store)) == 1


def test_only_one_of_many_conditional_writers_wins(store: BlobStore) -> None:
    first = store.put_bytes(ACCOUNT, CONTAINER, "a", b"0")

    def write(number: int) -> bool:
        def unchanged(blob: Any) -> None:
            if blob.etag != first.etag:
                raise StorageError("ConditionNotMet")

        new = store.contents.write(io.BytesIO(b"%d" % number))
        draft = Blob(0, "", "BlockBlob", new.name, new.size)
        try:
            store.blobs.commit(BlobKey(ACCOUNT, CONTAINER, "a"), draft, unchanged)
        except StorageError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, result in enumerate(pool.map(write, range(16))) if result]
    assert len(won) == 1
    assert store.read(ACCOUNT, CONTAINER, "a") == b"%d" % won[0]
    assert len(contents(store)) == 1


def test_appends_from_many_threads_are_all_there(store: BlobStore) -> None:
    key, content = BlobKey(ACCOUNT, CONTAINER, "log"), store.contents.join([], appendable=True)
    store.containers.ensure(ACCOUNT, CONTAINER)
    store.blobs.commit(key, Blob(0, "", "AppendBlob", content, 0))
    lines = [b"%03d\n" % number for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda line: store.blocks.append(key, io.BytesIO(line), lambda blob: None), lines))
    assert sorted(store.read(ACCOUNT, CONTAINER, "log").splitlines(keepends=True)) == lines


def test_the_crc64_is_the_one_of_the_catalogue() -> None:
    crc = Crc64()
    crc.update(b"12345")
    crc.update(b"6789")
    assert int.from_bytes(crc.digest(), "little") == 0xAE8B14860A799888

"""What was acknowledged survives `kill -9`, and large bodies do not fill the memory."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import AzureError

from emulator.supervisor import Supervisor
from tests.conftest import ROOT, RunningEmulator
from tests.contract.blob_service import BlobContainer, StorageAccounts

MEGABYTE = 1024 * 1024
WRITERS, BEFORE_THE_KILL = 4, 40


@pytest.fixture
def own_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningEmulator]:
    """An emulator of the test's own, which is no child of the test; the session's variables come back afterwards."""
    supervisor = Supervisor(tmp_path / "state")
    start(supervisor)
    environment = supervisor.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield RunningEmulator(supervisor, supervisor.settings(), environment)
    supervisor.reset()


def start(supervisor: Supervisor) -> None:
    """Starts an emulator as a person does."""
    command = [sys.executable, "-m", "emulator", "start", "--state", str(supervisor.state)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def kill(supervisor: Supervisor) -> None:
    """`kill -9`, and waits until the process is gone."""
    status = supervisor.status()
    assert status is not None
    process = psutil.Process(status.handle.pid)
    process.kill()
    process.wait(timeout=20)


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """The resident bytes of a process, looked at all the time."""
    process, sizes, stop = psutil.Process(pid), [], threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            sizes.append(process.memory_info().rss)

    sizes.append(process.memory_info().rss)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        stop.set()
        watcher.join()


def test_nothing_acknowledged_is_lost_to_a_kill(own_emulator: RunningEmulator) -> None:
    accounts = StorageAccounts(own_emulator)
    service = accounts.create("blobkilled")
    accounts.client.close()
    acknowledged: dict[str, bytes] = {}
    enough, numbers = threading.Event(), itertools.count()

    def write() -> None:
        with service.client() as client:
            while True:
                name, data = f"{next(numbers):06}", os.urandom(20_000)
                try:
                    client.get_blob_client("data", name).upload_blob(data)
                except AzureError:
                    return
                acknowledged[name] = hashlib.sha256(data).digest()
                if len(acknowledged) >= BEFORE_THE_KILL:
                    enough.set()

    with service.shared:
        service.shared.create_container("data")
        with ThreadPoolExecutor(WRITERS) as pool:
            writers = [pool.submit(write) for _ in range(WRITERS)]
            assert enough.wait(60)
            kill(own_emulator.supervisor)
            for writer in writers:
                writer.result(timeout=60)
    start(own_emulator.supervisor)
    with service.client() as client:
        container = client.get_container_client("data")
        found = {
            blob.name: hashlib.sha256(container.download_blob(blob.name).readall()).digest()
            for blob in container.list_blobs()
        }
    assert len(acknowledged) >= BEFORE_THE_KILL
    assert {name: found.get(name) for name in acknowledged} == acknowledged
    # A write that nobody heard the end of is there whole or not at all.
    assert len(found) <= len(acknowledged) + WRITERS
    contents = list((own_emulator.settings.state / "blobs" / "content").iterdir())
    assert len(contents) == len(found)


def test_64_megabytes_pass_through_little_memory(
    our_container: BlobContainer, emulator: RunningEmulator, tmp_path: Path
) -> None:
    source, digest = tmp_path / "source", hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(64):
            chunk = os.urandom(MEGABYTE)
            digest.update(chunk)
            file.write(chunk)
    status = emulator.supervisor.status()
    assert status is not None
    with watched_memory(status.handle.pid) as sizes, source.open("rb") as file:
        blob = our_container.client.upload_blob("large", file)
        received = hashlib.sha256()
        for part in blob.download_blob().chunks():
            received.update(part)
    assert received.digest() == digest.digest()
    assert len(sizes) > 20
    assert max(sizes) - sizes[0] < 40 * MEGABYTE

"""What recover makes of a state that was cut off, and which locks it removes."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.locks import alone, find_locks
from tools.progress import Progress, SetupError
from tools.recover import pending_in_file, remove_stale_locks, settle

GROUP = "urn:pulumi:local::mlops::platform$azure-native:resources:ResourceGroup::group"
TOY = "urn:pulumi:local::mlops::pulumi-python:dynamic/ml:Toy::toy"
ID = "/subscriptions/s/resourceGroups/rg-a"


def resource(urn: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": urn.split("::")[2], "inputs": {"resourceGroupName": "rg-a"}, **more}


def state(*operations: tuple[str, dict[str, Any]], resources: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    pending = [{"type": kind, "resource": content} for kind, content in operations]
    return {"version": 3, "deployment": {"resources": list(resources), "pending_operations": pending}}


def in_cloud(content: dict[str, Any]) -> str | None:
    return ID if "azure-native" in content["type"] else None


def test_a_creation_that_the_cloud_finished_becomes_a_resource() -> None:
    before = state(("creating", resource(GROUP)), ("creating", resource(TOY)))
    settled, recovery = settle(before, in_cloud)
    assert settled["deployment"]["resources"] == [resource(GROUP, id=ID, outputs={"resourceGroupName": "rg-a"})]
    assert "pending_operations" not in settled["deployment"]
    assert recovery.adopted == ["azure-native:resources:ResourceGroup group"]
    assert recovery.dropped == ["pulumi-python:dynamic/ml:Toy toy"]
    assert len(before["deployment"]["pending_operations"]) == 2, "the exported state is left alone"


def test_a_creation_that_never_happened_is_dropped() -> None:
    settled, recovery = settle(state(("creating", resource(GROUP))), lambda content: None)
    assert settled["deployment"]["resources"] == []
    assert recovery.dropped
    assert not recovery.adopted


def test_a_finished_replacement_leaves_the_old_one_to_be_deleted() -> None:
    old = resource(GROUP, id="/subscriptions/s/resourceGroups/rg-old")
    settled, _ = settle(state(("creating", resource(GROUP)), resources=(old,)), in_cloud)
    assert [(entry["id"], entry.get("delete", False)) for entry in settled["deployment"]["resources"]] == [
        (old["id"], True),
        (ID, False),
    ]


def test_a_creation_of_what_the_state_has_already_changes_nothing() -> None:
    old = resource(GROUP, id=ID.upper())
    settled, recovery = settle(state(("creating", resource(GROUP)), resources=(old,)), in_cloud)
    assert settled["deployment"]["resources"] == [old]
    assert not recovery.adopted


@pytest.mark.parametrize("kind", ["updating", "deleting", "reading"])
def test_other_operations_are_left_to_the_refresh(kind: str) -> None:
    old = resource(GROUP, id=ID)
    settled, recovery = settle(state((kind, resource(GROUP, id=ID)), resources=(old,)), in_cloud)
    assert settled["deployment"]["resources"] == [old]
    assert not recovery


def write_lock(backend: Path, pid: int, host: str | None = None, age: timedelta = timedelta()) -> Path:
    folder = backend / ".pulumi" / "locks" / "organization" / "mlops" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{pid}.json"
    taken = (datetime.now(UTC) - age).isoformat().replace("+00:00", "123Z")
    file.write_text(
        json.dumps({"pid": pid, "username": "me", "hostname": host or socket.gethostname(), "timestamp": taken})
    )
    return file


def unused_pid() -> int:
    return max(psutil.pids()) + 1000


def test_the_lock_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    file = write_lock(tmp_path, unused_pid())
    assert remove_stale_locks(tmp_path, "local") == 1
    assert not file.exists()


def test_a_process_that_only_has_the_same_number_is_another_one(tmp_path: Path) -> None:
    write_lock(tmp_path, os.getpid(), age=timedelta(days=400))
    assert [lock.stale for lock in find_locks(tmp_path, "mlops", "local")] == [True]


@pytest.mark.parametrize("host", [None, "elsewhere"])
def test_a_lock_that_may_be_alive_stays(tmp_path: Path, host: str | None) -> None:
    file = write_lock(tmp_path, os.getpid() if host is None else unused_pid(), host)
    with pytest.raises(SetupError, match="stack local is locked by process"):
        remove_stale_locks(tmp_path, "local")
    assert file.exists()


def test_the_lock_of_a_zombie_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE
    write_lock(tmp_path, ended.pid)
    assert remove_stale_locks(tmp_path, "local") == 1
    ended.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_an_unreadable_lock_is_removed_when_no_pulumi_works_there(tmp_path: Path, text: str) -> None:
    file = write_lock(tmp_path, 1)
    file.write_text(text)
    assert remove_stale_locks(tmp_path, "local") == 1
    assert not file.exists()


def test_an_unreadable_lock_stays_while_a_pulumi_works_there(tmp_path: Path) -> None:
    cli = tmp_path / "pulumi"
    cli.symlink_to("/bin/sleep")
    url = f"file://{tmp_path}"
    with subprocess.Popen([str(cli), "60"], env={"PULUMI_BACKEND_URL": url}) as process:
        write_lock(tmp_path, 1).write_text("{")
        with pytest.raises(SetupError, match=rf"locked by process {process.pid} on this machine .* cannot be read"):
            remove_stale_locks(tmp_path, "local")
        process.kill()


def test_the_second_waits_for_the_first_and_says_for_whom(tmp_path: Path) -> None:
    said = io.StringIO()
    order: list[str] = []

    def second() -> None:
        with alone(tmp_path / "local.lock", "`make down`", Progress(said)):
            order.append("second")

    waiting = threading.Thread(target=second)
    with alone(tmp_path / "local.lock", "`make up`"):
        waiting.start()
        while "Waiting" not in said.getvalue():
            assert waiting.is_alive()
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    assert f"Waiting for `make up` (process {os.getpid()}) …" in said.getvalue()


def test_pending_operations_are_seen_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".pulumi" / "stacks" / "mlops" / "local.json"
    assert not pending_in_file(tmp_path, "local")
    file.parent.mkdir(parents=True)
    for operations, expected in ((None, False), ([{"type": "creating"}], True)):
        file.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": operations}}}))
        assert pending_in_file(tmp_path, "local") is expected

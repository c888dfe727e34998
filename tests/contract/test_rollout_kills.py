"""Rollouts that are killed, and `make rollback` in the middle of one: one writer, and never left in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ml.clients.events import Events
from ml.clients.lease import rollout_lock
from ml.progress import Failure
from ml.resources.rollout import RolloutProvider
from tests.conftest import ROOT
from tests.contract.azureml_workspace import IGNORED, fixture_sockets, fixture_workspace
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.rollout_place import FEW, Place, System, clients, deployed, shared_place, until
from tools import promote, rollback
from tools.runs import table as runs_table

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
UP = """
import json, socket, sys
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: resolve(
    "127.0.0.1" if isinstance(host, str) and host.endswith(".localhost") else host, *more, **options
)
from ml.resources.rollout import RolloutProvider
RolloutProvider().create(json.load(open(sys.argv[1])))
"""
LEASE_SECONDS = 15.0


@pytest.fixture(name="place", scope="module")
def fixture_place(workspace: Made, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return shared_place(workspace, tmp_path_factory.mktemp("kills"))


@pytest.fixture(name="system")
def fixture_system(place: Place) -> Iterator[System]:
    """A system that serves version 1."""
    made = place.system()
    made.up({**made.release(1), "load": FEW})
    yield made
    RolloutProvider().delete("id", made.release(1))


class Up:
    """An `up` in a process of its own."""

    def __init__(self, system: System, inputs: dict[str, Any], folder: Path) -> None:
        file, self.log = folder / "inputs.json", folder / "up.log"
        file.write_text(json.dumps(inputs))
        with self.log.open("wb") as log:
            command = [sys.executable, "-c", UP, str(file)]
            environment = {**os.environ, **system.place.made.emulator.environment}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def until(self, reached: Callable[[], Any]) -> None:
        """Waits for a moment of the rollout."""
        until(lambda: reached() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """Kills it as `kill -9` does."""
        self.process.kill()
        self.process.wait()


def test_killed_in_each_stage_the_next_one_ends_it(system: System, tmp_path: Path) -> None:
    old, new = system.release(1), system.release(2)
    name, before = system.deployment(new), system.deployment(old)
    moments: list[Callable[[], Any]] = [
        lambda: system.staged(),
        lambda: name in system.deployments(),
        lambda: system.endpoint.get().traffic.get(name) == 10,
        lambda: system.endpoint.get().traffic.get(name) == 50,
    ]
    with clients(system, count=2) as found:
        for moment in moments:
            up = Up(system, new, tmp_path)
            up.until(moment)
            up.kill()
            assert sum(system.endpoint.get().traffic.values()) == 100
            if moment is not moments[-1]:  # that the next one waits for it to run out is seen once
                end_lease(system)
        system.up(new)
    assert (found.errors, found.wrong) == ([], 0)
    assert dict(system.endpoint.get().traffic) == {name: 100}
    assert system.models.champion() == 2
    assert system.staged() == []
    assert system.deployments() == sorted([before, name])


def end_lease(system: System) -> None:
    """Ends what a killed process has of its lease, as time would."""
    with rollout_lock(system.place.workspace, system.name) as lock:
        lock.force({}).release()


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, in one line."""
    return " ".join(capsys.readouterr().out.split())


def test_rollback_wins_against_a_running_rollout_and_stays(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = system.release(1), system.release(2)
    name, before = system.deployment(new), system.deployment(old)
    up = Up(system, {**new, "stageSeconds": 20.0}, tmp_path)
    up.until(lambda: system.endpoint.get().traffic.get(name) == 10)
    with clients(system, count=2) as found:
        started = time.monotonic()
        rollback.run(deployed(system), None, 'wrong for "new" customers', Console())
        took = time.monotonic() - started
        assert up.process.wait(60) != 0
    assert took < LEASE_SECONDS
    assert found.errors == []
    assert "took over" in up.log.read_text()
    assert f"{before} serves version 1; rejected: version 2" in said(capsys)
    assert dict(system.endpoint.get().traffic) == {before: 100}
    assert system.models.champion() == 1
    reasons = system.models.rejection(2)
    assert [reason.partition("UTC: ")[2] for reason in reasons.values()] == ['rolled back: wrong for "new" customers']
    with pytest.raises(Failure, match=r'was rejected in this image .*wrong for "new" customers'):
        system.up(new)
    assert dict(system.endpoint.get().traffic) == {before: 100}
    assert system.deployments() == [before]


def test_rollback_after_a_rollout_and_promote_brings_it_back(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = system.release(1), {**system.release(2), "stages": [], "load": FEW}
    state = system.up(new)
    name, before = system.deployment(new), system.deployment(old)
    started = time.monotonic()
    rollback.run(deployed(system), None, "complaints [/score] of [b]many[/b]", Console())
    assert time.monotonic() - started < LEASE_SECONDS
    assert dict(system.endpoint.get().traffic) == {before: 100}
    assert system.models.champion() == 1
    read = RolloutProvider().read("id", state)
    assert read.outs is not None
    assert (read.outs["serving"], read.outs["image"]) == (1, old["image"])
    assert not RolloutProvider().diff("id", read.outs, {**old, "stages": []}).changes

    assert "warning: version 1 was trained on generated data" in said(capsys)
    runs_table.show(deployed(system), Console(width=200))
    assert "champion version 1 auc 0.9000" in said(capsys)
    promote.run(deployed(system), 2, Console(width=200))
    words = said(capsys)
    assert "rolled back: complaints [/score] of [b]many[/b])" in words
    assert words.endswith("Next: make refresh && make up")
    assert "trained on generated data" not in words
    system.up(new, {**read.outs, "serving": 2.0})
    assert dict(system.endpoint.get().traffic) == {name: 100}
    assert system.models.champion() == 2
    history = Events(system.place.workspace, system.name).list()
    assert [(one.kind, one.version, one.before) for one in history] == [
        ("promoted", 1, None),
        ("promoted", 2, 1),
        ("rolled_back", 1, 2),
        ("lifted", 2, 1),
        ("promoted", 2, None),
    ]
    assert [one.reason for one in history[:3]] == ["rolled out", "rolled out", "complaints [/score] of [b]many[/b]"]
    assert "complaints [/score]" in history[3].reason
    assert history[4].reason == f"asked for by {history[3].who}"
    assert all(one.figures == {"auc": 0.9} for one in history if one.kind != "lifted")


def test_rollback_deploys_a_version_that_is_gone(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    old = system.release(1)
    system.up({**system.release(2), "stages": [], "load": FEW})
    system.endpoint.remove(system.deployment(old))
    with pytest.raises(Failure, match="only deployment that is well: name a version"):
        rollback.run(deployed(system), None, "bad", Console())
    with pytest.raises(Failure, match="version 3 never served here"):
        rollback.run(deployed(system), 3, "bad", Console())
    with pytest.raises(Failure, match="version 2 serves already"):
        rollback.run(deployed(system), 2, "bad", Console())
    assert system.models.rejection(2) == {}
    rollback.run(deployed(system), 1, "bad", Console(width=200))
    assert "warning: version 1 was trained on generated data" in said(capsys)
    assert dict(system.endpoint.get().traffic) == {system.deployment(old): 100}
    with clients(system) as found:
        until(lambda: found.total > 20)
    assert (found.errors, set(found.versions)) == ([], {1})

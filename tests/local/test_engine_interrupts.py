"""Ctrl-C and kill -9 of the CLI: what ends, what is left, and how the stack is put right."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from tests.local.engine_project import PROJECT, STACK, Project, family, kill, wait_until
from tools import temporary
from tools.locks import find_locks
from tools.progress import SetupError
from tools.recover import pending_in_file, recover
from tools.screen.expected import Memory
from tools.screen.screen import Screen

TOYS: dict[str, float] = {"quick": 0, "slow": 600}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def in_state(project: Project) -> tuple[set[str], set[str]]:
    """Names of the toys that are made, and of those that are pending."""
    deployment = json.loads(project.run("stack", "export", "--stack", STACK))["deployment"]
    pending = [one["resource"] for one in deployment.get("pending_operations") or []]
    return toys(deployment.get("resources") or []), toys(pending)


def toys(resources: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names of the toys among resources."""
    return {one["urn"].rpartition("::")[2] for one in resources if "toy:Toy" in one["type"]}


def test_ctrl_c_ends_a_wait_at_once(project: Project) -> None:
    process = project.start_up(TOYS)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert time.monotonic() - begin < 5
    assert process.returncode != 0
    assert "nothing is lost: run `pulumi up` again" in said
    assert "Traceback" not in said
    assert not find_locks(project.backend, PROJECT, STACK)


class Watched:
    """An `up` as `make up` shows it; does something once the slow toy is under way."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.said = project, StringIO()
        console = Console(file=self.said, width=120, soft_wrap=True)
        self.screen = Screen("Updating stack toy", Memory.of(folder / "durations.json", STACK), console)

    def up(self, then: Callable[[], None]) -> int:
        """Pulumi's exit code; what was shown is in `said`."""
        waiting = [then]

        def line(text: str) -> None:
            self.screen.line(text)
            if waiting and any(row.text for row in self.screen.board.running()):
                waiting.pop()()

        words = ["up", "--yes", "--skip-preview", "--json", "--continue-on-error"]
        code = self.project.cli(TOYS).follow(words, line, self.screen.tick)
        self.screen.finish(code)
        return code


def test_ctrl_c_reaches_the_engine_through_our_screen(project: Project, tmp_path: Path) -> None:
    watched, begin = Watched(project, tmp_path), time.monotonic()
    assert watched.up(lambda: os.kill(os.getpid(), signal.SIGINT)) != 0
    assert time.monotonic() - begin < 20
    said = watched.said.getvalue()
    assert "+ quick created" in said
    assert "x slow failed" in said
    assert "error: slow: stopped waiting because the deployment was interrupted; nothing is lost" in said
    assert "ended with errors" in said
    assert "Traceback" not in said
    assert not find_locks(project.backend, PROJECT, STACK)


def test_a_killed_engine_is_said_to_be_killed(project: Project, tmp_path: Path) -> None:
    watched = Watched(project, tmp_path)

    def end() -> None:
        (engine,) = (one for one in psutil.Process().children(recursive=True) if one.name() == "pulumi")
        engine.kill()

    assert watched.up(end) == -signal.SIGKILL
    assert watched.said.getvalue().splitlines()[-1] == (
        "Updating stack toy: pulumi was killed (signal 9) before it could say how it went; under way: slow"
    )


def test_all_hosts_end_with_a_killed_cli(project: Project) -> None:
    process = project.start_up(TOYS)
    children = family(process)
    commands = [" ".join(child.cmdline()) for child in children]
    for part in ("language_host.py", "pulumi-language-python-exec", "ml.resources.host"):
        assert any(part in command for command in commands), commands
    host = next(child.pid for child in children if "ml.resources.host" in " ".join(child.cmdline()))
    staged = temporary.FOLDER / str(host)
    assert list(staged.glob("*/staged"))
    kill(process)
    wait_until(lambda: not any(child.is_running() for child in children), "the end of all hosts", 10)
    temporary.tidy()
    assert not staged.exists(), "what the killed one had staged goes at the next start"


def test_a_killed_stack_is_put_right(project: Project) -> None:
    process = project.start_up(TOYS)
    wait_until(lambda: in_state(project) == ({"quick"}, {"slow"}), "the state in which only the slow one is pending")
    assert pending_in_file(project.backend, STACK, PROJECT)
    with pytest.raises(SetupError, match=f"locked by process {process.pid}"):
        recover(project.cli(), lambda resource: None, PROJECT)
    kill(process)
    assert "currently locked" in project.up(toys=TOYS, code=1)
    # What a kill leaves when it comes just as the state is written.
    project.backend.joinpath(f".pulumi/stacks/{PROJECT}/{STACK}.json.attrs").write_text("")
    assert "failed to load checkpoint: EOF" in project.up(toys=TOYS, code=1)
    recovery = recover(project.cli({}), lambda resource: None, PROJECT)
    assert (recovery.locks, recovery.attributes) == (1, 1)
    assert "pulumi-python:dynamic/toy:Toy slow" in recovery.dropped
    quicker: dict[str, float] = {"quick": 0, "slow": 0}
    assert "1 created" in project.up(toys=quicker)
    project.up("--expect-no-changes", toys=quicker)
    assert not recover(project.cli(), lambda resource: None, PROJECT)

"""The server of dynamic resources, seen from a provider; and the CLI, seen from Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from ml.resources import host
from tools.versions import ROOT


class Context:
    """What a call's gRPC context has to offer here."""

    def __init__(self) -> None:
        self.said: tuple[Any, str] | None = None

    def abort(self, code: Any, details: str) -> None:
        self.said = (code, details)


class Request:
    """A create of one resource."""

    urn = "urn:pulumi:toy::toy::pulumi-python:dynamic/toy:Toy::a"


def call(behaviour: Any, method: str = "Create") -> Context:
    """Sends one call through the interceptor."""
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: behaviour())
    details = type("Details", (), {"method": f"/pulumirpc.ResourceProvider/{method}"})
    context = Context()
    host._CallContext().intercept_service(lambda details: handler, details).unary_unary(Request(), context)
    return context


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(host, "_log", lambda urn, text, ephemeral: shown.append((urn, text)))
    monkeypatch.setattr(host, "_interrupted", threading.Event())
    return shown


def test_importing_the_module_loads_nothing_heavy() -> None:
    code = "import ml.resources.host, sys; print(sorted({'grpc', 'pulumi', 'azure', 'httpx'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_text_goes_to_the_row_of_the_call_and_only_when_it_changed(rows: list[tuple[str, str]]) -> None:
    def create() -> None:
        for text in ("epoch 1", "epoch 1", "epoch 2"):
            host.status(text)

    call(create)
    assert rows == [(Request.urn, "epoch 1"), (Request.urn, "epoch 2")]


def test_a_note_stays_with_the_resource_and_a_status_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, bool]] = []
    monkeypatch.setattr(host, "_log", lambda urn, text, ephemeral: shown.append((text, ephemeral)))

    def create() -> None:
        host.status("epoch 1")
        host.note("train.py changed")

    call(create)
    assert shown == [("epoch 1", True), ("train.py changed", False)]


def test_a_failure_is_its_message_and_anything_else_stays_an_exception(rows: list[tuple[str, str]]) -> None:
    def fail() -> None:
        raise host.Failure("modelName 'x y' has a space; write 'x-y'")

    assert call(fail).said == (grpc.StatusCode.UNKNOWN, "modelName 'x y' has a space; write 'x-y'")
    with pytest.raises(ZeroDivisionError):
        call(lambda: 1 / 0)


def test_cancel_ends_a_wait_that_is_under_way(rows: list[tuple[str, str]]) -> None:
    waiting, contexts = threading.Event(), []

    def create() -> None:
        waiting.set()
        host.wait(600)

    thread = threading.Thread(target=lambda: contexts.append(call(create)))
    thread.start()
    assert waiting.wait(10)
    call(lambda: None, "Cancel")
    thread.join(10)
    assert not thread.is_alive()
    assert host.cancelled()
    assert "run `pulumi up` again" in str(contexts[0].said)


def test_without_our_server_nothing_is_shown_and_waits_just_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_interrupted", threading.Event())
    host.status("nobody sees this")
    host.wait(0.001)
    assert not host.cancelled()


SHOW = """
import os, sys
from pathlib import Path
from tools.pulumi_cli import Pulumi
from tools.stacks import Stack
print("code", Pulumi(Stack("toy", "emulator", Path("x")), os.environ, Path(".")).show("up"))
"""
FAKE = "#!/bin/sh\ntrap 'echo interrupted; exit 7' INT\necho ready\nwhile :; do sleep 0.05; done\n"


def test_an_interrupted_command_ends_when_pulumi_has_ended(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text(FAKE)
    (tmp_path / "pulumi").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert said == "interrupted\ncode 7\n"


EARLY = """
import os, signal, subprocess, time
from pathlib import Path
start = subprocess.Popen
def started(*given, **named):
    process = start(*given, **named)
    while not Path("up").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    return process
subprocess.Popen = started
"""


def test_an_interruption_while_pulumi_is_being_started_reaches_it(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text(FAKE.replace("echo ready", "touch up"))
    (tmp_path / "pulumi").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", EARLY + SHOW],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "interrupted\ncode 7\n"

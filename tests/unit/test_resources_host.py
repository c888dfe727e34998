"""The server of dynamic resources, seen from a provider."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import grpc
import pytest

from ml import progress
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
    monkeypatch.setattr(progress, "_show", lambda urn, text, ephemeral: shown.append((urn, text)))
    monkeypatch.setattr(progress, "_interrupted", threading.Event())
    return shown


def test_importing_the_module_loads_nothing_heavy() -> None:
    code = "import ml.resources.host, sys; print(sorted({'grpc', 'pulumi', 'azure', 'httpx'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_an_early_start_loads_the_providers_and_answers() -> None:
    code = """
import sys, grpc
from ml.resources import host
handler = grpc.unary_unary_rpc_method_handler(lambda request, context: sys.exit("the SDK's own was asked"))
details = type("Details", (), {"method": "/pulumirpc.ResourceProvider/Invoke"})
ready = host._CallContext().intercept_service(lambda details: handler, details).unary_unary
print(ready(None, None).SerializeToString(), "ml.resources.rollout" in sys.modules, "azure.ai.ml" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "b'' True False\n"


def test_text_goes_to_the_row_of_the_call_and_only_when_it_changed(rows: list[tuple[str, str]]) -> None:
    def create() -> None:
        for text in ("epoch 1", "epoch 1", "epoch 2"):
            progress.status(text)

    call(create)
    assert rows == [(Request.urn, "epoch 1"), (Request.urn, "epoch 2")]


def test_a_note_stays_with_the_resource_and_a_status_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, bool]] = []
    monkeypatch.setattr(progress, "_show", lambda urn, text, ephemeral: shown.append((text, ephemeral)))

    def create() -> None:
        progress.status("epoch 1")
        progress.note("train.py changed")

    call(create)
    assert shown == [("epoch 1", True), ("train.py changed", False)]


def test_a_failure_is_its_message_and_anything_else_stays_an_exception(rows: list[tuple[str, str]]) -> None:
    def fail() -> None:
        raise progress.Failure("modelName 'x y' has a space; write 'x-y'")

    assert call(fail).said == (grpc.StatusCode.UNKNOWN, "modelName 'x y' has a space; write 'x-y'")
    with pytest.raises(ZeroDivisionError):
        call(lambda: 1 / 0)


def test_cancel_ends_a_wait_that_is_under_way(rows: list[tuple[str, str]]) -> None:
    waiting, contexts = threading.Event(), []

    def create() -> None:
        waiting.set()
        progress.wait(600)

    thread = threading.Thread(target=lambda: contexts.append(call(create)))
    thread.start()
    assert waiting.wait(10)
    call(lambda: None, "Cancel")
    thread.join(10)
    assert not thread.is_alive()
    assert progress.cancelled()
    assert "run `pulumi up` again" in str(contexts[0].said)


def test_without_our_server_nothing_is_shown_and_waits_just_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_interrupted", threading.Event())
    progress.status("nobody sees this")
    progress.wait(0.001)
    assert not progress.cancelled()

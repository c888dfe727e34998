"""Asking the engine what is deployed, while it writes the file that it has to read for the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from infra import deployed

SHOP = {"type": "pulumi-python:dynamic/ml:Retention", "outputs": {"system": "shop"}}
CUT_OFF = "invocation of readStackResourceOutputs returned an error: failed to load checkpoint: EOF"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[Any]:
    """The engine gives these answers; what is left of them."""
    left = list(answers)

    def invoke(function: str, arguments: dict[str, str]) -> Any:
        answer = left.pop(0)
        if isinstance(answer, str):
            raise Exception(answer)
        return SimpleNamespace(value={"outputs": answer})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    monkeypatch.setattr(deployed, "PAUSE_SECONDS", 0)
    return left


def test_a_state_that_is_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = answering(monkeypatch, CUT_OFF, CUT_OFF, {"urn": SHOP})
    assert deployed.Deployed.read().systems == {"shop"}
    assert left == []


def test_a_state_that_stays_cut_off_and_any_other_trouble_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, *[CUT_OFF] * deployed.ATTEMPTS)
    with pytest.raises(Exception, match="failed to load checkpoint"):
        deployed.Deployed.read()
    left = answering(monkeypatch, "no such function", {})
    with pytest.raises(Exception, match="no such function"):
        deployed.Deployed.read()
    assert left == [{}]


@pytest.mark.parametrize(
    ("outputs", "profile"),
    [
        ({}, "open"),
        ({"managedNetwork": {"isolationMode": "Disabled"}}, "open"),
        ({"managedNetwork": {"isolationMode": "AllowInternetOutbound"}}, "hybrid"),
        ({"managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound"}}, "private"),
    ],
)
def test_the_workspace_tells_the_network_profile(
    monkeypatch: pytest.MonkeyPatch, outputs: dict[str, Any], profile: str
) -> None:
    workspace = {"type": "azure-native:machinelearningservices:Workspace", "outputs": outputs}
    answering(monkeypatch, {"urn": workspace, "other": SHOP})
    found = deployed.Deployed.read()
    assert (found.systems, found.network_profile) == (frozenset({"shop"}), profile)
    assert found.workspace == outputs


def test_a_stack_without_a_workspace_has_no_profile_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {})
    assert deployed.Deployed.read() == deployed.Deployed(frozenset(), None)

"""The verbs about what serves: what a person may get wrong, and words with spaces through make."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ml.clients.arm import ROLE_SECONDS, _manner, patience
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace
from tools.commands import arguments, asking, serving
from tools.deployed_system import DeployedSystem, select
from tools.deployment import learn_traffic
from tools.progress import SetupError
from tools.rollback import under_way
from tools.stacks import Stack, load_stack
from tools.versions import ROOT

STACK = Stack("dev", "azure", Path("unused"))
WORKSPACE = {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"}


def resource(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:dev::mlops::{kind}::{name}", "inputs": inputs}


STATE = [
    {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::mlops::pulumi:pulumi:Stack::mlops-dev"},
    resource("pulumi-python:dynamic/ml:Retention", "r", system="bike_buyer", model="bike-buyer", workspace=WORKSPACE),
    resource("azure-native:machinelearningservices:OnlineEndpoint", "other-endpoint", endpointName="oep-y"),
    resource("azure-native:machinelearningservices:OnlineEndpoint", "bike_buyer-endpoint", endpointName="oep-x"),
]


@pytest.mark.parametrize("name", ["bike_buyer", "bike-buyer"])
def test_a_system_is_found_by_either_spelling(name: str) -> None:
    found = select(STACK, STATE, name)
    assert found == DeployedSystem(STACK, "bike_buyer", Workspace("s", "g", "w"), "bike-buyer", "oep-x")
    assert found.endpoint == "oep-x"


@pytest.mark.parametrize(
    ("resources", "system", "said"),
    [
        (STATE, "bikes", r"SYSTEM=bikes: stack dev has no such system\. Its systems: bike_buyer\."),
        ([], "bike_buyer", r"Its systems: none yet: `make up STACK=dev`"),
    ],
)
def test_what_is_missing_is_named(resources: list[dict[str, Any]], system: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        select(STACK, resources, system)


def test_a_system_without_an_endpoint_says_so() -> None:
    found = select(STACK, STATE[:3], "bike_buyer")
    with pytest.raises(SetupError, match="bike_buyer has no endpoint in stack dev yet"):
        _ = found.endpoint


def two_systems(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    file = folder / "Pulumi.local.yaml"
    file.write_text("config: {'mlops:cloud': emulator, 'mlops:systems': [bike_buyer, reviews]}")
    monkeypatch.setattr(arguments, "load_stack", lambda name: load_stack(name, folder))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: serving.rollback_command("x", "", "", "local"), "REASON is missing: write for instance REASON="),
        (lambda: serving.rollback_command("x", "why", "two", "local"), "VERSION=two: write the number of a version"),
        (
            lambda: serving.rollback_command("x", "why", "\u00b2", "local"),
            "VERSION=\u00b2: write the number of a version",
        ),
        (lambda: serving.rollback_command("x", "why", "", "nope"), r"STACK=nope: there is no Pulumi\.nope\.yaml"),
        (lambda: serving.promote_command("x", "", "local"), r"VERSION is missing: .* VERSION=3 \(`make runs` lists"),
    ],
)
def test_mistakes_are_one_sentence(call: Callable[[], None], said: str) -> None:
    with pytest.raises(SetupError, match=said):
        call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: serving.rollback_command("", " ", "", "local"),
            "SYSTEM and REASON are missing: write for instance SYSTEM=bike_buyer "
            'REASON="wrong scores for new customers" (stack local has bike_buyer, reviews)',
        ),
        (
            lambda: serving.promote_command("", "", "local"),
            "SYSTEM and VERSION are missing: write for instance SYSTEM=bike_buyer VERSION=3 "
            "(stack local has bike_buyer, reviews; `make runs` lists them)",
        ),
        (
            lambda: serving.key("", "local"),
            "SYSTEM is missing: write for instance SYSTEM=bike_buyer (stack local has bike_buyer, reviews)",
        ),
    ],
)
def test_all_that_is_missing_is_named_at_once(
    call: Callable[[], None], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two_systems(monkeypatch, tmp_path)
    with pytest.raises(SetupError) as refused:
        call()
    assert str(refused.value) == said


def test_the_only_system_need_not_be_named() -> None:
    assert select(STACK, STATE, "").name == "bike_buyer"
    another = resource("pulumi-python:dynamic/ml:Retention", "q", system="reviews", model="r", workspace=WORKSPACE)
    with pytest.raises(SetupError, match=r"SYSTEM is missing: write SYSTEM=<name>, one of: bike_buyer, reviews"):
        select(STACK, [*STATE, another], "")
    with pytest.raises(SetupError, match=r"stack dev is empty\. Its systems: none yet: `make up STACK=dev`"):
        select(STACK, [], "")


def test_a_reason_comes_through_make_as_it_was_written() -> None:
    reason = """it's "bad"; 3 of 4 customers & more"""
    command = ["make", "-s", "--eval", "show: ; @printenv REASON", "show", f"REASON={reason}"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{reason}\n"


def test_what_a_lock_says_of_a_rollout_under_way() -> None:
    found = under_way({"version": "2", "image": "r/x@sha256:a", "deployment": "v2-a", "who": "process 1"})
    assert found is not None
    assert (found.version, found.deployment) == (2, "v2-a")
    assert under_way({"doing": "promoting version 2"}) is None
    assert under_way({}) is None


def test_what_may_pass_is_waited_for_with_a_word_and_not_for_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    refused = CloudError("403 no role", status=403)

    def ask() -> None:
        with asking.told():
            assert patience("GET", refused) == asking.PATIENCE
            _manner.get().pause(5, "asking again: 403 no role [x]")
            raise refused

    with pytest.raises(SetupError, match="403 no role"):
        ask()
    assert capsys.readouterr().err == "asking again: 403 no role [x]\n"
    assert patience("GET", refused) == ROLE_SECONDS


class Engine:
    """A CLI whose refresh fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, *words: str) -> str:
        self.asked += words
        raise SetupError("`pulumi refresh` failed")


def test_traffic_that_cannot_be_read_is_said_and_costs_nothing_else() -> None:
    said = StringIO()
    engine: Any = Engine()
    learn_traffic(engine, STATE, Console(file=said, width=200))
    assert "endpoints' traffic was not read; `pulumi refresh` reads it" in said.getvalue()
    nothing: Any = Engine()
    learn_traffic(nothing, STATE[:2], Console(file=said))
    assert (engine.asked[0], nothing.asked) == ("refresh", [])

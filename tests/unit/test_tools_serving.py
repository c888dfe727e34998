"""The verbs about what serves: what a person may get wrong, and words with spaces through make."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.clients.workspace import Workspace
from tools.commands import serving
from tools.deployed_system import DeployedSystem, select
from tools.progress import SetupError
from tools.rollback import under_way
from tools.stacks import Stack
from tools.versions import ROOT

STACK = Stack("dev", "azure", Path("unused"))
PLATFORM = {"subscriptionId": "s", "resourceGroup": "g", "workspace": "w"}
SYSTEM = {"endpoint": "oep-x", "model": {"name": "bike-buyer", "version": 2}, "job": "j"}
OUTPUTS = {"platform": PLATFORM, "bike_buyer": SYSTEM}


@pytest.mark.parametrize("name", ["bike_buyer", "bike-buyer"])
def test_a_system_is_found_by_either_spelling(name: str) -> None:
    found = select(STACK, OUTPUTS, name)
    assert found == DeployedSystem(STACK, "bike_buyer", Workspace("s", "g", "w"), SYSTEM)
    assert (found.endpoint, found.model) == ("oep-x", "bike-buyer")


@pytest.mark.parametrize(
    ("outputs", "system", "said"),
    [
        (OUTPUTS, "bikes", r"SYSTEM=bikes: stack dev has no such system\. Its systems: bike_buyer\."),
        ({}, "bike_buyer", r"Its systems: none yet: `make up`"),
        ({"bike_buyer": SYSTEM}, "bike_buyer", r"stack dev has no workspace yet: `make up STACK=dev`"),
    ],
)
def test_what_is_missing_is_named(outputs: dict[str, Any], system: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        select(STACK, outputs, system)


def test_a_system_without_an_endpoint_says_so() -> None:
    found = select(STACK, {"platform": PLATFORM, "bike_buyer": {"job": "j"}}, "bike_buyer")
    assert found.model == "bike-buyer"
    with pytest.raises(SetupError, match="bike_buyer has no endpoint in stack dev yet"):
        _ = found.endpoint


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: serving.rollback_command("x", "", "", "local"), "REASON is missing: write why"),
        (lambda: serving.rollback_command("x", "why", "two", "local"), "VERSION=two: write the number of a version"),
        (lambda: serving.rollback_command("", "why", "2", "local"), "SYSTEM is missing: write SYSTEM=<name>"),
        (lambda: serving.rollback_command("x", "why", "", "nope"), r"STACK=nope: there is no Pulumi\.nope\.yaml"),
        (lambda: serving.promote_command("x", "", "local"), "VERSION is missing: write the version to promote"),
        (lambda: serving.key("", "local"), "SYSTEM is missing"),
    ],
)
def test_mistakes_are_one_sentence(call: Callable[[], None], said: str) -> None:
    with pytest.raises(SetupError, match=said):
        call()


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

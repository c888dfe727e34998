"""The life of the whole platform with no system in it, in order: every test goes on where the one before ended."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.local.checkout import Checkout
from tests.program.azure.stacks import AZURE, FULL

STACK = "stacks/Pulumi.local.yaml"
UNCHANGED = "up --yes --skip-preview --expect-no-changes -s local"
REFRESHED = "refresh --yes --skip-preview --expect-no-changes -s local"
IMMUTABLE = {"azure-native:authorization:RoleAssignment", "azure-native:resources:Resource"}
"""Azure refuses every change of these, or nothing is said of them, so nobody else can make one either."""


@pytest.fixture(
    scope="module",
    params=["private", pytest.param("hybrid", marks=pytest.mark.long), pytest.param("open", marks=pytest.mark.long)],
)
def checkout(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    made = Checkout(tmp_path_factory.mktemp("platform"))
    file = made.folder / STACK
    stack = yaml.safe_load(file.read_text())
    parts = {f"mlops:{key}": value for key, value in FULL.items() if key not in AZURE}
    stack["config"] |= {**parts, "mlops:networkProfile": request.param, "mlops:systems": []}
    file.write_text(yaml.safe_dump(stack))
    yield made
    subprocess.run([".venv/bin/python", "-m", "emulator", "reset"], cwd=made.folder, env=made.environment, check=False)


def state(checkout: Checkout) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(checkout.pulumi("stack export -s local"))
    return found


def by_hand(checkout: Checkout, verb: str) -> dict[str, Any]:
    """What another hand finds or does, by URN."""
    file = checkout.folder / "exported.json"
    file.write_text(json.dumps(state(checkout)))
    found: dict[str, Any] = json.loads(checkout.module("tests.local.by_hand", verb, str(file)))
    return found


def planned(checkout: Checkout) -> dict[str, str]:
    """What the next `up` would do, by URN."""
    document = json.loads(checkout.pulumi("preview --json -s local"))
    return {step["urn"]: step["op"] for step in document["steps"] if step["op"] != "same"}


def test_the_whole_platform_comes_up(checkout: Checkout) -> None:
    checkout.tool("up", "local")
    checkout.pulumi(UNCHANGED)
    checkout.pulumi(REFRESHED)


def test_a_change_by_another_hand_on_every_resource_is_found_and_repaired(checkout: Checkout) -> None:
    before = by_hand(checkout, "look")
    done = by_hand(checkout, "change")
    untouched = {urn for urn, what in done.items() if not what}
    assert {urn.split("$")[-1].split("::")[0] for urn in untouched} <= IMMUTABLE
    changed = set(done) - untouched
    assert by_hand(checkout, "look").keys() == before.keys()
    checkout.pulumi("refresh --yes --skip-preview -s local")
    assert {urn for urn, step in planned(checkout).items() if step in ("update", "replace")} >= changed
    checkout.pulumi("up --yes --skip-preview -s local")
    assert by_hand(checkout, "look") == before
    checkout.pulumi(REFRESHED)


def test_what_another_hand_deleted_comes_back(checkout: Checkout) -> None:
    before = by_hand(checkout, "look")
    gone = by_hand(checkout, "delete")
    assert len(gone) > 50
    checkout.pulumi("refresh --yes --skip-preview -s local")
    assert set(planned(checkout)) >= set(gone)
    checkout.pulumi("up --yes --skip-preview -s local")
    assert by_hand(checkout, "look") == before
    checkout.pulumi(UNCHANGED)


def test_destroy_leaves_nothing_and_the_same_names_come_up_again(checkout: Checkout) -> None:
    names = by_hand(checkout, "look").keys()
    said = checkout.pulumi("destroy --yes --skip-preview -s local")
    assert checkout.documents_with("") == 0
    assert set(re.findall(r"Purged: (kv|mlw)-mlops-local-", said)) == {"kv", "mlw"}
    checkout.pulumi("up --yes --skip-preview -s local")
    assert by_hand(checkout, "look").keys() == names


def test_another_stack_of_the_emulator_comes_and_goes_and_takes_nothing_with_it(checkout: Checkout) -> None:
    before = by_hand(checkout, "look")
    checkout.tool("up", "dev-emulator")
    with_both = checkout.documents_with("")
    refused = checkout.tool("down", "dev-emulator", "--force", check=False)
    assert "it has local too: first `make down STACK=local`" in refused
    assert checkout.documents_with("") == with_both > len(before)
    said = checkout.tool("down", "dev-emulator")
    assert "The emulator goes on: it has local" in said
    assert by_hand(checkout, "look") == before
    checkout.pulumi(UNCHANGED)

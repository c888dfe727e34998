"""`make diagram`: from the engine's plan to a page, and how text is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tools.diagram import page
from tools.diagram.places import noun, plural
from tools.diagram.texts import beside, width, wrapped
from tools.progress import SetupError
from tools.stacks import Stack, load_stack

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = {"resourceGroupName": "rg", "location": "westeurope"}


def step(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {"newState": {"urn": f"urn:pulumi:dev::mlops::{kind}::{name}", "type": kind, "inputs": inputs}}


def planned(monkeypatch: pytest.MonkeyPatch, *more: dict[str, Any]) -> list[str]:
    """Lets the engine say this; gives the profiles that it is asked for."""
    asked = []

    @contextmanager
    def offline(stack: Stack, profile: str) -> Iterator[tuple[None, list[str]]]:
        asked.append(profile)
        yield None, []

    steps = [
        step("pulumi:pulumi:Stack", "mlops-dev"),
        step("pulumi:providers:azure-native", "azure", subscriptionId=SUBSCRIPTION),
        step("azure-native:resources:ResourceGroup", "group", **GROUP),
        *more,
    ]
    monkeypatch.setattr(page, "offline", offline)
    monkeypatch.setattr(page, "plan_of", lambda pulumi, words: {"steps": steps})
    return asked


def test_it_draws_what_the_engine_plans_in_the_profile_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = {"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Deny"}}
    vault = step("azure-native:keyvault:Vault", "vault", vaultName="kv", properties=properties, **GROUP)
    asked = planned(monkeypatch, vault)
    drawn = page.diagram(load_stack("dev"), "hybrid")
    assert asked == ["hybrid"]
    assert "network profile hybrid, westeurope, 4 resources" in drawn
    assert ">Key Vault<" in drawn
    assert ">some addresses<" in drawn
    assert SUBSCRIPTION not in drawn


def test_a_type_that_the_table_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, step("azure-native:web:Connection", "one"))
    with pytest.raises(SetupError, match=r"web:Connection .*targets\.py"):
        page.diagram(load_stack("dev"))


def test_lines_are_broken_at_spaces_and_fit() -> None:
    lines = wrapped("managed network: approved hosts only, 4 hosts, 8 private endpoints", 170, 11)
    assert " ".join(lines) == "managed network: approved hosts only, 4 hosts, 8 private endpoints"
    assert len(lines) > 1
    assert max(width(line, 11) for line in lines) <= 170
    assert wrapped("averyveryverylongword", 10, 11) == ["averyveryverylongword"]


def test_what_does_not_fit_beside_goes_below() -> None:
    assert list(beside([40, 50, 60], 100, 6)) == [(0, 0.0), (0, 46.0), (1, 0.0)]


def test_words_of_types_and_numbers() -> None:
    assert noun("Microsoft.DataFactory/factories/linkedservices", 3) == "3 linked services"
    assert noun("Microsoft.ContainerRegistry/registries/agentPools", 1) == "1 agent pool"
    assert plural("user-assigned identity") == "user-assigned identities"

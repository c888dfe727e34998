"""`make doctor` asks about everything that the stacks declare: what is added to the program is looked after too."""

from __future__ import annotations

import json
import re

import pytest

from infra.naming import LIMITS, Unique
from tests.program.azure.exports import plan_of
from tests.program.azure.stacks import declared
from tools.azure_checks import NAME_CHECKS
from tools.needs import Needs

UNASKED = {
    "Microsoft.DataFactory/factories": "Azure has no action that says whether a factory's name is free",
    "Microsoft.MachineLearningServices/registries": "Azure has no action that says whether a registry's name is free",
}
"""Types whose names are the whole world's, and why nobody can be asked for them."""
STACKS = ("small", "dev-private", "prod-private")
SIZE = re.compile(r'"(?:vmSize|instanceType)": "(Standard_\w+)"')


def needs(name: str) -> Needs:
    stack = declared(name)
    return Needs.of(name, "tenant", "westeurope", stack.subscription, plan_of(stack))


@pytest.mark.parametrize("name", STACKS)
def test_every_size_of_a_machine_is_asked_for(name: str) -> None:
    sizes = {size for one in plan_of(declared(name)) for size in SIZE.findall(json.dumps(one.inputs, default=str))}
    assert {one.size for one in needs(name).machines} >= sizes
    assert sizes


def test_every_name_of_the_whole_world_is_asked_for() -> None:
    unique = {str(kind) for kind, limit in LIMITS.items() if limit.unique is Unique.GLOBALLY}
    planned = {one.type for name in STACKS for one in needs(name).resources}
    assert unique & planned == {*NAME_CHECKS, *UNASKED}


@pytest.mark.parametrize("name", STACKS)
def test_every_type_has_its_right_and_its_provider(name: str) -> None:
    found = needs(name)
    groups = "Microsoft.Resources/subscriptions/resourceGroups/write"
    writes = {f"{one.type}/write" for one in found.resources} - {"Microsoft.Resources/resourceGroups/write"}
    assert writes | {groups} <= {*found.actions}
    assert {one.namespace for one in found.resources} <= {*found.namespaces}

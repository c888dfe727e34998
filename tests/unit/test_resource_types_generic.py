"""azure-native's generic resource is held to the one type that it stands for."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.provider.check import Naming, check
from emulator.resource_types import ResourceTable
from emulator.resource_types.conversion import inputs_of, request
from tests.unit.resource_type_examples import PROVIDERS, SUBSCRIPTION

ENTRY = ResourceTable.load().entry_for_token("azure-native:resources:Resource")
INPUTS: dict[str, Any] = {
    "apiVersion": "2018-06-01",
    "resourceGroupName": "mlops",
    "resourceProviderNamespace": "Microsoft.DataFactory",
    "parentResourcePath": "factories/adf-mlops",
    "resourceType": "managedVirtualNetworks",
    "resourceName": "default",
    "properties": {},
}
PATH = f"{PROVIDERS}/Microsoft.DataFactory/factories/adf-mlops/managedVirtualNetworks/default"


def said(**changed: Any) -> list[str]:
    given = {name: value for name, value in (INPUTS | changed).items() if value is not None}
    return [one.reason for one in check(ENTRY, given, {}, Naming("network"), "westeurope").failures]


def test_its_inputs_make_the_request_and_come_back_from_it() -> None:
    made = request(ENTRY, INPUTS, SUBSCRIPTION)
    assert (made.path, made.query, made.body) == (PATH, {"api-version": "2018-06-01"}, {"properties": {}})
    assert inputs_of(ENTRY, made.path, made.body) == INPUTS
    assert ResourceTable.load().entry_for_path("PUT", PATH) is ENTRY
    assert said() == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"resourceType": "managedVirtualNetwork"}, "is not one of managedVirtualNetworks"),
        ({"resourceProviderNamespace": "Microsoft.Synapse"}, "is not one of Microsoft.DataFactory"),
        ({"apiVersion": "2017-09-01-preview"}, "is not one of 2018-06-01"),
        ({"parentResourcePath": "adf-mlops"}, "does not begin with 'factories/'"),
        ({"parentResourcePath": "factories/adf_mlops"}, "does not match"),
        ({"properties": None}, "required"),
        ({"properties": {"alias": "x"}}, "read-only"),
        ({"tags": {}}, "has no input 'tags'"),
    ],
)
def test_what_is_wrong_is_found(changed: dict[str, Any], expected: str) -> None:
    assert any(expected in reason for reason in said(**changed)), said(**changed)


def test_it_goes_with_its_factory() -> None:
    assert "DELETE" not in ENTRY.operations

"""The strict check of request bodies: every defect is found and named, nothing good is refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.resource_types import Problem, ResourceTable, check_body
from emulator.resource_types.conversion import input_path, request
from tests.unit.resource_type_examples import INPUTS, SUBSCRIPTION

Body = dict[str, Any]
TABLE = ResourceTable.load()


def body_of(name: str) -> Body:
    made = request(TABLE.entry_for_token(f"azure-native:{name}"), INPUTS[name], SUBSCRIPTION)
    return copy.deepcopy(made.body)


def check(name: str, body: object) -> list[Problem]:
    return check_body(TABLE.entry_for_token(f"azure-native:{name}"), body)


WORKSPACE = "machinelearningservices:Workspace"
COMPUTE = "machinelearningservices:Compute"
ACCOUNT = "storage:StorageAccount"
SCALE = "properties/properties/scaleSettings"
GONE = object()
SPOILT: list[tuple[str, str, str, object, str]] = [
    ("flattening forgotten", WORKSPACE, "keyVault", "x", "belongs in 'properties'"),
    ("misspelt", ACCOUNT, "properties/minimalTlsVersion", "TLS1_2", "did you mean 'minimumTlsVersion'"),
    ("other case", WORKSPACE, "properties/hbiworkspace", True, "did you mean 'hbiWorkspace'"),
    ("case of a value", WORKSPACE, "properties/publicNetworkAccess", "disabled", "did you mean 'Disabled'"),
    ("unknown value", ACCOUNT, "kind", "Tape", "'Tape' is not one of"),
    ("unknown discriminator", COMPUTE, "properties/computeType", "Abacus", "'Abacus' is not one of"),
    ("discriminator missing", COMPUTE, "properties/computeType", GONE, "required property missing, one of 'AKS'"),
    ("read-only", WORKSPACE, "properties/workspaceId", "x", "read-only"),
    ("required missing", "keyvault:Vault", "properties/tenantId", GONE, "required property missing"),
    ("text for a number", COMPUTE, f"{SCALE}/maxNodeCount", "4", "a string, must be an integer"),
    ("boolean for a number", "operationalinsights:Workspace", "properties/retentionInDays", True, "must be an integer"),
    ("object for an array", "monitor:DiagnosticSetting", "properties/logs", {}, "an object, must be an array"),
    ("array for an object", WORKSPACE, "identity/userAssignedIdentities", ["x"], "an array, must be an object"),
    ("text for an object", "resources:ResourceGroup", "tags", "x", "a string, must be an object"),
    ("value of a free key", "resources:ResourceGroup", "tags/size", 1, "an integer, must be a string"),
    ("inside a list", "storage:ManagementPolicy", "properties/policy/rules/0/kind", "x", "unknown property"),
    ("duration", COMPUTE, f"{SCALE}/nodeIdleTimeBeforeScaleDown", "2 minutes", "not an ISO 8601 duration"),
    ("below a minimum", "storage:BlobServiceProperties", "properties/deleteRetentionPolicy/days", 0, "minimum 1"),
]


def spoil(body: Body, place: str, value: object) -> None:
    *outer, last = place.split("/")
    parent: Any = body
    for step in outer:
        parent = parent[int(step) if isinstance(parent, list) else step]
    if value is GONE:
        del parent[last]
    else:
        parent[last] = value


@pytest.mark.parametrize(("name", "place", "value", "message"), [row[1:] for row in SPOILT], ids=[r[0] for r in SPOILT])
def test_a_defect_is_found_and_named(name: str, place: str, value: object, message: str) -> None:
    body = body_of(name)
    spoil(body, place, value)
    problems = check(name, body)
    assert [problem.where for problem in problems] == [re.sub(r"/(\d+)", r"[\1]", place).replace("/", ".")]
    assert message in problems[0].message


def test_what_a_missing_container_should_hold_is_named() -> None:
    body = body_of("authorization:RoleAssignment")
    del body["properties"]
    missing = {"properties.principalId", "properties.roleDefinitionId"}
    assert {problem.where for problem in check("authorization:RoleAssignment", body)} == missing


def test_a_body_that_is_no_object() -> None:
    assert [str(problem) for problem in check("resources:ResourceGroup", [])] == ["body: an array, must be an object"]


def test_what_is_not_known_yet_is_not_judged() -> None:
    unknown, body = object(), body_of(WORKSPACE)
    body["properties"]["keyVault"] = body["identity"]["type"] = unknown
    entry = TABLE.entry_for_token(f"azure-native:{WORKSPACE}")
    assert check_body(entry, body, unknown=lambda value: value is unknown) == []


def test_a_problem_in_the_body_is_told_in_the_words_of_the_program() -> None:
    entry = TABLE.entry_for_token(f"azure-native:{ACCOUNT}")
    body = body_of(ACCOUNT)
    body["properties"]["supportsHttpsTrafficOnly"] = "yes"
    assert [input_path(entry, problem) for problem in check(ACCOUNT, body)] == [("enableHttpsTrafficOnly",)]


def test_an_update_is_held_to_the_model_of_the_update() -> None:
    entry = TABLE.entry_for_token(f"azure-native:{ACCOUNT}")
    assert check_body(entry, {"tags": {"a": "b"}}, "PATCH") == []
    assert [problem.where for problem in check_body(entry, {"location": "westeurope"}, "PATCH")] == ["location"]


def places(node: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


FREE_KEYS = {
    "componentSpec",
    "environmentVariables",
    "eventHubEndpoints",
    "inputs",
    "tags",
    "traffic",
    "userAssignedIdentities",
}
FREE_OF_POLICIES = {"parameters", "policyRule"}
"""Of policies alone: their parameters have names of their own, and a rule is a language of its own."""


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_every_renamed_key_is_noticed(name: str) -> None:
    free = FREE_KEYS | (FREE_OF_POLICIES if name.startswith("authorization:Policy") else set())
    for place in places(body_of(name)):
        if not isinstance(place[-1], str) or free & set(place[:-1]):
            continue
        body = body_of(name)
        parent: Any = body
        for step in place[:-1]:
            parent = parent[step]
        parent[f"{place[-1]}X"] = parent.pop(place[-1])
        assert check(name, body), f"{place} renamed and nobody noticed"

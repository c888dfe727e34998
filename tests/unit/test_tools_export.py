"""`make export`: the plan of a stack as an ARM template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.resource_types import UnknownResourceTypeError
from policies.resource import SECRET, UNKNOWN, Resource
from tests.unit.resource_type_examples import GROUP, INPUTS, SUBSCRIPTION
from tools.arm_template import arm_template
from tools.export import planned, require_place, resources, text, write
from tools.preview import with_profile
from tools.progress import SetupError


def resource(kind: str, name: str = "", depends_on: tuple[str, ...] = (), **inputs: Any) -> Resource:
    given = {**INPUTS[kind], **inputs}
    urn = f"urn:pulumi:dev::mlops::azure-native:{kind}::{name or kind}"
    return Resource(urn, f"azure-native:{kind}", given, depends_on=depends_on)


GROUP_STEP = resource("resources:ResourceGroup")


def placed(*plan: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = arm_template([GROUP_STEP, *plan], SUBSCRIPTION)["resources"]
    return found


def test_a_child_is_named_by_the_whole_path_and_waits_by_id() -> None:
    account = resource("storage:StorageAccount")
    group, above, container = placed(
        resource("storage:BlobContainer", depends_on=(account.urn, "urn:elsewhere")), account
    )
    assert (group["type"], group["scope"]) == ("Microsoft.Resources/resourceGroups", f"/subscriptions/{SUBSCRIPTION}")
    assert container["type"] == "Microsoft.Storage/storageAccounts/blobServices/containers"
    assert container["name"] == "stmlops/default/lake"
    assert "scope" not in container
    assert container["dependsOn"] == [f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stmlops"]
    assert above["properties"]["allowSharedKeyAccess"] is False
    assert above["sku"] == {"name": "Standard_LRS"}


def test_what_is_declared_on_another_resource_has_it_as_scope() -> None:
    _, lock = placed(resource("authorization:ManagementLockByScope"))
    assert lock["type"] == "Microsoft.Authorization/locks"
    assert lock["scope"] == f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stmlops"
    assert lock["name"] == "keep"


def test_unknown_values_and_secrets_are_parameters_and_brackets_stay_text() -> None:
    grant = resource("authorization:RoleAssignment", "grant", principalId=UNKNOWN, description=SECRET)
    group = resource("resources:ResourceGroup", tags={"owner": "[me]"})
    template = arm_template([group, grant], SUBSCRIPTION)
    assert template["parameters"] == {
        "grant_properties_description": {"type": "securestring"},
        "grant_properties_principalId": {"type": "string"},
    }
    assert template["resources"][0]["tags"] == {"owner": "[[me]"}
    assert template["resources"][1]["properties"]["principalId"] == "[parameters('grant_properties_principalId')]"


def test_the_order_of_a_plan_changes_nothing() -> None:
    plan = [GROUP_STEP, resource("keyvault:Vault"), resource("storage:StorageAccount")]
    assert text(arm_template(plan, SUBSCRIPTION)) == text(arm_template(plan[::-1], SUBSCRIPTION))


def test_a_type_that_the_table_lacks_is_named() -> None:
    with pytest.raises(UnknownResourceTypeError, match=r"web:Connection .*targets\.py"):
        arm_template([Resource("urn:pulumi:dev::mlops::x::y", "azure-native:web:Connection", {})], SUBSCRIPTION)


def test_a_step_of_a_preview_becomes_a_planned_resource() -> None:
    state = {"urn": "a::b", "type": "t", "inputs": {"__internal": {}, "x": 1}, "dependencies": ["c"]}
    assert planned({"steps": [{"newState": state}, {"oldState": {}}]}) == [
        Resource("a::b", "t", {"x": 1}, depends_on=("c",))
    ]


def test_it_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    template = text(arm_template([GROUP_STEP], SUBSCRIPTION))
    assert write(template, str(tmp_path / "t.json")) == str(tmp_path / "t.json")
    assert resources(template) == 1
    assert json.loads((tmp_path / "t.json").read_text()) == json.loads(template)
    with pytest.raises(SetupError, match=r"^OUT=.*/missing/t\.json: No such file or directory$"):
        write(template, str(tmp_path / "missing" / "t.json"))
    with pytest.raises(SetupError, match=r"^OUT=.*/missing/t\.json: there is no folder .*/missing$"):
        require_place(str(tmp_path / "missing" / "t.json"))
    require_place("t.json")
    require_place("")


def test_another_profile_takes_the_place_of_the_stacks_own() -> None:
    own = {"config": {"mlops:networkProfile": "hybrid", "mlops:allowedAddresses": ["8.8.8.8"], "mlops:owner": "me"}}
    assert with_profile(own, "") is own
    assert with_profile(own, "open")["config"] == {"mlops:networkProfile": "open", "mlops:owner": "me"}
    assert with_profile(own, "private")["config"] == {"mlops:networkProfile": "private", "mlops:owner": "me"}
    assert with_profile(own, "hybrid")["config"] == own["config"]
    with pytest.raises(SetupError, match="PROFILE=closed: the network profiles are open, hybrid, private"):
        with_profile(own, "closed")

"""`make verdict` on a plan: definitions of a folder, what is assigned there, and the exemptions of a stack's file."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from policies.azure.verdict import Outcome, Verdict
from policies.azure.waivers import waived
from policies.exemptions import Exemption
from tests.unit.resource_type_examples import GROUP, INPUTS, SUBSCRIPTION
from tools import azure_verdict
from tools.azure_verdict import of_stack
from tools.progress import SetupError
from tools.stacks import Stack

KIND = "Microsoft.Storage/storageAccounts"
ID = "/providers/Microsoft.Authorization/policyDefinitions/{name}"
RULE = {"allOf": [{"field": "type", "equals": KIND}, {"field": f"{KIND}/sku.name", "notEquals": "[parameters('sku')]"}]}
DENY = {
    "displayName": "Storage is local",
    "mode": "Indexed",
    "parameters": {"sku": {"type": "String", "defaultValue": "Standard_LRS"}},
    "policyRule": {"if": RULE, "then": {"effect": "deny"}},
}
TODAY = dt.datetime.now(dt.UTC).date()


@pytest.fixture(name="keep")
def fixture_keep(tmp_path: Path) -> Callable[..., None]:
    """Writes documents of the policy API into a folder of definitions."""
    tmp_path.joinpath("aliases.csv").write_text(
        f"alias,resource_type,arm_path,server_populated\n{KIND}/sku.name,{KIND},sku.name,no\n"
    )

    def keep(kind: str, arm_id: str, properties: dict[str, Any]) -> None:
        folder = tmp_path / kind
        folder.mkdir(exist_ok=True)
        document = {"id": arm_id, "name": arm_id.rpartition("/")[2], "properties": properties}
        folder.joinpath(f"{document['name']}.json").write_text(json.dumps(document))

    keep("policyDefinitions", ID.format(name="local"), DENY)
    return keep


@pytest.fixture(name="stack")
def fixture_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose plan is a group with a storage account that is not redundant enough for some."""
    account = {**INPUTS["storage:StorageAccount"], "sku": {"name": "Standard_ZRS"}}
    plan = {
        "pulumi:providers:azure-native": {"subscriptionId": SUBSCRIPTION},
        "azure-native:resources:ResourceGroup": INPUTS["resources:ResourceGroup"],
        "azure-native:storage:StorageAccount": account,
    }
    steps = [{"newState": {"urn": f"urn::s::{kind}::own", "type": kind, "inputs": one}} for kind, one in plan.items()]
    monkeypatch.setattr(azure_verdict, "offline", lambda *_: nullcontext((None, [])))
    monkeypatch.setattr(azure_verdict, "plan_of", lambda *_: {"steps": steps})
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config: {}\n")
    return Stack("dev", "azure", file)


def test_a_folder_is_judged_as_if_all_of_it_were_assigned(
    keep: Callable[..., None], stack: Stack, tmp_path: Path
) -> None:
    found = of_stack(stack, "private", str(tmp_path))
    assert found.heading == (
        "1 of 2 requests would be refused, none changed, none listed as not compliant (stack dev, network profile "
        "private).",
        f"Judged by 1 definition of {tmp_path}, each as if assigned with its default values.",
    )
    (one,) = found.verdicts
    assert (one.definition, one.name, one.blocks) == ("local", "own", True)
    assert one.remedies == ("write sku.name: Standard_LRS",)


def test_an_exemption_of_the_stack_lets_it_through(keep: Callable[..., None], stack: Stack, tmp_path: Path) -> None:
    entry = f'rule: "azure:local", resource: "o*", reason: "moved next month", expires: "{TODAY}"'
    stack.file.write_text(f"config:\n  mlops:policy: {{exemptions: [{{{entry}}}]}}\n")
    found = of_stack(stack, "", str(tmp_path))
    assert "of 1 more a refusal is not enforced, or exempt" in found.heading[0]
    assert [(one.blocks, one.reason) for one in found.verdicts] == [(False, f"exempt until {TODAY}: moved next month")]


def test_an_exemption_ends_and_never_lifts_what_is_assigned() -> None:
    denied = Verdict(Outcome.DENY, "local", "Storage is local", "deny", urn="urn::own")
    ended = Exemption("azure:local", "own", "for now", TODAY - dt.timedelta(days=1))
    assert waived([denied], [ended], TODAY) == [denied]
    holding = Exemption("azure:LOCAL", "own", "for now", TODAY)
    assigned = Verdict(Outcome.DENY, "local", "Storage is local", "deny", urn="urn::own", assignment="Ours")
    assert waived([assigned], [holding], TODAY) == [assigned]
    assert [one.enforced for one in waived([denied], [holding], TODAY)] == [False]


def test_assignments_of_a_folder_say_what_holds(keep: Callable[..., None], stack: Stack, tmp_path: Path) -> None:
    keep("policyDefinitions", ID.format(name="idle"), DENY)
    given = {"policyDefinitionId": ID.format(name="local"), "parameters": {"sku": {"value": "Standard_GRS"}}}
    at = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/ours"
    keep("policyAssignments", at, {**given, "displayName": "Ours", "enforcementMode": "DoNotEnforce"})
    found = of_stack(stack, "", str(tmp_path))
    assert found.heading[1] == f"Judged by 1 definition of {tmp_path}."
    assert [(one.assignment, one.enforced, one.remedies) for one in found.verdicts] == [
        ("Ours", False, ("write sku.name: Standard_GRS",))
    ]


def test_a_document_that_is_none_of_the_policy_api_is_named(
    keep: Callable[..., None], stack: Stack, tmp_path: Path
) -> None:
    tmp_path.joinpath("policyAssignments").mkdir()
    tmp_path.joinpath("policyAssignments", "a.json").write_text("[]")
    with pytest.raises(SetupError, match=r"a\.json: it has no id or no properties"):
        of_stack(stack, "", str(tmp_path))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"policyDefinitionId": ID.format(name="none")}, "could not be read"),
        ({"policyDefinitionId": "/x/policySetDefinitions/none"}, "initiative /x/policySetDefinitions/none could not"),
        ({"resourceSelectors": [{}]}, "resourceSelectors are not known"),
        ({"overrides": [{"kind": "definitionVersion"}]}, "override definitionVersion is not known"),
    ],
)
def test_what_of_an_assignment_is_not_known_is_named(
    more: dict[str, Any], reason: str, keep: Callable[..., None], stack: Stack, tmp_path: Path
) -> None:
    at = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/ours"
    keep("policyAssignments", at, {"policyDefinitionId": ID.format(name="local"), **more})
    (one,) = of_stack(stack, "", str(tmp_path)).verdicts
    assert one.outcome is Outcome.REFUSED
    assert reason in one.reason


def test_an_override_takes_the_place_of_the_effect(keep: Callable[..., None], stack: Stack, tmp_path: Path) -> None:
    at = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments/ours"
    override = {"kind": "policyEffect", "value": "Audit"}
    keep("policyAssignments", at, {"policyDefinitionId": ID.format(name="local"), "overrides": [override]})
    (one,) = of_stack(stack, "", str(tmp_path)).verdicts
    assert (one.outcome, one.effect) == (Outcome.AUDIT, "audit")

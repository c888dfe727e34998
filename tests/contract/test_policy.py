"""Azure Policy on the emulator: what is assigned judges requests, and the same is read and judged beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.errors import CloudError
from policies.azure.subject import Subject
from policies.azure.subscription import read_subscription
from policies.azure.verdict import Outcome, Verdict
from policies.initiative import initiative
from tests.conftest import RunningEmulator
from tools import azure_verdict
from tools.stacks import load_stack

SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/policy-tests"
KIND = "Microsoft.Storage/storageAccounts"
TLS = f"{KIND}/minimumTlsVersion"
BUILT_IN = "/providers/Microsoft.Authorization/policyDefinitions"
MINIMUM_TLS = "fe83a0eb-a853-422d-aac2-1bffd182c5d0"
GROUPS, POLICY, EXEMPTIONS, STORAGE = "2024-03-01", "2025-01-01", "2022-07-01-preview", "2024-01-01"
OLD_TLS = {"allOf": [{"field": "type", "equals": KIND}, {"field": TLS, "notEquals": "[parameters('version')]"}]}
VERSION = {"version": {"type": "String", "defaultValue": "TLS1_2", "allowedValues": ["TLS1_2", "TLS1_3"]}}


@pytest.fixture(scope="module", autouse=True)
def group(emulator: RunningEmulator) -> Iterator[None]:
    arm().put(GROUP, GROUPS, {"location": "westeurope", "tags": {"owner": "ml"}})
    yield
    arm().delete(GROUP, GROUPS)


@pytest.fixture(name="put")
def fixture_put() -> Iterator[Callable[..., str]]:
    """Makes policy resources of a scope that are gone again after the test."""
    made: list[tuple[str, str]] = []

    def put(scope: str, kind: str, name: str, properties: dict[str, Any], version: str = POLICY) -> str:
        path = f"{scope}/providers/Microsoft.Authorization/{kind}/{name}"
        arm().put(path, version, {"properties": properties})
        made.append((path, version))
        return path

    yield put
    for path, version in reversed(made):
        arm().delete(path, version)


def defined(put: Callable[..., str], rule: Any, effect: Any, **more: Any) -> str:
    then = effect if isinstance(effect, dict) else {"effect": effect}
    return put(
        SUBSCRIPTION,
        "policyDefinitions",
        "rule",
        {"displayName": "Safe", "policyRule": {"if": rule, "then": then}, **more},
    )


def assigned(put: Callable[..., str], definition: str, name: str = "there", **more: Any) -> str:
    return put(GROUP, "policyAssignments", name, {"displayName": "There", "policyDefinitionId": definition, **more})


def storage(name: str) -> str:
    return f"{GROUP}/providers/{KIND}/{name}"


def body(**properties: Any) -> dict[str, Any]:
    return {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": properties}


def made(name: str, **properties: Any) -> dict[str, Any]:
    """What Azure makes of a storage account; it is gone again."""
    arm().put(storage(name), STORAGE, body(**properties))
    found = arm().get(storage(name), STORAGE)
    arm().delete(storage(name), STORAGE)
    assert found is not None
    return found


def refused(name: str, **properties: Any) -> dict[str, Any]:
    """The error of a request for a storage account, as ARM words it."""
    answer = arm().send("PUT", storage(name), STORAGE, body=body(**properties), accept=(403,))
    assert answer.status_code == 403
    error: dict[str, Any] = answer.json()["error"]
    return error


def beforehand(name: str, **properties: Any) -> list[Verdict]:
    """What is said of the same request by what is read from the subscription."""
    in_force = read_subscription(arm(), SUBSCRIPTION_ID)
    subject = Subject.of(storage(name), STORAGE, body(**properties))
    return in_force.policies.judge([subject], in_force.facts(SUBSCRIPTION_ID, {}))


def test_deny_stops_a_request_as_azure_words_it_and_is_known_beforehand(put: Callable[..., str]) -> None:
    definition = defined(put, OLD_TLS, "deny", parameters=VERSION)
    assignment = assigned(put, definition, parameters={"version": {"value": "TLS1_3"}})
    error = refused("polold", minimumTlsVersion="TLS1_2")
    assert error["code"] == "RequestDisallowedByPolicy"
    assert error["target"] == "polold"
    assert error["message"].startswith(
        "Resource 'polold' was disallowed by policy. Policy identifiers: '[{\"policyAssignment\":"
    )
    (one,) = error["additionalInfo"]
    assert one["type"] == "PolicyViolation"
    info = one["info"]
    assert (info["policyDefinitionId"], info["policyAssignmentId"]) == (definition, assignment)
    assert (info["policyDefinitionEffect"], info["policyAssignmentScope"]) == ("deny", GROUP)
    assert info["policyAssignmentParameters"] == {"version": "TLS1_3"}
    assert info["evaluationDetails"]["evaluatedExpressions"][-1] == {
        "result": "True",
        "expressionKind": "Field",
        "expression": "properties.minimumTlsVersion",
        "path": "properties.minimumTlsVersion",
        "expressionValue": "TLS1_2",
        "targetValue": "TLS1_3",
        "operator": "NotEquals",
    }
    assert arm().get(storage("polold"), STORAGE) is None
    with pytest.raises(CloudError, match="was disallowed by policy"):  # at once: waiting does not help
        arm().put(storage("polold"), STORAGE, body(minimumTlsVersion="TLS1_2"))
    (said,) = beforehand("polold", minimumTlsVersion="TLS1_2")
    assert (said.outcome, said.title, said.assignment, said.blocks) == (Outcome.DENY, "Safe", "There", True)
    assert said.remedies == ("write properties.minimumTlsVersion: TLS1_3",)
    assert made("polnew", minimumTlsVersion="TLS1_3")["name"] == "polnew"
    assert beforehand("polnew", minimumTlsVersion="TLS1_3") == []


def test_a_change_is_judged_like_a_creation(put: Callable[..., str]) -> None:
    arm().put(storage("polpatch"), STORAGE, body(minimumTlsVersion="TLS1_2"))
    assigned(put, defined(put, OLD_TLS, "deny", parameters=VERSION))
    changed = {"properties": {"minimumTlsVersion": "TLS1_0"}}
    assert arm().send("PATCH", storage("polpatch"), STORAGE, body=changed, accept=(403,)).status_code == 403
    arm().delete(storage("polpatch"), STORAGE)


def test_modify_changes_the_request_before_deny_sees_it(put: Callable[..., str]) -> None:
    write = [
        {"operation": "addOrReplace", "field": TLS, "value": "TLS1_2"},
        {"operation": "add", "field": "tags['owner']", "value": "[resourceGroup().tags['owner']]"},
    ]
    effect = {"effect": "modify", "details": {"roleDefinitionIds": [], "operations": write}}
    old = {"allOf": [{"field": "type", "equals": KIND}, {"field": TLS, "equals": "TLS1_0"}]}
    modifying = defined(put, old, effect)
    denying = put(SUBSCRIPTION, "policyDefinitions", "deny", {"policyRule": {"if": old, "then": {"effect": "deny"}}})
    assigned(put, denying, "first")
    assigned(put, modifying, "second")
    found = made("polmodified", minimumTlsVersion="TLS1_0")
    assert found["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert found["tags"] == {"owner": "ml"}


def test_what_is_not_enforced_exempt_or_elsewhere_goes_through(put: Callable[..., str]) -> None:
    definition = defined(put, OLD_TLS, "deny", parameters=VERSION)
    assignment = assigned(put, definition, enforcementMode="DoNotEnforce")
    assert made("polpilot", minimumTlsVersion="TLS1_0")
    (said,) = beforehand("polpilot", minimumTlsVersion="TLS1_0")
    assert (said.outcome, said.enforced, said.blocks) == (Outcome.DENY, False, False)
    assigned(put, definition)
    assert refused("polpilot", minimumTlsVersion="TLS1_0")["code"] == "RequestDisallowedByPolicy"
    exempt = {"policyAssignmentId": assignment, "exemptionCategory": "Waiver", "expiresOn": "2020-01-01T00:00:00Z"}
    put(GROUP, "policyExemptions", "late", exempt, EXEMPTIONS)
    assert refused("polpilot", minimumTlsVersion="TLS1_0")["code"] == "RequestDisallowedByPolicy"
    put(GROUP, "policyExemptions", "late", {**exempt, "expiresOn": "2999-01-01T00:00:00Z"}, EXEMPTIONS)
    assert made("polpilot", minimumTlsVersion="TLS1_0")
    assert beforehand("polpilot", minimumTlsVersion="TLS1_0") == []


def test_an_initiative_hands_its_parameters_on(put: Callable[..., str]) -> None:
    definition = defined(put, OLD_TLS, "[parameters('effect')]", parameters={**VERSION, "effect": {"type": "String"}})
    values = {"version": {"value": "[parameters('tls')]"}, "effect": {"value": "Deny"}}
    part = {"policyDefinitionId": definition, "policyDefinitionReferenceId": "tls", "parameters": values}
    parameters = {"tls": {"type": "String", "defaultValue": "TLS1_3"}}
    initiative = put(
        SUBSCRIPTION, "policySetDefinitions", "ours", {"policyDefinitions": [part], "parameters": parameters}
    )
    assigned(put, initiative)
    info = refused("polset", minimumTlsVersion="TLS1_2")["additionalInfo"][0]["info"]
    assert (info["policySetDefinitionId"], info["policyDefinitionReferenceId"]) == (initiative, "tls")
    assert made("polset", minimumTlsVersion="TLS1_3")
    assert [one.outcome for one in beforehand("polset", minimumTlsVersion="TLS1_2")] == [Outcome.DENY]


NOWHERE = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/none"
TWO = {"tag": {"value": "a"}, "other": {"value": 1}}


@pytest.mark.parametrize(
    ("properties", "code", "message"),
    [
        ({"policyDefinitionId": NOWHERE}, "PolicyDefinitionNotFound", "could not be found"),
        ({"parameters": {}}, "MissingPolicyParameter", "is missing the parameter"),
        ({"parameters": TWO}, "UndefinedPolicyParameter", "has the parameter.s. 'other' which are not defined"),
        ({"parameters": {"tag": {"value": "z"}}}, "PolicyParameterValueNotAllowed", "The allowed values are 'a, b'"),
    ],
)
def test_an_assignment_that_cannot_be_judged_is_refused(
    properties: dict[str, Any], code: str, message: str, put: Callable[..., str]
) -> None:
    tagged = {"field": "[concat('tags[', parameters('tag'), ']')]", "exists": False}
    definition = defined(put, tagged, "deny", parameters={"tag": {"type": "String", "allowedValues": ["a", "b"]}})
    with pytest.raises(CloudError, match=message) as error:
        assigned(put, definition, **properties)
    assert error.value.code == code
    assert error.value.status == (404 if code.endswith("NotFound") else 400)


def test_a_rule_with_what_the_emulator_does_not_know_is_refused_by_name(put: Callable[..., str]) -> None:
    with pytest.raises(CloudError, match=r"function mystery\(\) is not known.* is not supported by the emulator"):
        defined(put, {"value": "[mystery()]", "equals": 1}, "deny")
    with pytest.raises(CloudError, match=r"field Microsoft\.Storage/storageAccounts/nonsense is no alias"):
        defined(put, {"field": f"{KIND}/nonsense", "equals": 1}, "deny")


def test_azures_own_definitions_are_assigned_by_their_names(put: Callable[..., str], data_directory: Path) -> None:
    if not (data_directory / "azure-policy").is_dir():
        pytest.skip(f"no folder azure-policy in {data_directory}")
    assigned(put, f"{BUILT_IN}/{MINIMUM_TLS}", parameters={"effect": {"value": "Deny"}})
    info = refused("polbuiltin", minimumTlsVersion="TLS1_0")["additionalInfo"][0]["info"]
    assert (info["policyDefinitionName"], info["policyDefinitionEffect"]) == (MINIMUM_TLS, "deny")
    (said,) = beforehand("polbuiltin", minimumTlsVersion="TLS1_0")
    assert (said.definition, said.blocks) == (MINIMUM_TLS, True)
    assert made("polbuiltin", minimumTlsVersion="TLS1_2")


def test_the_initiative_of_the_rules_is_assigned_whatever_is_known_of_its_definitions(put: Callable[..., str]) -> None:
    """It only lists what does not comply; with an effect of the assignment's own a definition may stop a request."""
    made_of = {"policyDefinitions": initiative()["policyDefinitions"]}
    listing = put(SUBSCRIPTION, "policySetDefinitions", "listing", made_of)
    assigned(put, listing)
    assert made("pollisting", minimumTlsVersion="TLS1_0")
    effect = {"overrides": [{"kind": "policyEffect", "value": "Deny"}]}
    with pytest.raises(CloudError, match="is not supported by the emulator"):
        assigned(put, listing, "denying", **effect)
    unheard = {**made_of["policyDefinitions"][0], "policyDefinitionId": NOWHERE}
    with pytest.raises(CloudError, match="could not be found"):
        put(SUBSCRIPTION, "policySetDefinitions", "unheard", {"policyDefinitions": [unheard]})


def test_the_verb_judges_a_plan_by_what_is_assigned(put: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    assigned(put, defined(put, OLD_TLS, "deny", parameters=VERSION))
    account = {"resourceGroupName": "policy-tests", "accountName": "polplan", "kind": "StorageV2"}
    plan = {
        "pulumi:providers:azure-native": {"subscriptionId": SUBSCRIPTION_ID},
        "azure-native:storage:StorageAccount": {**account, "minimumTlsVersion": "TLS1_0"},
    }
    steps = [{"newState": {"urn": f"urn::{kind}::polplan", "type": kind, "inputs": one}} for kind, one in plan.items()]
    monkeypatch.setattr(azure_verdict, "offline", lambda *_: nullcontext((None, [])))
    monkeypatch.setattr(azure_verdict, "plan_of", lambda *_: {"steps": steps})
    monkeypatch.setattr(azure_verdict, "require_emulator", lambda _: None)
    monkeypatch.setattr("tools.azure_verdict.shell.enter", lambda _: None)
    found = azure_verdict.of_stack(load_stack("local"), "", azure_verdict.ASSIGNED)
    assert found.heading[1] == f"Judged by 1 definition assigned in subscription {SUBSCRIPTION_ID}."
    assert [(one.blocks, one.remedies) for one in found.verdicts] == [(True, ("write minimumTlsVersion: TLS1_2",))]

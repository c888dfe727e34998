"""The error of a request that a policy denies, as Azure words it
(https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emulator.errors import ServiceError
from emulator.resource_id import ResourceId
from policies.azure.judging import Judgement
from policies.azure.rule import Leaf
from policies.azure.values import text


def violation(resource: ResourceId, denying: Sequence[Judgement]) -> ServiceError:
    """403 with one `PolicyViolation` for each definition."""
    named = json.dumps([_identifiers(one) for one in denying], separators=(",", ":"))
    message = f"Resource '{resource.name}' was disallowed by policy. Policy identifiers: '{named}'."
    information = [{"type": "PolicyViolation", "info": _information(one)} for one in denying]
    return ServiceError(403, "RequestDisallowedByPolicy", message, target=resource.name, information=information)


def _identifiers(judgement: Judgement) -> dict[str, Any]:
    assigned = judgement.assigned
    found = {
        "policyAssignment": {"name": assigned.title, "id": assigned.id},
        "policyDefinition": {"name": assigned.definition.title, "id": assigned.definition.id},
    }
    initiative = {"policySetDefinition": {"name": _last(assigned.set_id), "id": assigned.set_id}}
    return {**found, **(initiative if assigned.set_id else {})}


def _information(judgement: Judgement) -> dict[str, Any]:
    assigned = judgement.assigned
    initiative = {
        "policySetDefinitionId": assigned.set_id,
        "policySetDefinitionName": _last(assigned.set_id),
        "policyDefinitionReferenceId": assigned.reference,
    }
    said = judgement.verdict
    reason = {"reason": said.reason} if said and said.reason else {}
    leaves = () if reason else judgement.answer().because
    return {
        "evaluationDetails": {"evaluatedExpressions": [_expression(leaf) for leaf in leaves], **reason},
        "policyDefinitionId": assigned.definition.id,
        **(initiative if assigned.set_id else {}),
        "policyDefinitionName": assigned.definition.name,
        "policyDefinitionDisplayName": assigned.definition.title,
        "policyDefinitionEffect": said.effect if said else "",
        "policyAssignmentId": assigned.id,
        "policyAssignmentName": _last(assigned.id),
        "policyAssignmentDisplayName": assigned.title,
        "policyAssignmentScope": assigned.scope,
        "policyAssignmentParameters": dict(assigned.values),
        "policyExemptionIds": [],
    }


def _expression(leaf: Leaf) -> dict[str, Any]:
    kind = "Value" if leaf.path.startswith("[") else "Field"
    operator, target = ("exists", "false") if leaf.operator == "notExists" else (leaf.operator, leaf.wanted)
    return {
        "result": "True",
        "expressionKind": kind,
        "expression": leaf.path,
        **({"path": leaf.path} if kind == "Field" else {}),
        **({} if leaf.found is None else {"expressionValue": text(leaf.found)}),
        "targetValue": text(target),
        "operator": operator[:1].upper() + operator[1:],
    }


def _last(arm_id: str) -> str:
    return arm_id.rsplit("/", 1)[-1]

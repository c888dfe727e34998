"""What Azure itself watches: an initiative of Azure's own definitions, assigned to the stack's resource group.

Each definition is one that a rule of `make policy` stands for, and only lists what does not comply: nothing is refused
or changed, so no identity is needed. It is off unless `mlops:policy` says `assign: true`: whoever deploys needs the
role Resource Policy Contributor on the subscription.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import authorization

from infra.naming import Kind
from infra.resource_id import group_id

if TYPE_CHECKING:
    from infra.placement import Placement

INITIATIVE = Path(__file__).with_name("policy_initiative.json")
"""Written from the rules (`policies/initiative.py`)."""


def initiative() -> dict[str, Any]:
    """What the initiative says, as the policy API takes it."""
    return dict(json.loads(INITIATIVE.read_text()))


@dataclass(frozen=True, kw_only=True)
class AzurePolicyArgs:
    """The group of the `placement` is what is watched."""

    placement: Placement


class AzurePolicy(pulumi.ComponentResource):
    """The initiative, which lies in the subscription, and its assignment to the group."""

    def __init__(self, name: str, args: AzurePolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:policy:AzurePolicy", name, None, opts)
        placement, said = args.placement, initiative()
        title = f"{said['displayName']} in {placement.resource_group_name}"
        self.initiative = authorization.PolicySetDefinition(
            f"{name}-initiative",
            policy_set_definition_name=placement.naming.name(Kind.POLICY_SET),
            display_name=title,
            description=said["description"],
            policy_type="Custom",
            metadata={"category": "Machine Learning"},
            policy_definition_groups=[
                authorization.PolicyDefinitionGroupArgs(name=one["name"], display_name=one["displayName"])
                for one in said["policyDefinitionGroups"]
            ],
            policy_definitions=[
                authorization.PolicyDefinitionReferenceArgs(
                    policy_definition_id=one["policyDefinitionId"],
                    policy_definition_reference_id=one["policyDefinitionReferenceId"],
                    group_names=one["groupNames"],
                )
                for one in said["policyDefinitions"]
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.assignment = authorization.PolicyAssignment(
            f"{name}-assignment",
            policy_assignment_name=placement.naming.name(Kind.POLICY_ASSIGNMENT),
            scope=group_id(placement.subscription_id, placement.resource_group_name),
            display_name=title,
            policy_definition_id=self.initiative.id,
            enforcement_mode="Default",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )
        self.register_outputs({})

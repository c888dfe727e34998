"""Takes resources over that were there before the stack: they are imported, changed like any other, never deleted.

The first `up` imports each with everything as it is, whatever the program says of it. From the second on it is a
resource like any other: a preview names what differs from the program, and `up` changes that. `down` lets go of it and
leaves it where it is.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import pulumi

from infra.configuration import settings_error
from infra.naming import Kind
from infra.resource_id import group_id, resource_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.deployed import Deployed
    from infra.settings import Settings


class Named(NamedTuple):
    """A type of azure-native, and the argument that holds the name."""

    type: str
    argument: str


NAMED: Mapping[Kind, Named] = MappingProxyType(
    {
        Kind.RESOURCE_GROUP: Named("azure-native:resources:ResourceGroup", "resource_group_name"),
        Kind.ML_WORKSPACE: Named("azure-native:machinelearningservices:Workspace", "workspace_name"),
        Kind.STORAGE_ACCOUNT: Named("azure-native:storage:StorageAccount", "account_name"),
        Kind.KEY_VAULT: Named("azure-native:keyvault:Vault", "vault_name"),
        Kind.CONTAINER_REGISTRY: Named("azure-native:containerregistry:Registry", "registry_name"),
        Kind.APPLICATION_INSIGHTS: Named("azure-native:applicationinsights:Component", "resource_name"),
        Kind.LOG_ANALYTICS: Named("azure-native:operationalinsights:Workspace", "workspace_name"),
    }
)
STANDS_ON: Mapping[str, Kind] = MappingProxyType(
    {"storageAccount": Kind.STORAGE_ACCOUNT, "keyVault": Kind.KEY_VAULT},
)
"""What Azure lets no workspace change, by its property."""
FIXED: Mapping[str, Sequence[str]] = MappingProxyType({NAMED[Kind.STORAGE_ACCOUNT].type: ["isHnsEnabled"]})
"""By type, what is settled when a resource is made, and of which Azure says nothing where it has the default: what the
program says of it would look like a change that only another resource can bring.
"""


def take_over(settings: Settings, deployed: Deployed) -> None:
    """Sees to it that what `mlops:existing` names is imported when the stack does not have it yet, and never deleted.

    Raises:
        pulumi.RunError: a workspace that was imported stands on other services than those that are named.
    """
    if problems := list(_foreign(settings, deployed)):
        raise settings_error(problems)
    group = group_id(str(settings.subscription_id), settings.existing.resource_group)
    wanted = {(NAMED[kind], name): _id(group, kind, name) for (kind, _), name in settings.existing.names()}

    def taken(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        for (named, name), found in wanted.items():
            if args.type_ == named.type and args.props.get(named.argument) == name:
                kept = pulumi.ResourceOptions(retain_on_delete=True, ignore_changes=[*FIXED.get(named.type, ())])
                if not deployed.has(named.type, name):
                    kept = pulumi.ResourceOptions(retain_on_delete=True, import_=found, ignore_changes=["*"])
                return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, kept))
        return None

    if wanted:
        pulumi.runtime.register_stack_transformation(taken)


def _id(group: str, kind: Kind, name: str) -> str:
    return group if kind is Kind.RESOURCE_GROUP else resource_id(group, kind, name)


def _foreign(settings: Settings, deployed: Deployed) -> Iterator[str]:
    """What an imported workspace stands on and the configuration does not name: another one would replace it."""
    named = {kind: name for (kind, _), name in settings.existing.names()}
    if Kind.ML_WORKSPACE not in named or deployed.workspace is None:
        return
    for key, kind in STANDS_ON.items():
        there = str(deployed.workspace.get(key) or "").rpartition("/")[2]
        if there.lower() != named[kind].lower():
            yield (
                f"existing.{key} = {named[kind]!r}, but the workspace {named[Kind.ML_WORKSPACE]} stands on {there}, "
                f"and Azure lets no workspace change that. Write: pulumi config set --path mlops:existing.{key} "
                f"{there} --stack {pulumi.get_stack()}"
            )

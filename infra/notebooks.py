"""The compute instance: a machine with JupyterLab and VS Code for one person, next to the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.naming import Kind
from infra.unread import UnreadIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.identities import Identity
    from infra.notebooks_settings import NotebookSettings
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.workspace import Workspace

NOTEBOOKS = "notebooks"
FIXED = (
    "vmSize",
    "applicationSharingPolicy",
    "enableNodePublicIp",
    "enableSSO",
    "personalComputeInstanceSettings",
    "sshSettings",
)
"""What Azure ML cannot change on an instance that exists."""


@dataclass(frozen=True, kw_only=True)
class NotebooksArgs:
    """`after`: the role assignments of the identity, so that the first notebook finds its data."""

    placement: Placement
    workspace: Workspace
    identity: Identity
    settings: NotebookSettings
    after: Sequence[pulumi.Resource]


class _Instance(UnreadIdentity, ml.Compute):  # type: ignore[misc]
    pass


class Notebooks(pulumi.ComponentResource):
    """An instance that one person signs in to, with Entra and without SSH, and that stops by itself when nobody works
    on it. Its notebooks lie in the workspace's file share and outlive it. Azure's pages ask for an identity that is a
    contributor of the workspace to stop by itself; AzureML Data Scientist has the action, `computes/stop/action`, too.
    Whether that is enough has not been tried on Azure.

    Costs the machine while it runs, some 0.30 USD an hour for the default size, and its disk of 120 GB, some 20 USD a
    month, also while it is stopped. In a stack with a firewall it has no public address.
    """

    def __init__(self, name: str, args: NotebooksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:Notebooks", name, None, opts)
        here = args.placement
        # An instance's name is unique in its region, not only in its workspace, and at most 24 characters long.
        self.instance_name = here.naming.name(Kind.ML_COMPUTE, f"{NOTEBOOKS}-{here.naming.suffix}")
        self.instance = _Instance(
            name,
            compute_name=self.instance_name,
            workspace_name=args.workspace.workspace_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            identity=ml.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            properties=ml.ComputeInstanceArgs(
                compute_type="ComputeInstance", disable_local_auth=True, properties=self._properties(args)
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, args.workspace.workspace, args.identity.resource, *args.after],
                replace_on_changes=[f"properties.properties.{part}" for part in FIXED],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({"instanceName": self.instance_name})

    @staticmethod
    def _properties(args: NotebooksArgs) -> ml.ComputeInstancePropertiesArgs:
        user = ml.AssignedUserArgs(object_id=str(args.settings.user_object_id), tenant_id=args.placement.tenant_id)
        return ml.ComputeInstancePropertiesArgs(
            vm_size=args.settings.vm_size,
            application_sharing_policy="Personal",
            compute_instance_authorization_type="personal",
            personal_compute_instance_settings=ml.PersonalComputeInstanceSettingsArgs(assigned_user=user),
            # Nobody but the person's own token: a notebook acts as who opened it, or as the instance's identity.
            enable_sso=True,
            idle_time_before_shutdown=f"PT{args.settings.idle_minutes}M",
            ssh_settings=ml.ComputeInstanceSshSettingsArgs(ssh_public_access="Disabled"),
            enable_node_public_ip=args.placement.network.is_open,
        )


def declare(platform: Platform) -> None:
    """Declares the instance of the person whom the stack file names."""
    identity = platform.identities.get(NOTEBOOKS)
    args = NotebooksArgs(
        placement=platform.placement,
        workspace=platform.workspace,
        identity=identity,
        settings=platform.settings.notebooks,
        after=platform.access.grant("notebooks-identity", NOTEBOOKS, platform.child),
    )
    Notebooks("notebooks", args, platform.child)

"""The training clusters of the workspace."""

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
    from infra.placement import Placement
    from infra.sizes import ComputeSettings
    from infra.workspace import Workspace

CPU_CLUSTER = "cpu"


@dataclass(frozen=True, kw_only=True)
class ComputeArgs:
    """`role`: the cluster's name; `logical_role`: how its name in the state ends. `after`: the role assignments of the
    identity, so that the first job finds its data and its image.
    """

    placement: Placement
    workspace: Workspace
    identity: Identity
    settings: ComputeSettings
    role: str = CPU_CLUSTER
    logical_role: str = CPU_CLUSTER
    after: Sequence[pulumi.Resource]


class _Cluster(UnreadIdentity, ml.Compute):  # type: ignore[misc]
    pass


class Compute(pulumi.ComponentResource):
    """A cluster: no node and no cost while nothing runs, nobody logs in to a node."""

    def __init__(self, name: str, args: ComputeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:machinelearning:Compute", name, None, opts)
        self.compute_name = args.placement.naming.name(Kind.ML_COMPUTE, args.role)
        self.compute = _Cluster(
            f"{name}-{args.logical_role}",
            compute_name=self.compute_name,
            workspace_name=args.workspace.workspace_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            identity=ml.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            properties=ml.AmlComputeArgs(
                compute_type="AmlCompute", disable_local_auth=True, properties=self._properties(args)
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.workspace.workspace, args.identity.resource, *args.after],
                # Azure ML cannot change these on a cluster that exists, and a cluster's name can be held by one only.
                replace_on_changes=[
                    f"properties.properties.{part}" for part in ("vmSize", "vmPriority", "enableNodePublicIp")
                ],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({"computeName": self.compute_name})

    @staticmethod
    def _properties(args: ComputeArgs) -> ml.AmlComputePropertiesArgs:
        return ml.AmlComputePropertiesArgs(
            vm_size=args.settings.vm_size,
            vm_priority=args.settings.priority,
            os_type="Linux",
            scale_settings=ml.ScaleSettingsArgs(
                min_node_count=0,
                max_node_count=args.settings.max_nodes,
                node_idle_time_before_scale_down=f"PT{args.settings.idle_minutes}M",
            ),
            remote_login_port_public_access="Disabled",
            # Nodes without a public address need a network of their own.
            enable_node_public_ip=args.placement.network.is_open,
        )

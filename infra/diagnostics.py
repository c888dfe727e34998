"""Diagnostic settings: the logs of every service in the stack's one Log Analytics workspace.

A table by ARM type says what each service logs. What is not logged here costs nothing; what is, costs by the gigabyte,
within the workspace's daily quota.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import monitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.role_assignments import Scope

SETTING = "to-log-analytics"
"""The name of every setting; it is unique within its resource."""
ALL = ("allLogs",)
"""The category group of everything that a service logs."""


@dataclass(frozen=True)
class Logged:
    """What goes to the workspace.

    `groups`: category groups, which Azure keeps up to date. `categories`: single ones, of services whose whole log
    would cost more than it tells; `production`: those that only production pays for. `metrics`: whether the service's
    metrics go there too, where they outlast the 93 days that Azure Monitor keeps them. `dedicated`: tables of its own
    instead of the shared one; to be said of services that know both, and of no other: those answer with nothing.
    """

    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    metrics: bool = False
    dedicated: bool = False


LOGGED: Mapping[str, Logged] = MappingProxyType(
    {
        "Microsoft.ContainerRegistry/registries": Logged(groups=ALL, metrics=True),
        "Microsoft.ContainerService/managedClusters": Logged(
            # Without reads: kube-audit alone is the larger part of what a cluster logs.
            categories=("cluster-autoscaler", "guard", "kube-audit-admin", "kube-controller-manager"),
            production=("cloud-controller-manager", "kube-apiserver", "kube-scheduler"),
            dedicated=True,
        ),
        "Microsoft.DataFactory/factories": Logged(groups=ALL, metrics=True, dedicated=True),
        "Microsoft.Databricks/workspaces": Logged(groups=ALL),
        "Microsoft.Devices/IotHubs": Logged(groups=ALL, metrics=True),
        "Microsoft.Devices/provisioningServices": Logged(groups=ALL, metrics=True),
        "Microsoft.EventGrid/systemTopics": Logged(categories=("DeliveryFailures",), metrics=True),
        "Microsoft.KeyVault/vaults": Logged(groups=ALL, metrics=True, dedicated=True),
        "Microsoft.Logic/workflows": Logged(categories=("WorkflowRuntime",), metrics=True),
        "Microsoft.MachineLearningServices/registries": Logged(groups=ALL),
        "Microsoft.MachineLearningServices/workspaces": Logged(groups=ALL, metrics=True),
        "Microsoft.MachineLearningServices/workspaces/onlineEndpoints": Logged(groups=ALL, metrics=True),
        "Microsoft.OperationalInsights/workspaces": Logged(groups=("audit",)),
        "Microsoft.Sql/servers/databases": Logged(groups=ALL, metrics=True),
        "Microsoft.Storage/storageAccounts/blobServices": Logged(
            # Every read of every blob: in production somebody has to be able to say who read what.
            categories=("StorageWrite", "StorageDelete"),
            production=("StorageRead",),
        ),
    }
)
NOT_LOGGED: Mapping[str, str] = MappingProxyType(
    {
        "Microsoft.Insights/components": "its telemetry is in the workspace already, and would be paid for twice",
        "Microsoft.Storage/storageAccounts": "its blob service logs",
        "Microsoft.Storage/storageAccounts/blobServices/containers": "its blob service logs",
        "Microsoft.Storage/storageAccounts/queueServices/queues": "would log each look; who looks logs its runs",
        "Microsoft.Databricks/accessConnectors": "an identity; it logs nothing",
        "Microsoft.Sql/servers": "its databases log; the server has nothing of its own but auditing",
    }
)
"""Types of scopes that have no setting, and why."""


@dataclass(frozen=True, kw_only=True)
class DiagnosticsArgs:
    """`workspace_id`: the Log Analytics workspace; `workspace`: the resource itself, to wait for."""

    scopes: Iterable[Scope]
    workspace_id: str
    workspace: pulumi.Resource
    is_production: bool


class Diagnostics(pulumi.ComponentResource):
    """A diagnostic setting on each scope whose service logs anything, once for each resource."""

    def __init__(self, name: str, args: DiagnosticsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:monitoring:Diagnostics", name, None, opts)
        once = {scope.resource_id.lower(): scope for scope in args.scopes if scope.type in LOGGED}
        for scope in once.values():
            self._setting(f"{scope.name}-diagnostics", scope, LOGGED[scope.type], args)
        self.register_outputs({})

    def _setting(self, name: str, scope: Scope, logged: Logged, args: DiagnosticsArgs) -> None:
        categories = logged.categories + (logged.production if args.is_production else ())
        monitor.DiagnosticSetting(
            name,
            name=SETTING,
            resource_uri=scope.resource_id,
            workspace_id=args.workspace_id,
            log_analytics_destination_type="Dedicated" if logged.dedicated else None,
            logs=[
                *(monitor.DiagnosticsLogSettingsArgs(category_group=group, enabled=True) for group in logged.groups),
                *(monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in categories),
            ],
            metrics=[monitor.DiagnosticsMetricSettingsArgs(category="AllMetrics", enabled=True)]
            if logged.metrics
            else None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[scope.resource, args.workspace]),
        )

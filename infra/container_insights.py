"""Container insights: what the nodes and pods of a cluster use, and what containers print, in the stack's workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import monitor

from infra.naming import Kind

if TYPE_CHECKING:
    from infra.kubernetes_settings import KubernetesSettings
    from infra.monitoring import Monitoring
    from infra.placement import Placement
    from infra.role_assignments import Scope

ADDON = "omsagent"
"""The agent that every node runs."""
EXTENSION = "ContainerInsightsExtension"
"""The agent looks for an association, and in its rule for a source, of this name."""
EVERYTHING = ["Microsoft-ContainerInsights-Group-Default"]
"""Azure's name for all tables of Container insights: containers, events, inventory and readings."""
WORKSPACE = "workspace"
"""The destination's name inside the rule."""


@dataclass(frozen=True, kw_only=True)
class ContainerInsightsArgs:
    """`cluster`: where the agent runs, with the addon `ADDON` on."""

    placement: Placement
    settings: KubernetesSettings
    monitoring: Monitoring
    cluster: Scope


class ContainerInsights(pulumi.ComponentResource):
    """A data collection rule that says what the cluster's agent collects and where it goes, and its association with
    the cluster. The agent signs in with an identity that Azure makes for the addon; the association alone lets it send
    by this rule, so it has no role. Without an association it runs and sends nothing.

    Costs what is collected, by the gigabyte, within the workspace's daily quota: the output of containers but those of
    Kubernetes itself, and a reading of every node and pod each `insightsMinutes`. Nothing of value is stored in it.

    Shape: Azure Monitor, "Enable monitoring for Kubernetes clusters", the template for clusters that exist.
    """

    def __init__(self, name: str, args: ContainerInsightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:kubernetes:ContainerInsights", name, None, opts)
        self._name, self._args = name, args
        self._rule_name = args.placement.naming.name(Kind.DATA_COLLECTION_RULE, "containers")
        self._association(self._rule())
        self.register_outputs({})

    def _rule(self) -> monitor.DataCollectionRule:
        here = self._args.placement
        source = monitor.ExtensionDataSourceArgs(
            name=EXTENSION,
            extension_name="ContainerInsights",
            streams=EVERYTHING,
            extension_settings={
                "dataCollectionSettings": {
                    "interval": f"{self._args.settings.insights_minutes}m",
                    "namespaceFilteringMode": "Off",
                    "enableContainerLogV2": True,
                }
            },
        )
        workspace = monitor.LogAnalyticsDestinationArgs(
            name=WORKSPACE, workspace_resource_id=self._args.monitoring.log_analytics_id
        )
        return monitor.DataCollectionRule(
            f"{self._name}-rule",
            data_collection_rule_name=self._rule_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            kind="Linux",
            data_sources=monitor.DataCollectionRuleDataSourcesArgs(extensions=[source]),
            destinations=monitor.DataCollectionRuleDestinationsArgs(log_analytics=[workspace]),
            data_flows=[monitor.DataFlowArgs(streams=EVERYTHING, destinations=[WORKSPACE])],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group, self._args.monitoring.log_analytics]),
        )

    def _association(self, rule: monitor.DataCollectionRule) -> None:
        here, cluster = self._args.placement, self._args.cluster
        monitor.DataCollectionRuleAssociation(
            f"{self._name}-association",
            association_name=here.naming.name(Kind.DATA_COLLECTION_ASSOCIATION, EXTENSION),
            resource_uri=cluster.resource_id,
            data_collection_rule_id=here.resource_id(Kind.DATA_COLLECTION_RULE, self._rule_name),
            description="What the cluster's agent sends; without it the agent sends nothing.",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster.resource, rule]),
        )

"""Logs, metrics and traces: a Log Analytics workspace and the Application Insights component on top of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import applicationinsights, operationalinsights

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.settings import MonitoringSettings


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """Retention and the daily limit bound what logs can cost."""

    placement: Placement
    settings: MonitoringSettings


class Monitoring(pulumi.ComponentResource):
    """Entra tokens only: workspace keys and instrumentation keys are refused."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:monitoring:Monitoring", name, None, opts)
        naming = args.placement.naming
        self.log_analytics_name = naming.name(Kind.LOG_ANALYTICS)
        self.application_insights_name = naming.name(Kind.APPLICATION_INSIGHTS)
        self.log_analytics_id = args.placement.resource_id(Kind.LOG_ANALYTICS, self.log_analytics_name)
        self.application_insights_id = args.placement.resource_id(
            Kind.APPLICATION_INSIGHTS, self.application_insights_name
        )
        self.log_analytics = self._log_analytics(f"{name}-logs", args)
        self.application_insights = self._application_insights(f"{name}-insights", args)
        self.register_outputs(
            {"logAnalyticsId": self.log_analytics_id, "applicationInsightsId": self.application_insights_id}
        )

    @property
    def scope(self) -> Scope:
        """Application Insights, for role assignments."""
        return Scope("insights", self.application_insights_id, self.application_insights)

    @property
    def logs_scope(self) -> Scope:
        """The Log Analytics workspace, for its own diagnostic setting: who asked it what."""
        return Scope("logs", self.log_analytics_id, self.log_analytics)

    def _log_analytics(self, name: str, args: MonitoringArgs) -> operationalinsights.Workspace:
        return operationalinsights.Workspace(
            name,
            workspace_name=self.log_analytics_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=args.settings.retention_days,
            workspace_capping=operationalinsights.WorkspaceCappingArgs(daily_quota_gb=args.settings.daily_quota_gb),
            features=operationalinsights.WorkspaceFeaturesArgs(
                disable_local_auth=True, enable_log_access_using_only_resource_permissions=True
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.placement.group]),
        )

    def _application_insights(self, name: str, args: MonitoringArgs) -> applicationinsights.Component:
        return applicationinsights.Component(
            name,
            resource_name_=self.application_insights_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            kind="web",
            application_type="web",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=self.log_analytics_id,
            disable_local_auth=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self.log_analytics],
                # They open nothing while local authentication is off, but somebody may switch it on.
                additional_secret_outputs=["connectionString", "instrumentationKey"],
            ),
        )

"""The part `operations`: whom alerts reach, alerts, a budget, a workbook, and the logs of every service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import monitor

from infra.alerts import Alerts, AlertsArgs
from infra.budget import Budget, BudgetArgs
from infra.diagnostics import Diagnostics, DiagnosticsArgs
from infra.naming import Kind
from infra.resource_id import group_id
from infra.workbook import Workbook, WorkbookArgs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.operations_settings import OperationsSettings
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.role_assignments import Scope

SHORT_NAME = "mlops"
"""What an alert's text message and e-mail begin with; Azure takes 12 characters."""


@dataclass(frozen=True, kw_only=True)
class ActionGroupArgs:
    """`settings` name the receivers."""

    placement: Placement
    settings: OperationsSettings


class ActionGroup(pulumi.ComponentResource):
    """Whom alerts and the budget reach: e-mails only, which are free."""

    def __init__(self, name: str, args: ActionGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:operations:ActionGroup", name, None, opts)
        placement = args.placement
        group_name = placement.naming.name(Kind.ACTION_GROUP)
        self.group_id = placement.resource_id(Kind.ACTION_GROUP, group_name)
        self.group = monitor.ActionGroup(
            name,
            action_group_name=group_name,
            resource_group_name=placement.resource_group_name,
            location="global",
            tags=placement.tags,
            group_short_name=SHORT_NAME,
            enabled=True,
            email_receivers=[
                monitor.MicrosoftCommonEmailReceiverArgs(
                    name=address, email_address=address, use_common_alert_schema=True
                )
                for address in args.settings.alert_emails
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group]),
        )
        self.register_outputs({"actionGroupId": self.group_id})


def declare(platform: Platform) -> None:
    """Declares the part; last of all, because it logs every scope that there is by then."""
    placement, settings = platform.placement, platform.settings.operations
    monitoring, workspace = platform.monitoring, platform.workspace
    action = ActionGroup("action-group", ActionGroupArgs(placement=placement, settings=settings), platform.child)
    Alerts(
        "alerts",
        AlertsArgs(
            placement=placement,
            settings=settings,
            insights=monitoring.scope,
            workspace=workspace.scope,
            action_group_id=action.group_id,
            action_group=action.group,
        ),
        platform.child,
    )
    Workbook("workbook", WorkbookArgs(placement=placement, insights=monitoring.scope), platform.child)
    if settings.monthly_budget is not None and settings.budget_start is not None:
        budget = BudgetArgs(
            placement=placement,
            group_id=group_id(platform.subscription_id, platform.resource_group_name),
            amount=settings.monthly_budget,
            start=settings.budget_start,
            emails=settings.alert_emails,
            action_group_id=action.group_id,
            action_group=action.group,
        )
        Budget("budget", budget, platform.child)
    beneath = [monitoring.logs_scope, platform.storage.blobs_scope, platform.lake.blobs_scope]
    log(platform, "diagnostics", [*beneath, *platform.access.scopes.values()], platform.child)


def log(platform: Platform, name: str, scopes: Iterable[Scope], opts: pulumi.ResourceOptions) -> None:
    """Declares the component `name` with the diagnostic settings of these scopes."""
    args = DiagnosticsArgs(
        scopes=scopes,
        workspace_id=platform.monitoring.log_analytics_id,
        workspace=platform.monitoring.log_analytics,
        is_production=platform.placement.is_production,
    )
    Diagnostics(name, args, opts)

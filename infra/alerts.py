"""Alerts: what is worth waking somebody, as queries over what scoring servers and Azure ML report.

A rule looks at all systems at once and fires for each system by itself, so adding a system adds no rule. A rule that
looks every five minutes costs about 1.50 dollars a month, one that looks once a day next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import monitor

from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.operations_settings import OperationsSettings
    from infra.placement import Placement
    from infra.role_assignments import Scope

SYSTEM = "cloud_RoleName"
"""The column that says which model answered: scoring servers report under their model's name."""
SCORED = 'requests\n| where name == "POST /score"'
ERROR, WARNING = 1, 2
"""Severities: an error is for now, a warning is for the day."""
FAILED_JOBS = "Failed Runs"
"""Azure ML's own metric of a workspace."""
SINGLE_RESOURCE = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"


@dataclass(frozen=True)
class QueryAlert:
    """An alert on one figure of each system: fires while `measure` is above `threshold`. `window` is how far a look
    goes back, `frequency` how often one is taken; both are ISO 8601 durations that Azure allows.
    """

    role: str
    severity: int
    description: str
    query: str
    measure: str
    threshold: float
    window: str = "PT15M"
    frequency: str = "PT5M"


def query_alerts(settings: OperationsSettings) -> tuple[QueryAlert, ...]:
    """The rules over the telemetry of scoring servers."""
    enough = f"| where all >= {settings.least_requests}"
    return (
        QueryAlert(
            "errors",
            ERROR,
            f"More than {settings.error_percent:g} % of a system's requests fail with a server error.",
            f"{SCORED}\n"
            "| summarize all = sum(itemCount), failed = sumif(itemCount, toint(resultCode) >= 500)\n"
            f"    by {SYSTEM}, bin(timestamp, 15m)\n"
            f"{enough}\n"
            "| extend failed_percent = 100.0 * failed / all",
            "failed_percent",
            settings.error_percent,
        ),
        QueryAlert(
            "latency",
            WARNING,
            f"The slowest 5 % of a system's answers take longer than {settings.latency_milliseconds} ms.",
            f"{SCORED}\n"
            "| where toint(resultCode) < 400\n"
            f"| summarize all = sum(itemCount), milliseconds = percentile(duration, 95)\n"
            f"    by {SYSTEM}, bin(timestamp, 15m)\n"
            f"{enough}",
            "milliseconds",
            settings.latency_milliseconds,
        ),
        QueryAlert(
            "drift",
            WARNING,
            f"More than {settings.drift_percent:g} % of a day's requests do not fit the features that a system's model "
            "was trained on: what it is asked has changed.",
            f"{SCORED}\n"
            '| summarize all = sum(itemCount), unfit = sumif(itemCount, resultCode == "400")\n'
            f"    by {SYSTEM}, bin(timestamp, 1d)\n"
            f"{enough}\n"
            "| extend unfit_percent = 100.0 * unfit / all",
            "unfit_percent",
            settings.drift_percent,
            window="P1D",
            frequency="P1D",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class AlertsArgs:
    """`insights`: where scoring servers report to; `workspace`: where jobs run."""

    placement: Placement
    settings: OperationsSettings
    insights: Scope
    workspace: Scope
    action_group_id: str
    action_group: pulumi.Resource


class Alerts(pulumi.ComponentResource):
    """The rules, each of which tells the stack's action group, and says so again when it is over."""

    def __init__(self, name: str, args: AlertsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:operations:Alerts", name, None, opts)
        self._failed_jobs(f"{name}-jobs", args)
        for alert in query_alerts(args.settings):
            self._query(f"{name}-{alert.role}", alert, args)
        self.register_outputs({})

    def _needs(self, args: AlertsArgs, watched: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[args.placement.group, args.action_group, *watched])

    def _failed_jobs(self, name: str, args: AlertsArgs) -> None:
        placement = args.placement
        monitor.MetricAlert(
            name,
            rule_name=placement.naming.name(Kind.METRIC_ALERT, "jobs"),
            resource_group_name=placement.resource_group_name,
            location="global",
            tags=placement.tags,
            description="A job of the workspace has failed.",
            enabled=True,
            severity=WARNING,
            scopes=[args.workspace.resource_id],
            evaluation_frequency="PT5M",
            window_size="PT15M",
            auto_mitigate=True,
            criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
                odata_type=SINGLE_RESOURCE,
                all_of=[
                    monitor.MetricCriteriaArgs(
                        criterion_type="StaticThresholdCriterion",
                        name="failed",
                        metric_namespace=Kind.ML_WORKSPACE,
                        metric_name=FAILED_JOBS,
                        time_aggregation="Total",
                        operator="GreaterThan",
                        threshold=0,
                    )
                ],
            ),
            actions=[monitor.MetricAlertActionArgs(action_group_id=args.action_group_id)],
            opts=self._needs(args, [args.workspace.resource]),
        )

    def _query(self, name: str, alert: QueryAlert, args: AlertsArgs) -> None:
        placement = args.placement
        condition = monitor.ConditionArgs(
            query=alert.query,
            time_aggregation="Maximum",
            metric_measure_column=alert.measure,
            operator="GreaterThan",
            threshold=alert.threshold,
            dimensions=[monitor.DimensionArgs(name=SYSTEM, operator="Include", values=["*"])],
            failing_periods=monitor.ConditionFailingPeriodsArgs(
                number_of_evaluation_periods=1, min_failing_periods_to_alert=1
            ),
        )
        monitor.ScheduledQueryRule(
            name,
            rule_name=placement.naming.name(Kind.QUERY_ALERT, alert.role),
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            kind="LogAlert",
            display_name=f"{alert.role} of a model",
            description=alert.description,
            enabled=True,
            severity=alert.severity,
            scopes=[args.insights.resource_id],
            evaluation_frequency=alert.frequency,
            window_size=alert.window,
            criteria=monitor.ScheduledQueryRuleCriteriaArgs(all_of=[condition]),
            actions=monitor.ActionsArgs(action_groups=[args.action_group_id]),
            # Azure allows no state, and so no end, to a rule that looks once a day.
            auto_mitigate=alert.frequency != "P1D",
            # The component may not have had a request yet, and so not the columns.
            skip_query_validation=True,
            opts=self._needs(args, [args.insights.resource]),
        )

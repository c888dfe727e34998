"""The budget: who is told before the money is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import consumption

from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.placement import Placement

ACTUAL = (50, 80, 100)
"""Percent of the budget that have been spent."""
FORECAST = (100,)
"""Percent of the budget that will be spent by the end of the month, as Azure expects."""
YEARS = 10


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """`start`: first day of the month in which it is made. `group_id`: the resource group, `action_group_id`: who is
    told besides the `emails`.
    """

    placement: Placement
    group_id: str
    amount: float
    start: str
    emails: Sequence[str]
    action_group_id: str
    action_group: pulumi.Resource


class Budget(pulumi.ComponentResource):
    """A monthly budget on the stack's resource group. It costs nothing and stops nothing: it tells. The groups that
    Databricks and AKS make for their own machines are not in it.
    """

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:operations:Budget", name, None, opts)
        self.budget = consumption.Budget(
            name,
            budget_name=args.placement.naming.name(Kind.BUDGET),
            scope=args.group_id.removeprefix("/"),
            amount=args.amount,
            category="Cost",
            time_grain="Monthly",
            time_period=consumption.BudgetTimePeriodArgs(start_date=_moment(args.start), end_date=_end(args.start)),
            notifications={
                **{f"actual{percent}": self._notification(args, "Actual", percent) for percent in ACTUAL},
                **{f"forecast{percent}": self._notification(args, "Forecasted", percent) for percent in FORECAST},
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.placement.group, args.action_group],
                # Azure moves the start of no budget, and a second one of the same name has to wait for the first to go.
                replace_on_changes=["timePeriod.startDate"],
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})

    @staticmethod
    def _notification(args: BudgetArgs, kind: str, percent: int) -> consumption.NotificationArgs:
        return consumption.NotificationArgs(
            enabled=True,
            operator="GreaterThanOrEqualTo",
            threshold=percent,
            threshold_type=kind,
            contact_emails=list(args.emails),
            contact_groups=[args.action_group_id],
        )


def _moment(day: str) -> str:
    return f"{day}T00:00:00Z"


def _end(start: str) -> str:
    year, rest = start.split("-", 1)
    return _moment(f"{int(year) + YEARS}-{rest}")

"""What a stack may say of how it is watched: who is told, from when on, and what it may cost."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from infra.sizes import Section

FIRST_OF_MONTH = r"^20\d\d-(0[1-9]|1[0-2])-01$"
MOST_RECEIVERS = 50
"""Addresses that a budget's notification takes: https://learn.microsoft.com/rest/api/consumption/budgets."""


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+", text):
        raise ValueError(f"{text!r} is no e-mail address; write one address an entry, without a name")
    return text


Address = Annotated[str, AfterValidator(_address)]


class OperationsSettings(Section):
    """Alerts and the budget of the part `operations`."""

    alert_emails: tuple[Address, ...] = Field(
        (),
        max_length=MOST_RECEIVERS,
        description="e-mail addresses that alerts and the budget write to; the part operations needs at least one",
        examples=[["ml-oncall@example.com"]],
    )
    error_percent: float = Field(
        5, gt=0, le=100, description="percent of a system's requests that may fail within 15 minutes", examples=[5]
    )
    latency_milliseconds: int = Field(
        1000,
        ge=1,
        le=600_000,
        description="milliseconds within which 95 of 100 requests of a system must be answered",
        examples=[1000],
    )
    least_requests: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="requests that there must be within 15 minutes before their errors and times mean anything",
        examples=[20],
    )
    drift_percent: float = Field(
        5,
        gt=0,
        le=100,
        description="percentage of a system's requests of a day that may not fit its features",
        examples=[5],
    )
    monthly_budget: float | None = Field(
        None,
        ge=1,
        description="what the resource group may cost in a month, in the currency of the bill; none = no budget",
        examples=[500],
    )
    budget_start: str | None = Field(
        None,
        pattern=FIRST_OF_MONTH,
        description="first day of the month in which the budget is made: Azure takes none from the past; it stays as "
        "it is from then on, another date makes another budget",
        examples=["2026-12-01"],
    )

    @model_validator(mode="after")
    def _budget_has_a_start(self) -> Self:
        if self.monthly_budget is not None and self.budget_start is None:
            raise ValueError("monthlyBudget needs budgetStart, the first day of the present month, such as 2026-12-01")
        return self

"""What a stack may say of the rules that it is held to (`policies/`): other levels, and exemptions for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from infra.day import Day
from infra.sizes import Section

Level = Literal["disabled", "advisory", "mandatory", "remediate"]


class ExemptionSettings(Section):
    """That a rule does not hold for a resource, for a while and for a reason."""

    rule: str = Field(
        min_length=1,
        description="id or name of the rule, see docs/policies.md; azure:<GUID> for a definition of `make verdict`",
        examples=["endpoint-signs-in"],
    )
    resource: str = Field(
        min_length=1,
        description="logical name of the resource, as a preview shows it; * stands for any characters, and stack for "
        "what a rule finds about the stack as a whole",
        examples=["bike_buyer-endpoint"],
    )
    reason: str = Field(
        min_length=10,
        description="why, in a sentence that whoever reviews it understands",
        examples=["Clients hold keys"],
    )
    expires: Day = Field(description="last day on which it holds", examples=["2027-01-31"])


class PolicySettings(Section):
    """The rules that a stack is held to. Of these the program itself reads `assign` alone."""

    assign: bool = Field(
        False,
        description="whether Azure watches the stack's resource group by its own definitions that rules stand for, and "
        "lists what does not comply; whoever deploys needs Resource Policy Contributor on the subscription",
        examples=["true"],
    )
    overrides: Mapping[str, Level] = Field(
        default_factory=dict,
        description="by id or name of a rule, its level in this stack instead of that of its environment",
        examples=["advisory"],
    )
    exemptions: tuple[ExemptionSettings, ...] = Field(
        (), max_length=200, description="what a rule lets through for a while", examples=[[]]
    )

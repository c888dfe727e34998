"""What a stack may say of its cost. The program declares nothing because of it: estimates and rules read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from infra.sizes import Section

Figure = Annotated[float, Field(ge=0)]
Figures = Figure | tuple[Figure, Figure, Figure]
"""A number, or [low, expected, max]."""


class CostSettings(Section):
    """Assumptions of `make cost`, and the limits of the rules about cost."""

    usage: Mapping[str, Figures] = Field(
        default_factory=dict,
        description="what the stack is assumed to use otherwise than policies/prices/usage.yaml says: a number, or "
        "[low, expected, max], by name, or by name@resource for one resource alone",
        examples=[{"requests.count": [50000, 500000, 5000000], "lake.gigabytes@lake": 250}],
    )
    hard_limit: float | None = Field(
        None,
        ge=1,
        description="US dollars a month that the estimate may reach at most; none = no such limit",
        examples=[6000],
    )
    baseline: float | None = Field(
        None,
        ge=0,
        description="US dollars a month that the stack is known to cost as expected; a change is measured against it",
        examples=[3700],
    )
    delta_dollars: float = Field(
        250, ge=0, description="US dollars a month by which a change may raise what is expected", examples=[250]
    )
    delta_percent: float = Field(
        20, ge=0, description="percent by which a change may raise what is expected", examples=[20]
    )
    machine_sizes: tuple[str, ...] = Field(
        (),
        description="sizes of virtual machines that the stack may use besides those that the price sheet has",
        examples=[["Standard_D8as_v5"]],
    )
    most_nodes: int = Field(10, ge=1, description="nodes that a cluster or a pool may have at most", examples=[10])
    most_instances: int | None = Field(
        None, ge=1, description="instances that a system may have at most; none = 1, and 5 in prod", examples=[3]
    )
    firewall_acknowledged: bool = Field(
        False,
        description="whether it is known that the hosts a private stack may reach take a firewall, paid by the hour",
        examples=["true"],
    )

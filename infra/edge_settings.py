"""`mlops:edge`: the IoT hub and its provisioning service."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from infra.sizes import Section


class EdgeSettings(Section):
    """How much the hub takes, and how long it keeps it."""

    sku: Literal["F1", "S1", "S2", "S3"] = Field(
        "S1",
        description="tier of the hub: S1 takes 400,000 messages a day and unit; F1 is free, takes 8,000, exists once "
        "in a subscription, cannot become another tier, and is refused in prod",
        examples=["S1"],
    )
    units: int = Field(1, ge=1, le=200, description="units of the hub; F1 has one", examples=[1])
    partitions: int = Field(
        4,
        ge=2,
        le=32,
        description="partitions of the built-in endpoint, how many readers can share the work; fixed once the hub is "
        "made, F1 has 2",
        examples=[4],
    )
    retention_days: int = Field(
        1, ge=1, le=7, description="days that the built-in endpoint keeps messages; F1 keeps one", examples=[1]
    )
    batch_seconds: int = Field(
        300,
        ge=60,
        le=720,
        description="seconds of messages that become one file in the lake",
        examples=[300],
    )

    @model_validator(mode="after")
    def _free(self) -> Self:
        if self.sku == "F1" and (self.units, self.partitions, self.retention_days) != (1, 2, 1):
            raise ValueError("sku F1 has 1 unit, 2 partitions and 1 day: write `partitions: 2`, and no more than that")
        return self

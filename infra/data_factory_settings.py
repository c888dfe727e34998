"""What a stack may say of its Data Factory."""

from __future__ import annotations

from pydantic import Field

from infra.sizes import Section, SystemName


class DataFactorySettings(Section):
    """Which training tables are made of files of the lake, and when."""

    flows: tuple[SystemName, ...] = Field(
        (),
        description="systems whose training table the factory makes, every day, of the files in their folder of the "
        "lake's container raw",
        examples=[["bike_buyer"]],
    )
    managed_network: bool | None = Field(
        None,
        description="whether data flows run in a network that the factory manages, with private endpoints that wait "
        "for approval; none = where the lake does not answer everybody (networkProfile hybrid and private)",
        examples=["true"],
    )
    hour: int = Field(3, ge=0, le=23, description="hour of the day, in UTC, at which it does so", examples=[3])

    def has_network(self, *, closed: bool) -> bool:
        """Whether the factory has its network; `closed`: the lake does not answer everybody."""
        return closed if self.managed_network is None else self.managed_network

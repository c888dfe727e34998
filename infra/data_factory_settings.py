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
    managed_network: bool = Field(
        False,
        description="whether the factory has its managed network; after the first `up`: `az datafactory "
        "managed-virtual-network create --name default --factory-name <factory> --resource-group <group> "
        "--properties {}`. With true, data flows run in it and have private endpoints, which wait for approval",
        examples=["true"],
    )
    hour: int = Field(3, ge=0, le=23, description="hour of the day, in UTC, at which it does so", examples=[3])

"""What a stack may say of its Data Factory."""

from __future__ import annotations

from pydantic import Field

from infra.sizes import Section


class DataFactorySettings(Section):
    """When files of the lake are curated, and which."""

    source_folder: str = Field(
        "bike_buyer",
        pattern=r"^[\w-]+(/[\w-]+)*$",
        description="folder of the lake's container raw whose files the daily trigger curates",
        examples=["bike_buyer"],
    )
    managed_network: bool = Field(
        False,
        description="whether the factory has its managed network; after the first `up`: `az datafactory "
        "managed-virtual-network create --name default --factory-name <factory> --resource-group <group> "
        "--properties {}`. With true, data flows run in it and have private endpoints, which wait for approval",
        examples=["true"],
    )
    hour: int = Field(3, ge=0, le=23, description="hour of the day, in UTC, at which it does so", examples=[3])

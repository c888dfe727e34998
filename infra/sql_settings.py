"""What a stack may say of its SQL database."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from infra.sizes import Section


class SqlSettings(Section):
    """The database of the part `sql`. It is serverless: paid by the second of what it computes."""

    max_cores: Literal[1, 2, 4, 6, 8, 10, 12, 14, 16] = Field(
        2, description="most virtual cores of the database; the least is a quarter of them", examples=[2]
    )
    max_gigabytes: int = Field(32, ge=1, le=1024, description="most data that the database holds", examples=[32])
    pause_minutes: int | None = Field(
        None,
        ge=15,
        le=10080,
        description="minutes without a session after which the database pauses and only its storage is paid for; "
        "none = 60, and never in prod, where a first query would wait for a minute",
        examples=[60],
    )
    backup_redundancy: Literal["Local", "Zone", "Geo", "GeoZone"] | None = Field(
        None, description="where backups are kept; none = Local, and Zone in prod", examples=["Geo"]
    )

"""What a stack may say of the part `file_trigger`."""

from __future__ import annotations

from pydantic import Field

from infra.sizes import Section

STEP = r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*"


class FileTriggerSettings(Section):
    """Which new files start the batch endpoint, and how."""

    folder: str = Field(
        "inbox",
        pattern=rf"^{STEP}(/{STEP})*$",
        max_length=512,
        description="folder of the lake's container raw: each new file in or below it is scored",
        examples=["videos/incoming"],
    )
    suffix: str = Field(
        "",
        pattern=r"^(\.[A-Za-z0-9]+)*$",
        max_length=64,
        description="how a file's name has to end, upper and lower case told apart; nothing = every file",
        examples=[".mp4"],
    )
    interval_minutes: int = Field(
        1,
        ge=1,
        le=1440,
        description="minutes between two looks for new files, each of which costs a little",
        examples=[5],
    )
    max_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="how often a job is tried to be started for a file before its message goes to new-files-poison",
        examples=[5],
    )

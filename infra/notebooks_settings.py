"""`mlops:notebooks`: the compute instance on which one person explores."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from infra.sizes import Section


class NotebookSettings(Section):
    """The compute instance, and whose it is."""

    user_object_id: Annotated[UUID, Field(examples=["11111111-2222-3333-4444-555555555555"])] | None = Field(
        None,
        description="object id, in Entra, of the only person who may open the instance (az ad signed-in-user show "
        "--query id); an instance belongs to one person and cannot be handed on",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    vm_size: str = Field("Standard_DS3_v2", description="virtual machine size", examples=["Standard_DS3_v2"])
    idle_minutes: int = Field(
        30, ge=15, le=4320, description="minutes without activity after which it stops", examples=[30]
    )

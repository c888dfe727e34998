"""What was there before the stack and becomes part of it, by its names in Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from infra.naming import Kind
from infra.sizes import Section

NAME = r"^[A-Za-z0-9_.()-]+$"


class ExistingSettings(Section):
    """Names of resources that somebody else has made. All but the group lie in that group."""

    resource_group: str = Field(
        "", pattern=NAME, description="the resource group that the stack goes into", examples=["rg-team"]
    )
    workspace: str = Field("", pattern=NAME, description="the Azure ML workspace", examples=["mlw-team"])
    storage_account: str = Field(
        "", pattern=NAME, description="the storage account of the workspace", examples=["stteam"]
    )
    key_vault: str = Field("", pattern=NAME, description="the Key Vault of the workspace", examples=["kv-team"])
    container_registry: str = Field("", pattern=NAME, description="the registry of the workspace", examples=["crteam"])
    application_insights: str = Field(
        "", pattern=NAME, description="the Application Insights of the workspace", examples=["appi-team"]
    )
    log_analytics: str = Field(
        "", pattern=NAME, description="the Log Analytics workspace behind Application Insights", examples=["log-team"]
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = dict(self.names())
        if names and not self.resource_group:
            raise ValueError("existing: resourceGroup is missing, which the others lie in")
        for field in ("storage_account", "key_vault"):
            if self.workspace and not getattr(self, field):
                key = type(self).model_fields[field].alias
                raise ValueError(
                    f"existing.workspace without existing.{key}: Azure lets no workspace change what it stands on, so "
                    f"that has to come with it. `az ml workspace show --name {self.workspace} --resource-group "
                    f"{self.resource_group}` has its name"
                )
        return self

    def names(self) -> Iterator[tuple[tuple[Kind, str], str]]:
        """Every name that is given, by kind and role, as `Naming` takes them."""
        for field, what in KINDS.items():
            if name := getattr(self, field):
                yield what, name


KINDS: dict[str, tuple[Kind, str]] = {
    "resource_group": (Kind.RESOURCE_GROUP, ""),
    "workspace": (Kind.ML_WORKSPACE, ""),
    "storage_account": (Kind.STORAGE_ACCOUNT, "ml"),
    "key_vault": (Kind.KEY_VAULT, ""),
    "container_registry": (Kind.CONTAINER_REGISTRY, ""),
    "application_insights": (Kind.APPLICATION_INSIGHTS, ""),
    "log_analytics": (Kind.LOG_ANALYTICS, ""),
}

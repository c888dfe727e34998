"""Log Analytics workspaces and Application Insights components as ARM shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from emulator.arm.types import require_location
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Action, Emulator, ResourceType, Service
from emulator.store import Document

LOG_ANALYTICS = "Microsoft.OperationalInsights/workspaces"


class LogAnalyticsWorkspace(ResourceType):
    """Its customer id and keys follow from its id and this emulator's secret."""

    type = LOG_ANALYTICS

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        properties.setdefault("sku", {"name": "PerGB2018"})
        properties.setdefault("retentionInDays", 30)
        properties.setdefault("publicNetworkAccessForIngestion", "Enabled")
        properties.setdefault("publicNetworkAccessForQuery", "Enabled")
        properties.update(customerId=str(uuid.uuid5(uuid.NAMESPACE_URL, document.key)), provisioningState="Succeeded")

    def actions(self) -> Mapping[str, Action]:
        return {"sharedkeys": self.keys}

    def keys(self, document: Document, request: Request) -> Response:
        """The workspace's ingestion keys."""
        secret = uuid.uuid5(uuid.NAMESPACE_URL, document.key + self.emulator.settings.identity_secret).hex
        return Response.json({"primarySharedKey": secret, "secondarySharedKey": secret[::-1]})


class ApplicationInsights(ResourceType):
    """A component; its connection string points at this emulator's ingestion endpoint."""

    type = "Microsoft.Insights/components"

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        workspace = properties.get("WorkspaceResourceId")
        if workspace and self.emulator.store.get(workspace) is None:
            raise ServiceError(
                400, "InvalidWorkspace", f"The workspace '{workspace}' of component '{document.name}' was not found."
            )
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key))
        endpoint = f"{self.emulator.settings.http_url}/applicationinsights/"
        properties.update(
            InstrumentationKey=key,
            AppId=str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#app")),
            ApplicationId=document.name,
            ConnectionString=f"InstrumentationKey={key};IngestionEndpoint={endpoint};LiveEndpoint={endpoint}",
            provisioningState="Succeeded",
        )


class MonitorService(Service):
    """Azure Monitor."""

    name = "monitor"

    def resource_types(self) -> Sequence[ResourceType]:
        return (LogAnalyticsWorkspace(self.emulator), ApplicationInsights(self.emulator))

"""Log Analytics workspaces as ARM shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from emulator.arm.types import require_location
from emulator.http import Request, Response
from emulator.service import Action, Emulator, ResourceType
from emulator.store import Document

LOG_ANALYTICS = "Microsoft.OperationalInsights/workspaces"
RETENTION_DAYS = 30


class LogAnalyticsWorkspace(ResourceType):
    """Its customer id and keys follow from its id and this emulator's secret."""

    type = LOG_ANALYTICS

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        properties.setdefault("sku", {"name": "PerGB2018"})
        properties.setdefault("retentionInDays", RETENTION_DAYS)
        properties.setdefault("publicNetworkAccessForIngestion", "Enabled")
        properties.setdefault("publicNetworkAccessForQuery", "Enabled")
        properties.update(customerId=str(uuid.uuid5(uuid.NAMESPACE_URL, document.key)), provisioningState="Succeeded")

    def actions(self) -> Mapping[str, Action]:
        return {"sharedkeys": self.keys}

    def keys(self, document: Document, request: Request) -> Response:
        """The workspace's ingestion keys."""
        secret = uuid.uuid5(uuid.NAMESPACE_URL, document.key + self.emulator.settings.identity_secret).hex
        return Response.json({"primarySharedKey": secret, "secondarySharedKey": secret[::-1]})

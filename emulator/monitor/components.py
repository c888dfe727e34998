"""Application Insights components as ARM shows them, and how telemetry and queries find them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from emulator.arm.types import require_location
from emulator.errors import ServiceError
from emulator.monitor.log_analytics import LOG_ANALYTICS, RETENTION_DAYS
from emulator.service import Emulator, ResourceType
from emulator.store import Document, Store

COMPONENT = "Microsoft.Insights/components"
INGESTION_PATH = "/applicationinsights"
CLASSIC_RETENTION_DAYS = 90


@dataclass(frozen=True)
class Component:
    """What ingestion and queries need to know of a component; `workspace` is the id of its Log Analytics workspace."""

    id: str
    name: str
    instrumentation_key: str
    app_id: str
    workspace: str | None
    entra_only: bool
    retention_days: int

    @property
    def key(self) -> str:
        """The id in lower case."""
        return self.id.lower()


class Components:
    """The components there are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Component]:
        """Every component."""
        return [self._read(document) for document in self._store.of_type(COMPONENT)]

    def by_instrumentation_key(self) -> dict[str, Component]:
        """Every component by the key that telemetry names."""
        return {component.instrumentation_key: component for component in self.all()}

    def _read(self, document: Document) -> Component:
        properties = document.properties
        workspace = properties.get("WorkspaceResourceId")
        logs = self._store.get(workspace) if workspace else None
        retention = logs.properties.get("retentionInDays") if logs else properties.get("RetentionInDays")
        return Component(
            id=document.id,
            name=document.name,
            instrumentation_key=properties["InstrumentationKey"],
            app_id=properties["AppId"],
            workspace=workspace,
            entra_only=bool(properties.get("DisableLocalAuth")),
            retention_days=int(retention or (RETENTION_DAYS if logs else CLASSIC_RETENTION_DAYS)),
        )


class ApplicationInsights(ResourceType):
    """A component; its connection string points at this emulator's ingestion endpoint. Its telemetry goes with it."""

    type = COMPONENT

    def __init__(self, emulator: Emulator, forget: Callable[[str], None]) -> None:
        self.emulator = emulator
        self._forget = forget

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        workspace = properties.get("WorkspaceResourceId")
        if workspace and not is_workspace(self.emulator.store.get(workspace)):
            raise ServiceError(
                400, "InvalidWorkspace", f"The workspace '{workspace}' of component '{document.name}' was not found."
            )
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key))
        application = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#app"))
        # SDKs send tokens over https only.
        endpoint = f"{self.emulator.settings.base_url}{INGESTION_PATH}/"
        endpoints = f"IngestionEndpoint={endpoint};LiveEndpoint={endpoint}"
        properties.update(
            InstrumentationKey=key,
            AppId=application,
            ApplicationId=document.name,
            ConnectionString=f"InstrumentationKey={key};{endpoints};ApplicationId={application}",
            provisioningState="Succeeded",
        )

    def remove(self, document: Document) -> None:
        self._forget(document.key)


def is_workspace(document: Document | None) -> bool:
    """Whether a document is a Log Analytics workspace."""
    return document is not None and document.resource.type.lower() == LOG_ANALYTICS.lower()

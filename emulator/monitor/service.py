"""Azure Monitor: Log Analytics workspaces, Application Insights components, ingestion of telemetry, and queries."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.monitor.components import INGESTION_PATH, ApplicationInsights, Components
from emulator.monitor.ingestion import Ingestion
from emulator.monitor.log_analytics import LogAnalyticsWorkspace
from emulator.monitor.query import QueryApi
from emulator.monitor.telemetry_database import TelemetryDatabase
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST


class MonitorService(Service):
    """Keeps telemetry in a database beside the emulator's documents."""

    name = "monitor"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.components = Components(emulator.store)
        self.database = TelemetryDatabase(emulator.settings.state / "telemetry.db")
        self.ingestion = Ingestion(self.components, self.database, emulator)
        self.queries = QueryApi(emulator, self.components, self.database)

    def routes(self) -> Sequence[Route]:
        track = rf"{INGESTION_PATH}/+v(?P<version>2(\.1)?)/track"
        live = rf"{INGESTION_PATH}/+QuickPulseService\.svc/(ping|post)"
        read = ("GET", "POST")
        queries = self.queries
        return (
            Route(ARM_HOST, track, self.ingestion.track, ("POST",), bearer=False),
            Route(ARM_HOST, live, self.ingestion.live, ("POST",), bearer=False),
            Route("*", track, self.ingestion.track, ("POST",), listener="http", bearer=False),
            Route("*", live, self.ingestion.live, ("POST",), listener="http", bearer=False),
            Route(ARM_HOST, r"/v1/apps/(?P<app>[^/]+)/query", queries.application, read, bearer=False),
            Route(ARM_HOST, r"/v1/workspaces/(?P<workspace>[^/]+)/query", queries.workspace, read, bearer=False),
            Route(ARM_HOST, r"/v1/+(?P<resource>subscriptions/.+)/query", queries.resource, read, bearer=False),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        return (LogAnalyticsWorkspace(self.emulator), ApplicationInsights(self.emulator, self.database.forget))

    def reconcile(self) -> None:
        self.database.sweep(self.components.all(), force=True)

    def stop(self) -> None:
        self.database.close()

"""Online endpoints of Azure ML."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.containers.service import ContainersService
from emulator.errors import not_found
from emulator.http import Request, Response
from emulator.online_endpoints.deployments.deployment_type import OnlineDeployment
from emulator.online_endpoints.deployments.deployments import Deployments
from emulator.online_endpoints.deployments.logs import DeploymentLogs
from emulator.online_endpoints.deployments.preparation import Preparation
from emulator.online_endpoints.endpoint_type import OnlineEndpoint
from emulator.online_endpoints.gateway.gateway import Gateway
from emulator.online_endpoints.gateway.routing import RoutingTable
from emulator.online_endpoints.metrics import queries as metric_queries
from emulator.online_endpoints.metrics.counts import Metrics
from emulator.online_endpoints.names import location
from emulator.service import Emulator, Mount, ResourceType, Route, Service
from emulator.settings import ARM_HOST, INFERENCE_SUFFIX, LOCATIONS
from emulator.store import Document

MONITORED = (
    r"(?P<endpoint>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.machinelearningservices"
    r"/workspaces/[^/]+/onlineendpoints/[^/]+)/providers/microsoft\.insights"
)


class OnlineEndpointsService(Service):
    """Endpoints, their deployments, and the gateway in front of them."""

    name = "online-endpoints"
    # A wildcard stands for one label: one for each location that endpoints can be in.
    hosts = tuple(f"*.{place}.{INFERENCE_SUFFIX}" for place in LOCATIONS)

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.table = RoutingTable()
        self.metrics = Metrics()
        self.gateway = Gateway(self.table, self.metrics, emulator.tokens.verify, emulator.access.allows)
        self.preparation = Preparation(emulator)
        self.logs = DeploymentLogs(self.preparation)
        self.deployments = Deployments(
            emulator.store,
            emulator.settings.state,
            emulator.services.get(ContainersService),
            self.table,
            self.preparation,
            self.logs,
        )
        self.endpoint_type = OnlineEndpoint(emulator, self.table, self.metrics)

    def routes(self) -> Sequence[Route]:
        return (
            Route(ARM_HOST, MONITORED + r"/metrics", self.query_metrics, ("GET",)),
            Route(ARM_HOST, MONITORED + r"/metricDefinitions", self.define_metrics, ("GET",)),
        )

    def mounts(self) -> Sequence[Mount]:
        return (Mount(INFERENCE_SUFFIX, self.gateway, self.gateway.close),)

    def resource_types(self) -> Sequence[ResourceType]:
        return (
            self.endpoint_type,
            OnlineDeployment(self.emulator.store, self.preparation, self.deployments, self.logs),
        )

    def reconcile(self) -> None:
        self.endpoint_type.reconcile()
        self.deployments.reconcile()

    def stop(self) -> None:
        self.deployments.stop()

    def query_metrics(self, request: Request) -> Response:
        """Azure Monitor's metrics of an endpoint."""
        endpoint = self._endpoint(request)
        return Response.json(metric_queries.answer(self.metrics, endpoint.id, location(endpoint), request.query))

    def define_metrics(self, request: Request) -> Response:
        """Which metrics there are."""
        return Response.json(metric_queries.definitions(self._endpoint(request).id))

    def _endpoint(self, request: Request) -> Document:
        found = self.emulator.store.get(request.parameters["endpoint"])
        if found is None:
            raise not_found(request.parameters["endpoint"])
        return found

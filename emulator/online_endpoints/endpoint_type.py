"""The ARM type of an online endpoint."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from emulator.arm.types import require_location
from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.online_endpoints import keys, names
from emulator.online_endpoints.gateway.routing import RoutingTable
from emulator.online_endpoints.identity import complete_identity
from emulator.online_endpoints.metrics.counts import Metrics
from emulator.online_endpoints.traffic import check_mirror, check_traffic
from emulator.service import Action, Emulator, ResourceType
from emulator.store import Document

READ_ONLY = ("scoringUri", "swaggerUri", "provisioningState", "keys")
DEFAULT_ROUTE = "/score"


class OnlineEndpoint(ResourceType):
    """A host name that clients call, and how its requests are shared out among deployments.

    As on Azure a PUT without `traffic` leaves no deployment any traffic; keys live on.
    """

    type = names.ENDPOINT
    long_running = True
    long_running_delete = True
    # https://learn.microsoft.com/rest/api/azureml/online-endpoints/update
    patchable = frozenset({"identity", "tags"})

    def __init__(self, emulator: Emulator, table: RoutingTable, metrics: Metrics) -> None:
        self.store = emulator.store
        self.tokens = emulator.tokens
        self.port = emulator.settings.https_port
        self.table = table
        self.metrics = metrics
        self._lock = threading.Lock()

    def prepare(self, document: Document, old: Document | None) -> None:
        names.check_name(document, "endpoint")
        require_location(document)
        self._check_place(document, old)
        properties = document.properties
        if properties.get("compute"):
            raise unsupported(f"An endpoint on a Kubernetes compute ('{properties['compute']}')")
        if old is None:
            document.private["keys"] = keys.first_keys(properties.get("keys"))
        for name in READ_ONLY:
            properties.pop(name, None)
        properties["authMode"] = keys.checked_auth_mode(properties)
        self._complete_traffic(document)
        properties["provisioningState"] = "Creating"
        properties["publicNetworkAccess"] = properties.get("publicNetworkAccess") or "Enabled"
        properties["properties"] = properties.get("properties") or {}
        document.body["identity"] = complete_identity(self.store, document)
        document.body["kind"] = document.body.get("kind") or "Managed"
        document.body["tags"] = document.body.get("tags") or {}

    def apply(self, document: Document) -> None:
        # Updates may overtake each other: the last one stored is the one that holds.
        with self._lock:
            current = self.store.get(document.id)
            if current is not None:
                self._publish(current)

    def remove(self, document: Document) -> None:
        self.table.remove(names.host(document))
        self.metrics.forget(document.id)

    def present(self, document: Document) -> dict[str, Any]:
        base = f"https://{names.host(document)}:{self.port}"
        document.properties["scoringUri"] = base + self._scoring_path(document)
        document.properties["swaggerUri"] = base + "/swagger.json"
        return document.body

    def actions(self) -> Mapping[str, Action]:
        return {
            "listkeys": lambda document, request: keys.list_keys(document),
            "token": lambda document, request: keys.token(self.tokens, document),
            "regeneratekeys": self.regenerate,
        }

    def regenerate(self, document: Document, request: Request) -> Response:
        """Replaces one key, from the next request on."""
        keys.regenerate(self.store, document, request)
        self.apply(document)
        return Response(200)

    def reconcile(self) -> None:
        """Makes all endpoints known to the gateway."""
        for document in self.store.of_type(self.type):
            self.apply(document)

    def _publish(self, document: Document) -> None:
        table, properties = self.table, document.properties
        route = table.endpoint(names.host(document), document.id)
        table.set_access(route, properties["authMode"], tuple(document.private["keys"].values()))
        table.set_traffic(route, properties["traffic"], properties["mirrorTraffic"])

    def _complete_traffic(self, document: Document) -> None:
        properties = document.properties
        deployments = self._lasting(document)
        for name in ("traffic", "mirrorTraffic"):
            properties[name] = properties.get(name) or {}
        check_traffic(properties["traffic"], deployments)
        check_mirror(properties["mirrorTraffic"], properties["traffic"], deployments)

    def _check_place(self, document: Document, old: Document | None) -> None:
        if old is not None:
            if names.location(old) != names.location(document):
                message = f"The endpoint '{document.name}' is in '{names.location(old)}': its location cannot change."
                raise ServiceError(400, "BadArgument", message, target="location")
            return
        for other in self.store.of_type(self.type):
            if names.host(other) == names.host(document):
                message = (
                    f"The endpoint name '{document.name}' is already taken in '{names.location(document)}': "
                    "names are unique in a region. Choose another name."
                )
                raise ServiceError(409, "Conflict", message, target="name")

    def _scoring_path(self, document: Document) -> str:
        """The scoring route of the deployment with the most traffic, else of the newest."""
        traffic = document.properties["traffic"]
        served = [one for one in self._deployments(document) if one.private.get("serving")]
        served.sort(key=lambda one: -traffic.get(one.name, 0))
        return str(served[0].private["serving"]["scoring"]["path"]) if served else DEFAULT_ROUTE

    def _lasting(self, document: Document) -> set[str]:
        """The deployments that can be given requests: those that nobody has asked to delete."""
        leaving = {one.resource.lower() for one in self.store.open_operations() if one.kind == "delete"}
        return {
            one.name
            for one in self._deployments(document)
            if one.key not in leaving and one.properties["provisioningState"] != "Deleting"
        }

    def _deployments(self, document: Document) -> list[Document]:
        return self.store.children(document.id, names.DEPLOYMENT)

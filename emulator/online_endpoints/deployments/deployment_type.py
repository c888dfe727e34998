"""The ARM type of an online deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.durations import seconds
from emulator.online_endpoints import names
from emulator.online_endpoints.deployments.probes import complete_probe
from emulator.online_endpoints.gateway.routing import RequestLimits
from emulator.service import Action, ResourceType
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.online_endpoints.deployments.deployments import Deployments
    from emulator.online_endpoints.deployments.logs import DeploymentLogs
    from emulator.online_endpoints.deployments.preparation import Preparation

BUSY = ("Creating", "Updating", "Scaling", "Deleting")
PROBES = ("livenessProbe", "readinessProbe")
REQUEST_SETTINGS = {"maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT0.5S", "requestTimeout": "PT5S"}
LONGEST_TIMEOUT = 180.0
MOST_INSTANCES = 50


class OnlineDeployment(ResourceType):
    """A model behind an endpoint: an image, or code and an environment, on one or more instances."""

    type = names.DEPLOYMENT
    long_running = True
    long_running_delete = True
    # https://learn.microsoft.com/rest/api/azureml/online-deployments/update
    patchable = frozenset({"sku", "tags"})

    def __init__(self, store: Store, preparation: Preparation, deployments: Deployments, logs: DeploymentLogs) -> None:
        self.store = store
        self.preparation = preparation
        self.deployments = deployments
        self.printed = logs

    def prepare(self, document: Document, old: Document | None) -> None:
        names.check_name(document, "deployment")
        if old is not None and old.properties["provisioningState"] in BUSY:
            message = (
                f"The deployment '{document.name}' is {old.properties['provisioningState'].lower()}: try again later."
            )
            raise ServiceError(409, "Conflict", message)
        properties = document.properties
        kind = properties.get("endpointComputeType")
        if kind != "Managed":
            raise unsupported(f"A deployment with the endpointComputeType '{kind}' (known: Managed)")
        if not properties.get("instanceType"):
            raise ServiceError(400, "BadArgument", "A deployment needs an 'instanceType'.", target="instanceType")
        document.private["probes"] = [name for name in PROBES if complete_probe(properties, name)]
        self._complete(document)
        self.preparation.environment(document)
        properties["provisioningState"] = "Creating"

    def apply(self, document: Document) -> None:
        self.deployments.apply(document)

    def remove(self, document: Document) -> None:
        self.deployments.remove(document)

    def refuse_deletion(self, document: Document) -> None:
        endpoint = self.store.get(names.endpoint_id(document))
        share = endpoint.properties["traffic"].get(document.name) if endpoint else 0
        if share:
            message = f"The deployment '{document.name}' has {share} % of the traffic: give it 0 % before deleting it."
            raise ServiceError(400, "BadArgument", message)

    def actions(self) -> Mapping[str, Action]:
        return {"getlogs": self.logs}

    def logs(self, document: Document, request: Request) -> Response:
        """`POST getLogs` with `{containerType: InferenceServer | StorageInitializer, tail}`."""
        body = request.json() or {}
        tail = body.get("tail")
        if tail is not None and (not isinstance(tail, int) or tail < 1):
            raise ServiceError(400, "BadArgument", f"'tail' must be a whole number of at least 1, not {tail!r}.")
        kind = body.get("containerType") or "InferenceServer"
        containers = self.deployments.containers(document)
        return Response.json({"content": self.printed.read(document, kind, tail, containers)})

    def _complete(self, document: Document) -> None:
        properties = document.properties
        document.body["sku"] = {"name": "Default", **(document.body.get("sku") or {})}
        document.body["sku"].setdefault("capacity", 1)
        instances(document)
        given = {key: value for key, value in (properties.get("requestSettings") or {}).items() if value is not None}
        properties["requestSettings"] = {**REQUEST_SETTINGS, **given}
        request_limits(document)
        properties["scaleSettings"] = properties.get("scaleSettings") or {"scaleType": "Default"}
        if properties["scaleSettings"].get("scaleType") != "Default":
            raise unsupported(f"A deployment that scales by '{properties['scaleSettings'].get('scaleType')}'")
        for name, value in self._defaults().items():
            if properties.get(name) is None:
                properties[name] = value
        document.body["tags"] = document.body.get("tags") or {}

    def _defaults(self) -> dict[str, Any]:
        return {
            "appInsightsEnabled": False,
            "egressPublicNetworkAccess": "Enabled",
            "environmentVariables": {},
            "properties": {},
        }


def instances(document: Document) -> int:
    """How many instances a deployment has: `sku.capacity`.

    Raises:
        ServiceError: 400, it is no such number.
    """
    count = document.body["sku"]["capacity"]
    if not isinstance(count, int) or not 1 <= count <= MOST_INSTANCES:
        message = f"'sku.capacity' (instance count) must be a whole number from 1 to {MOST_INSTANCES}, not {count!r}."
        raise ServiceError(400, "BadArgument", message, target="sku.capacity")
    return count


def request_limits(document: Document) -> RequestLimits:
    """A deployment's `requestSettings`; `maxQueueWait` is deprecated: waiting counts towards the timeout.

    Raises:
        ServiceError: 400, a value is out of range.
    """
    settings = document.properties["requestSettings"]
    concurrency = settings["maxConcurrentRequestsPerInstance"]
    if not isinstance(concurrency, int) or concurrency < 1:
        message = f"'maxConcurrentRequestsPerInstance' must be a whole number of at least 1, not {concurrency!r}."
        raise ServiceError(400, "BadArgument", message, target="requestSettings")
    try:
        timeout = seconds(str(settings["requestTimeout"]))
        seconds(str(settings["maxQueueWait"]))
    except ValueError as error:
        raise ServiceError(400, "BadArgument", f"'requestSettings': {error}.", target="requestSettings") from None
    if not 0 < timeout <= LONGEST_TIMEOUT:
        message = f"'requestTimeout' must be more than 0 and at most {LONGEST_TIMEOUT:.0f} s, not {timeout:g} s."
        raise ServiceError(400, "BadArgument", message, target="requestSettings")
    return RequestLimits(concurrency, timeout)

"""Computes: clusters whose nodes are this machine, and instances that start and stop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.identifiers import COMPUTE
from emulator.online_endpoints.identity import complete_identity
from emulator.runs.scheduler import Runs
from emulator.service import Action, ResourceType
from emulator.store import Document, Store

CLUSTER, INSTANCE = "AmlCompute", "ComputeInstance"
IDLE_TIME = "PT120S"


class Compute(ResourceType):
    """A compute target. Its jobs run on this machine whatever size it names."""

    type = COMPUTE
    long_running = True

    def __init__(self, store: Store, runs: Runs) -> None:
        self.store = store
        self.runs = runs

    def prepare(self, document: Document, old: Document | None) -> None:
        kind = document.properties.get("computeType")
        if kind not in (CLUSTER, INSTANCE):
            raise unsupported(f"A compute of type '{kind}' (known: {CLUSTER}, {INSTANCE})")
        if old and old.properties["computeType"] != kind:
            raise ServiceError(
                409, "Conflict", f"Compute '{document.name}' is of type {old.properties['computeType']}."
            )
        if document.body.get("identity"):
            document.body["identity"] = complete_identity(self.store, document)
        now = datetime.now(UTC).isoformat()
        document.properties.update(
            provisioningState="Succeeded",
            createdOn=old.properties["createdOn"] if old else now,
            modifiedOn=now,
            isAttachedCompute=False,
            disableLocalAuth=document.properties.get("disableLocalAuth", True),
            computeLocation=document.properties.get("computeLocation") or document.body.get("location"),
        )
        inner = document.properties.get("properties") or {}
        document.properties["properties"] = cluster(inner) if kind == CLUSTER else instance(inner)

    def present(self, document: Document) -> dict[str, Any]:
        properties = document.properties
        if properties["computeType"] == CLUSTER:
            running = self.runs.occupying(document.id)
            inner = properties["properties"]
            nodes = max(running, int(inner["scaleSettings"].get("minNodeCount") or 0))
            counts = {"idleNodeCount": nodes - running, "runningNodeCount": running, "preparingNodeCount": 0}
            inner.update(currentNodeCount=nodes, targetNodeCount=nodes)
            inner["nodeStateCounts"] = {
                **counts,
                "unusableNodeCount": 0,
                "leavingNodeCount": 0,
                "preemptedNodeCount": 0,
            }
        return document.body

    def actions(self) -> Mapping[str, Action]:
        return {"start": self.start, "stop": self.stop, "listnodes": self.nodes}

    def start(self, document: Document, request: Request) -> Response:
        """Starts an instance."""
        return self._switch(document, "Running")

    def stop(self, document: Document, request: Request) -> Response:
        """Stops an instance."""
        return self._switch(document, "Stopped")

    def nodes(self, document: Document, request: Request) -> Response:
        """One node for each running job."""
        running = self.runs.occupying(document.id)
        nodes = [{"nodeId": f"this-machine-{number}", "nodeState": "running"} for number in range(running)]
        return Response.json({"nodes": nodes})

    def _switch(self, document: Document, state: str) -> Response:
        if document.properties["computeType"] != INSTANCE:
            message = f"Compute '{document.name}' is a cluster: it starts and stops its nodes itself."
            raise ServiceError(400, "BadRequest", message)
        changed = document.copy()
        changed.properties["properties"]["state"] = state
        self.store.put(changed)
        return Response(202)


def cluster(given: dict[str, Any]) -> dict[str, Any]:
    """A cluster's own properties with Azure's defaults.

    Raises:
        ServiceError: the node counts contradict each other.
    """
    scale = {
        "minNodeCount": 0,
        "maxNodeCount": 1,
        "nodeIdleTimeBeforeScaleDown": IDLE_TIME,
        **(given.get("scaleSettings") or {}),
    }
    if int(scale["minNodeCount"] or 0) > int(scale["maxNodeCount"]):
        message = f"minNodeCount ({scale['minNodeCount']}) is above maxNodeCount ({scale['maxNodeCount']})."
        raise ServiceError(400, "BadRequest", message)
    defaults = {
        "vmSize": "STANDARD_DS3_V2",
        "vmPriority": "Dedicated",
        "osType": "Linux",
        "remoteLoginPortPublicAccess": "Disabled",
    }
    state = {"allocationState": "Steady", "errors": [], "isolatedNetwork": False, "enableNodePublicIp": True}
    return {**defaults, **state, **given, "scaleSettings": scale}


def instance(given: dict[str, Any]) -> dict[str, Any]:
    """An instance's own properties with Azure's defaults."""
    defaults = {
        "vmSize": "STANDARD_DS3_V2",
        "applicationSharingPolicy": "Personal",
        "sshSettings": {"sshPublicAccess": "Disabled"},
    }
    return {**defaults, "state": "Running", "errors": [], "applications": [], **given}

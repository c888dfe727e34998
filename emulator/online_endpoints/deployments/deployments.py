"""Makes deployments real: starts their instances, replaces and scales them without losing a request, removes them."""

from __future__ import annotations

import logging
import math
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.containers.container import Container
from emulator.errors import ServiceError
from emulator.online_endpoints import names
from emulator.online_endpoints.deployments.deployment_type import instances, request_limits
from emulator.online_endpoints.deployments.failures import crashed, never_ready, settled
from emulator.online_endpoints.deployments.probes import patience
from emulator.online_endpoints.deployments.serving import Serving
from emulator.online_endpoints.deployments.variables import identity_variables
from emulator.online_endpoints.gateway.routing import Instance
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.containers.service import ContainersService
    from emulator.online_endpoints.deployments.logs import DeploymentLogs
    from emulator.online_endpoints.deployments.preparation import Preparation
    from emulator.online_endpoints.gateway.routing import Backend, EndpointRoute, RoutingTable

# What a request may take at most, and a little more.
DRAIN_SECONDS = 185.0
# What Kubernetes, and so Azure, gives a container after SIGTERM: servers drain within it and send their telemetry.
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.5
NAMES = "deployment"
"""What the names of all instances begin with."""
logger = logging.getLogger(__name__)


class EmulatorStops(BaseException):
    """Leaves an operation open, so that the next start runs it again; no handler of errors may take it for one."""


class Turn:
    """One piece of work at a time on a deployment; `deleting` ends the one that is under way, which waits for the
    instances in `starting`.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.deleting = threading.Event()
        self.starting: Sequence[Instance] = ()


class Deployments:
    """The running half of every deployment."""

    def __init__(
        self,
        store: Store,
        state: Path,
        containers: ContainersService,
        table: RoutingTable,
        preparation: Preparation,
        logs: DeploymentLogs,
    ) -> None:
        """
        Args:
            state: the emulator's folder; places in what is kept are relative to it.
        """
        self.store = store
        self.state = state
        self.host = containers.host
        self.identities = containers.identities
        self.table = table
        self.preparation = preparation
        self.logs = logs
        self._stopping = threading.Event()
        self._turns: dict[str, Turn] = {}
        self._lock = threading.Lock()

    def apply(self, document: Document) -> None:
        """Brings the instances in line with a deployment's document as it is when its turn comes.

        Raises:
            ServiceError: they do not become ready; what ran before goes on.
        """
        with self._turn(document) as turn:
            # Work that came before may have changed what serves since the document was handed over.
            current = self.store.get(document.id)
            if turn.deleting.is_set() or current is None:
                raise deleted(document)
            serving = self._serving(current)
            try:
                self._roll(current, serving, turn)
            except Exception:
                self._sweep(current)
                raise
            self._keep(current, serving)
            self._sweep(current)

    def remove(self, document: Document) -> None:
        """Takes a deployment out of its endpoint, waits for its requests and stops its instances."""
        self._of(document).deleting.set()
        self._mark_deleting(document)
        with self._turn(document):
            endpoint = self._route(document)
            there: tuple[Instance, ...] = ()
            if endpoint is not None:
                route, backend = endpoint
                there = backend.instances
                if not self.table.withdraw(route, document.name, DRAIN_SECONDS):
                    logger.warning("%s still had requests when it was stopped", document.id)
            self._stop([instance.name for instance in there])
            shutil.rmtree(self.preparation.folder(document), ignore_errors=True)
        with self._lock:
            self._turns.pop(document.key, None)

    def reconcile(self) -> None:
        """Starts again what served before the emulator ended; requests are refused until it is ready.

        What was being started then is released: the operation that did so is run again, and starts others.
        """
        serving_again: list[str] = []
        for document in self.store.of_type(names.DEPLOYMENT):
            self._sweep(document)
            found = document.private.get("serving")
            endpoint = self._route(document)
            if not found or endpoint is None:
                continue
            serving, count = self._kept(found), int(document.private["instances"])
            started = tuple(self._start(document, serving, number) for number in range(count))
            self.table.set_instances(endpoint[1], started, request_limits(document))
            serving_again += [instance.name for instance in started]
        self.host.release_others(f"{NAMES}/", serving_again)

    def stop(self) -> None:
        """Lets nobody wait for an instance any more."""
        self._stopping.set()

    def containers(self, document: Document) -> Sequence[Container]:
        """The containers of the instances that serve, and of those that are about to."""
        endpoint = self._route(document)
        serving = endpoint[1].instances if endpoint else ()
        return [one.container for one in (*serving, *self._of(document).starting)]

    # -- instances

    def _serving(self, document: Document) -> Serving:
        """What to run: what runs already when only the number of instances or the request settings changed."""
        found = document.private.get("serving")
        if found and document.private.get("source") == source(document):
            return self._kept(found)
        return self.preparation.prepare(document)

    def _roll(self, document: Document, serving: Serving, turn: Turn) -> None:
        endpoint = self._route(document)
        if endpoint is None:
            raise ServiceError(404, "ResourceNotFound", f"The endpoint of '{document.name}' is gone.")
        backend = endpoint[1]
        wanted = {self._name(document, serving, number): number for number in range(instances(document))}
        kept = [one for one in backend.instances if one.name in wanted]
        known = {one.name for one in kept}
        missing = [name for name in wanted if name not in known]
        fresh: list[Instance] = []
        turn.starting = fresh
        try:
            for name in missing:
                fresh.append(self._start(document, serving, wanted[name]))
            self._await_ready(document, fresh, patience(serving.readiness), turn)
        except Exception:
            self.logs.keep(document, [one.container for one in fresh])
            self._stop(missing)
            raise
        finally:
            turn.starting = ()
        gone = [one for one in backend.instances if one.name not in wanted]
        self.table.set_instances(backend, (*kept, *fresh), request_limits(document))
        self.table.idle(tuple(gone), DRAIN_SECONDS)
        self._stop([instance.name for instance in gone])

    def _start(self, document: Document, serving: Serving, number: int) -> Instance:
        name = self._name(document, serving, number)
        address = self.host.address(name)
        container = self.host.start(
            serving.specification(name, address, identity_variables(self.store, self.identities, document, name))
        )
        return Instance(name, container, f"http://{address}:{serving.scoring.port}")

    def _await_ready(self, document: Document, fresh: Sequence[Instance], seconds: float, turn: Turn) -> None:
        for instance in fresh:
            container, settled_now = instance.container, False
            while not settled_now:
                settled_now = container.wait(settled, LOOK_SECONDS)
                if self._stopping.is_set():
                    raise EmulatorStops
                if turn.deleting.is_set():
                    raise deleted(document)
                # The time for pulling the image does not count.
                began = container.started or math.inf
                if not settled_now and container.state == "Running" and time.time() - began > seconds:
                    raise never_ready(container, seconds)
            if not container.ready:
                raise crashed(container)

    def _stop(self, gone: Collection[str]) -> None:
        """Stops instances by name and releases what they have; those that were not started yet may be among them."""
        self.host.stop_all(gone, STOP_SECONDS)
        for name in gone:
            self.host.release(name)

    def _name(self, document: Document, serving: Serving, number: int) -> str:
        place = self.preparation.folder(document).parent.name
        return f"{NAMES}/{place}/{document.name}/{serving.revision}-{number}"

    # -- documents

    def _route(self, document: Document) -> tuple[EndpointRoute, Backend] | None:
        endpoint = self.store.get(names.endpoint_id(document))
        if endpoint is None:
            return None
        route = self.table.endpoint(names.host(endpoint), endpoint.id)
        return route, self.table.backend(route, document.name)

    def _keep(self, document: Document, serving: Serving) -> None:
        """Writes down what serves, unless the deployment is gone."""
        with self.store.transaction():
            current = self.store.get(document.id)
            if current is not None:
                changed = current.copy()
                changed.private.update(
                    serving=serving.to_json(self.state),
                    instances=instances(document),
                    source=source(document),
                )
                self.store.put(changed)

    def _kept(self, found: dict[str, Any]) -> Serving:
        return Serving.from_json(found, self.state)

    def _sweep(self, document: Document) -> None:
        """Removes the folders of all that does not serve: what was replaced, what failed, what a kill left behind."""
        current = self.store.get(document.id)
        serving = current.private.get("serving") if current else None
        for folder in self.preparation.folder(document).glob("*/"):
            if not serving or folder.name != Path(serving["folder"]).name:
                shutil.rmtree(folder, ignore_errors=True)

    def _mark_deleting(self, document: Document) -> None:
        """Says that the deployment is going, and takes it out of its endpoint's traffic maps."""
        with self.store.transaction():
            if current := self.store.get(document.id):
                changed = current.copy()
                changed.properties["provisioningState"] = "Deleting"
                self.store.put(changed)
            if endpoint := self.store.get(names.endpoint_id(document)):
                owner = endpoint.copy()
                for key in ("traffic", "mirrorTraffic"):
                    owner.properties[key].pop(document.name, None)
                self.store.put(owner)

    # -- turns

    def _of(self, document: Document) -> Turn:
        with self._lock:
            return self._turns.setdefault(document.key, Turn())

    @contextmanager
    def _turn(self, document: Document) -> Iterator[Turn]:
        turn = self._of(document)
        with turn.lock:
            yield turn


def source(document: Document) -> dict[str, object]:
    """What of a deployment makes new instances necessary when it changes."""
    kept = ("environmentId", "model", "modelMountPath", "codeConfiguration", "environmentVariables", "instanceType")
    more = ("appInsightsEnabled", "livenessProbe", "readinessProbe")
    return {name: document.properties.get(name) for name in (*kept, *more)}


def deleted(document: Document) -> ServiceError:
    """The error of work on a deployment that is being deleted."""
    return ServiceError(409, "OperationCanceled", f"The deployment '{document.name}' is being deleted.")

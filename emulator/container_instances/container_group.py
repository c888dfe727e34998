"""`Microsoft.ContainerInstance/containerGroups`: https://learn.microsoft.com/rest/api/container-instances."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emulator.arm.service import operations_of
from emulator.arm.types import require_location
from emulator.certificates import bundle_file
from emulator.container_instances.host_names import HostNames
from emulator.container_instances.instance_view import container_view, event, group_state
from emulator.container_instances.registry_access import RegistryAccess, inaccessible
from emulator.container_instances.secure_values import SecureValues
from emulator.container_instances.specifications import container_name, group_name, specification
from emulator.container_instances.validation import check_group, check_label, check_update, refusal, title
from emulator.containers.container import Container
from emulator.containers.event import recorded
from emulator.containers.service import ContainersService
from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.service import Action, Emulator, ResourceType
from emulator.settings import CONTAINER_GROUP_SUFFIX
from emulator.store import Document

CONTAINER_GROUP = "Microsoft.ContainerInstance/containerGroups"
START_SECONDS = 120.0
STOP_SECONDS = 30.0
# Beside the document: whether somebody stopped the group, and how its containers were then.
STOPPED = "stopped"
# Why it could not be made.
FAILURE = "failure"


class ContainerGroup(ResourceType):
    """A group: one address, one restart policy, containers that start and end together."""

    type = CONTAINER_GROUP
    long_running = True
    long_running_delete = True

    def __init__(
        self, emulator: Emulator, containers: ContainersService, access: RegistryAccess, secure_values: SecureValues
    ) -> None:
        self.emulator = emulator
        self.store = emulator.store
        self.containers = containers
        self.host = containers.host
        self.access = access
        self.secure_values = secure_values
        self.host_names = HostNames(emulator.settings, emulator.store, self.type)
        self._locks: dict[str, threading.Lock] = {}

    # -- documents

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        properties = document.properties
        check_group(document)
        properties.setdefault("osType", "Linux")
        properties.setdefault("restartPolicy", "Always")
        properties.setdefault("sku", "Standard")
        properties.pop("instanceView", None)
        document.private.pop(FAILURE, None)
        for container in properties["containers"]:
            container["properties"].pop("instanceView", None)
        if old:
            check_update(document, old)
        check_label(document, self.store.of_type(CONTAINER_GROUP))
        self._fill_in_identities(document)
        self._fill_in_address(document)
        self.secure_values.take_out(document)
        if old and old.body["properties"] != properties:
            document.private.pop(STOPPED, None)

    def present(self, document: Document) -> dict[str, Any]:
        stopped: dict[str, Any] | None = document.private.get(STOPPED)
        views = []
        for container in document.properties["containers"]:
            running = self.host.find(container_name(document, container["name"]))
            view = (stopped or {}).get(container["name"]) or (container_view(running) if running else None)
            if view:
                container["properties"]["instanceView"] = view
                views.append(view)
        state = group_state(views, stopped=stopped is not None)
        if document.properties["provisioningState"] == "Failed" and not views:
            state = "Failed"
        failure = document.private.get(FAILURE)
        document.properties["instanceView"] = {"events": [failure] if failure else [], "state": state}
        return document.body

    # -- life

    def apply(self, document: Document) -> None:
        self._bring_up(document)

    def start(self, document: Document, *, again: bool = False) -> list[Container]:
        """Starts the group's containers; those that run as they should stay.

        Args:
            again: the emulator was restarted: containers that had ended stay so.
        """
        address = self.host.address(group_name(document))
        bundle = bundle_file(self.emulator.settings)
        wanted = [
            specification(document, one, address, self._hidden(document, one), bundle) for one in self._each(document)
        ]
        for name in self.host.names(group_name(document) + "/"):
            if name not in {one.name for one in wanted}:
                self.host.stop(name, STOP_SECONDS)
        start = self.host.resume if again else self.host.start
        return [start(one) for one in wanted]

    def remove(self, document: Document) -> None:
        with self._turn(document):
            self._stop(document)
            self.host.release(group_name(document))
            self.host_names.write(without=document.key)
            # Whose turn comes now must not find it any more.
            self.store.delete(document.id)

    def actions(self) -> Mapping[str, Action]:
        return {"start": self.start_again, "stop": self.stop, "restart": self.restart}

    def start_again(self, document: Document, request: Request) -> Response:
        """`POST …/start`: a group that was stopped starts anew."""
        return self._operate(document, request, lambda: self._bring_up(document))

    def restart(self, document: Document, request: Request) -> Response:
        """`POST …/restart`: all containers stop and start in place."""
        self._operate(document, request, lambda: self._bring_up(document, anew=True))
        return Response(204)

    def stop(self, document: Document, request: Request) -> Response:
        """`POST …/stop`: the containers end, the group and its address stay."""
        with self._turn(document) as current:
            if current is not None and STOPPED not in current.private:
                # Said before it is done: a PUT or a start that comes meanwhile takes it back, and has the last word.
                self._note(current, lambda private: private.update({STOPPED: {}}))
                views = self._stop(current)
                self._note(current, lambda private: private.update({STOPPED: views} if STOPPED in private else {}))
        return Response(204)

    # -- parts

    @contextmanager
    def _turn(self, document: Document) -> Iterator[Document | None]:
        """One piece of work at a time on a group, each on the document as it is by then; None when it is gone."""
        with self._locks.setdefault(document.key, threading.Lock()):
            yield self.store.get(document.id)

    def _bring_up(self, document: Document, *, anew: bool = False) -> None:
        """Brings the containers in line with the group's document, unless somebody stopped or deleted the group."""
        with self._turn(document) as current:
            if current is None:
                return
            if anew:
                self._stop(current)
            self.host_names.write()
            if STOPPED in current.private:
                return
            try:
                self.access.check(current)
                self._require_images(current)
            except ServiceError as error:
                self._keep_failure(current, error)
                raise
            started = self.start(current)
        for container in started:
            container.wait(has_been_started, START_SECONDS)

    def _stop(self, document: Document) -> dict[str, Any]:
        """Stops all containers at once; how they were, by name."""
        found = [self.host.find(name) for name in self.host.names(group_name(document) + "/")]
        containers = [container for container in found if container is not None]
        self.host.stop_all([container.specification.name for container in containers], STOP_SECONDS)
        return {one.specification.name.rpartition("/")[2]: container_view(one) for one in containers}

    def _each(self, document: Document) -> list[dict[str, Any]]:
        containers: list[dict[str, Any]] = document.properties["containers"]
        return containers

    def _hidden(self, document: Document, container: dict[str, Any]) -> dict[str, str]:
        identities = list(document.body.get("identity", {}).get("userAssignedIdentities") or {})
        name = container_name(document, container["name"])
        secure = self.secure_values.variables(document, container["name"])
        return {**self.containers.identities.variables(name, identities), **secure}

    def _keep_failure(self, document: Document, error: ServiceError) -> None:
        """Shows why a group could not be made among its events, for those who do not poll the operation."""
        (failed,) = recorded([], "Failed", f"{error.code}: {error.message}", warning=True)
        self._note(document, lambda private: private.update({FAILURE: event(failed)}))

    def _operate(self, document: Document, request: Request, work: Callable[[], None]) -> Response:
        """Runs an action on a group that is stopped no longer, which is on disk with the action or not at all."""
        with self.store.transaction():
            current = self._note(document, lambda private: private.pop(STOPPED, None))
            if current is None:
                raise not_found(document.id)
            # After a crash ARM applies the document instead.
            operations = operations_of(self.emulator)
            operation = operations.begin("put", current, work)
            return Response(202, headers=operations.headers(operation, request))

    def _note(self, document: Document, change: Callable[[dict[str, Any]], object]) -> Document | None:
        """Changes what is kept beside the document as it is now; None when it is gone."""
        with self.store.transaction():
            current = self.store.get(document.id)
            if current is None:
                return None
            change(current.private)
            return self.store.put(current)

    def _require_images(self, document: Document) -> None:
        for container in self._each(document):
            image = container["properties"]["image"]
            try:
                self.containers.images().resolve(image)
            except (ServiceError, LookupError, OSError) as error:
                raise inaccessible(document, image, str(error)) from None

    def _fill_in_identities(self, document: Document) -> None:
        identity = document.body.get("identity") or {}
        given = identity.get("userAssignedIdentities") or {}
        for resource_id in given:
            found = self.store.get(resource_id)
            if found is None:
                message = f"The identity '{resource_id}' of {title(document)} was not found."
                raise refusal("FailedIdentityOperation", message)
            given[resource_id] = {key: found.properties[key] for key in ("principalId", "clientId")}

    def _fill_in_address(self, document: Document) -> None:
        address = document.properties.get("ipAddress")
        if not address:
            return
        address.setdefault("type", "Public")
        address["ip"] = self.host.address(group_name(document))
        if label := address.get("dnsNameLabel"):
            location = document.body["location"].lower().replace(" ", "")
            address["fqdn"] = f"{label}.{location}.{CONTAINER_GROUP_SUFFIX}"


def has_been_started(container: Container) -> bool:
    """Whether a start was tried, with whatever success."""
    return container.state != "Waiting" or container.reason not in ("ContainerCreating",)

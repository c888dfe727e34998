"""The service: container groups, their logs, and the host names by which groups are reached."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.container_instances.container_group import CONTAINER_GROUP, STOPPED, ContainerGroup
from emulator.container_instances.registry_access import RegistryAccess
from emulator.container_instances.secure_values import SecureValues
from emulator.container_instances.specifications import GROUPS, container_name, group_name
from emulator.containers.service import ContainersService
from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST

GROUP = (
    r"(?P<group>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerInstance/containerGroups/[^/]+)"
)
MOST_LINES = 10_000


class ContainerInstancesService(Service):
    """Azure Container Instances."""

    name = "container-instances"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        containers = emulator.services.get(ContainersService)
        self.host = containers.host
        self.secure_values = SecureValues(emulator.settings.directory("container-instances"))
        access = RegistryAccess(emulator.store, emulator.access)
        self.groups = ContainerGroup(emulator, containers, access, self.secure_values)

    def resource_types(self) -> Sequence[ResourceType]:
        return (self.groups,)

    def routes(self) -> Sequence[Route]:
        path = GROUP + r"/containers/(?P<container>[^/]+)/logs/?"
        return (Route(ARM_HOST, path, self.logs, ("GET",)),)

    def reconcile(self) -> None:
        """Starts the groups that ran; those whose creation was interrupted are created by ARM's open operations.

        What groups hold that never came to be, or are gone, is released.
        """
        documents = self.emulator.store.of_type(CONTAINER_GROUP)
        self.host.release_others(f"{GROUPS}/", {group_name(document) for document in documents})
        for document in documents:
            if document.properties["provisioningState"] == "Succeeded" and STOPPED not in document.private:
                self.groups.start(document, again=True)

    def logs(self, request: Request) -> Response:
        """`GET …/containers/{name}/logs?tail=&timestamps=`."""
        document = self.emulator.store.get(request.parameters["group"])
        if document is None:
            raise not_found(request.parameters["group"])
        wanted = request.parameters["container"].lower()
        if wanted not in {one["name"] for one in document.properties["containers"]}:
            message = f"The container '{wanted}' is not found in container group '{document.name}'."
            raise ServiceError(404, "ContainerNotFound", message)
        tail = lines(request)
        container = self.host.find(container_name(document, wanted))
        return Response.json({"content": container.logs(tail) if container else ""})


def lines(request: Request) -> int:
    """How many lines the query's `tail` asks for."""
    text = request.query.get("tail", "")
    if not text:
        return MOST_LINES
    if not text.isdecimal():
        raise ServiceError(400, "InvalidQueryParameter", f"'tail' must be a whole number, not '{text}'.")
    return min(int(text), MOST_LINES)

"""The registries that exist: their documents, their servers, and where their contexts and logs are."""

from __future__ import annotations

import threading

from emulator.container_registry.attributes import Attributes
from emulator.container_registry.errors import RegistryError
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.registry_type import REGISTRY
from emulator.container_registry.server import RegistryServer
from emulator.container_registry.sources import Sources
from emulator.http import Request
from emulator.service import Emulator
from emulator.settings import REGISTRY_SUFFIX
from emulator.store import Document


class Registries:
    """Each by its name, which is taken everywhere."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self._servers: dict[str, RegistryServer] = {}
        self._lock = threading.Lock()

    def find(self, name: str) -> Document | None:
        """A registry by its name, which is taken everywhere."""
        documents = self.emulator.store.of_type(REGISTRY)
        return next((one for one in documents if one.name.lower() == name.lower()), None)

    def addressed(self, request: Request) -> Document:
        """The registry that a request's host names.

        Raises:
            RegistryError: 404 where Azure's host name would not resolve.
        """
        name = request.parameters["host"]
        found = self.find(name)
        if found is None:
            raise RegistryError(404, "NAME_UNKNOWN", f"there is no registry named '{name}'")
        return found

    def login_server(self, name: str) -> str:
        """`<name>.azurecr.localhost:<port>`."""
        return f"{name.lower()}.{REGISTRY_SUFFIX}:{self.emulator.settings.https_port}"

    def server(self, name: str) -> RegistryServer:
        """The server behind a registry."""
        with self._lock:
            key = name.lower()
            if key not in self._servers:
                self._servers[key] = RegistryServer(self.emulator.settings, self.emulator.runtime, key)
            return self._servers[key]

    def attributes(self, name: str) -> Attributes:
        """The locks in a registry, the same object for all who write them."""
        return self.server(name).attributes

    def sources(self, name: str) -> Sources:
        """Build contexts and logs of a registry."""
        return Sources(self.emulator, name)

    def remove(self, name: str) -> None:
        """Removes a registry's images, contexts and logs."""
        self.server(name).remove()
        with self._lock:
            self._servers.pop(name.lower(), None)
        self.sources(name).remove()

    def servers(self) -> list[RegistryServer]:
        """The servers of all registries."""
        return [self.server(one.name) for one in self.emulator.store.of_type(REGISTRY)]

    def stop(self) -> None:
        """Ends the servers."""
        for server in self._servers.values():
            server.stop()

    def files(self, login_server: str) -> RegistryFiles | None:
        """The contents of the registry of a login server."""
        name, _, suffix = login_server.partition(".")
        if suffix.partition(":")[0] != REGISTRY_SUFFIX or self.find(name) is None:
            return None
        return self.server(name).files

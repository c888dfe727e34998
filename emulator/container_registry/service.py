"""The service: a registry server behind every registry of ARM, and what Azure puts around it."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.container_registry.attributes import Attributes
from emulator.container_registry.authorization import Authorization
from emulator.container_registry.build_runs import RUN, BuildRuns
from emulator.container_registry.data_plane import DataPlane
from emulator.container_registry.errors import RegistryError
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.images import Images
from emulator.container_registry.imports import IMPORT, Imports
from emulator.container_registry.layer_cache import LayerCache
from emulator.container_registry.metadata_plane import MetadataPlane
from emulator.container_registry.registry_type import REGISTRY, Registry
from emulator.container_registry.server import RegistryServer
from emulator.container_registry.sources import Sources, add_account
from emulator.container_registry.tokens import RegistryTokens
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.service import Action, Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST, REGISTRY_SUFFIX
from emulator.store import Document

HOST = f"*.{REGISTRY_SUFFIX}"
NAME = r"(?P<name>.+?)"
"""Any text: what cannot name a repository is refused as one that is not there."""
logger = logging.getLogger(__name__)


class Run(ResourceType):
    """A run of a registry; only `scheduleRun` makes one."""

    type = RUN
    creatable = False

    def __init__(self, runs: BuildRuns) -> None:
        self.runs = runs

    def actions(self) -> Mapping[str, Action]:
        return {"cancel": self.runs.cancel, "listlogsasurl": self.runs.log_url}


class Import(ResourceType):
    """An import into a registry; only `importImage` makes one."""

    type = IMPORT
    creatable = False

    def __init__(self, imports: Imports) -> None:
        self.imports = imports

    def apply(self, document: Document) -> None:
        self.imports.run(document)


class ContainerRegistryService(Service):
    """`images` is what runs containers asks for images."""

    name = "container-registry"
    hosts = (HOST,)

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.tokens = RegistryTokens(emulator.settings)
        self.authorization = Authorization(self)
        self.builds = BuildRuns(self)
        self.imports = Imports(self)
        self.data_plane = DataPlane(self)
        self.images = Images(emulator.settings.directory("images"), self._files)
        self._servers: dict[str, RegistryServer] = {}
        self._lock = threading.Lock()
        add_account(emulator)

    @property
    def work(self) -> Path:
        """Where builds put their files while they run."""
        return self.emulator.settings.directory("container-registry-work")

    @property
    def base_images(self) -> Path:
        """Layers of base images, made once for a machine."""
        from tools.cache import cache_folder

        return cache_folder() / "base-images"

    @property
    def layers(self) -> LayerCache:
        """Large layers, compressed once for a machine."""
        from tools.cache import cache_folder

        return LayerCache(cache_folder() / "image-layers")

    def routes(self) -> Sequence[Route]:
        metadata = MetadataPlane(self)
        check = rf"/subscriptions/[^/]+/providers/{REGISTRY.partition('/')[0]}/checkNameAvailability"

        def route(path: str, handler: object, *methods: str) -> Route:
            return Route(HOST, path, handler, methods, bearer=False)  # type: ignore[arg-type]

        return (
            Route(ARM_HOST, check, Registry(self).check_name, ("POST",)),
            route(r"/oauth2/exchange", self.authorization.exchange, "POST"),
            route(r"/oauth2/token", self.authorization.token, "GET", "POST"),
            route(r"/v2/?", self.data_plane.root, "GET", "HEAD"),
            route(r"/v2/_catalog", self.data_plane.catalog, "GET"),
            route(r"/v2/.+", self.data_plane.content),
            route(r"/acr/v1/_catalog", metadata.repositories, "GET"),
            route(rf"/acr/v1/{NAME}/_tags", metadata.tags, "GET"),
            route(rf"/acr/v1/{NAME}/_tags/(?P<reference>[^/]+)", metadata.tag, "GET", "PATCH", "DELETE"),
            route(rf"/acr/v1/{NAME}/_manifests", metadata.manifests, "GET"),
            route(rf"/acr/v1/{NAME}/_manifests/(?P<reference>[^/]+)", metadata.manifest, "GET", "PATCH"),
            route(rf"/acr/v1/{NAME}", metadata.repository, "GET", "PATCH", "DELETE"),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        return (Registry(self), Run(self.builds), Import(self.imports))

    def reconcile(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        servers = [self.server(one.name) for one in self.emulator.store.of_type(REGISTRY)]
        for server in servers:
            try:
                server.collect_garbage()
            except (ServiceError, OSError) as error:  # disk space is no reason not to start
                logger.warning("deleted images of registry %s keep their bytes: %s", server.name, error)
        self.images.tidy(server.files for server in servers)
        self.builds.runs.reconcile()
        self.imports.runs.reconcile()

    def stop(self) -> None:
        self.builds.runs.stop()
        self.imports.runs.stop()
        for server in self._servers.values():
            server.stop()
        self.data_plane.close()

    # -- registries

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

    def _files(self, login_server: str) -> RegistryFiles | None:
        name, _, suffix = login_server.partition(".")
        if suffix.partition(":")[0] != REGISTRY_SUFFIX or self.find(name) is None:
            return None
        return self.server(name).files

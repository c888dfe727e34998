"""The service: a registry server behind every registry of ARM, and what Azure puts around it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence

from emulator.container_registry.authorization import Authorization
from emulator.container_registry.build_runs import RUN, BuildRuns
from emulator.container_registry.data_plane import DataPlane
from emulator.container_registry.images import Images
from emulator.container_registry.imports import IMPORT, Imports
from emulator.container_registry.layer_cache import LayerCache
from emulator.container_registry.metadata_plane import MetadataPlane
from emulator.container_registry.registries import Registries
from emulator.container_registry.registry_type import REGISTRY, Registry
from emulator.container_registry.sources import add_account
from emulator.container_registry.tokens import RegistryTokens
from emulator.errors import ServiceError
from emulator.service import Action, Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST, REGISTRY_SUFFIX
from emulator.store import Document
from tools.cache import cache_folder

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
        self.work = emulator.settings.directory("container-registry-work")
        self.registries = Registries(emulator)
        self.tokens = RegistryTokens(emulator.settings)
        self.authorization = Authorization(self.registries, self.tokens, emulator.tokens, emulator.access)
        self.builds = BuildRuns(emulator.store, self.registries, self.work, LayerCache(cache_folder() / "image-layers"))
        self.imports = Imports(emulator, self.registries, cache_folder() / "base-images")
        self.data_plane = DataPlane(self.registries, self.authorization)
        self.registry_type = Registry(emulator, self.registries, self.tokens, self.builds, self.imports)
        self.images = Images(emulator.settings.directory("images"), self.registries.files)
        add_account(emulator)

    def routes(self) -> Sequence[Route]:
        metadata = MetadataPlane(self.registries, self.authorization)
        check = rf"/subscriptions/[^/]+/providers/{REGISTRY.partition('/')[0]}/checkNameAvailability"

        def route(path: str, handler: object, *methods: str) -> Route:
            return Route(HOST, path, handler, methods, bearer=False)  # type: ignore[arg-type]

        return (
            Route(ARM_HOST, check, self.registry_type.check_name, ("POST",)),
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
        return (self.registry_type, Run(self.builds), Import(self.imports))

    def reconcile(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(exist_ok=True)
        servers = self.registries.servers()
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
        self.registries.stop()
        self.data_plane.close()

"""The service behind container instances and online endpoints: chooses how containers run here, once, and runs them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from emulator.container_registry.service import ContainerRegistryService
from emulator.containers.choice import choose
from emulator.containers.host import ContainerHost
from emulator.containers.identity import ContainerIdentities
from emulator.containers.images import Images
from emulator.service import Emulator, Route, Service

CLOSE_SECONDS = 5.0
logger = logging.getLogger(__name__)


class ContainersService(Service):
    """`host` runs containers; `identities` gives them their managed identities."""

    name = "containers"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        settings = emulator.settings
        engine, why = choose(settings.container_runtime, settings.state)
        self._remark = f"containers run with {engine.name}: {why}"
        logger.info(self._remark)
        self.host = ContainerHost(settings.state, settings.https_port, engine, self.images, settings.container_back_off)
        self.identities = ContainerIdentities(emulator)

    def routes(self) -> Sequence[Route]:
        return self.identities.routes()

    def reconcile(self) -> None:
        """Ends what a killed emulator's containers have left; who asked for containers starts them again."""
        self.host.clean()

    def stop(self) -> None:
        self.host.close(CLOSE_SECONDS)

    def remark(self) -> str:
        return self._remark

    def images(self) -> Images:
        """The images of this emulator's registries.

        Raises:
            LookupError: it has no registry service.
        """
        return self.emulator.services.get(ContainerRegistryService).images

"""The emulator's process: builds the services, takes up what an earlier process left, and answers on both listeners."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import uvicorn
import uvloop

from emulator.arm.service import ArmService
from emulator.certificates import ensure_certificates, server_file
from emulator.container_instances.service import ContainerInstancesService
from emulator.container_registry.service import ContainerRegistryService
from emulator.containers.service import ContainersService
from emulator.declared.service import DeclaredService
from emulator.dispatch import Dispatcher
from emulator.entra.service import EntraService
from emulator.entra.tokens import Tokens
from emulator.health import HealthService
from emulator.keyvault.service import KeyVaultService
from emulator.machine_learning.service import MachineLearningService
from emulator.monitor.service import MonitorService
from emulator.online_endpoints.service import OnlineEndpointsService
from emulator.pages.service import PagesService
from emulator.policy.service import PolicyService
from emulator.runtime import Runtime
from emulator.service import Emulator, Service
from emulator.settings import Settings, default_state, load_settings
from emulator.storage.service import StorageService
from emulator.store import Store
from emulator.web import WORKERS, WebApplication

# Order matters twice: routes are tried in it, and `reconcile` runs in it (jobs need blobs, blobs need documents).
SERVICES: Sequence[type[Service]] = (
    HealthService,
    EntraService,
    StorageService,
    KeyVaultService,
    DeclaredService,
    MonitorService,
    ContainerRegistryService,
    ContainersService,
    ContainerInstancesService,
    MachineLearningService,
    OnlineEndpointsService,
    PolicyService,
    ArmService,
    PagesService,
)
BACKGROUND_WORKERS = 16
# Longer than clients keep connections they do not use: else one sends a request just when it is closed.
KEEP_ALIVE_SECONDS = 120
logger = logging.getLogger(__name__)


def build(settings: Settings) -> Emulator:
    """The emulator with its services, not yet answering."""
    tokens = Tokens(settings.state, settings.base_url)
    background = ThreadPoolExecutor(BACKGROUND_WORKERS, thread_name_prefix="operation")
    emulator = Emulator(settings, Store(settings.database), Runtime(), tokens, background)
    for kind in SERVICES:
        emulator.add(kind(emulator))
    return emulator


def listeners(emulator: Emulator) -> list[uvicorn.Server]:
    """The web servers of both ports."""
    settings = emulator.settings
    routes = [route for service in emulator.services for route in service.routes()]
    mounts = [mount for service in emulator.services for mount in service.mounts()]
    dispatcher, workers = Dispatcher(emulator, routes), ThreadPoolExecutor(WORKERS, thread_name_prefix="request")

    def server(listener: str, port: int, certificate: str | None) -> uvicorn.Server:
        configuration = uvicorn.Config(
            WebApplication(listener, dispatcher, workers, mounts),
            host="127.0.0.1",
            port=port,
            ssl_certfile=certificate,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        return uvicorn.Server(configuration)

    return [server("https", settings.https_port, str(server_file(settings))), server("http", settings.http_port, None)]


async def serve(emulator: Emulator) -> None:
    """Answers until SIGTERM or SIGINT."""
    servers = listeners(emulator)
    loop = asyncio.get_running_loop()

    def leave() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    # Our handlers stop both servers; uvicorn's own would stop one.
    await asyncio.gather(*(server._serve() for server in servers))
    for service in emulator.services:
        for mount in service.mounts():
            await mount.close()


def run(settings: Settings) -> None:
    """Runs the emulator in this process until it is told to stop."""
    ensure_certificates(settings, [host for kind in SERVICES for host in kind.hosts])
    emulator = build(settings)
    for service in emulator.services:
        service.reconcile()
    logger.info("answering on %s and %s", settings.base_url, settings.http_url)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(emulator))
    finally:
        for service in reversed(emulator.services):
            service.stop()
        emulator.background.shutdown(wait=True, cancel_futures=True)
        emulator.store.close()


def main() -> None:
    """`python -m emulator.server`: what `emulator start` starts."""
    logging.basicConfig(
        level=os.environ.get("EMULATOR_LOG_LEVEL", "INFO"),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for noisy in ("httpx", "httpcore", "azure"):
        logging.getLogger(noisy).setLevel("WARNING")
    run(load_settings(default_state()))


if __name__ == "__main__":
    main()

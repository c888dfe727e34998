"""Runs containers: finds, starts and stops them by name."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import shutil
import tarfile
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from emulator.containers.addresses import Addresses
from emulator.containers.container import Container
from emulator.containers.ends import forget_end, take_up_end, write_end
from emulator.containers.engine import Engine, Image, Start
from emulator.containers.images import Images
from emulator.containers.keeper import STOP_SECONDS, Keeper, PullFailure
from emulator.containers.log_file import LogFile
from emulator.containers.marked_processes import CONTAINER, end_marked
from emulator.containers.process_engine import ProcessEngine
from emulator.containers.program import Program
from emulator.containers.specification import ContainerSpecification
from emulator.errors import ServiceError

T = TypeVar("T")
PULLS_AT_ONCE = 4
LOG_FILE = "log.txt"
NAME_FILE = "name"
logger = logging.getLogger(__name__)


class ContainerHost:
    """All containers of one emulator; safe to use from any thread but its own.

    Args:
        state: the emulator's state folder.
        https_port: the emulator's, from which its addresses follow.
        engine: runs images; commands without an image always run as processes.
        images: gives the images, looked up at the first use.
        back_off: seconds before a second restart.
    """

    def __init__(
        self, state: Path, https_port: int, engine: Engine, images: Callable[[], Images], back_off: float
    ) -> None:
        self.engine = engine
        self._state = state
        self._folder = state / "containers"
        self._images = images
        self._back_off = back_off
        self._commands = ProcessEngine()
        self._lock = threading.RLock()
        self._containers: dict[str, Container] = {}
        self._keepers: dict[str, Keeper] = {}
        self._addresses = Addresses(self._folder / "addresses.json", https_port, self._in_use)
        self._pulls = ThreadPoolExecutor(PULLS_AT_ONCE, thread_name_prefix="pull")
        # Programs end with the thread that started them, so it lives as long as the emulator; not uvloop, which wants
        # the main thread for its children.
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="containers", daemon=True)
        self._thread.start()

    # -- addresses

    def address(self, name: str) -> str:
        """The 127.x.y.z of a container or a group of containers: the same for a name until `release`."""
        return self._addresses.get(name)

    def release(self, name: str) -> None:
        """Frees the address of a container or a group, and removes what stopped containers of it have left."""
        self._addresses.release(name)
        for file in self._folder.glob(f"*/{NAME_FILE}"):
            owner = file.read_text()
            if belongs(owner, name) and self.find(owner) is None:
                shutil.rmtree(file.parent, ignore_errors=True)

    def release_others(self, prefix: str, owners: Collection[str]) -> None:
        """Releases all names with a prefix but those of owners: what an end of the emulator kept from being released.

        Args:
            owners: names of containers or groups of them.
        """
        files = self._folder.glob(f"*/{NAME_FILE}")
        for name in {*self._addresses.names(), *(file.read_text() for file in files)}:
            if name.startswith(prefix) and not any(belongs(name, owner) for owner in owners):
                self.release(name)

    # -- containers

    def start(self, specification: ContainerSpecification) -> Container:
        """Starts a container and returns at once; another one of the same name is stopped first.

        Repeated with the same specification it gives the container there is, in whatever state.
        """
        with self._lock:
            there = self._containers.get(specification.name)
            if there is not None and there.specification == specification:
                return there
            forget_end(self._own(specification.name))
            return self._begin(self._new(specification))

    def resume(self, specification: ContainerSpecification) -> Container:
        """As `start`, after a restart of the emulator: a container that had ended for good stays as it was."""
        with self._lock:
            container = self._new(specification)
            if take_up_end(self._own(specification.name), container):
                self._containers[specification.name] = container
                return container
            return self.start(specification)

    def find(self, name: str) -> Container | None:
        """The container of a name that was started and not stopped."""
        with self._lock:
            return self._containers.get(name)

    def names(self, prefix: str) -> list[str]:
        """Names of the containers that were started and not stopped and whose names begin so."""
        with self._lock:
            return [name for name in self._containers if name.startswith(prefix)]

    def stop(self, name: str, grace: float = 30.0) -> None:
        """Stops a container and forgets it; waits for its end. Nothing happens when there is none.

        The program gets SIGTERM, and SIGKILL when it still runs after `grace` seconds.
        """
        self.stop_all([name], grace)

    def stop_all(self, names: Iterable[str], grace: float = 30.0) -> None:
        """Stops several containers at once."""
        with self._lock:
            wanted = set(names)
            keepers = [keeper for name in wanted if (keeper := self._keepers.pop(name, None))]
            for name in wanted:
                self._containers.pop(name, None)
        for stopped in [self._call(keeper.stop(grace)) for keeper in keepers]:
            stopped.result()

    def restart(self, name: str, grace: float = 30.0) -> Container | None:
        """Stops a container and starts it anew."""
        container = self.find(name)
        if container is None:
            return None
        self.stop(name, grace)
        return self.start(container.specification)

    # -- the emulator's start and end

    def clean(self) -> None:
        """Ends what a killed emulator has left."""
        self.engine.clean()
        end_marked(lambda environment: environment.get(CONTAINER, "").startswith(f"{self._folder}/"))

    def close(self, grace: float) -> None:
        """Stops all containers at once."""
        self.stop_all(self.names(""), grace)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._pulls.shutdown(wait=False, cancel_futures=True)

    # -- parts

    def _new(self, specification: ContainerSpecification) -> Container:
        return Container(specification, LogFile(self._own(specification.name) / LOG_FILE))

    def _begin(self, container: Container) -> Container:
        name = container.specification.name
        before = self._keepers.get(name)
        keeper = Keeper(container, self._prepare, self._launch, self._back_off)
        self._containers[name], self._keepers[name] = container, keeper
        self._call(self._follow(before, keeper))
        return container

    async def _follow(self, before: Keeper | None, keeper: Keeper) -> None:
        if before is not None:
            await before.stop(STOP_SECONDS)
        await keeper.run()
        if not keeper.stopped:
            write_end(self._own(keeper.container.specification.name), keeper.container)

    async def _prepare(self, container: Container) -> Start:
        specification = container.specification
        image = None
        if specification.image is not None:
            image = await self._loop.run_in_executor(self._pulls, self._pull, container, specification.image)
        folder = self._own(specification.name)
        return Start(specification, image, folder, folder / LOG_FILE, self._state)

    def _pull(self, container: Container, reference: str) -> Image:
        container.record("Pulling", f'pulling image "{reference}"')
        try:
            images = self._images()
            digest = images.resolve(reference)
            image = Image(digest, images.configuration(digest), images.unpack(digest))
        except (ServiceError, LookupError, OSError, ValueError, RuntimeError, tarfile.TarError) as error:
            raise PullFailure(f'Failed to pull image "{reference}": {error}') from None
        container.record("Pulled", f'Successfully pulled image "{reference}"')
        return image

    async def _launch(self, start: Start) -> Program:
        engine = self.engine if start.image else self._commands
        return await engine.start(start)

    def _call(self, work: Coroutine[Any, Any, T]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _own(self, name: str) -> Path:
        """The container's folder: its name, readable, and a digest, since names may differ in other characters."""
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", name)[-80:]
        path = self._folder / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        if not (path / NAME_FILE).exists():
            path.mkdir(parents=True, exist_ok=True)
            (path / NAME_FILE).write_text(name)
        return path

    def _in_use(self, address: str) -> bool:
        with self._lock:
            return any(container.specification.address == address for container in self._containers.values())


def belongs(name: str, owner: str) -> bool:
    """Whether a name is that of a container or group, or of a container of the group."""
    return name == owner or name.startswith(owner + "/")

"""The registry servers: one process for each registry, started at first use, gone with the emulator."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import yaml

from emulator.container_registry.attributes import Attributes
from emulator.container_registry.files import RegistryFiles
from emulator.errors import ServiceError
from emulator.runtime import ProcessHandle, Runtime
from emulator.settings import Settings

START_SECONDS = 20.0
ATTEMPTS = 3
logger = logging.getLogger(__name__)


class RegistryServer:
    """One CNCF registry on a loopback port of its own, with its files and their locks in the emulator's state."""

    def __init__(self, settings: Settings, runtime: Runtime, name: str) -> None:
        self.name = name
        self.folder = settings.directory("container-registry", name)
        self.files = RegistryFiles(self.folder / "storage")
        self.attributes = Attributes(self.folder / "attributes.json")
        self._garbage = self.folder / "garbage"
        self._runtime = runtime
        self._lock = threading.Lock()
        self._process: ProcessHandle | None = None
        self._port = 0

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>` of the running server, which is started when it does not run.

        Raises:
            ServiceError: 503, it does not start; the message names the log.
        """
        with self._lock:
            if self._process is None or not self._runtime.alive(self._process):
                self._start()
            return f"127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Ends the process."""
        with self._lock:
            if self._process is not None:
                self._runtime.stop(self._process)
                self._process = None

    def remove(self) -> None:
        """Ends the process and removes all images."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def expect_garbage(self) -> None:
        """Notes on disk that something is about to be deleted: the server forgets it and keeps its bytes."""
        self._garbage.touch()

    def collect_garbage(self) -> None:
        """Removes the bytes of what was deleted since the last time; only while the server does not run.

        Raises:
            ServiceError: 503, set-up has not made the program.
            OSError: the program fails; the message ends with what it said.
        """
        if not self._garbage.exists():
            return
        arguments = [str(find_program()), "garbage-collect", str(self._configure(unused_port()))]
        done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr[-500:]}")
        self._garbage.unlink()

    def _configure(self, port: int) -> Path:
        configuration = self.folder / "server.yml"
        configuration.touch(mode=0o600)
        configuration.write_text(yaml.safe_dump(server_configuration(self.folder / "storage", port)))
        return configuration

    def _start(self) -> None:
        program, log = find_program(), self.folder / "server.log"
        for _ in range(ATTEMPTS):
            self._port = unused_port()
            arguments = [str(program), "serve", str(self._configure(self._port))]
            self._process = self._runtime.start(arguments, environment=environment(), directory=self.folder, log=log)
            if self._answers():
                logger.info("registry %s answers on 127.0.0.1:%d", self.name, self._port)
                return
            self._runtime.stop(self._process)
        self._process = None
        raise ServiceError(503, "RegistryUnavailable", f"The registry server does not start: see {log}.")

    def _answers(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self._process and self._runtime.alive(self._process) and time.monotonic() < deadline:
            try:
                return httpx.get(f"http://127.0.0.1:{self._port}/v2/", timeout=5, trust_env=False).status_code == 200
            except httpx.TransportError:
                time.sleep(0.02)
        return False


def environment() -> dict[str, str]:
    """The program's variables: it would look for a collector of traces on the network."""
    return {"PATH": os.environ.get("PATH", ""), "OTEL_TRACES_EXPORTER": "none"}


def server_configuration(storage: Path, port: int) -> dict[str, object]:
    """https://distribution.github.io/distribution/about/configuration/."""
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True, "secret": secrets.token_hex(16)},
    }


def unused_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program() -> Path:
    """The registry server's executable.

    Raises:
        ServiceError: 503, set-up has not made it.
    """
    from tools.images.find import REGISTRY, require

    try:
        return require(REGISTRY)
    except FileNotFoundError as error:
        raise ServiceError(503, "RegistryUnavailable", f"{error}.") from None

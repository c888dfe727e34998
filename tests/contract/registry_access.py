"""Clients of a registry for tests: Azure's SDK, unmodified, and crane."""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from azure.containerregistry import ContainerRegistryClient
from azure.identity import DefaultAzureCredential

from ml.clients.registry import ContainerRegistry
from tests.conftest import RunningEmulator
from tools.images.find import CRANE, require

TOKEN_USER = "00000000-0000-0000-0000-000000000000"


@contextmanager
def sdk(registry: ContainerRegistry, emulator: RunningEmulator) -> Iterator[ContainerRegistryClient]:
    """Azure's client as its documentation shows it, with the audience of this cloud."""
    audience = emulator.settings.base_url
    with DefaultAzureCredential() as credential:
        endpoint = f"https://{registry.login_server}"
        with ContainerRegistryClient(endpoint, credential, audience=audience) as client:
            yield client


def entra_token(emulator: RunningEmulator) -> str:
    """A token of the machine's identity."""
    answer = httpx.get(
        emulator.environment["IDENTITY_ENDPOINT"],
        params={"resource": "https://management.azure.com/", "api-version": "2019-08-01"},
        headers={"X-IDENTITY-HEADER": emulator.environment["IDENTITY_HEADER"]},
    )
    return str(answer.json()["access_token"])


def refresh_token(registry: ContainerRegistry, emulator: RunningEmulator) -> str:
    """What `az acr login --expose-token` gives: a refresh token of the registry."""
    form = {"grant_type": "access_token", "service": registry.login_server, "access_token": entra_token(emulator)}
    with http(registry, emulator) as client:
        answer = client.post("/oauth2/exchange", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh_token"])


def http(registry: ContainerRegistry, emulator: RunningEmulator) -> httpx.Client:
    """A plain client for the registry."""
    trust = ssl.create_default_context(cafile=emulator.environment["SSL_CERT_FILE"])
    return httpx.Client(base_url=f"https://{registry.login_server}", verify=trust, timeout=60)


class _Connect(socketserver.StreamRequestHandler):
    """Answers CONNECT with a connection to loopback, whatever the host's name."""

    def handle(self) -> None:
        _, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2]))) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=carry, args=(there, self.connection))
            back.start()
            carry(self.connection, there)
            back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Copies until the source ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def loopback_proxy() -> Iterator[str]:
    """A proxy whose connections all end on this machine; its URL."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Connect) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class Crane:
    """crane, signed in to registries as docker is: the token user with a refresh token as its password.

    Go resolves names itself and may find no `*.localhost`, so crane goes through a proxy that does.
    """

    def __init__(self, folder: Path, emulator: RunningEmulator, proxy: str) -> None:
        self.folder = folder
        self.emulator = emulator
        self.proxy = proxy
        self.accounts: dict[str, dict[str, str]] = {}

    def login(self, registry: ContainerRegistry, user: str = TOKEN_USER, password: str = "") -> None:
        """Keeps a password for a registry."""
        secret = password or refresh_token(registry, self.emulator)
        encoded = base64.b64encode(f"{user}:{secret}".encode()).decode()
        self.accounts[registry.login_server] = {"auth": encoded}
        (self.folder / "config.json").write_text(json.dumps({"auths": self.accounts}))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs crane."""
        environment = {
            "DOCKER_CONFIG": str(self.folder),
            "HTTPS_PROXY": self.proxy,
            "SSL_CERT_FILE": self.emulator.environment["SSL_CERT_FILE"],
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
        }
        command = [str(require(CRANE)), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def __call__(self, *arguments: str) -> str:
        """What crane prints; it must work."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

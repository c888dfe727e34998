"""Where the emulator keeps its state, which ports it answers on, and the fixed names it answers for."""

from __future__ import annotations

import json
import os
import secrets
import socket
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

STATE = "EMULATOR_STATE"
"""The variable that names the state folder; every process of an emulator carries it."""
ROLE_DELAY = "EMULATOR_ROLE_DELAY_SECONDS"
"""The variable that makes new role assignments count later, for a try."""
SUBSCRIPTION_ID = "00000000-0000-0000-0000-0000000e3a01"
TENANT_ID = "00000000-0000-0000-0000-0000000e3a02"
LOCATIONS = ("westeurope", "northeurope", "eastus", "eastus2", "westus2", "swedencentral")
ARM_HOST = "localhost"
BLOB_SUFFIX = "blob.core.localhost"
DFS_SUFFIX = "dfs.core.localhost"
QUEUE_SUFFIX = "queue.core.localhost"
VAULT_SUFFIX = "vault.localhost"
REGISTRY_SUFFIX = "azurecr.localhost"
CONTAINER_GROUP_SUFFIX = "azurecontainer.localhost"
INFERENCE_SUFFIX = "inference.ml.localhost"
# Below the range from which Linux takes the ports of outgoing connections.
PORTS = range(20000, 30000)


def preferred_port(state: Path) -> int:
    """The first of two ports that follow from the state folder: two emulators that start at once do not meet."""
    return PORTS.start + 2 * (zlib.crc32(str(state).encode()) % (len(PORTS) // 2))


def free_port(preferred: int) -> int:
    """The preferred loopback port when nothing listens there, else one the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            # Connections of an emulator that was killed linger on its port; they do not keep a new one from listening.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on 127.0.0.1")


@dataclass(frozen=True)
class Settings:
    """Chosen once, at the first start, and kept: clients store URLs with these ports."""

    state: Path
    https_port: int
    http_port: int
    identity_secret: str
    # auto, podman, docker, sandbox or process; and the back-off of a container that ends, in seconds (10 on Azure).
    container_runtime: str = "auto"
    container_back_off: float = 1.0
    # Seconds that a new role assignment takes to count (up to ten minutes on Azure).
    role_delay_seconds: float = 0.0

    @property
    def base_url(self) -> str:
        """ARM, Entra, metadata and the Azure ML data plane."""
        return f"https://{ARM_HOST}:{self.https_port}"

    @property
    def http_url(self) -> str:
        """Dashboards, MLflow and the managed identity endpoint."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def database(self) -> Path:
        """Documents and operations."""
        return self.state / "emulator.db"

    @property
    def hosts(self) -> Path:
        """Names of container groups with their addresses, in the format of `/etc/hosts`."""
        return self.state / "hosts"

    @property
    def log(self) -> Path:
        """What the emulator's process prints."""
        return self.state / "emulator.log"

    def role_delay(self) -> float:
        """How long a new role assignment takes to count: what the variable says, else the file."""
        return float(os.environ.get(ROLE_DELAY) or self.role_delay_seconds)

    def storage_suffix(self) -> str:
        """What follows `<account>.blob.` in storage URLs, with the port."""
        return f"core.localhost:{self.https_port}"

    def directory(self, *parts: str) -> Path:
        """A folder below the state folder, made when missing."""
        path = self.state.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path


def load_settings(state: Path) -> Settings:
    """Settings of the emulator in `state`, choosing and writing them when there are none yet.

    Nobody else on this machine can look into the folder: keys are in its databases, and what programs print in its
    logs.

    Raises:
        ValueError: the file was edited into something unreadable; the message says how to go on.
    """
    file = state / "settings.json"
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    if file.exists():
        try:
            return Settings(state=state, **json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{file} cannot be read ({error}); `emulator reset` makes a new one") from None
    first = preferred_port(state)
    settings = Settings(state, free_port(first), free_port(first + 1), secrets.token_urlsafe(32))
    text = json.dumps({key: value for key, value in asdict(settings).items() if key != "state"}, indent=2)
    temporary = file.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(text + "\n")
    os.replace(temporary, file)
    return settings


def default_state() -> Path:
    """`.emulator/` of the checkout, or what `EMULATOR_STATE` names."""
    given = os.environ.get(STATE)
    return Path(given).resolve() if given else Path(__file__).resolve().parent.parent / ".emulator"

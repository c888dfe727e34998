"""What all tests share: the session's emulator and where the real data lies."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
ROOT = Path(__file__).resolve().parent.parent

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION  # noqa: E402
from emulator.entra.directory import DEPLOYERS  # noqa: E402
from emulator.roles import BLOB_CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, METRICS_PUBLISHER  # noqa: E402
from emulator.settings import Settings  # noqa: E402
from emulator.supervisor import Supervisor  # noqa: E402
from ml.clients.arm import arm  # noqa: E402
from ml.clients.cloud import credential, load_cloud  # noqa: E402
from tests.side_by_side import (  # noqa: E402, F401
    pytest_runtest_protocol,
    pytest_xdist_make_scheduler,
)


@dataclass(frozen=True)
class RunningEmulator:
    """An emulator with a state folder of its own; `environment` is what a program needs to find it."""

    supervisor: Supervisor
    settings: Settings
    environment: dict[str, str]


@pytest.fixture(scope="session", autouse=True)
def localhost_names() -> Iterator[None]:
    """`*.localhost` resolves to loopback, as tools/bootstrap.py arranges it for `.venv` (a test run must not depend
    on it).
    """
    original = socket.getaddrinfo

    def resolve(host, *arguments, **options):  # type: ignore[no-untyped-def]
        name = "127.0.0.1" if isinstance(host, str) and host.endswith(".localhost") else host
        return original(name, *arguments, **options)

    socket.getaddrinfo = resolve
    yield
    socket.getaddrinfo = original


OURS = ("AZURE_MLOPS_", "MLOPS_", "PULUMI_")
"""How variables begin that say which stack, data and engine a process works with."""


@pytest.fixture(autouse=True)
def same_stack() -> Iterator[None]:
    """A test leaves these variables as it found them: the files that its worker runs next would work with another
    stack.
    """
    before = ours()
    yield
    moved = before.items() ^ ours().items()
    for name, _ in moved:
        os.environ.pop(name, None)
    os.environ.update(before)
    assert not moved, f"the test left other variables behind: {', '.join(sorted({name for name, _ in moved}))}"


def ours() -> dict[str, str]:
    """Those variables as they are now."""
    return {name: value for name, value in os.environ.items() if name.startswith(OURS)}


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """One emulator for the whole session; its variables are in this process's environment too."""
    supervisor = Supervisor(tmp_path_factory.mktemp("emulator"))
    with pytest.MonkeyPatch.context() as patch:
        if (definitions := data_folder() / "azure-policy").is_dir():
            patch.setenv("MLOPS_AZURE_POLICY_DIR", str(definitions))
        status, _ = supervisor.start()
    environment = supervisor.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        forget_cloud()
        grant_deployers()
        yield RunningEmulator(supervisor, status.settings, environment)
    forget_cloud()
    supervisor.end()
    # It holds tens of thousands of files of unpacked images: nobody has to wait until they are gone.
    subprocess.run(["sh", "-c", 'rm -rf "$1" &', "sh", str(supervisor.state)], stderr=subprocess.DEVNULL, check=True)


def forget_cloud() -> None:
    """What this process has learnt of a cloud before is of another one."""
    if arm.cache_info().currsize:
        arm().close()
    for known in (arm, credential, load_cloud):
        known.cache_clear()


DEPLOYERS_ROLES = (BLOB_CONTRIBUTOR, KEY_VAULT_ADMINISTRATOR, METRICS_PUBLISHER)
"""What the tests of single services may do to data; test_role_assignments.py asks how little is enough."""


def grant_deployers() -> None:
    """Gives the group that this machine's developer belongs to the right to the data of the whole subscription."""
    for role in DEPLOYERS_ROLES:
        name = uuid.uuid5(uuid.NAMESPACE_URL, role)
        path = f"{SUBSCRIPTION}/providers/{ROLE_ASSIGNMENT}/{name}"
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{role}"
        properties = {"principalId": DEPLOYERS, "principalType": "Group", "roleDefinitionId": definition}
        arm().put(path, "2022-04-01", {"properties": properties})


@pytest.fixture(scope="session")
def data_directory() -> Path:
    """The real files; tests that need them are skipped where there are none."""
    path = data_folder()
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set MLOPS_DATA_DIR to the folder that holds it")
    return path


def data_folder() -> Path:
    """Where the real files are, if they are on this machine."""
    return Path(os.environ.get("MLOPS_DATA_DIR", ROOT.parent / "shared" / "data"))

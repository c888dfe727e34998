"""Where a person looks at a stack: its page or Azure ML's studio, MLflow, and what an endpoint says of its requests."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from rich.console import Console

from ml.clients.errors import CloudError
from ml.clients.tracking import Tracking
from ml.clients.workspace import Workspace
from tools import live
from tools.deployed_system import DeployedSystem
from tools.stacks import PROJECT, Stack

LABEL = 10
STUDIO = "https://ml.azure.com"
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
Link = tuple[str, str]


def show(stack: Stack, systems: Sequence[DeployedSystem], console: Console, browse: Callable[[str], object]) -> None:
    """Prints the addresses, and opens the first where there is a display."""
    workspaces = list(dict.fromkeys(system.workspace for system in systems))
    found = [("page", emulator_page())] if stack.emulated else [("studio", studio(stack, one)) for one in workspaces]
    for system in systems:
        found += of_system(stack, system)
    for label, address in found:
        console.print(f"{label:<{LABEL}}{address}", markup=False)
    if found and has_display(os.environ):
        browse(found[0][1])


def has_display(environment: Mapping[str, str]) -> bool:
    """Whether somebody sits before a screen that a browser can open on."""
    return sys.stdout.isatty() and (sys.platform == "darwin" or any(environment.get(name) for name in DISPLAYS))


def emulator_page() -> str:
    """The page of this checkout's emulator, which runs."""
    from emulator.settings import default_state
    from emulator.supervisor import Supervisor

    return Supervisor(default_state()).settings().http_url


def studio(stack: Stack, workspace: Workspace, page: str = "") -> str:
    """A page of a workspace in Azure ML's studio."""
    tenant = stack.configuration().get("config", {}).get(f"{PROJECT}:tenantId", "")
    return f"{STUDIO}/{page}?wsid={workspace.path}&tid={tenant}"


def of_system(stack: Stack, system: DeployedSystem) -> Iterator[Link]:
    """A system's experiment, its newest run, and what its endpoint says of requests."""
    now = live.read(system)
    yield "MLflow", experiment(stack, system)
    if now.job:
        yield "last run", now.job.studio_uri
    if now.open_api_uri:
        yield "swagger", f"{now.open_api_uri}   (with the key that `make key` prints)"
    if now.problem:
        yield "not read", now.problem


def experiment(stack: Stack, system: DeployedSystem) -> str:
    """The experiment in MLflow, or where that has no page of its own in the studio."""
    try:
        uri = str(system.workspace.properties()["mlFlowTrackingUri"])
        with closing(Tracking(uri)) as tracking:
            number = tracking.experiment(system.name)
    except CloudError as error:
        return f"not read: {error}"
    if number is None:
        return "no experiment yet"
    if uri.startswith("http"):
        return f"{uri.rstrip('/')}/#/experiments/{number}"
    return studio(stack, system.workspace, f"experiments/id/{number}")


def browser(address: str) -> None:
    """Opens an address in the person's browser."""
    webbrowser.open(address)

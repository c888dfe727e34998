"""Kills the CLI of an `up` in the middle of a rollout, and holds what the next one makes of it against what must be."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psutil

from tests.local.checkout import Checkout, kill, wait_until
from tests.local.serving import Service, at_share

MOMENTS: dict[str, Callable[[Service, set[str]], bool]] = {
    "staging": lambda service, known: bool(service.staged()),
    "0 %": lambda service, known: bool(set(service.deployments()) - known),
    "10 %": lambda service, known: at_share(service, 10)(),
    "50 %": lambda service, known: at_share(service, 50)(),
}
"""How far a rollout has come, by what the cloud has."""


def killed_at(service: Service, moment: str) -> None:
    """Another image of the champion is rolled out and the CLI killed at that moment: clients notice nothing, and the
    next `up` ends it.
    """
    checkout, known = service.checkout, set(service.deployments())
    another_server(checkout, moment)
    with service.load() as load:
        running = checkout.start("up", "local")
        wait_until(lambda: MOMENTS[moment](service, known), moment, 400)
        kill_cli(running)
        checkout.tool("up", "local")
    assert (load.problems, load.wrong(service.right)) == ([], [])
    assert list(service.traffic().values()) == [100]
    assert set(service.deployments()) - known == set(service.traffic())
    assert service.champion() == checkout.outputs()["model"]["version"]
    assert service.staged() == []


def another_server(checkout: Checkout, word: str) -> None:
    """Another scoring server that answers the same: another image of the same model."""
    entry = checkout.folder / "ml/scoring/__init__.py"
    entry.write_text(f"{entry.read_text()}\nBUILD = {word!r}\n")


def kill_cli(running: subprocess.Popen[str]) -> None:
    """Ends the CLI of an `up` as no process can refuse."""
    family = psutil.Process(running.pid).children(recursive=True)
    kill(next(process.pid for process in family if process.name() == "pulumi"))
    running.communicate(timeout=60)

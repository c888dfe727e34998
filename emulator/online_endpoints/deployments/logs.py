"""Logs of deployments in the shape that Azure's `getLogs` has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from emulator.containers.container import Container
from emulator.errors import ServiceError
from emulator.online_endpoints.deployments.preparation import BUILD_LOG, INITIALIZER_LOG, Preparation
from emulator.store import Document

SERVER, INITIALIZER = "InferenceServer", "StorageInitializer"
LAST_FAILURE = "last-failure.log"
DEFAULT_LINES = 5000


class DeploymentLogs:
    """What deployments print; of one that failed, what it printed before it was stopped."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation

    def read(self, document: Document, kind: str, lines: int | None, containers: Sequence[Container]) -> str:
        """The last lines of a container's log, with its state and events above them.

        Args:
            containers: those that the deployment has now.

        Raises:
            ServiceError: 400 for another kind of container.
        """
        folder = self.preparation.folder(document)
        if kind == INITIALIZER:
            return tail(text(folder / INITIALIZER_LOG), lines)
        if kind != SERVER:
            message = f"'containerType' must be {SERVER} or {INITIALIZER}, not '{kind}'."
            raise ServiceError(400, "BadArgument", message)
        failed = folder / LAST_FAILURE
        if document.properties["provisioningState"] == "Failed" and failed.exists():
            return tail(text(failed), lines)
        if not containers:
            return tail(text(folder / BUILD_LOG), lines) or "The container has not started: try again later.\n"
        return "\n".join(report(container, lines) for container in containers)

    def keep(self, document: Document, containers: Sequence[Container]) -> None:
        """Writes down the logs of containers that are about to be stopped."""
        folder = self.preparation.folder(document)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LAST_FAILURE).write_text("\n".join(report(one, DEFAULT_LINES) for one in containers))


def report(container: Container, lines: int | None) -> str:
    """State, events and log of one instance."""
    state = {"Running": "Succeeded", "Waiting": "InProgress", "Terminated": "Failed"}[container.state]
    events = [
        f"Kind: Pod, Name: {event.name}, Type: {event.type}, Time: {moment(event.last)}, Message: {event.message}"
        for event in container.events
    ]
    head = ["Instance status:", f"UserContainerStart: {state} {container.reason}".rstrip(), "", "Container events:"]
    return "\n".join([*head, *events, "", "Container logs:", container.logs(lines)])


def moment(seconds: float) -> str:
    """A time as Azure writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def text(file: Path) -> str:
    """A file's text, "" when there is none."""
    return file.read_text(errors="replace") if file.exists() else ""


def tail(content: str, lines: int | None) -> str:
    """The last lines."""
    return "".join(content.splitlines(keepends=True)[-(lines or DEFAULT_LINES) :])

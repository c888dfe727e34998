"""How a group and its containers are: `instanceView` as Container Instances shows it.

https://learn.microsoft.com/azure/container-instances/container-state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.containers.container import Container, ContainerState
from emulator.containers.event import Event


def container_view(container: Container) -> dict[str, Any]:
    """Restarts, the state now and before, events."""
    view = {"restartCount": container.restarts, "currentState": state(container.current)}
    if container.previous:
        view["previousState"] = state(container.previous)
    return {**view, "events": [event(one) for one in container.events]}


def group_state(views: Sequence[dict[str, Any]], *, stopped: bool) -> str:
    """`Running` while one container runs or is about to, `Succeeded` or `Failed` once all have ended."""
    states = [view["currentState"] for view in views]
    if stopped:
        return "Stopped"
    if states and all(one["state"] == "Terminated" for one in states):
        return "Succeeded" if all(one.get("exitCode") == 0 for one in states) else "Failed"
    if any(one["state"] == "Running" for one in states) or any(view["restartCount"] for view in views):
        return "Running"
    return "Pending"


def state(given: ContainerState) -> dict[str, Any]:
    """One state; what is not known is left out."""
    detail = ": ".join(part for part in (given.reason, given.message) if part)
    shown = {
        "state": given.name,
        "startTime": time(given.started),
        "finishTime": time(given.finished),
        "exitCode": given.exit_code,
        "detailStatus": detail,
    }
    return {key: value for key, value in shown.items() if value is not None}


def event(given: Event) -> dict[str, Any]:
    """One event."""
    return {
        "count": given.count,
        "firstTimestamp": time(given.first),
        "lastTimestamp": time(given.last),
        "name": given.name,
        "message": given.message,
        "type": given.type,
    }


def time(seconds: float | None) -> str | None:
    """Seconds since the epoch as Azure writes a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")

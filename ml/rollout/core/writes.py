"""What a rollout writes: each attempt is short and asks for the lease first, and is made again while what stops it may
pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.rollout.core.ports import Endpoint, Lease, Models, Row

# What may pass: no answer or an operation that failed (0), a fresh role, another operation under way, throttling.
PASSING = (0, 403, 408, 409, 429)
PERSIST_SECONDS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 300.0, 1.0, 10.0
# Of one request: whoever has been told that the lease is his has sent it, or given it up, before the lease can end.
REQUEST_SECONDS = 10.0
T = TypeVar("T")


@dataclass(frozen=True)
class Ports:
    """Everything a rollout talks to."""

    endpoint: Endpoint
    models: Models
    lease: Lease
    row: Row


def once(act: Callable[[], T]) -> T:
    """Does something without waiting for what may pass."""
    with manner(patience=0.0, seconds=REQUEST_SECONDS):
        return act()


def persist(ports: Ports, act: Callable[[], T], pause: Callable[[float], None]) -> T:
    """Does something again and again while what stops it may pass. `act` asks the lease itself, each time."""
    deadline, step = time.monotonic() + PERSIST_SECONDS, FIRST_PAUSE_SECONDS
    while True:
        try:
            return once(act)
        except CloudError as error:
            if (error.status not in PASSING and error.status < 500) or time.monotonic() > deadline:
                raise
            ports.row.status(f"asking again: {error}")
        pause(step)
        step = min(step * 1.5, LONGEST_PAUSE_SECONDS)


def set_traffic(ports: Ports, traffic: Mapping[str, int]) -> None:
    """Sets the traffic while the lease is ours."""
    persist(ports, lambda: ports.endpoint.set_traffic(traffic), ports.lease.pause)


def crown(ports: Ports, version: int, image: str, pause: Callable[[float], None]) -> None:
    """Says which version serves, while the lease is ours."""
    persist(ports, lambda: ports.models.crown(version, image), pause)

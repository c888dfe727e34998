"""What happened to a container, in the words of Kubernetes and Container Instances."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

MOST_EVENTS = 100


@dataclass(frozen=True)
class Event:
    """One kind of event; `count` says how often it happened between `first` and `last` (seconds since the epoch).

    https://learn.microsoft.com/rest/api/container-instances/container-groups/get#event.
    """

    name: str
    message: str
    type: Literal["Normal", "Warning"]
    first: float
    last: float
    count: int = 1


def recorded(events: Sequence[Event], name: str, message: str, *, warning: bool = False) -> list[Event]:
    """The events with one more, oldest first; what happened before in the same words is counted, not repeated."""
    now = time.time()
    same = next((event for event in events if (event.name, event.message) == (name, message)), None)
    if same:
        others = [event for event in events if event is not same]
        return [*others, replace(same, last=now, count=same.count + 1)]
    return [*events, Event(name, message, "Warning" if warning else "Normal", now, now)][-MOST_EVENTS:]

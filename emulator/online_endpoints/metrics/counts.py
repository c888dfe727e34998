"""Counts and latencies of requests, minute by minute, in memory for a day: a restart begins anew."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE = 60
KEPT_MINUTES = 24 * 60
# Latencies are kept in buckets 5 % wide, from a tenth of a millisecond.
SMALLEST_MS, RATIO = 0.1, math.log(1.05)


@dataclass
class Latencies:
    """A histogram of milliseconds."""

    buckets: Counter[int] = field(default_factory=Counter)
    total: float = 0.0
    count: int = 0

    def add(self, milliseconds: float) -> None:
        """Counts one request."""
        self.buckets[max(0, math.ceil(math.log(max(milliseconds, SMALLEST_MS) / SMALLEST_MS) / RATIO))] += 1
        self.total += milliseconds
        self.count += 1

    def merge(self, other: Latencies) -> None:
        """Adds another histogram's requests."""
        self.buckets += other.buckets
        self.total += other.total
        self.count += other.count

    @property
    def mean(self) -> float:
        """Milliseconds a request."""
        return self.total / self.count

    def percentile(self, percent: float) -> float:
        """Milliseconds that so many percent of the requests did not exceed, within 5 %."""
        wanted, seen = math.ceil(self.count * percent / 100), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return SMALLEST_MS * math.exp(bucket * RATIO)
        return 0.0


@dataclass(frozen=True)
class Kind:
    """What requests are told apart by; a request no deployment got has the deployment ""."""

    deployment: str
    status: int
    model_status: int | None


@dataclass
class Minute:
    """One minute of one endpoint."""

    requests: Counter[Kind] = field(default_factory=Counter)
    latencies: dict[str, Latencies] = field(default_factory=dict)


class Metrics:
    """Minutes of all endpoints, by resource id; `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes: dict[str, dict[int, Minute]] = {}

    def record(
        self, resource_id: str, deployment: str | None, status: int, model_status: int | None, seconds: float
    ) -> None:
        """Counts one request that has ended."""
        now = int(self._clock()) // MINUTE
        with self._lock:
            minutes = self._minutes.setdefault(resource_id.lower(), {})
            minute = minutes.get(now)
            if minute is None:
                minute = minutes[now] = Minute()
                for old in [one for one in minutes if one < now - KEPT_MINUTES]:
                    del minutes[old]
            minute.requests[Kind(deployment or "", status, model_status)] += 1
            if deployment:
                minute.latencies.setdefault(deployment, Latencies()).add(seconds * 1000)

    def minutes(self, resource_id: str, first: int, last: int) -> dict[int, Minute]:
        """Copies of an endpoint's minutes by their number since the epoch, from `first` up to and without `last`."""
        with self._lock:
            found = self._minutes.get(resource_id.lower(), {})
            return {
                number: Minute(
                    Counter(minute.requests),
                    {
                        name: Latencies(Counter(one.buckets), one.total, one.count)
                        for name, one in minute.latencies.items()
                    },
                )
                for number, minute in found.items()
                if first <= number < last
            }

    def forget(self, resource_id: str) -> None:
        """Drops an endpoint's minutes."""
        with self._lock:
            self._minutes.pop(resource_id.lower(), None)

"""Leases: the Blob service's locks, on blobs and containers alike.

https://learn.microsoft.com/rest/api/storageservices/lease-blob#outcomes-of-use-attempts-on-blobs-by-lease-state
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from emulator.storage.errors import StorageError, invalid_header

INFINITE = -1
SHORTEST_SECONDS, LONGEST_SECONDS = 15, 60
HELD = ("leased", "breaking")


@dataclass(frozen=True)
class Lease:
    """The lease of a blob or container.

    `duration` is in seconds (-1: until released), `ends` the time an expiring lease expires, `breaks` the time a
    breaking lease is broken; 0 where it does not apply. No `id`: never leased, or released.
    """

    id: str = ""
    duration: int = 0
    ends: float = 0.0
    breaks: float = 0.0

    def to_json(self) -> list[Any]:
        """For the database."""
        return [self.id, self.duration, self.ends, self.breaks]

    def state(self, now: float) -> str:
        """available, leased, breaking, broken or expired."""
        if not self.id:
            return "available"
        if self.breaks:
            return "breaking" if now < self.breaks else "broken"
        return "leased" if self.duration == INFINITE or now < self.ends else "expired"

    def headers(self, now: float) -> dict[str, str]:
        """How a HEAD shows it."""
        state = self.state(now)
        shown = {"x-ms-lease-state": state, "x-ms-lease-status": "locked" if state in HELD else "unlocked"}
        if state == "leased":
            shown["x-ms-lease-duration"] = "infinite" if self.duration == INFINITE else "fixed"
        return shown

    # -- who may pass

    def check_write(self, given: str | None, now: float, kind: str = "Blob") -> None:
        """Refuses a write that does not name the lease in force; `kind` is Blob or Container."""
        held = self.state(now) in HELD
        if held and not given:
            raise StorageError("LeaseIdMissing")
        self._check_given(given, held=held, kind=kind)

    def check_read(self, given: str | None, now: float, kind: str = "Blob") -> None:
        """Refuses a read only when it names a lease that is not in force."""
        self._check_given(given, held=self.state(now) in HELD, kind=kind)

    def _check_given(self, given: str | None, *, held: bool, kind: str) -> None:
        if given and not held:
            raise StorageError(f"LeaseNotPresentWith{kind}Operation")
        if given and given.lower() != self.id.lower():
            raise StorageError(f"LeaseIdMismatchWith{kind}Operation")

    # -- what a lease operation makes of it

    def acquire(self, now: float, duration: int, proposed: str | None) -> Lease:
        """A new lease; the holder may acquire again under the same id."""
        if duration != INFINITE and not SHORTEST_SECONDS <= duration <= LONGEST_SECONDS:
            raise invalid_header("x-ms-lease-duration", str(duration), "It is -1, or 15 to 60 seconds.")
        state = self.state(now)
        if state == "breaking":
            raise StorageError("LeaseIsBreakingAndCannotBeAcquired")
        if state == "leased" and (proposed or "").lower() != self.id.lower():
            raise StorageError("LeaseAlreadyPresent")
        return Lease(proposed or str(uuid.uuid4()), duration, 0.0 if duration == INFINITE else now + duration)

    def renew(self, now: float, given: str) -> Lease:
        """Starts the duration again; an expired lease can be renewed as long as nobody took another."""
        self._check_holder(given)
        if self.breaks:
            raise StorageError("LeaseIsBrokenAndCannotBeRenewed")
        return replace(self, ends=0.0 if self.duration == INFINITE else now + self.duration)

    def change(self, now: float, given: str, proposed: str) -> Lease:
        """Gives the lease another id."""
        state = self.state(now)
        if state == "breaking":
            raise StorageError("LeaseIsBreakingAndCannotBeChanged")
        if state != "leased":
            raise StorageError("LeaseNotPresentWithLeaseOperation")
        if given.lower() not in (self.id.lower(), proposed.lower()):
            raise StorageError("LeaseIdMismatchWithLeaseOperation")
        return replace(self, id=proposed)

    def release(self, given: str) -> Lease:
        """No lease."""
        self._check_holder(given)
        return Lease()

    def break_after(self, now: float, period: int | None) -> Lease:
        """Ends the lease after `period` seconds, at most what is left of it; without one a fixed lease runs out."""
        state = self.state(now)
        if state == "available":
            raise StorageError("LeaseNotPresentWithLeaseOperation")
        if state in ("broken", "expired"):
            return replace(self, breaks=now)
        if state == "leased" and self.duration == INFINITE:
            return replace(self, breaks=now + (period or 0))
        left = max(0.0, (self.breaks or self.ends) - now)
        return replace(self, breaks=now + (left if period is None else min(float(period), left)))

    def _check_holder(self, given: str) -> None:
        if not self.id or given.lower() != self.id.lower():
            raise StorageError("LeaseIdMismatchWithLeaseOperation")

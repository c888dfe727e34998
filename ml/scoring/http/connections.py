"""The open connections of one process, and what happens when there are too many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.scoring.http.protocol import Connection

LEAST_IDLE_SECONDS = 0.5
"""Who asked within this time will ask again: if such a connection made room, its client would come back at once and
push out the next one. Twice the time between two ticks, which is how exact the clock is."""
MOST_TRIED = 4
"""Idle connections that are looked at for one new one. On each of them something may just have arrived."""
GUESTS = 32
"""Connections beyond the limit, for one request each: whoever looks after the server must not take a busy one for a
dead one."""


class Connections:
    """Used on the event loop only."""

    def __init__(self, maximum: int) -> None:
        self.idle: dict[Connection, float] = {}
        """Those on which nothing is unanswered, with the time since when; the one that waits longest comes first."""
        self._maximum = maximum
        self._open: set[Connection] = set()
        self._ending: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._open) + len(self._ending)

    def __iter__(self) -> Iterator[Connection]:
        return iter((*self._open, *self._ending))

    def add(self, connection: Connection, now: float) -> bool:
        """False when it is beyond the limit and no other one could be closed for it."""
        self._open.add(connection)
        return len(self._open) <= self._maximum or self._make_room(now)

    @property
    def full(self) -> bool:
        """Not even a guest could be taken in."""
        return len(self._open) > self._maximum + GUESTS

    def ends(self, connection: Connection) -> None:
        """It has had its last answer, and no longer counts."""
        self.remove(connection)
        self._ending.add(connection)

    def remove(self, connection: Connection) -> None:
        """It is gone."""
        self.idle.pop(connection, None)
        self._open.discard(connection)
        self._ending.discard(connection)

    def _make_room(self, now: float) -> bool:
        for connection, since in tuple(islice(self.idle.items(), MOST_TRIED)):
            if since > now - LEAST_IDLE_SECONDS:
                return False
            if connection.leave():
                return True
        return False

"""The clock that fires schedules."""

from __future__ import annotations

import logging
import threading
import time

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import SCHEDULE
from emulator.machine_learning.schedules.schedule_type import Schedule
from emulator.machine_learning.schedules.triggers import next_time, read_trigger
from emulator.store import Document, Store

LATE_SECONDS = 60.0
"""What was due longer ago was due while the emulator did not run, and is left out."""
LOOK_SECONDS = 3600.0
"""It looks this often though nothing is due: a machine that slept has another time."""
logger = logging.getLogger(__name__)


class Clock:
    """One thread that sleeps until the next schedule is due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def changed(self) -> None:
        """Looks again: a schedule was made, changed or enabled."""
        self._wake.set()

    def start(self, schedules: Schedule) -> None:
        """Begins to fire."""
        self._thread = threading.Thread(target=self._loop, args=(schedules,), name="schedules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Fires nothing any more."""
        self._stopped = True
        self._wake.set()
        if self._thread:
            self._thread.join()

    def _loop(self, schedules: Schedule) -> None:
        while not self._stopped:
            self._wake.clear()
            for document in self._store.of_type(SCHEDULE):
                if (document.private.get("due") or time.time() + 1) <= time.time() and not self._stopped:
                    self._fire(schedules, document)
            due = [one.private["due"] for one in self._store.of_type(SCHEDULE) if one.private.get("due")]
            self._wake.wait(max(0.0, min([LOOK_SECONDS, *(moment - time.time() for moment in due)])))

    def _fire(self, schedules: Schedule, document: Document) -> None:
        """Submits what is due, then writes down when it is due next: submitting is safe to repeat."""
        due, now = document.private["due"], time.time()
        if now - due > LATE_SECONDS:
            logger.warning("the schedule %s was due while the emulator did not run", document.name)
        else:
            try:
                schedules.fire(document, due)
            except ServiceError as error:
                logger.warning("the schedule %s could not submit its job: %s", document.name, error.message)
        trigger = read_trigger(document.properties["trigger"], document.private["created"])
        with self._store.transaction():
            present = self._store.get(document.id)
            if present is not None and present.private.get("due") == due:
                present.private["due"] = next_time(trigger, max(now, due))
                self._store.put(present)

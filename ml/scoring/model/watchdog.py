"""Ends calls of the model that take too long, and the process when a call cannot be ended."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml.scoring.log import say

if TYPE_CHECKING:
    from ml.scoring.model.lane import Lane

CHECK_SECONDS = 0.5
GRACE_SECONDS = 30.0
"""A call that was told to end and has not done so after this time never will: the model hangs inside one operator.
Only a new process serves again, and whoever runs the container starts it."""
EXIT_CODE = 70


class Watchdog(threading.Thread):
    """Looks at the lanes from a thread of its own, so that it works while the event loop is inside the model."""

    def __init__(self, lanes: Sequence[Lane], seconds: float) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._lanes = lanes
        self._seconds = seconds

    def run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            for lane in self._lanes:
                self._look_at(lane)

    def _look_at(self, lane: Lane) -> None:
        started = lane.started
        taken = 0.0 if started is None else time.monotonic() - started
        if taken > self._seconds + GRACE_SECONDS:
            say("the model hangs: the process ends", logging.CRITICAL, seconds=round(taken, 1))
            os._exit(EXIT_CODE)
        if taken > self._seconds:
            lane.end()

"""Request telemetry for Application Insights, off the request path.

The request path appends to a bounded queue and nothing else; a thread of its own makes envelopes, sends them in
batches, and waits and tries again where the service is in trouble. What does not fit into the queue or is refused for
good is counted, and the count is sent as the metric `Telemetry records dropped`: nothing is lost without a trace.
A record may arrive twice when a connection breaks between the service taking it in and saying so.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry.connection import VARIABLE, Connection, ConnectionStringError
from ml.scoring.telemetry.envelopes import Envelopes
from ml.scoring.telemetry.tokens import Tokens, find_source
from ml.scoring.telemetry.transport import REQUEST_SECONDS, Outcome, Transport

__all__ = ["ConnectionStringError", "Telemetry"]
logger = logging.getLogger(__name__)
QUEUE_LIMIT = 20_000
BATCH = 500
INTERVAL_SECONDS = 1.0
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
LONGEST_NAMED_WAIT_SECONDS = 3600.0
"""What the service may ask for."""
MOST_DOUBLINGS = 10
WARNING_SECONDS = 60.0
SLICE = 50
"""Envelopes made before the interpreter is handed to the request path."""


class Item(NamedTuple):
    """An envelope; `drops` is 0 for a request, else the number of drops that it reports."""

    content: bytes
    drops: int = 0


class Telemetry:
    """Telemetry of one process. `record` may be called from any thread, before `start` too."""

    def __init__(
        self,
        model: ModelIdentity,
        connection: Connection,
        tokens: Tokens,
        *,
        limit: int = QUEUE_LIMIT,
        batch: int = BATCH,
        interval: float = INTERVAL_SECONDS,
        first_wait: float = FIRST_WAIT_SECONDS,
    ) -> None:
        self.sent = 0
        """Records that the service has accepted."""
        self._envelopes = Envelopes(model, connection.instrumentation_key)
        self._transport = Transport(connection, tokens)
        self._limit, self._batch, self._interval, self._first_wait = limit, batch, interval, first_wait
        self._queue: deque[RequestRecord] = deque()
        self._pending: list[Item] = []
        self._counting = threading.Lock()
        self._dropped = 0
        self._reported = 0
        self._failures = 0
        self._troubled = False
        self._next_warning = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    @classmethod
    def from_environment(cls, model: ModelIdentity, environment: Mapping[str, str] = os.environ) -> Telemetry | None:
        """Telemetry for the component that `APPLICATIONINSIGHTS_CONNECTION_STRING` names, None without the variable.

        Raises:
            ConnectionStringError: the variable holds something else.
        """
        text = environment.get(VARIABLE, "").strip()
        if not text:
            return None
        connection = Connection.parse(text)
        return cls(model, connection, Tokens(find_source(environment), connection.audience))

    @property
    def dropped(self) -> int:
        """Records that were not sent and never will be."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """Records on their way."""
        return len(self._queue) + records(self._pending)

    def start(self) -> None:
        """Starts the sending thread."""
        self._thread.start()

    def record(self, record: RequestRecord) -> None:
        """Takes in one request. Never waits for the network and never raises; full, it drops and counts."""
        waiting = len(self._queue)
        if waiting >= self._limit:
            self._drop(1)
            return
        self._queue.append(record)
        if waiting >= self._batch and not self._wake.is_set():
            self._wake.set()

    def drain(self, seconds: float) -> bool:
        """Sends what is left, for at most so long, and ends the thread; True when nothing was left behind."""
        self._deadline = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._limit = 0  # nobody sends what comes from now on
        left = self.waiting
        if left:
            self._drop(left)
            logger.warning("%d telemetry records could not be sent within %.0f s and are lost", left, seconds)
        return not left

    # -- the sending thread

    def _run(self) -> None:
        while time.monotonic() < self._deadline:
            stopping = self._stopping.is_set()
            try:
                self._fill()
                if self._pending:
                    contents = [item.content for item in self._pending]
                    self._pause(self._settle(self._transport.send(contents, self._request_seconds())))
                elif stopping:
                    break
                else:
                    self._wake.wait(self._interval)
                    self._wake.clear()
            except Exception:  # a defect of ours must end neither this thread nor the service
                logger.exception("telemetry failed")
                self._drop(records(self._pending))
                self._reported -= sum(item.drops for item in self._pending)
                self._pending = []
                self._failures = 0
                self._pause(self._first_wait)
        self._transport.close()

    def _fill(self) -> None:
        """Takes the next batch from the queue, and a report of new drops with it. A batch that is being sent again
        stays as it is, so that the limit of the queue holds.
        """
        if self._failures:
            return
        while self._queue and len(self._pending) < self._batch:
            self._add(self._queue.popleft())
            if len(self._pending) % SLICE == 0:
                time.sleep(0)
        unreported = self._dropped - self._reported
        if unreported:
            self._pending.append(Item(self._envelopes.drops(unreported), unreported))
            self._reported += unreported

    def _add(self, record: RequestRecord) -> None:
        try:
            self._pending.append(Item(self._envelopes.request(record)))
        except (ValueError, TypeError, OverflowError) as error:
            logger.warning("a telemetry record cannot be written as JSON (%s); it is dropped", type(error).__name__)
            self._drop(1)

    def _settle(self, outcome: Outcome) -> float:
        """Books what became of the batch; the seconds to wait before the next one."""
        batch, self._pending = self._pending, [self._pending[index] for index in outcome.retry]
        refused = records([batch[index] for index in outcome.refused])
        self._drop(refused)
        self.sent += records(batch) - records(self._pending) - refused
        if not outcome.retry and not outcome.refused:
            self._recover()
            return 0.0
        self._warn(outcome)
        self._failures = self._failures + 1 if outcome.retry else 0
        doublings = min(MOST_DOUBLINGS, max(0, self._failures - 1))
        wait = min(LONGEST_WAIT_SECONDS, self._first_wait * 2.0**doublings)
        jittered = wait * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads load and hides nothing
        return min(max(outcome.wait or 0.0, jittered), LONGEST_NAMED_WAIT_SECONDS)

    def _warn(self, outcome: Outcome) -> None:
        self._troubled = True
        if time.monotonic() < self._next_warning:
            return
        self._next_warning = time.monotonic() + WARNING_SECONDS
        counts = f"{len(outcome.retry)} records wait for another try, {len(outcome.refused)} were refused"
        logger.warning("Application Insights does not take all telemetry: %s; %s", outcome.reason, counts)

    def _recover(self) -> None:
        if self._troubled:
            logger.info("Application Insights takes telemetry again; %d records dropped so far", self._dropped)
        self._troubled = False
        self._failures = 0

    def _pause(self, seconds: float) -> None:
        if self._stopping.is_set():
            time.sleep(max(0.0, min(seconds, self._deadline - time.monotonic())))
        elif seconds:
            self._stopping.wait(seconds)

    def _request_seconds(self) -> float:
        return max(0.1, min(REQUEST_SECONDS, self._deadline - time.monotonic()))

    def _drop(self, count: int) -> None:
        with self._counting:
            self._dropped += count


def records(items: Sequence[Item]) -> int:
    """How many of the items are requests."""
    return sum(not item.drops for item in items)

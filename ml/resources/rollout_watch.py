"""A stage with real traffic: own requests to the candidate, and what its clients and the old deployment's get."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Protocol

from ml.clients.errors import CloudError
from ml.clients.metrics import Requests
from ml.clients.scoring import ScoringClient
from ml.resources.host import Failure
from ml.resources.rollout_checks import Golden, worse
from ml.resources.rollout_ports import Rejected, Row
from ml.resources.rollout_proof import accepted

POLL_SECONDS = 1.0
# Azure's metrics come minutes late: a stage waits at most this much longer for those of its own end.
LATE_SECONDS = 240.0


class Metrics(Protocol):
    """The metrics of an endpoint."""

    def requests(self, since: datetime) -> dict[str, Requests]:
        """Requests by deployment since the beginning of the minute that `since` lies in."""


@dataclass
class Watch:
    """One stage of one candidate. `probes` are the requests sent here, `clients` those of everybody else."""

    candidate: str
    old: str
    percent: int
    golden: Golden
    client: Callable[[str], ScoringClient]
    metrics: Metrics
    row: Row
    pause: Callable[[float], None]
    seconds: float
    late_seconds: float = LATE_SECONDS
    probes: Requests = field(default_factory=Requests)
    clients: Requests = field(default_factory=Requests)
    old_clients: Requests = field(default_factory=Requests)
    caught_up: bool = False
    unread: str = ""

    def run(self) -> None:
        """Returns when the stage is over and its requests are accounted for.

        Raises:
            Rejected: a wrong answer, or more errors than chance and the old deployment explain.
            Failure: the figures cannot be had, or the endpoint refuses our key.
        """
        started, begun = datetime.now(UTC), time.monotonic()
        before = self.figures(started)
        cases = cycle(self.golden.cases)
        with self.client(self.candidate) as client:
            while True:
                elapsed = time.monotonic() - begun
                self.probe(client, next(cases))
                self.look(started, before)
                self.show(elapsed)
                if self.over(elapsed):
                    return
                self.pause(POLL_SECONDS)

    def over(self, elapsed: float) -> bool:
        """Whether the stage has lasted and the figures have caught up with the requests sent here.

        Raises:
            Failure: the figures cannot be read at all.
        """
        if elapsed < self.seconds:
            return False
        if self.caught_up and not self.unread:
            return True
        if elapsed < self.seconds + self.late_seconds:
            return False
        if self.unread:
            raise Failure(f"the requests of clients at {self.percent} % cannot be judged: {self.unread}")
        self.row.note(f"{self.percent} %: the endpoint's metrics are more than {self.late_seconds:.0f} s late")
        return True

    def probe(self, client: ScoringClient, case: Mapping[str, Any]) -> None:
        """One golden request to the candidate by its name."""
        answer = client.score(case["request"])
        accepted(answer)
        self.probes += Requests(1, 1 if answer.problem else 0)
        if not answer.problem and (problem := self.golden.judge(case, answer)):
            raise Rejected(f"at {self.percent} %: {problem}")
        if answer.problem and (problem := worse(self.probes, Requests())):
            raise Rejected(f"at {self.percent} % {problem}; the last one: {answer.problem}")

    def look(self, started: datetime, before: Mapping[str, Requests]) -> None:
        """Compares the clients of both deployments since the stage began."""
        found = self.figures(started)
        if self.unread:
            return
        nobody = Requests()
        candidate = found.get(self.candidate, nobody) - before.get(self.candidate, nobody)
        self.caught_up = candidate.total >= self.probes.total
        self.clients = candidate - self.probes
        self.old_clients = found.get(self.old, nobody) - before.get(self.old, nobody)
        if problem := worse(self.clients, self.old_clients):
            raise Rejected(f"at {self.percent} % of the traffic {problem}")

    def figures(self, started: datetime) -> dict[str, Requests]:
        """The metrics since the minute the stage began in; empty, with the reason in `unread`, while they cannot be
        read.
        """
        try:
            found = self.metrics.requests(started)
        except CloudError as error:
            self.unread = str(error)
            return {}
        self.unread = ""
        return found

    def show(self, elapsed: float) -> None:
        """One line on the row."""
        total, failed = self.clients.total + self.probes.total, self.clients.failed + self.probes.failed
        left = self.seconds - elapsed
        rest = f"{left:.0f} s left" if left > 0 else "waiting for the metrics of its end"
        self.row.status(f"{self.percent} %: {total} requests, {failed} errors, {rest}")

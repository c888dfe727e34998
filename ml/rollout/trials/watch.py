"""A stage with real traffic: own requests to the candidate, and what its clients and the old deployment's get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from ml.clients.errors import CloudError
from ml.clients.metrics import MINUTE, Minutes, Requests, minute
from ml.clients.scoring import ScoringClient
from ml.progress import Failure
from ml.rollout.core.ports import Metrics, Rejected, Row
from ml.rollout.trials.checks import Golden, gateway_works, hindrance, worse

POLL_SECONDS = 1.0
# Azure's metrics come minutes late: a stage waits at most this much longer for those of its own end.
LATE_SECONDS = 360.0
# A shorter stage may hold no whole minute. It is judged by what is counted since it began, which says something only
# where figures come at once: at the emulator.
SHORT_SECONDS = 2 * MINUTE
# When none of our requests to the candidate gets through for this long, the stage is given up.
HINDERED_SECONDS = 60.0
NOBODY = Requests()


@dataclass
class Watch:
    """One stage of one candidate.

    `probes` and `old_probes` are the requests sent here that say something of a deployment. `sent` are all that the
    metrics count, by deployment and minute: they are no clients. `counted` is what the metrics have of the candidate,
    `before` what they had at the beginning. `hindered` says why the last request to the candidate says nothing of it,
    `heard` is when one last did.
    """

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
    probes: Requests = NOBODY
    old_probes: Requests = NOBODY
    sent: dict[str, dict[int, Requests]] = field(default_factory=dict)
    counted: Requests = NOBODY
    before: Mapping[str, Minutes] | None = None
    caught_up: bool = False
    unread: str = ""
    hindered: str = ""
    heard: float = 0.0

    def run(self) -> None:
        """Returns when the stage is over and its requests are accounted for.

        Raises:
            Rejected: a wrong answer, or more errors than chance and the old deployment explain.
            Failure: the figures cannot be had, the endpoint cannot be asked, or it fails whoever is asked.
        """
        started, begun = time.time(), time.monotonic()
        self.heard = begun
        self.look(started)
        with self.client(self.candidate) as candidate, self.client(self.old) as old:
            for name, case in self.turns():
                elapsed = time.monotonic() - begun
                self.probe(name, candidate if name == self.candidate else old, case)
                self.look(started)
                self.show(elapsed)
                if self.over(elapsed):
                    return
                self.pause(POLL_SECONDS)

    def turns(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Whom to ask what: each golden request goes to the candidate and then to the old deployment."""
        for case in cycle(self.golden.cases):
            yield self.candidate, case
            yield self.old, case

    def over(self, elapsed: float) -> bool:
        """Whether the stage has lasted and the figures of its end are there.

        Raises:
            Failure: the figures cannot be read at all, or own requests fail at both deployments.
        """
        if elapsed < self.seconds or self.hindered:
            return False
        if problem := worse(self.probes, NOBODY):
            raise Failure(f"at {self.percent} % {problem}, and {self.old} fails as well")
        if self.caught_up and not self.unread:
            return True
        if elapsed < self.seconds + self.late_seconds:
            return False
        if self.unread:
            raise Failure(f"the requests of clients at {self.percent} % cannot be judged: {self.unread}")
        self.row.note(f"{self.percent} %: the metrics of its end have not come within {self.late_seconds:.0f} s")
        return True

    def probe(self, name: str, client: ScoringClient, case: Mapping[str, Any]) -> None:
        """One golden request to a deployment by its name. One that did not get through says nothing about it."""
        answer = client.score(case["request"])
        if not answer.lost:
            minutes, number = self.sent.setdefault(name, {}), minute(time.time())
            minutes[number] = minutes.get(number, NOBODY) + Requests(1, 1 if answer.problem else 0)
        trouble = hindrance(answer)
        if name == self.old:
            self.old_probes += NOBODY if trouble else Requests(1, 0 if gateway_works(answer) else 1)
            return
        self.hindered, now = trouble, time.monotonic()
        if trouble and now - self.heard > HINDERED_SECONDS:
            raise Failure(f"at {self.percent} %: {trouble}")
        if trouble:
            return
        self.heard = now
        self.probes += Requests(1, 1 if answer.problem else 0)
        if not answer.problem and (problem := self.golden.judge(case, answer)):
            raise Rejected(f"at {self.percent} %: {problem}")
        if answer.problem and (problem := worse(self.probes, self.old_probes)):
            raise Rejected(f"at {self.percent} % {problem}; the last one: {answer.problem}")

    def look(self, started: float) -> None:
        """Compares the clients of both deployments, in the minutes in which the candidate has figures. Where nothing is
        counted of the old one's clients, our own requests to it stand for them; without either there is no verdict yet.

        The newest of them may still grow, and nobody knows how many of our requests are in it: what is taken from the
        candidate's there are only those that failed.
        """
        found = self.figures(started)
        if self.unread:
            return
        short = self.seconds < SHORT_SECONDS
        if self.before is None:
            self.before = found if short else {}
        first = minute(started) if short else minute(started) + 1
        mine, others = (self.since(first, found, name) for name in (self.candidate, self.old))
        newest, now = max(mine, default=0), minute(time.time())
        ours, theirs = self.sent.get(self.candidate, {}), self.sent.get(self.old, {})
        at_once = short and mine.get(now, NOBODY).total >= ours.get(now, NOBODY).total > 0
        self.caught_up = at_once or newest > minute(started + self.seconds)
        self.counted = sum(mine.values(), NOBODY)
        settled = (count - ours.get(number, NOBODY) for number, count in mine.items() if number < newest)
        clients = sum(settled, mine.get(newest, NOBODY) - Requests(0, ours.get(newest, NOBODY).failed))
        old_clients = sum((others.get(number, NOBODY) - theirs.get(number, NOBODY) for number in mine), NOBODY)
        beside = old_clients if old_clients.total else self.old_probes
        if beside.total and (problem := worse(clients, beside)):
            raise Rejected(f"at {self.percent} % of the traffic {problem}")

    def since(self, first: int, found: Mapping[str, Minutes], name: str) -> dict[int, Requests]:
        """A deployment's requests by minute, from minute `first`, without those from before the stage."""
        before = (self.before or {}).get(name, {})
        rest = {number: count - before.get(number, NOBODY) for number, count in found.get(name, {}).items()}
        return {number: count for number, count in rest.items() if number >= first and count.total}

    def figures(self, started: float) -> Mapping[str, Minutes]:
        """The metrics since the minute the stage began in; empty, with the reason in `unread`, while they cannot be
        read.
        """
        try:
            found = self.metrics.requests(datetime.fromtimestamp(started, UTC))
        except CloudError as error:
            self.unread = str(error)
            return {}
        self.unread = ""
        return found

    def show(self, elapsed: float) -> None:
        """One line on the row."""
        total, failed = max(self.counted.total, self.probes.total), max(self.counted.failed, self.probes.failed)
        left = self.seconds - elapsed
        rest = self.hindered or (f"{left:.0f} s left" if left > 0 else "waiting for the metrics of its end")
        self.row.status(f"{self.percent} %: {total} requests, {failed} errors, {rest}")

"""An endpoint in memory with clients, a clock of its own, and metrics that come late."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from ml.clients.metrics import MINUTE, Requests, minute
from ml.clients.scoring import Answer, ScoringClient

NEW, OLD = "new", "old"
CASE = {"request": {"Age": 40}, "probability": 0.25}
GOOD = Answer(0.01, 200, {"result": [{"probability": 0.25}], "model": "m", "version": 2})
EPOCH = 1_800_000_000.0
"""Begins a minute."""


@dataclass
class Service:
    """Two deployments, their clients, the metrics, and the row that the stage shows itself on.

    `rate` requests a second come from clients, `percent` of them to the new deployment. From second `begin` of the
    stage the part `faults` of a deployment's clients fails; own requests, which name their deployment, get `answers`,
    and before them, for `outage_seconds` from the beginning, `outage`.
    The metrics count a request after `lag` seconds; with `whole`, after its minute is over in addition. The stage
    begins at second `start` of a minute, right after a load that all of was answered.
    """

    seed: int = 0
    lag: float = 0
    whole: bool = False
    rate: int = 0
    percent: int = 10
    faults: Mapping[str, float] = field(default_factory=dict)
    begin: float = 0
    start: float = 20
    answers: Mapping[str, Answer] = field(default_factory=dict)
    outage: Answer = GOOD
    outage_seconds: float = 0
    notes: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.began = self.now = EPOCH + self.start
        self.waiting: deque[tuple[float, str, Requests]] = deque()
        self.known: dict[str, dict[int, Requests]] = {NEW: {}, OLD: {}}
        for second in range(-300, 0):
            failed = sum(self.random.random() < self.faults.get(OLD, 0) for _ in range(self.rate))
            self.count(self.now + second, OLD, self.rate, failed)
        self.count(self.now - 1, NEW, 400, 0)
        self.count(self.now - 1, OLD, 120, 0)

    # -- the clock

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now

    monotonic = time

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return self.now - self.began

    def pause(self, seconds: float) -> None:
        """Lets time pass, and clients ask."""
        self.now += seconds
        for _ in range(self.rate):
            name = NEW if self.random.random() * 100 < self.percent else OLD
            faulty = name == OLD or self.elapsed >= self.begin
            failed = faulty and self.random.random() < self.faults.get(name, 0)
            self.count(self.now, name, 1, 1 if failed else 0)

    # -- own requests

    def client(self, name: str) -> ScoringClient:
        """A client that reaches this deployment."""
        return cast(ScoringClient, Asked(self, name))

    def answer(self, name: str) -> Answer:
        """What a deployment answers now."""
        return self.outage if self.elapsed < self.outage_seconds else self.answers.get(name, GOOD)

    # -- the metrics

    def count(self, moment: float, name: str, total: int, failed: int) -> None:
        """Requests that were answered at a moment."""
        self.waiting.append((moment, name, Requests(total, failed)))

    def requests(self, since: datetime) -> dict[str, dict[int, Requests]]:
        """What is known by now."""
        while self.waiting and self.due(self.waiting[0][0]) <= self.now:
            moment, name, counted = self.waiting.popleft()
            minutes = self.known[name]
            minutes[minute(moment)] = minutes.get(minute(moment), Requests()) + counted
        first = minute(since.timestamp())
        return {
            name: {number: counted for number, counted in minutes.items() if number >= first and counted.total}
            for name, minutes in self.known.items()
        }

    def due(self, moment: float) -> float:
        """When a request of that moment is known."""
        return self.lag + ((minute(moment) + 1) * MINUTE if self.whole else moment)

    # -- the row

    def status(self, text: str) -> None:
        """Keeps what was shown."""
        self.shown.append(text)

    def note(self, text: str) -> None:
        """Keeps what stays."""
        self.notes.append(text)


@dataclass
class Asked:
    """A scoring client for one deployment; the metrics count what gets through."""

    service: Service
    name: str

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def score(self, row: Any) -> Answer:
        """The answer, after the time it takes."""
        answer = self.service.answer(self.name)
        self.service.now += answer.seconds
        if not answer.lost:
            self.service.count(self.service.now, self.name, 1, 1 if answer.problem else 0)
        return answer

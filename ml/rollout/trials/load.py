"""How many requests a candidate has to bear before clients reach it, and how fast it has to answer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_REQUESTS, LEAST_REQUESTS = 400, 10
MOST_AT_ONCE = 8
# Of the time there is, this part is planned for: the rest is for a server that is slower under load.
PLANNED = 0.5
FIELDS = {
    "requests": "requests",
    "concurrency": "concurrency",
    "seconds": "seconds",
    "answerSeconds": "answer_seconds",
}


@dataclass(frozen=True)
class RequiredLoad:
    """`requests`, `concurrency` of them at a time, within `seconds`, each answered within `answer_seconds`.

    What is None follows from how fast the candidate answers: nobody can know that of a model before it runs, and a
    number that suits a small model shows a large one as faulty.
    """

    requests: int | None = None
    concurrency: int | None = None
    seconds: float = 60.0
    answer_seconds: float = 10.0

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> RequiredLoad:
        """From a rollout's inputs; what they do not say is the default."""
        return cls(**{FIELDS[key]: value for key, value in (given or {}).items() if value is not None})

    def count(self, pace: float) -> int:
        """Requests for a server that answers one after the other in `pace` seconds each."""
        return self.requests or round(within(LEAST_REQUESTS, self.seconds * PLANNED / pace, MOST_REQUESTS))

    def at_once(self, pace: float) -> int:
        """How many of them wait for an answer at a time: a server may work on one after the other."""
        return self.concurrency or int(within(1, self.answer_seconds * PLANNED / pace, MOST_AT_ONCE))


def within(least: float, value: float, most: float) -> float:
    """The value, or the nearer of two bounds."""
    return max(least, min(value, most))

"""Stage 0: the candidate at the endpoint, reached by its name before any client is: golden requests, then a load."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ml.clients.scoring import Answer, Load, ScoringClient, run_load
from ml.resources.host import Failure
from ml.resources.rollout_checks import REFUSED, Golden, load_problem, too_slow
from ml.resources.rollout_ports import Rejected, Row

ANSWER_SECONDS = 60.0
POLL_SECONDS = 1.0
REQUESTS, CONCURRENCY, LOAD_SECONDS = 400, 8, 60.0
COMPARED_REQUESTS = 120
ROUNDS = 2
# A gateway may need a moment before it knows a new deployment.
NOT_YET = (0, 404, 502, 503)


@dataclass(frozen=True)
class Proof:
    """One proof of a candidate.

    `client` gives a client that reaches a deployment by name. `pause` sleeps and, like `check`, raises when there is no
    point in going on: the lease is lost, or the person pressed Ctrl-C.
    """

    candidate: str
    golden: Golden
    client: Callable[[str], ScoringClient]
    row: Row
    pause: Callable[[float], None]
    check: Callable[[], None]

    def run(self, old: str | None) -> None:
        """All of it.

        Raises:
            Rejected: no answer, a wrong one, an error or a timeout under load, or answers far slower than `old`'s.
        """
        slow = ""
        with self.client(self.candidate) as client:
            self.wait_for_answer(client)
            self.ask(client)
            for _ in range(ROUNDS):
                slow = self.compare(self.load(client), old)
                if not slow:
                    return
        raise Rejected(f"under load {slow}")

    def wait_for_answer(self, client: ScoringClient) -> None:
        """The endpoint knows the deployment."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while (answer := client.score(self.golden.cases[0]["request"])).problem and answer.status in NOT_YET:
            if time.monotonic() > deadline:
                raise Rejected(f"at the endpoint it did not answer for {ANSWER_SECONDS:.0f} s: {answer.problem}")
            self.row.status(f"0 %: {self.candidate} does not answer yet ({answer.problem})")
            self.pause(POLL_SECONDS)
        accepted(answer)

    def ask(self, client: ScoringClient) -> None:
        """Every golden request gets training's answer at the endpoint too."""
        for number, case in enumerate(self.golden.cases, start=1):
            self.check()
            if problem := self.golden.judge(case, client.score(case["request"])):
                raise Rejected(f"at the endpoint golden request {number}: {problem}")

    def load(self, client: ScoringClient) -> Load:
        """Many requests at once, none of which may fail."""
        load = self.send(client, REQUESTS, self.candidate)
        if problem := load_problem(load):
            raise Rejected(problem)
        return load

    def send(self, client: ScoringClient, count: int, name: str) -> Load:
        """A load with its progress on the row."""

        def progress(load: Load) -> None:
            self.check()
            self.row.status(f"0 %: {len(load.answers)} of {count} requests to {name}, {len(load.failed)} errors")

        return run_load(
            client,
            self.golden.cases,
            self.golden.judge if name == self.candidate else lambda case, answer: "",
            count=count,
            concurrency=CONCURRENCY,
            seconds=LOAD_SECONDS,
            progress=progress,
        )

    def compare(self, load: Load, old: str | None) -> str:
        """Why the candidate is far slower than what serves; empty when it is not."""
        if old is None:
            return ""
        with self.client(old) as client:
            serving = self.send(client, COMPARED_REQUESTS, old)
        return too_slow(load.percentile(95), serving.percentile(95))


def accepted(answer: Answer) -> None:
    """A refused key says nothing about the candidate.

    Raises:
        Failure: the endpoint refuses us.
    """
    if answer.status in REFUSED:
        raise Failure(f"the endpoint refuses our key: {answer.problem}")

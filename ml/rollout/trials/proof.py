"""Stage 0: the candidate at the endpoint, reached by its name before any client is: golden requests, then a load."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import NoReturn

from ml.clients.scoring import Answer, Load, ScoringClient, run_load
from ml.progress import Failure
from ml.rollout.core.ports import Rejected, Row
from ml.rollout.trials.checks import Golden, ask_again, gateway_works, hindrance, load_problem, refuse_lost, too_slow
from ml.rollout.trials.load import RequiredLoad

ANSWER_SECONDS = 60.0
POLL_SECONDS = 1.0
COMPARED_REQUESTS = 120
ROUNDS = 2
# A gateway may need a moment before it knows a new deployment.
UNKNOWN = 404
NOT_YET = (UNKNOWN, 502, 503)


@dataclass(frozen=True)
class Proof:
    """One proof of a candidate.

    `client` gives a client that reaches a deployment by name. `pause` sleeps and, like `check`, raises when there is no
    point in going on: the lease is lost, or the person pressed Ctrl-C. `load` is what the candidate has to bear.
    """

    candidate: str
    golden: Golden
    client: Callable[[str], ScoringClient]
    row: Row
    pause: Callable[[float], None]
    check: Callable[[], None]
    load: RequiredLoad = field(default_factory=RequiredLoad)

    def run(self, old: str | None) -> None:
        """All of it.

        Raises:
            Rejected: no answer, a wrong one, an error or a timeout under load, or answers far slower than `old`'s.
            Failure: the endpoint cannot be asked, or does not answer for `old` either.
        """
        slow = ""
        with self.client(self.candidate) as client:
            self.wait_for_answer(client, old)
            pace = self.ask(client, old)
            for _ in range(ROUNDS):
                load = self.bear(client, old, pace)
                slow = self.compare(load, old, pace)
                if not slow:
                    return self.refuse_few(load, pace)
        raise Rejected(f"under load {slow}")

    def wait_for_answer(self, client: ScoringClient, old: str | None) -> None:
        """The endpoint knows the deployment."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while (answer := self.score(client, 0)).late or hindrance(answer) or answer.status in NOT_YET:
            if time.monotonic() > deadline:
                silent = f"at the endpoint it did not answer for {ANSWER_SECONDS:.0f} s: {answer.problem}"
                if hindrance(answer) or answer.status == UNKNOWN:
                    raise Failure(hindrance(answer) or f"{self.candidate}: {silent}")
                self.blame(silent, old)
            self.row.status(f"0 %: {self.candidate} does not answer yet ({answer.problem})")
            self.pause(POLL_SECONDS)

    def ask(self, client: ScoringClient, old: str | None) -> float:
        """Every golden request gets training's answer at the endpoint too; the seconds that one takes, the median."""
        seconds: list[float] = []
        for index, case in enumerate(self.golden.cases):
            self.check()
            answer = ask_again(partial(self.score, client, index), self.pause)
            if trouble := hindrance(answer):
                raise Failure(trouble)
            if problem := self.golden.judge(case, answer):
                self.blame(f"at the endpoint golden request {index + 1}: {problem}", old)
            seconds.append(answer.seconds)
        return median(seconds)

    def score(self, client: ScoringClient, index: int) -> Answer:
        """The answer to a golden request."""
        return client.score(self.golden.cases[index]["request"])

    def bear(self, client: ScoringClient, old: str | None, pace: float) -> Load:
        """Many requests at once, none of which may fail."""
        load = self.send(client, self.load.count(pace), self.candidate, pace)
        if problem := load_problem(load):
            self.blame(problem, old)
        return load

    def refuse_few(self, load: Load, pace: float) -> None:
        """A load that time ran out for is none.

        Raises:
            Failure: it has too few answers.
        """
        if (count := len(load.answers)) < (wanted := self.load.count(pace)):
            few = f"only {count} of {wanted} requests to {self.candidate} in {self.load.seconds:.0f} s"
            raise Failure(f"{few}: write fewer `requests` or more `loadSeconds` below `rollout` in the stack file")

    def blame(self, reason: str, old: str | None) -> NoReturn:
        """Ends the proof: the candidate is at fault unless the gateway fails for what serves as well.

        Raises:
            Rejected: nothing else is known to be wrong.
            Failure: the deployment that serves cannot be reached either.
        """
        if old is not None:
            with self.client(old) as client:
                answer = ask_again(partial(self.score, client, 0), self.pause)
            if not gateway_works(answer):
                raise Failure(f"{self.candidate}: {reason}; but {old}, which serves, fails as well: {answer.problem}")
        raise Rejected(reason)

    def send(self, client: ScoringClient, count: int, name: str, pace: float) -> Load:
        """A load with its progress on the row."""

        def progress(load: Load) -> None:
            self.check()
            self.row.status(f"0 %: {len(load.answers)} of {count} requests to {name}, {len(load.failed)} errors")

        return run_load(
            client,
            self.golden.cases,
            self.golden.judge if name == self.candidate else lambda case, answer: "",
            count=count,
            concurrency=self.load.at_once(pace),
            seconds=self.load.seconds,
            progress=progress,
        )

    def compare(self, load: Load, old: str | None, pace: float) -> str:
        """Why the candidate is far slower than what serves; empty when it is not."""
        if old is None:
            return ""
        with self.client(old) as client:
            serving = self.send(client, min(COMPARED_REQUESTS, self.load.count(pace)), old, pace)
        refuse_lost(serving)
        return too_slow(load.percentile(95), serving.percentile(95))

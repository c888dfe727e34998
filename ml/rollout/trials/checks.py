"""What makes a candidate a bad one: judgements of answers, times and error counts; and what is nobody's doing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.clients.metrics import Requests
from ml.clients.scoring import Answer, Load
from ml.progress import Failure
from ml.rollout.core.ports import Target

GOLDEN_FILE = "golden.json"
# Below this share of failed requests nothing is concluded, whatever the other deployment does.
TOLERATED_SHARE = 0.01
# A difference counts when chance alone makes it less often than this.
CHANCE = 1e-3
# What is known of the old deployment is uncertain too: so many standard errors are added to its share.
STANDARD_ERRORS = 2.0
SLOWER_TIMES, SLOWER_SECONDS = 4.0, 0.5
REFUSED, REQUEST_TIMEOUT = (401, 403), 408
# Of many requests at once this share may get lost on the way, or find the gateway too busy.
PASSING_SHARE = 0.05
# How often, and how long after each other in seconds, one request is sent until it says something about a deployment.
TRIES, TRY_SECONDS = 6, 2.0


@dataclass(frozen=True)
class Golden:
    """Requests with the answers that the training framework gave, as the model version holds them."""

    model: str
    version: int
    cases: Sequence[Mapping[str, Any]]
    tolerance: float = 1e-5
    """A number is the expected one when it differs by at most this, plus `relative` times the expected number."""
    relative: float = 0.0

    @classmethod
    def read(cls, folder: Path, model: str, version: int) -> Golden:
        """From the files of a model version.

        Raises:
            Failure: there are none: the training job writes them.
        """
        files = sorted(folder.rglob(GOLDEN_FILE))
        document = json.loads(files[0].read_text()) if files else {}
        cases = document.get("cases")
        if not cases:
            raise Failure(
                f"{model} version {version} has no {GOLDEN_FILE}: its training job must write golden requests"
            )
        return cls(model, version, cases, document.get("tolerance", cls.tolerance), document.get("relative", 0.0))

    def judge(self, case: Mapping[str, Any], answer: Answer) -> str:
        """What is wrong with an answer to a case; empty when nothing is."""
        if answer.problem:
            return answer.problem
        body = answer.body if isinstance(answer.body, dict) else {}
        said = (body.get("model"), body.get("version"))
        if said != (self.model, self.version):
            return f"the answer is from {said[0]} version {said[1]}, not from {self.model} version {self.version}"
        rows = body.get("result")
        if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
            return "the answer to one row is not one result"
        for name, expected in case.items():
            if name != "request" and not self.same(rows[0].get(name), expected):
                return f"{name} is {rows[0].get(name)} where training gave {expected}"
        return ""

    def same(self, given: Any, expected: Any) -> bool:
        """Whether an answer is the expected one: numbers within the tolerance, lists one by one, else equal."""
        if isinstance(expected, list):
            return isinstance(given, list) and len(given) == len(expected) and all(map(self.same, given, expected))
        if isinstance(expected, (int, float)) and not isinstance(expected, bool):
            number = isinstance(given, (int, float)) and not isinstance(given, bool)
            return number and abs(given - expected) <= self.tolerance + self.relative * abs(expected)
        return bool(given == expected)


def mismatch(said: Any, model: str, target: Target) -> str:
    """Why a server's `/version` is not the evaluated and registered artefact; empty when it is."""
    body = said if isinstance(said, dict) else {}
    inner = body.get("model")
    found = inner if isinstance(inner, dict) else body
    given = {name: found.get(name) for name in ("name", "version", "sha256")}
    expected = {"name": model, "version": target.version, "sha256": target.sha256}
    wrong = [
        f"{name} is {given[name]}, registered is {expected[name]}"
        for name in expected
        if differs(given, expected, name)
    ]
    return "; ".join(wrong)


def differs(given: Mapping[str, Any], expected: Mapping[str, Any], name: str) -> bool:
    """Whether a field is not the expected one; a version may come as text."""
    return str(given[name]) != str(expected[name])


def hindrance(answer: Answer) -> str:
    """Why a failed answer of the endpoint says nothing about the deployment that was asked: our network, our key, or
    the gateway's limit of requests. Empty when nothing failed, or when it may be the deployment's doing: an answer that
    came too late, any other status, a wrong answer.
    """
    if answer.status in REFUSED:
        return f"the endpoint refuses our key: {answer.problem}"
    if answer.lost:
        return f"the endpoint cannot be reached: {answer.problem}"
    return f"the endpoint is too busy: {answer.problem}" if answer.passing else ""


def ask_again(ask: Callable[[], Answer], pause: Callable[[float], None]) -> Answer:
    """The first answer without a `hindrance`; the last one when there was one `TRIES` times."""
    answer = ask()
    for _ in range(TRIES - 1):
        if not hindrance(answer):
            break
        pause(TRY_SECONDS)
        answer = ask()
    return answer


def gateway_works(answer: Answer) -> bool:
    """Whether an answer got through to a deployment: 424 is what the gateway says of a container that failed, or that
    does not know the fields of another version's request.
    """
    return 200 <= answer.status < 500 and answer.status != REQUEST_TIMEOUT and not hindrance(answer)


def load_problem(load: Load) -> str:
    """Why a candidate did not bear a load; empty when it did.

    Raises:
        Failure: what went wrong is not the candidate's doing.
    """
    if load.wrong:
        return f"a wrong answer under load: {load.wrong[0]}"
    faults = [one for one in load.failed if not one.passing]
    if refused := next((one for one in faults if hindrance(one)), None):
        raise Failure(hindrance(refused))
    if faults:
        return f"{len(faults)} of {len(load.answers)} requests under load failed: {faults[0].problem}"
    refuse_lost(load)
    return ""


def refuse_lost(load: Load) -> None:
    """A load of which too much got lost on the way says nothing.

    Raises:
        Failure: with what was in the way.
    """
    passing = [one for one in load.failed if one.passing]
    if len(passing) > len(load.answers) * PASSING_SHARE:
        raise Failure(hindrance(passing[0]))


def too_slow(candidate: float, serving: float) -> str:
    """Why a 95th percentile (seconds) is far above that of the deployment that serves; empty when it is not."""
    if candidate <= max(serving * SLOWER_TIMES, serving + SLOWER_SECONDS):
        return ""
    taken = f"95 % of the requests took up to {candidate * 1000:.0f} ms"
    return f"{taken}, {serving * 1000:.0f} ms at the deployment that serves"


def worse(candidate: Requests, old: Requests) -> str:
    """Why more of a candidate's requests fail than chance explains; empty when they do not.

    The bound is Chernoff's for a binomial tail: P(X >= failed) <= exp(-n KL(failed/n, p)), with p the old deployment's
    share and its uncertainty. It needs no minimal count of its own: two failures of two are enough, one of one is not.
    """
    error = math.sqrt(old.share_failed * (1 - old.share_failed) / max(old.total, 1))
    expected = max(old.share_failed + STANDARD_ERRORS * error, TOLERATED_SHARE)
    share = candidate.share_failed
    if share <= expected or math.exp(-candidate.total * divergence(share, expected)) > CHANCE:
        return ""
    compared = f", {old.failed} of {old.total} at the old one" if old.total else ""
    return f"{candidate.failed} of {candidate.total} requests failed{compared}"


def divergence(share: float, expected: float) -> float:
    """Kullback-Leibler divergence of two Bernoulli distributions, in nats."""
    if expected >= 1:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return share * math.log(share / expected) + rest

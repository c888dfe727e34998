"""What makes a candidate a bad one: judgements of answers, times and error counts. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.clients.metrics import Requests
from ml.clients.scoring import Answer, Load
from ml.resources.host import Failure
from ml.resources.rollout_ports import Target

GOLDEN_FILE = "golden.json"
TOLERANCE = 1e-5
# Below this share of failed requests nothing is concluded, whatever the other deployment does.
TOLERATED_SHARE = 0.01
# A difference counts when chance alone makes it less often than this.
CHANCE = 1e-3
SLOWER_TIMES, SLOWER_SECONDS = 4.0, 0.5
REFUSED = (401, 403)
CONNECTION_SHARE = 0.05


@dataclass(frozen=True)
class Golden:
    """Requests with the answers that the training framework gave, as the model version holds them."""

    model: str
    version: int
    cases: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path, model: str, version: int) -> Golden:
        """From the files of a model version.

        Raises:
            Failure: there are none: the training job writes them.
        """
        files = sorted(folder.rglob(GOLDEN_FILE))
        cases = json.loads(files[0].read_text())["cases"] if files else []
        if not cases:
            raise Failure(
                f"{model} version {version} has no {GOLDEN_FILE}: its training job must write golden requests"
            )
        return cls(model, version, cases)

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
            if name != "request" and not close(rows[0].get(name), expected):
                return f"{name} is {rows[0].get(name)} where training gave {expected}"
        return ""


def close(given: Any, expected: Any) -> bool:
    """Whether an answer is the expected one: numbers within `TOLERANCE`, anything else equal."""
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        return number and abs(given - expected) <= TOLERANCE
    return bool(given == expected)


def stranger(said: Any, model: str, target: Target) -> str:
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


def load_problem(load: Load) -> str:
    """Why a candidate did not bear a load; empty when it did.

    Raises:
        Failure: what went wrong is not the candidate's doing.
    """
    if load.wrong:
        return f"a wrong answer under load: {load.wrong[0]}"
    no_connection = [one for one in load.failed if one.status == 0 and "in time" not in one.problem]
    faults = [one for one in load.failed if one not in no_connection]
    if any(one.status in REFUSED for one in faults):
        raise Failure(f"the endpoint refuses our key: {faults[0].problem}")
    if faults:
        return f"{len(faults)} of {len(load.answers)} requests under load failed: {faults[0].problem}"
    if len(no_connection) > len(load.answers) * CONNECTION_SHARE:
        raise Failure(f"the endpoint cannot be reached: {no_connection[0].problem}")
    return ""


def too_slow(candidate: float, serving: float) -> str:
    """Why a 95th percentile (seconds) is far above that of the deployment that serves; empty when it is not."""
    if candidate <= max(serving * SLOWER_TIMES, serving + SLOWER_SECONDS):
        return ""
    taken = f"95 % of the requests took up to {candidate * 1000:.0f} ms"
    return f"{taken}, {serving * 1000:.0f} ms at the deployment that serves"


def worse(candidate: Requests, old: Requests) -> str:
    """Why more of a candidate's requests fail than chance explains; empty when they do not.

    The bound is Chernoff's for a binomial tail: P(X >= failed) <= exp(-n KL(failed/n, p)), with p the old deployment's
    share. It needs no minimal count of its own: two failures of two are enough, one of one is not.
    """
    expected = max(old.share_failed, TOLERATED_SHARE)
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

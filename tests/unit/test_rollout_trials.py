"""Staging and the proof at the endpoint: what is the candidate's fault, and what is not."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, cast

import pytest

from ml.clients.errors import CloudError
from ml.clients.scoring import Answer, ScoringClient, run_load
from ml.progress import Failure
from ml.rollout.container_group import starting
from ml.rollout.container_group.starting import GroupState
from ml.rollout.core.ports import LeaseLost, Rejected, Target
from ml.rollout.trials import proof as rollout_proof
from ml.rollout.trials import staging as rollout_staging
from ml.rollout.trials.checks import Golden
from ml.rollout.trials.load import MOST_REQUESTS, RequiredLoad
from ml.rollout.trials.proof import Proof
from ml.rollout.trials.staging import Staging
from ml.scoring.log import JsonLines

CASE = {"request": {"Age": 40}, "probability": 0.25}
GOLDEN = Golden("m", 2, [CASE])
GOOD = Answer(0.01, 200, {"result": [{"probability": 0.25}], "model": "m", "version": 2})
WRONG = Answer(0.01, 200, {"result": [{"probability": 0.5}], "model": "m", "version": 2})
UNKNOWN_NAME = Answer(0.01, 0, None, "no answer (Name or service not known)")
RESET = Answer(0.01, 0, None, "no answer (Connection reset by peer)")
LATE = Answer(9, 0, None, "no answer in time")
STATUS = {status: Answer(0.01, status, None, f"HTTP {status}") for status in (401, 404, 408, 424, 429, 503)}


class Asked:
    """A client that gets answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = chain(answers, repeat(answers[-1]))
        self.lock, self.count = threading.Lock(), 0

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def score(self, row: Any) -> Answer:
        with self.lock:
            self.count += 1
            return next(self.answers)


class Row:
    """Keeps what stays."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def status(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(rollout_proof, "ANSWER_SECONDS", 0.02)


def proof(new: Asked, old: Asked, load: RequiredLoad = RequiredLoad()) -> Proof:  # noqa: B008 - it is immutable
    clients = {"new": new, "old": old}

    def client(name: str) -> ScoringClient:
        return cast(ScoringClient, clients[name])

    return Proof("new", GOLDEN, client, Row(), lambda _: None, lambda: None, load)


@pytest.mark.parametrize(
    ("answers", "old", "serving", "kind", "said"),
    [
        ([GOOD], GOOD, True, None, ""),
        ([STATUS[503], STATUS[404], UNKNOWN_NAME, GOOD], GOOD, True, None, ""),
        ([GOOD, RESET, STATUS[429], STATUS[401], GOOD], GOOD, True, None, ""),  # one golden request, sent again
        ([UNKNOWN_NAME], UNKNOWN_NAME, True, Failure, "the endpoint cannot be reached: .*Name or service not known"),
        ([STATUS[401]], GOOD, True, Failure, "the endpoint refuses our key"),
        ([STATUS[404]], GOOD, True, Failure, "new: at the endpoint it did not answer for 0 s: HTTP 404"),
        ([GOOD, RESET], GOOD, True, Failure, "the endpoint cannot be reached"),
        ([GOOD, STATUS[429]], GOOD, True, Failure, "the endpoint is too busy"),
        ([STATUS[503]], GOOD, True, Rejected, "did not answer for 0 s: HTTP 503"),
        ([STATUS[503]], GOOD, False, Rejected, "did not answer for 0 s: HTTP 503"),
        (
            [STATUS[503]],
            STATUS[503],
            True,
            Failure,
            "did not answer .*; but old, which serves, fails as well: HTTP 503",
        ),
        ([GOOD, WRONG], GOOD, True, Rejected, "golden request 1: probability is 0.5"),
        ([GOOD, WRONG], STATUS[424], True, Rejected, "golden request 1"),  # it does not know the other's fields
        ([GOOD, STATUS[408]], LATE, True, Failure, "golden request 1: HTTP 408; but old, which serves, fails as well"),
        ([GOOD] * 9 + [LATE], GOOD, True, Rejected, "requests under load failed: no answer in time"),
        ([GOOD] * 9 + [LATE], RESET, True, Failure, "but old, which serves, fails as well"),
        ([GOOD] * 9 + [RESET] * 9 + [GOOD], GOOD, True, None, ""),
        ([GOOD], RESET, True, Failure, "the endpoint cannot be reached"),  # nothing to compare with
    ],
)
def test_a_proof_rejects_what_is_the_candidates_fault(
    answers: list[Answer], old: Answer, serving: bool, kind: type[Exception] | None, said: str
) -> None:
    new = Asked(*answers)
    made = proof(new, Asked(old))
    if kind is None:
        made.run("old" if serving else None)
        assert new.count >= MOST_REQUESTS
        return
    with pytest.raises(kind, match=said) as ended:
        made.run("old" if serving else None)
    assert type(ended.value) is kind


def test_a_load_that_time_ran_out_for_proves_nothing() -> None:
    with pytest.raises(Failure, match=r"only \d+ of 400 requests to new in 0 s: write fewer `requests` or more"):
        proof(Asked(GOOD), Asked(GOOD), RequiredLoad(requests=400, seconds=0.0)).run("old")


@pytest.mark.parametrize(
    ("pace", "requests", "at_once"),
    [(0.001, 400, 8), (0.07, 400, 8), (0.15, 200, 8), (0.5, 60, 8), (1, 30, 5), (3, 10, 1), (20, 10, 1)],
)
def test_the_load_suits_the_model(pace: float, requests: int, at_once: int) -> None:
    load = RequiredLoad()
    assert (load.count(pace), load.at_once(pace)) == (requests, at_once)
    assert pace * at_once <= load.answer_seconds / 2 or at_once == 1
    wanted = RequiredLoad.of({"requests": 50, "concurrency": 2})
    assert (wanted.count(pace), wanted.at_once(pace)) == (50, 2)


class OneByOne(Asked):
    """A server that works on one request at a time, 50 a second."""

    def score(self, row: Any) -> Answer:
        with self.lock:
            started = time.monotonic()
            time.sleep(0.02)
            self.count += 1
            return Answer(time.monotonic() - started, GOOD.status, GOOD.body)


def test_a_slow_model_is_not_taken_for_a_faulty_one() -> None:
    slow = OneByOne(GOOD)
    proof(slow, OneByOne(GOOD), RequiredLoad(seconds=0.6)).run("old")
    assert 10 <= slow.count - 2 <= 15
    with pytest.raises(Failure, match=r"only \d+ of 60 requests"):
        proof(OneByOne(GOOD), OneByOne(GOOD), RequiredLoad(requests=60, seconds=0.3)).run("old")


@pytest.mark.parametrize(
    ("answers", "sent"), [([GOOD, RESET, STATUS[429], GOOD], 100), ([GOOD, LATE], 2), ([GOOD, STATUS[503]], 2)]
)
def test_a_load_ends_early_only_for_what_a_server_does(answers: list[Answer], sent: int) -> None:
    client = cast(ScoringClient, Asked(*answers))
    load = run_load(client, [CASE], GOLDEN.judge, count=100, concurrency=1, seconds=30, progress=lambda load: None)
    assert len(load.answers) == sent


def test_only_a_server_that_was_reached_is_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}/score"
        with ScoringClient(uri, seconds=0.1) as client:
            late = client.score({})
            assert client.get("/ready").late
    with ScoringClient(uri, seconds=5) as client:
        refused = client.score({})
    assert (late.late, late.lost) == (True, False)
    assert (refused.late, refused.lost) == (False, True)


# -- staging


@dataclass
class Groups:
    """One container group, of which `states` are seen in turn."""

    states: list[GroupState]
    log: str = ""
    trouble: CloudError | None = None
    deleted: list[str] = field(default_factory=list)

    def start(self, name: str, image: str, key: str) -> None:
        pass

    def state(self, name: str) -> GroupState:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def logs(self, name: str) -> str:
        return self.log

    def delete(self, name: str) -> None:
        if self.trouble:
            raise self.trouble
        self.deleted.append(name)


class Server(Asked):
    """A server in staging: what it says of itself, then its answers."""

    said: Iterator[Answer]

    def get(self, path: str) -> Answer:
        return next(self.said)


RUNNING = GroupState(base_url="http://192.0.2.1:5001")
ENDED = GroupState(ended="exit code 3")
TOO_LARGE = GroupState(ended="exit code 137 OOMKilled", out_of_memory=True)
READY = Answer(0.01, 200, {})
VERSION = Answer(0.01, 200, {"name": "m", "version": 2, "sha256": "5ha"})


def listening() -> str:
    """What the server logs."""
    return JsonLines().format(logging.LogRecord("ml.scoring", logging.INFO, "", 0, "listening", None, None))


@pytest.fixture
def staging(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Staging]:
    def make(groups: Groups, said: list[Answer], *answers: Answer, check: Callable[[], None] = lambda: None) -> Staging:
        server = Server(*(answers or [GOOD]))
        server.said = chain(said, repeat(said[-1]))
        for module in (rollout_staging, starting):
            monkeypatch.setattr(module, "ScoringClient", lambda *_, **__: server)
        target = Target("bike_buyer", 2, "registry/m@sha256:aabbccddee", "5ha", "v2-aabbccdd")
        return Staging("bike_buyer", target, groups, GOLDEN, Row(), lambda _: time.sleep(0.001), check, 0.02)

    return make


@pytest.mark.parametrize(
    ("groups", "said", "answers", "kind", "text"),
    [
        (Groups([RUNNING]), [RESET, STATUS[503], READY, VERSION], [GOOD], None, ""),
        (Groups([RUNNING]), [READY, RESET, VERSION], [RESET, GOOD], None, ""),
        (Groups([RUNNING], listening()), [RESET], [GOOD], Failure, "cannot be reached from here .*outgoing TCP 5001"),
        (Groups([RUNNING], "loading"), [RESET], [GOOD], Rejected, "was not ready after 0 s"),
        (Groups([RUNNING], listening()), [RESET, STATUS[503]], [GOOD], Rejected, "was not ready after 0 s: HTTP 503"),
        (Groups([RUNNING], listening()), [LATE], [GOOD], Rejected, "was not ready after 0 s: no answer in time"),
        (Groups([ENDED]), [RESET], [GOOD], Rejected, "ended at start, exit code 3"),
        (Groups([TOO_LARGE]), [RESET], [GOOD], Failure, "OOMKilled(.|\n)*raise `memoryGb` below `serving`"),
        (Groups([RUNNING, TOO_LARGE]), [READY, VERSION], [RESET], Failure, "its server ended(.|\n)*`memoryGb`"),
        (Groups([RUNNING]), [READY, VERSION], [WRONG], Rejected, "in staging golden request 1: probability"),
        (Groups([RUNNING]), [READY, VERSION], [STATUS[401]], Rejected, "in staging golden request 1: HTTP 401"),
        (Groups([RUNNING]), [READY, VERSION], [RESET], Failure, "cannot be reached from here"),
        (Groups([RUNNING, ENDED]), [READY, VERSION], [RESET], Rejected, "in staging its server ended, exit code 3"),
    ],
)
def test_staging_rejects_what_is_the_candidates_fault(
    staging: Callable[..., Staging],
    groups: Groups,
    said: list[Answer],
    answers: list[Answer],
    kind: type[Exception] | None,
    text: str,
) -> None:
    stay = staging(groups, said, *answers)
    if kind is None:
        stay.run()
    else:
        with pytest.raises(kind, match=text) as ended:
            stay.run()
        assert type(ended.value) is kind
    assert groups.deleted == ["bike-buyer-staging-aabbccdd"]


def test_a_verdict_outlives_trouble_with_the_group(staging: Callable[..., Staging]) -> None:
    stay = staging(Groups([ENDED], trouble=CloudError("503 busy")), [RESET])
    with pytest.raises(Rejected, match="ended at start"):
        stay.run()
    assert cast(Row, stay.row).notes == [f"staging: {stay.group} is still there, the next run removes it: 503 busy"]


def test_after_a_lost_lease_the_group_is_somebody_elses(staging: Callable[..., Staging]) -> None:
    def lost() -> None:
        raise LeaseLost

    groups = Groups([ENDED])
    with pytest.raises(Rejected):
        staging(groups, [RESET], check=lost).run()
    assert groups.deleted == []

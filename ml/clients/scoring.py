"""A scoring server as its clients see it: requests with their answers and times, one by one or many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import cycle, islice
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ml.clients.cloud import trust

if TYPE_CHECKING:
    import httpx

# Azure ML sends a request with this header to the deployment it names, whatever the traffic says:
# https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints
DEPLOYMENT_HEADER = "azureml-model-deployment"
REQUEST_SECONDS = 10.0
LONGEST_BODY = 200
PROGRESS_SECONDS = 0.25
LATE = "no answer in time"
TOO_MANY = 429


@dataclass(frozen=True)
class Answer:
    """One answer: seconds it took, HTTP status (0: none came), the JSON body, and what is wrong with it."""

    seconds: float
    status: int
    body: Any
    problem: str = ""

    @property
    def late(self) -> bool:
        """Whether a server was reached that did not answer in time."""
        return self.status == 0 and self.problem == LATE

    @property
    def lost(self) -> bool:
        """Whether there was no connection, or it broke: the network's doing as often as the server's."""
        return self.status == 0 and bool(self.problem) and not self.late

    @property
    def passing(self) -> bool:
        """Whether the same request may well be answered a moment later, whoever is asked."""
        return self.lost or self.status == TOO_MANY


@dataclass
class Load:
    """What came of many requests; `wrong` says why an answer is not the expected one."""

    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Answer]:
        """Answers that are none."""
        return [answer for answer in self.answers if answer.problem]

    def percentile(self, percent: float) -> float:
        """Seconds within which this share of the requests was answered, those left out that reached no server; 0
        without any.
        """
        ordered = sorted(answer.seconds for answer in self.answers if not answer.passing)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class ScoringClient:
    """Talks to one scoring URI; connections are kept and may be used by several threads."""

    def __init__(
        self, scoring_uri: str, key: str = "", deployment: str | None = None, seconds: float = REQUEST_SECONDS
    ) -> None:
        import httpx

        self.scoring_uri = scoring_uri
        headers = {"authorization": f"Bearer {key}"} if key else {}
        if deployment:
            headers[DEPLOYMENT_HEADER] = deployment
        self._http = httpx.Client(headers=headers, verify=trust(), timeout=seconds)

    def __enter__(self) -> ScoringClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def score(self, row: Mapping[str, Any]) -> Answer:
        """Asks for one row; never raises: a failure is an answer with a `problem`."""
        return timed(lambda: self._http.post(self.scoring_uri, json={"data": [row]}))

    def get(self, path: str) -> Answer:
        """What the server says of itself at a path beside the scoring URI, such as `/version`; never raises."""
        return timed(lambda: self._http.get(urljoin(self.scoring_uri, path)))


def timed(send: Callable[[], httpx.Response]) -> Answer:
    """What a request comes to. Only a server that was reached can be late: no connection in time is no connection."""
    import httpx

    started = time.monotonic()
    try:
        answer = send()
    except (httpx.ReadTimeout, httpx.WriteTimeout):
        return Answer(time.monotonic() - started, 0, None, LATE)
    except httpx.HTTPError as error:
        said = f"{error}" or type(error).__name__
        return Answer(time.monotonic() - started, 0, None, f"no answer ({said})")
    return read(answer, time.monotonic() - started)


def read(answer: httpx.Response, seconds: float) -> Answer:
    """A response as an answer: anything but 200 with JSON is a problem."""
    if answer.status_code != 200:
        return Answer(seconds, answer.status_code, None, f"HTTP {answer.status_code}: {answer.text[:LONGEST_BODY]}")
    try:
        return Answer(seconds, 200, answer.json())
    except ValueError:
        return Answer(seconds, 200, None, f"no JSON: {answer.text[:LONGEST_BODY]}")


def run_load(
    client: ScoringClient,
    cases: Sequence[Mapping[str, Any]],
    judge: Callable[[Mapping[str, Any], Answer], str],
    *,
    count: int,
    concurrency: int,
    seconds: float,
    progress: Callable[[Load], None],
) -> Load:
    """Sends `count` requests, `concurrency` at a time, for at most `seconds`.

    Ends early at the first wrong answer or failure, but for those that are `passing`: of them only the share says
    something.

    Args:
        cases: `{"request": row, ...}`, asked in turn.
        judge: what is wrong with an answer to a case; empty when nothing is.
        progress: called now and then in the caller's thread; what it raises ends the load and is raised here.
    """
    load, lock, deadline = Load(), threading.Lock(), time.monotonic() + seconds
    waiting, ended = islice(cycle(cases), count), threading.Event()

    def take() -> Mapping[str, Any] | None:
        with lock:
            return None if ended.is_set() or time.monotonic() > deadline else next(waiting, None)

    def work() -> None:
        while (case := take()) is not None:
            answer = client.score(case["request"])
            wrong = "" if answer.problem else judge(case, answer)
            with lock:
                load.answers.append(answer)
                load.wrong += [wrong] if wrong else []
            if wrong or (answer.problem and not answer.passing):
                ended.set()

    with ThreadPoolExecutor(concurrency, thread_name_prefix="load") as pool:
        workers = [pool.submit(work) for _ in range(concurrency)]
        try:
            while wait(workers, PROGRESS_SECONDS).not_done:
                progress(load)
        finally:
            ended.set()
        for worker in workers:
            worker.result()
    return load

"""ARM over REST: what the SDKs do not offer, or offer only behind seconds of import."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ml.clients.cloud import Cloud, load_cloud, token, trust
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

T = TypeVar("T")
REQUEST_SECONDS = 60.0
# A role assignment may take this long to be known everywhere:
# https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-
# being-detected
ROLE_SECONDS = 600.0
# What is read is asked for again this long when no answer came or the service failed.
LOST_SECONDS = 30.0
# What a policy denies, it denies each time, though the status is that of a role which is not known everywhere yet.
DISALLOWED = "RequestDisallowedByPolicy"
PASSING, LOST = (403, 429, 502, 503, 504), (0, 408, 500)


def sleep(seconds: float, why: str) -> None:
    """Waits without a word."""
    time.sleep(seconds)


@dataclass(frozen=True)
class Manner:
    """How a thread makes its requests.

    Attributes:
        patience: seconds to go on asking while a refusal may pass; 0 asks once.
        seconds: how long one request may take.
        pause: waits some seconds between two attempts, told why; what it raises ends the attempts.
        fence: called before every single request that may change something; what it raises keeps it from being sent.
    """

    patience: float = ROLE_SECONDS
    seconds: float = REQUEST_SECONDS
    pause: Callable[[float, str], None] = sleep
    fence: Callable[[], None] = lambda: None


_manner: ContextVar[Manner] = ContextVar("manner", default=Manner())  # noqa: B039 - it is frozen


@contextmanager
def manner(**changes: Any) -> Iterator[None]:
    """Changes the manner of this thread's requests for a while; takes the fields of `Manner`."""
    before = _manner.set(replace(_manner.get(), **changes))
    try:
        yield
    finally:
        _manner.reset(before)


def fence() -> None:
    """Asks whether something may be changed; for what is changed by other ways than ARM's."""
    _manner.get().fence()


class Arm:
    """Requests to Azure Resource Manager, with a token and retries while a role assignment is fresh."""

    def __init__(self, cloud: Cloud) -> None:
        import httpx

        self.cloud = cloud
        self._http = httpx.Client(base_url=cloud.resource_manager, verify=trust(), timeout=REQUEST_SECONDS)

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def get(self, path: str, version: str, **query: str) -> dict[str, Any] | None:
        """The document at `path`, None when there is none."""
        answer = self.send("GET", path, version, query=query, accept=(404,))
        return None if answer.status_code == 404 else _object(answer)

    def peek(self, path: str, version: str, **query: str) -> dict[str, Any] | None:
        """The document at `path`, asked once: no waiting for what may pass. None when there is none."""
        answer = self._checked("GET", path, {"api-version": version, **query}, None, (404,))
        return None if answer.status_code == 404 else _object(answer)

    def put(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """Creates or replaces the document at `path`."""
        return _object(self.send("PUT", path, version, body=body))

    def post(self, path: str, version: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Runs the action at `path`."""
        return _object(self.send("POST", path, version, body=body))

    def delete(self, path: str, version: str) -> None:
        """Deletes the document at `path`; nothing happens when there is none."""
        self.send("DELETE", path, version, accept=(404,))

    def list(self, path: str, version: str, **query: str) -> list[dict[str, Any]]:
        """All documents of a collection, over all pages; empty when the collection's owner is gone."""
        return [document for page in self.pages(path, version, **query) for document in page]

    def pages(self, path: str, version: str, **query: str) -> Iterator[Sequence[dict[str, Any]]]:
        """The documents of a collection page by page, for whoever need not read all of them."""
        page = self.get(path, version, **query)
        while page:
            yield page.get("value", [])
            link = page.get("nextLink")
            page = _object(self.follow(link)) if link else None

    def follow(self, url: str) -> httpx.Response:
        """What an address of the cloud's own answers, such as that of an operation to poll."""
        return self._patient("GET", url, {}, None, ())

    def send(
        self,
        method: str,
        path: str,
        version: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        """One request.

        Raises:
            CloudError: the cloud refused it (statuses in `accept` are no refusal), or did not answer.
        """
        values = {"api-version": version, **(query or {})}
        return self._patient(method, path, values, body, accept)

    def _patient(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None, accept: tuple[int, ...]
    ) -> httpx.Response:
        """Asks again while the refusal may pass."""
        return ask_again(method, lambda: self._checked(method, path, query, body, accept))

    def _checked(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None, accept: tuple[int, ...]
    ) -> httpx.Response:
        import httpx

        how, headers = _manner.get(), {"authorization": f"Bearer {token(self.cloud.scope)}"}
        if method != "GET":
            how.fence()
        try:
            answer = self._http.request(
                method, path, params=query or None, json=body, headers=headers, timeout=how.seconds
            )
        except httpx.HTTPError as error:
            raise CloudError(f"{method} {path}: {self.cloud.resource_manager} does not answer ({error})") from None
        if answer.is_success or answer.status_code in accept:
            return answer
        raise refusal(method, path, answer)


def ask_again(method: str, act: Callable[[], T]) -> T:
    """What `act` gives, once what refuses it has passed; it refuses with a `CloudError`."""
    from tenacity import Retrying, wait_exponential

    def going_on(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return error is not None and (state.seconds_since_start or 0.0) < patience(method, error)

    def pause(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _manner.get().pause(state.upcoming_sleep, f"asking again: {error}")

    waits = Retrying(
        retry=going_on,
        wait=wait_exponential(1, max=30),
        sleep=lambda seconds: None,  # `pause` has waited
        before_sleep=pause,
        reraise=True,
    )
    return waits(act)


def refusal(method: str, path: str, answer: httpx.Response) -> CloudError:
    """The error of a response in ARM's shape."""
    try:
        error = answer.json()["error"]
        code, text = str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        code, text = "", answer.text[:500]
    return CloudError(f"{method} {path}: {answer.status_code} {code}: {text}", status=answer.status_code, code=code)


@cache
def arm() -> Arm:
    """The client of this process."""
    return Arm(load_cloud())


def patience(method: str, error: BaseException) -> float:
    """Seconds to go on asking after this error. What may have changed something is not sent again unseen."""
    if not isinstance(error, CloudError) or error.code == DISALLOWED:
        return 0.0
    if error.status in PASSING:
        return _manner.get().patience
    return min(LOST_SECONDS, _manner.get().patience) if method == "GET" and error.status in LOST else 0.0


def _object(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    value: dict[str, Any] = answer.json()
    return value

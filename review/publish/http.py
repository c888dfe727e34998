"""Requests to a code hosting service: what passes is tried again, what does not is said in words with a way out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

ATTEMPTS = 4
LONGEST_WAIT = 60.0
PASSING = (429, 500, 502, 503, 504)
SECONDS = 30.0
GONE = 404


class PublishError(Exception):
    """A comment could not be written. `status`: of the answer, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Service:
    """An HTTP API. `advice`: what a person should do about a status."""

    base: str
    headers: Mapping[str, str]
    advice: Mapping[int, str]
    pause: Callable[[float], None] = time.sleep
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=SECONDS))

    def send(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """The answer to a request. `path` may be a whole address, as services give for the next page.

        Raises:
            PublishError: the service refused, or never answered.
        """
        url = path if path.startswith("http") else f"{self.base}{path}"
        if httpx.URL(url).host != httpx.URL(self.base).host:
            raise PublishError(f"{url} is not at {self.base}: no token is sent there")
        refused = PublishError(f"{method} {url}: no answer")
        for attempt in range(ATTEMPTS):
            try:
                answer = self.client.request(method, url, json=body, params=query, headers=dict(self.headers))
            except httpx.HTTPError as error:
                refused = PublishError(f"{method} {url}: {error or type(error).__name__}")
                wait = float(2**attempt)
                if method == "POST" and not isinstance(error, httpx.ConnectError):
                    raise refused from None  # it may have arrived: a second one would be a second comment
            else:
                if answer.status_code < 300 and answer.status_code != 203:
                    return answer
                refused, wait = self._refusal(method, url, answer), waiting(answer, attempt)
                if not passes(answer):
                    break
            if attempt < ATTEMPTS - 1:
                self.pause(wait)
        raise refused

    def find(self, path: str, *, query: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """A document; None when there is none.

        Raises:
            PublishError: the service refused for another reason, or never answered.
        """
        try:
            return dict(self.send("GET", path, query=query).json())
        except PublishError as error:
            if error.status != GONE:
                raise
            return None

    def _refusal(self, method: str, url: str, answer: httpx.Response) -> PublishError:
        status = 401 if answer.status_code == 203 else answer.status_code  # Azure DevOps shows a page to sign in
        advice = f". {self.advice[status]}" if status in self.advice else ""
        return PublishError(f"{method} {url.partition('?')[0]}: {status}{_said(answer)}{advice}", status)


def passes(answer: httpx.Response) -> bool:
    """Whether it is worth asking again. GitHub says 403 for a limit too, and then when it ends."""
    limited = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    return answer.status_code in PASSING or (answer.status_code == 403 and limited)


def waiting(answer: httpx.Response, attempt: int) -> float:
    """Seconds to wait: what the service says, else longer each time; never more than a minute."""
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return min(LONGEST_WAIT, float(after))
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return min(LONGEST_WAIT, max(1.0, float(reset) - time.time()))
    return float(2**attempt)


def _said(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return ""
    return f" {found['message']}" if isinstance(found, dict) and found.get("message") else ""

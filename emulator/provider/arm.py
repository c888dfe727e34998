"""Calls of Azure Resource Manager: requests, retries, long-running operations."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.provider.errors import ArmError, ProviderError

if TYPE_CHECKING:
    import httpx

    from emulator.provider.connection import Connection

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 15.0
DEFAULT_TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, with its body decoded when it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def retry_after(self) -> float:
        """Seconds the service asks to wait."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdigit() else LONGEST_WAIT_SECONDS


@dataclass(slots=True)
class ArmClient:
    """Calls ARM; every error is an `ArmError` or a `ProviderError`, and `cancelled` ends every wait."""

    connection: Connection
    cancelled: threading.Event = field(default_factory=threading.Event)

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """The resource, or `None` when there is none."""
        answer = self._send("GET", self.connection.base_url + path, query, None)
        if answer.status == 404:
            return None
        return self._checked(answer, path).body

    def put(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        """Sends a resource; the answer may stand for an operation that is still under way: see `wait`."""
        return self._checked(self._send("PUT", self.connection.base_url + path, query, body), path)

    def post(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        """Calls an action and returns its answer."""
        return self._checked(self._send("POST", self.connection.base_url + path, query, body), path).body

    def delete(self, path: str, query: Mapping[str, str], timeout: float) -> None:
        """Deletes and waits until it is done; what is gone already is fine."""
        answer = self._send("DELETE", self.connection.base_url + path, query, None)
        if answer.status != 404:
            self.wait(self._checked(answer, path), path, timeout)

    def wait(self, answer: Answer, path: str, timeout: float) -> None:
        """Follows a long-running operation to its end.

        https://github.com/Azure/azure-resource-manager-rpc/blob/master/v1.0/async-api-reference.md
        """
        if url := answer.headers.get("azure-asyncoperation"):
            self._follow_status(url, answer, path, timeout)
        elif answer.status == 202 and (url := answer.headers.get("location")):
            self._follow_location(url, answer, path, timeout)

    def wait_for_state(self, path: str, query: Mapping[str, str], timeout: float) -> Any:
        """The resource once its `provisioningState` is final (or it has none)."""
        for _ in self._pauses(timeout, path):
            body = self.get(path, query)
            if body is None:
                raise ProviderError(f"{path} disappeared while it was being made")
            state = (body.get("properties") or {}).get("provisioningState") if isinstance(body, Mapping) else None
            if state in ("Failed", "Canceled"):
                raise ArmError(200, state, f"provisioning ended in state {state}", resource=path)
            if state is None or state == "Succeeded":
                return body
        raise AssertionError("pauses end with an error")

    def _follow_status(self, url: str, answer: Answer, path: str, timeout: float) -> None:
        for _ in self._pauses(timeout, path, answer):
            answer = self._checked(self._send("GET", url, {}, None), path)
            status = answer.body.get("status", "") if isinstance(answer.body, Mapping) else ""
            if status == "Succeeded":
                return
            if status in ("Failed", "Canceled"):
                raise ArmError.read(answer.status, answer.body, path)

    def _follow_location(self, url: str, answer: Answer, path: str, timeout: float) -> None:
        for _ in self._pauses(timeout, path, answer):
            answer = self._send("GET", url, {}, None)
            if answer.status == 404:
                return
            if self._checked(answer, path).status != 202:
                return

    def _pauses(self, timeout: float, path: str, answer: Answer | None = None) -> Iterator[None]:
        """Yields before every poll: at once, then in growing steps, at most what the service asks for."""
        deadline = time.monotonic() + (timeout or DEFAULT_TIMEOUT_SECONDS)
        longest = answer.retry_after if answer else LONGEST_WAIT_SECONDS
        pause = FIRST_WAIT_SECONDS
        while True:
            yield
            if time.monotonic() + pause > deadline:
                raise ProviderError(
                    f"{path} is not ready after {timeout or DEFAULT_TIMEOUT_SECONDS:.0f} s: run it again"
                )
            if self.cancelled.wait(pause):
                raise ProviderError(f"cancelled while {path} was under way: run `pulumi refresh`, then `pulumi up`")
            pause = min(pause * 2, longest)

    def _send(self, method: str, url: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> Answer:
        """One request, repeated where the service says it may pass."""
        from httpx import TransportError

        headers = {"Authorization": f"Bearer {self.connection.token()}", "User-Agent": "pulumi-resource-azure-native"}
        parameters = dict(query) or None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self.connection.http.request(method, url, params=parameters, json=body, headers=headers)
            except TransportError as error:
                if attempt == ATTEMPTS:
                    raise ProviderError(
                        f"{method} {url}: {error}. Is the emulator running? See `make doctor`"
                    ) from error
                self.cancelled.wait(FIRST_WAIT_SECONDS * 2**attempt)
                continue
            answer = Answer(response.status_code, response.headers, _json(response))
            if answer.status not in RETRIED or attempt == ATTEMPTS:
                return answer
            self.cancelled.wait(min(answer.retry_after, FIRST_WAIT_SECONDS * 4**attempt))
        raise AssertionError("the last attempt returns or raises")

    @staticmethod
    def _checked(answer: Answer, path: str) -> Answer:
        if answer.status >= 400:
            raise ArmError.read(answer.status, answer.body, path)
        return answer


def _json(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except ValueError:
        return response.text

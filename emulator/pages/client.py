"""What the page knows, it asks for as any client would: through the emulator's own routes, with a token.

Nothing here reaches into a database or a service. The requests take no socket, and none of them changes anything.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from emulator.dispatch import Dispatcher
from emulator.errors import ServiceError
from emulator.http import Request, empty_body
from emulator.service import Emulator
from emulator.settings import ARM_HOST, SUBSCRIPTION_ID

API_VERSION = "2024-04-01"
PAGE_SIZE = 1000
RENEW_SECONDS = 300
TRACKING_SECONDS, TRACKING_THREADS = 3.0, 4
SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"
Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a request led to, read to its end."""

    status: int
    text: bytes


class Client:
    """A reader of one emulator, with the token of this machine's developer."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._lock = threading.Lock()
        self._dispatcher: Dispatcher | None = None
        self._token, self._ends = "", 0
        self._patience = ThreadPoolExecutor(TRACKING_THREADS, thread_name_prefix="page")

    # -- Resource Manager

    def get(self, path: str, **query: str) -> Json:
        """A document.

        Raises:
            ServiceError: what the emulator answers instead.
        """
        return self._json(self._send("GET", path, {"api-version": API_VERSION, **query}))

    def find(self, path: str, **query: str) -> Json | None:
        """A document, None when there is none or its type is not known."""
        try:
            return self.get(path, **query)
        except ServiceError as error:
            if error.status in (400, 404, 501):
                return None
            raise

    def collection(self, path: str, **query: str) -> list[Json]:
        """Every document of a collection, [] when what it belongs to is gone."""
        return list(self._pages(path, {"api-version": API_VERSION, "$top": str(PAGE_SIZE), **query}))

    def types(self) -> list[str]:
        """The resource types there are, as their providers spell them."""
        return sorted(kind.type for kind in self._emulator.types.values())

    # -- other services

    def run(self, job: str) -> Json:
        """A job as run history shows it: times, error, and the addresses of its logs."""
        workspace, _, name = job.rpartition("/jobs/")
        return self._json(self._send("GET", f"/history/v1.0{workspace}/runs/{name}/details", {}))

    def text(self, address: str) -> str:
        """What a signed address of the emulator leads to."""
        parts = urlsplit(address)
        return self._send("GET", parts.path, {}, raw_query=parts.query).text.decode(errors="replace")

    def logs(self, deployment: str, lines: int) -> str:
        """The last lines that an online deployment printed."""
        wanted = {"containerType": "InferenceServer", "tail": lines}
        answer = self._send("POST", f"{deployment}/getLogs", {"api-version": API_VERSION}, body=wanted)
        return str(self._json(answer)["content"])

    def container_log(self, group: str, name: str, lines: int) -> str:
        """The last lines that a container of a group printed."""
        return str(self.get(f"{group}/containers/{name}/logs", tail=str(lines)).get("content") or "")

    def metrics(self, resource: str, **query: str) -> Json:
        """Azure Monitor's metrics of a resource."""
        return self.get(f"{resource}/providers/Microsoft.Insights/metrics", **query)

    def query(self, resource: str, text: str, timespan: str, seconds: int) -> Json:
        """The answer of Log Analytics' query service."""
        query = {"query": text, "timespan": timespan}
        return self._json(self._send("GET", f"/v1{resource}/query", query, {"prefer": f"wait={seconds}"}))

    def registry(self, server: str, path: str, scope: str) -> Json:
        """The metadata of a registry: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md for the two tokens."""
        host = server.partition(":")[0]
        entra = {"grant_type": "access_token", "service": server, "access_token": self._bearer()}
        refresh = self._json(self._send("POST", "/oauth2/exchange", {}, form=entra, host=host))["refresh_token"]
        wanted = {"grant_type": "refresh_token", "service": server, "scope": scope, "refresh_token": refresh}
        token = self._json(self._send("POST", "/oauth2/token", {}, form=wanted, host=host))["access_token"]
        return self._json(self._send("GET", path, {}, {"authorization": f"Bearer {token}"}, host=host))

    def tracking(self, path: str, **query: str) -> Json:
        """MLflow's REST API.

        Raises:
            TimeoutError: its server, which the first call starts, does not answer yet.
        """
        address = f"/mlflow/api/2.0/mlflow/{path}"
        asked = self._patience.submit(lambda: self._json(self._send("GET", address, query, listener="http")))
        try:
            return asked.result(TRACKING_SECONDS)
        except TooLate:
            asked.cancel()
            raise TimeoutError("MLflow does not answer yet") from None

    def close(self) -> None:
        """Asks nothing any more."""
        self._patience.shutdown(wait=False, cancel_futures=True)

    # -- parts

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[Json]:
        while True:
            try:
                page = self._json(self._send("GET", path, query))
            except ServiceError as error:
                if error.status == 404:
                    return
                raise
            yield from page["value"]
            if "nextLink" not in page:
                return
            shown = int(query.get("$skiptoken", "0")) + len(page["value"])
            query = {**query, "$skiptoken": str(shown)}

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        headers: dict[str, str] | None = None,
        *,
        raw_query: str = "",
        body: Json | None = None,
        form: dict[str, str] | None = None,
        host: str = ARM_HOST,
        listener: str = "https",
    ) -> Answer:
        raw = raw_query or urlencode(query)
        content = empty_body()
        content.write(urlencode(form).encode() if form else json.dumps(body).encode() if body else b"")
        content.seek(0)
        request = Request(
            method=method,
            host=host,
            path=path,
            raw_path=quote(path),
            raw_query=raw,
            base_url=self._emulator.settings.base_url,
            query={name.lower(): value for name, value in query.items()} or parsed(raw_query),
            headers={"authorization": f"Bearer {self._bearer()}", **(headers or {})},
            body=content,
        )
        with content:
            response = self._routes().handle(listener, request)
            text = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        return Answer(response.status, text)

    def _json(self, answer: Answer) -> Json:
        found: Json = json.loads(answer.text)
        if answer.status >= 400:
            raise refusal(answer.status, found)
        return found

    def _routes(self) -> Dispatcher:
        """Made late: services may come after the page's."""
        with self._lock:
            if self._dispatcher is None:
                routes = [route for service in self._emulator.services for route in service.routes()]
                self._dispatcher = Dispatcher(self._emulator, routes)
            return self._dispatcher

    def _bearer(self) -> str:
        with self._lock:
            if self._ends - time.time() < RENEW_SECONDS:
                self._token, self._ends = self._emulator.tokens.issue(self._emulator.settings.base_url)
            return self._token


def parsed(raw_query: str) -> dict[str, str]:
    """A query string as the web server gives it to handlers."""
    return {name.lower(): value for name, value in parse_qsl(raw_query, keep_blank_values=True)}


def refusal(status: int, body: Json) -> ServiceError:
    """The error of an answer in the shape of any service, whose innermost message says most."""
    found = body.get("error")
    error: Json = found if isinstance(found, dict) else body
    inner = error.get("innererror")
    message = (inner.get("message") if isinstance(inner, dict) else None) or error.get("message") or str(body)
    return ServiceError(status, str(error.get("code") or body.get("error_code") or "Failed"), str(message))

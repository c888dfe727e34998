"""One request to the ingestion endpoint: what it accepted, what is worth another try, what it refused for good."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from ml.scoring.telemetry.connection import Connection
from ml.scoring.telemetry.tokens import TokenError, Tokens

logger = logging.getLogger("ml.scoring.telemetry")
PATH = "/v2.1/track"
REQUEST_SECONDS = 10.0
MOST_REDIRECTS = 5
MOST_ERROR_BYTES = 1 << 20
# Those that the SDKs of Azure Monitor send again: https://github.com/Azure/azure-sdk-for-python,
# azure-monitor-opentelemetry-exporter, `_constants.py`. A refused token is among them: roles take minutes to arrive.
RETRIED = frozenset({401, 403, 408, 429, 500, 502, 503, 504})
TRUSTED_SUFFIXES = (
    ".services.visualstudio.com",
    *(f".{name}.azure.{end}" for end in ("com", "us", "cn") for name in ("monitor", "applicationinsights")),
)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Outcome:
    """What became of the items of one request: positions to send again (after `wait` seconds, where the service named
    a time) and positions that were refused for good, with a reason for a person.
    """

    retry: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    wait: float | None = None
    reason: str = ""


class Transport:
    """Sends items over one connection that it keeps. Used by one thread."""

    def __init__(self, connection: Connection, tokens: Tokens) -> None:
        self._url = connection.endpoint + PATH
        self._tokens = tokens
        self._with_token = tokens.source.declared
        self._http: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Closes the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def send(self, items: Sequence[bytes], timeout: float = REQUEST_SECONDS) -> Outcome:
        """Sends items, each a line of JSON."""
        everything = tuple(range(len(items)))
        try:
            status, headers, content = self._post(gzip.compress(b"\n".join(items), 1, mtime=0), timeout)
        except (OSError, http.client.HTTPException, TokenError) as error:
            self.close()
            reason = str(error) if isinstance(error, TokenError) else f"it does not answer ({type(error).__name__})"
            return Outcome(retry=everything, reason=reason)
        wait = retry_after(headers.get("retry-after"))
        if status == 200:
            return Outcome()
        if status == 206:
            return partial(content, len(items), wait)
        if status in (401, 403):
            self._tokens.forget()
            self._with_token = True
        reason = f"it answers {status}"
        return Outcome(everything, (), wait, reason) if status in RETRIED else Outcome((), everything, None, reason)

    def _post(self, body: bytes, timeout: float) -> tuple[int, http.client.HTTPMessage, bytes]:
        headers = {"content-type": "application/x-json-stream", "content-encoding": "gzip"}
        for _ in range(MOST_REDIRECTS):
            if self._with_token:
                headers["authorization"] = f"Bearer {self._token(timeout)}"
            answer = self._exchange(body, headers, timeout)
            target = urljoin(self._url, answer[1].get("location", ""))
            if answer[0] not in (307, 308) or not trusted(self._url, target):
                break
            # The service sends a client to the stamp that holds its component; it stays there.
            self.close()
            self._url = target
        return answer

    def _exchange(
        self, body: bytes, headers: dict[str, str], timeout: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request; a kept connection that the service has closed meanwhile is opened again."""
        parts = urlsplit(self._url)
        fresh = self._http is None
        connection = self._http = self._http or connect(self._url, timeout)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(MOST_ERROR_BYTES)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if fresh:
                raise
            return self._exchange(body, headers, timeout)

    def _token(self, timeout: float) -> str:
        parts = urlsplit(self._url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise TokenError("tokens are not sent over http: the connection string must name an https endpoint")
        return self._tokens.get(timeout=timeout)


def connect(url: str, timeout: float) -> http.client.HTTPConnection:
    """A connection to the host of a URL; TLS is verified against the system's certificates or `SSL_CERT_FILE`."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(parts.netloc, timeout=timeout)


def trusted(url: str, target: str) -> bool:
    """Whether a redirect may be followed, telemetry and token with it: to the same host, or within Azure Monitor."""
    before, after = urlsplit(url), urlsplit(target)
    if not after.hostname or (before.scheme, after.scheme) == ("https", "http"):
        return False
    if before.hostname == after.hostname:
        return before.netloc == after.netloc or after.scheme == "https"
    return any((before.hostname or "").endswith(end) and after.hostname.endswith(end) for end in TRUSTED_SUFFIXES)


def partial(content: bytes, count: int, wait: float | None) -> Outcome:
    """The outcome of a 206: `{"itemsReceived", "itemsAccepted", "errors": [{"index", "statusCode", "message"}]}`.

    What it does not mention was accepted. An answer that cannot be read is taken for a refusal of nothing: sending all
    again would count most of it twice.
    """
    try:
        errors = [(int(error["index"]), int(error["statusCode"])) for error in json.loads(content)["errors"]]
    except (ValueError, LookupError, TypeError):
        logger.warning("Application Insights answered 206 without a list of errors; its items count as accepted")
        return Outcome()
    known = {index: status for index, status in errors if 0 <= index < count}
    retry = tuple(sorted(index for index, status in known.items() if status in RETRIED))
    refused = tuple(sorted(index for index, status in known.items() if status not in RETRIED))
    statuses = ", ".join(str(status) for status in sorted(set(known.values())))
    return Outcome(retry, refused, wait, f"it accepts a part only ({statuses})")


def retry_after(header: str | None) -> float | None:
    """Seconds to wait: `Retry-After` is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None

"""Entra tokens by managed identity, with nothing but the standard library: a scoring image holds no Azure SDK.

The three ways are those of "Managed identities" in the documentation of App Service, Azure Machine Learning and
virtual machines; container instances answer like virtual machines.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

RENEW_SECONDS = 300.0
"""A token this close to its end is renewed."""
REQUEST_SECONDS = 10.0
MACHINE_ENDPOINT = "http://169.254.169.254/metadata/identity/oauth2/token"
UNKNOWN_LIFETIME = 600.0
TIME_FORMATS = ("%m/%d/%Y %H:%M:%S +00:00", "%m/%d/%Y %I:%M:%S %p +00:00")


class TokenError(Exception):
    """No token; the message names the endpoint and the answer's status, never a secret."""


@dataclass(frozen=True)
class Source:
    """Where tokens come from: a URL that is asked with `query`, the resource, and `headers` (one holds a secret).

    `declared` says that the environment names an identity; else this machine is only worth asking once the service
    has refused a request without a token.
    """

    endpoint: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    declared: bool = True


def find_source(environment: Mapping[str, str]) -> Source:
    """The source that an environment names, in azure-identity's order."""
    client = environment.get("AZURE_CLIENT_ID") or _authentication_string(environment).get("clientid", "")
    endpoint, header = environment.get("IDENTITY_ENDPOINT"), environment.get("IDENTITY_HEADER")
    if endpoint and header:
        query = {"api-version": "2019-08-01", **({"client_id": client} if client else {})}
        return Source(endpoint, query, {"X-IDENTITY-HEADER": header})
    endpoint, secret = environment.get("MSI_ENDPOINT"), environment.get("MSI_SECRET")
    if endpoint and secret:
        query = {"api-version": "2017-09-01", **({"clientid": client} if client else {})}
        return Source(endpoint, query, {"secret": secret})
    query = {"api-version": "2018-02-01", **({"client_id": client} if client else {})}
    wanted = bool(client) or _authentication_string(environment).get("authorization", "").upper() == "AAD"
    return Source(MACHINE_ENDPOINT, query, {"Metadata": "true"}, declared=wanted)


def _authentication_string(environment: Mapping[str, str]) -> dict[str, str]:
    """`Authorization=AAD;ClientId=…`, as the SDKs of Azure Monitor take it."""
    text = environment.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "")
    pairs = (part.partition("=") for part in text.split(";") if part)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


class Tokens:
    """Tokens for one resource, kept until shortly before their end. Safe to call from any thread."""

    def __init__(self, source: Source, resource: str) -> None:
        self.source = source
        self.resource = resource
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0

    def get(self, *, timeout: float = REQUEST_SECONDS) -> str:
        """A valid token.

        Raises:
            TokenError: there is none to be had now.
        """
        with self._lock:
            now = time.time()
            if now > self._ends - RENEW_SECONDS:
                try:
                    self._token, self._ends = self._ask(timeout)
                except TokenError:
                    if now > self._ends:
                        raise
            return self._token

    def forget(self) -> None:
        """Lets the next call ask for a new token: the service has refused this one."""
        with self._lock:
            self._ends = 0.0

    def _ask(self, timeout: float) -> tuple[str, float]:
        parts = urlsplit(self.source.endpoint)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=timeout)
        query = "&".join(filter(None, (parts.query, urlencode({**self.source.query, "resource": self.resource}))))
        try:
            connection.request("GET", f"{parts.path}?{query}", headers=dict(self.source.headers))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise TokenError(f"{self.source.endpoint} does not answer ({type(error).__name__})") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise TokenError(f"{self.source.endpoint} answers {answer.status} to a request for a token")
        return self._read(content)

    def _read(self, content: bytes) -> tuple[str, float]:
        try:
            body = json.loads(content)
            return str(body["access_token"]), ends(body)
        except (ValueError, LookupError, TypeError):
            raise TokenError(f"{self.source.endpoint} answers with something that is no token") from None


def ends(body: Mapping[str, object]) -> float:
    """When a token ends, in seconds since 1970: App Service writes a number, its older version a date."""
    given = str(body.get("expires_on") or "")
    if given.isdecimal():
        return float(given)
    for form in TIME_FORMATS:
        try:
            return datetime.strptime(given, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    lifetime = str(body.get("expires_in") or "")
    return time.time() + (float(lifetime) if lifetime.isdecimal() else UNKNOWN_LIFETIME)

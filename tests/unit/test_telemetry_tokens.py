"""Managed identity in its three flavours, redirects, and where a token must not go."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry import tokens as telemetry_tokens
from ml.scoring.telemetry.connection import Connection
from ml.scoring.telemetry.sender import Telemetry
from ml.scoring.telemetry.tokens import MACHINE_ENDPOINT, TokenError, Tokens, ends, find_source
from ml.scoring.telemetry.transport import Transport, trusted
from tests.unit.ingestion_server import Answer, IngestionServer, ingestion_server

MODEL = ModelIdentity("bike-buyer", 7, "ab" * 32, "bike_buyer")
KEY = "00000000-0000-0000-0000-00000000abcd"
RESOURCE = "https://monitor.azure.com/"


@pytest.fixture(name="server")
def fixture_server() -> Iterator[IngestionServer]:
    with ingestion_server() as server:
        yield server


@pytest.fixture(name="identity")
def fixture_identity() -> Iterator[IngestionServer]:
    with ingestion_server() as server:
        yield server


def token(text: str = "token-1", **more: Any) -> Answer:
    return Answer(body={"access_token": text, "expires_on": str(int(time.time()) + 3600), **more})


def query(server: IngestionServer) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(server.received[-1].path).query).items()}


FLAVOURS: list[tuple[dict[str, str], dict[str, str], tuple[str, str]]] = [
    (
        {"IDENTITY_ENDPOINT": "{url}/msi/token", "IDENTITY_HEADER": "hidden", "AZURE_CLIENT_ID": "me"},
        {"api-version": "2019-08-01", "resource": RESOURCE, "client_id": "me"},
        ("x-identity-header", "hidden"),
    ),
    (
        {"IDENTITY_ENDPOINT": "{url}/msi/token", "IDENTITY_HEADER": "hidden", "MSI_ENDPOINT": "x", "MSI_SECRET": "x"},
        {"api-version": "2019-08-01", "resource": RESOURCE},
        ("x-identity-header", "hidden"),
    ),
    (
        {"MSI_ENDPOINT": "{url}/msi/token", "MSI_SECRET": "hidden", "AZURE_CLIENT_ID": "me"},
        {"api-version": "2017-09-01", "resource": RESOURCE, "clientid": "me"},
        ("secret", "hidden"),
    ),
    (
        {"AZURE_CLIENT_ID": "me"},
        {"api-version": "2018-02-01", "resource": RESOURCE, "client_id": "me"},
        ("metadata", "true"),
    ),
    (
        {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD;ClientId=me"},
        {"api-version": "2018-02-01", "resource": RESOURCE, "client_id": "me"},
        ("metadata", "true"),
    ),
]


@pytest.mark.parametrize(("environment", "asked", "header"), FLAVOURS)
def test_each_flavour_is_asked_as_its_documentation_says(
    identity: IngestionServer,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    asked: dict[str, str],
    header: tuple[str, str],
) -> None:
    assert MACHINE_ENDPOINT == "http://169.254.169.254/metadata/identity/oauth2/token"
    monkeypatch.setattr(telemetry_tokens, "MACHINE_ENDPOINT", f"{identity.url}/metadata/identity/oauth2/token")
    identity.script.append(token())
    source = find_source({name: value.format(url=identity.url) for name, value in environment.items()})
    assert source.declared
    assert "hidden" not in repr(source)
    assert Tokens(source, RESOURCE).get() == "token-1"
    assert query(identity) == asked
    assert identity.received[-1].headers[header[0]] == header[1]


def source(identity: IngestionServer) -> telemetry_tokens.Source:
    return find_source({"IDENTITY_ENDPOINT": f"{identity.url}/msi", "IDENTITY_HEADER": "hidden"})


def test_a_token_is_kept_and_renewed_before_its_end(identity: IngestionServer) -> None:
    identity.script.extend([token(), token("token-2", expires_on=str(int(time.time()) + 60)), token("token-3")])
    tokens = Tokens(source(identity), RESOURCE)
    assert [tokens.get(), tokens.get()] == ["token-1", "token-1"]
    tokens.forget()
    assert tokens.get() == "token-2"
    assert tokens.get() == "token-3", "one that ends within minutes is renewed"


def test_a_token_still_good_bridges_an_outage(identity: IngestionServer) -> None:
    identity.script.extend([token(expires_on=str(int(time.time()) + 60)), Answer(500), Answer(500)])
    tokens = Tokens(source(identity), RESOURCE)
    assert [tokens.get(), tokens.get()] == ["token-1", "token-1"]
    tokens.forget()
    with pytest.raises(TokenError, match="answers 500"):
        tokens.get()


@pytest.mark.parametrize("answer", [Answer(400), Answer(body={"nothing": 1}), Answer(body=[])])
def test_no_token_is_an_error_without_a_secret(identity: IngestionServer, answer: Answer) -> None:
    identity.script.append(answer)
    with pytest.raises(TokenError) as refused:
        Tokens(source(identity), RESOURCE).get()
    assert "hidden" not in str(refused.value)


def test_the_end_of_a_token_comes_in_several_forms() -> None:
    assert ends({"expires_on": "1900000000"}) == 1_900_000_000
    assert ends({"expires_on": 1900000000}) == 1_900_000_000
    assert ends({"expires_on": "03/17/2030 17:46:40 +00:00"}) == 1_900_000_000
    assert ends({"expires_on": "3/17/2030 5:46:40 PM +00:00"}) == 1_900_000_000
    assert abs(ends({"expires_in": "60"}) - time.time() - 60) < 5


def telemetry(server: IngestionServer, identity: IngestionServer, environment: dict[str, str]) -> Telemetry:
    given = {name: value.format(url=identity.url) for name, value in environment.items()}
    connection = Connection(KEY, server.url)
    return Telemetry(MODEL, connection, Tokens(find_source(given), connection.audience), interval=0.01, first_wait=0.01)


def record() -> RequestRecord:
    return RequestRecord(time.time(), 0.004, 200, "/score", 3, "id")


def test_a_refused_token_is_renewed(server: IngestionServer, identity: IngestionServer) -> None:
    identity.script.extend([token(), token("token-2")])
    server.script.append(Answer(401))
    subject = telemetry(server, identity, {"IDENTITY_ENDPOINT": "{url}", "IDENTITY_HEADER": "hidden"})
    subject.record(record())
    subject.start()
    assert subject.drain(10)
    assert [request.headers["authorization"] for request in server.received] == ["Bearer token-1", "Bearer token-2"]
    assert subject.sent == 1


def test_without_a_declared_identity_a_token_is_asked_for_only_when_needed(
    server: IngestionServer, identity: IngestionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_tokens, "MACHINE_ENDPOINT", f"{identity.url}/metadata/identity/oauth2/token")
    identity.script.append(token())
    server.script.extend([Answer(), Answer(401)])
    subject = telemetry(server, identity, {})
    subject.record(record())
    subject.start()
    deadline = time.monotonic() + 10
    while subject.sent < 1:
        assert time.monotonic() < deadline
    assert identity.received == []
    subject.record(record())
    assert subject.drain(10)
    given = [request.headers.get("authorization") for request in server.received]
    assert given == [None, None, "Bearer token-1"]


def test_neither_token_nor_secret_is_logged(
    server: IngestionServer, identity: IngestionServer, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script.extend([Answer(500), *[token("canary-token")] * 3])
    server.script.extend([Answer(401), Answer(403)])
    subject = telemetry(server, identity, {"IDENTITY_ENDPOINT": "{url}", "IDENTITY_HEADER": "canary-secret"})
    subject.record(record())
    with caplog.at_level(logging.DEBUG):
        subject.start()
        assert subject.drain(10)
    assert caplog.messages
    assert "canary" not in caplog.text
    assert KEY not in caplog.text


def test_a_redirect_to_the_same_host_is_followed_and_kept(server: IngestionServer, identity: IngestionServer) -> None:
    server.script.append(Answer(308, headers={"location": f"{server.url}/stamp/v2.1/track"}))
    subject = telemetry(server, identity, {})
    transport = subject._transport
    assert transport.send([b"{}"]).retry == ()
    assert transport.send([b"{}"]).retry == ()
    transport.close()
    assert [one.path for one in server.received] == ["/v2.1/track", "/stamp/v2.1/track", "/stamp/v2.1/track"]


def test_a_redirect_elsewhere_is_not_followed(server: IngestionServer, identity: IngestionServer) -> None:
    server.script.append(
        Answer(307, headers={"location": identity.url.replace("127.0.0.1", "localhost") + "/v2.1/track"})
    )
    transport = telemetry(server, identity, {})._transport
    outcome = transport.send([b"{}"])
    transport.close()
    assert (outcome.refused, identity.received) == ((0,), [])


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("https://dc.services.visualstudio.com/v2.1/track", "https://eu.services.visualstudio.com/v2.1/track", True),
        ("https://a.in.applicationinsights.azure.com/x", "https://b.in.applicationinsights.azure.com/x", True),
        ("https://a.in.applicationinsights.azure.com/x", "http://b.in.applicationinsights.azure.com/x", False),
        ("https://a.in.applicationinsights.azure.com/x", "https://applicationinsights.azure.com.example.org/x", False),
        ("https://a.in.applicationinsights.azure.com/x", "https://eu.services.visualstudio.com/x", False),
        ("https://a.example.org/x", "https://a.example.org:444/x", True),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:2/x", False),
        ("https://a.example.org/x", "mailto:me", False),
    ],
)
def test_where_redirects_may_lead(before: str, after: str, allowed: bool) -> None:
    assert trusted(before, after) == allowed


def test_a_token_does_not_go_over_plain_http(identity: IngestionServer) -> None:
    identity.script.append(token())
    transport = Transport(Connection(KEY, "http://insights.example.org"), Tokens(source(identity), RESOURCE))
    outcome = transport.send([b"{}"])
    assert outcome.retry == (0,)
    assert "not sent over http" in outcome.reason
    assert identity.received == []

"""HTTP itself, byte by byte: limits, ambiguous requests, and the order of answers."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from tests.unit.scoring.models import OLD_AGE, write_model
from tests.unit.scoring.running import HOST, Scoring, get, post, serving


class Case(NamedTuple):
    """Bytes, and the statuses and codes of all answers to them."""

    name: str
    sent: bytes
    expected: list[tuple[int, str | None]]


OK = (200, None)
BAD = (400, "invalid_http")
NO_FIELD = (400, "missing_field")
ENCODING = (501, "transfer_encoding")
H2C = b"connection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABk\r\nupgrade: h2c\r\n"
"""What Java's own client and `curl --http2` add to their first requests. It may be ignored: RFC 9110, 7.8."""
CHUNKED = b"transfer-encoding: chunked\r\n"
CASES = [
    Case("GET", get(), [OK]),
    Case("query", get(b"/?x=1"), [OK]),
    Case("OpenAPI of a version", get(b"/swagger.json?version=3"), [OK]),
    Case("whole URL", get(b"http://elsewhere:80/ready"), [OK]),
    Case("whole URL without a path", get(b"http://elsewhere"), [OK]),
    Case("no such path", get(b"/nowhere"), [(404, "no_such_path")]),
    Case("path of others", get(b"/score/../score"), [(404, "no_such_path")]),
    Case("OPTIONS", b"OPTIONS /score HTTP/1.1\r\n" + HOST + b"\r\n", [OK]),
    Case("OPTIONS for all", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [OK]),
    Case("DELETE", b"DELETE /ready HTTP/1.1\r\n" + HOST + b"\r\n", [(405, "method_not_allowed")]),
    Case(
        "POST to a page", b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 2\r\n\r\n{}", [(405, "method_not_allowed")]
    ),
    Case("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", [OK]),
    Case("HTTP/0.9", b"GET /\r\n\r\n", [(505, "http_version")]),
    Case("HTTP/2 by surprise", get(version=b"2.0"), [(505, "http_version")]),
    Case("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [BAD]),
    Case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [BAD]),
    Case("unknown method", b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", [BAD]),
    Case("no host", b"GET / HTTP/1.1\r\n\r\n", [(400, "missing_host")]),
    Case("two hosts", get(headers=HOST), [(400, "repeated_header")]),
    Case("two keys", post(b"authorization: Bearer a\r\nauthorization: Bearer b\r\n"), [(400, "repeated_header")]),
    Case("upgrade", get(headers=H2C) + get(b"/ready"), [OK, OK]),
    Case("upgrade with a body", post(H2C + b"content-length: 2\r\n", b"{}") + get(), [NO_FIELD, OK]),
    Case("upgrade with chunks", post(H2C + CHUNKED, b"2\r\n{}\r\n0\r\n\r\n") + get(), [NO_FIELD, OK]),
    Case("upgrade again and again", get(headers=H2C) * 1_000, [OK] * 1_000),
    Case("upgrade of HTTP/1.0", get(headers=H2C, version=b"1.0") + get(), [OK]),
    Case("upgrade, then the end", get(headers=H2C + b"connection: close\r\n") + get(), [OK]),
    Case("upgrade, two hosts", get(headers=H2C + HOST), [(400, "repeated_header")]),
    Case("upgrade, two encodings", post(H2C + b"transfer-encoding: gzip\r\n" + CHUNKED), [(400, "repeated_header")]),
    Case("upgrade, long line", get(b"/" + b"a" * 9_000, headers=H2C), [(414, "request_line_too_long")]),
    Case("upgrade, cut off", post(H2C + b"content-length: 20\r\n", b"{}"), [(400, "truncated")]),
    Case("CONNECT", b"CONNECT elsewhere:443 HTTP/1.1\r\n" + HOST + b"\r\n" + get(), [(400, "upgrade")]),
    # Two readers of such a request may see different ends of it, so nobody may be let through.
    Case("two lengths", post(b"content-length: 2\r\ncontent-length: 3\r\n", b"{}"), [BAD]),
    Case("the same length twice", post(b"content-length: 2\r\ncontent-length: 2\r\n", b"{}"), [BAD]),
    Case("length and chunks", post(b"content-length: 2\r\n" + CHUNKED, b"2\r\n{}\r\n0\r\n\r\n"), [BAD]),
    Case("chunks and length", post(CHUNKED + b"content-length: 2\r\n", b"2\r\n{}\r\n0\r\n\r\n"), [BAD]),
    Case("chunks twice", post(CHUNKED * 2, b"2\r\n{}\r\n0\r\n\r\n"), [BAD]),
    Case("other encoding", post(b"transfer-encoding: xchunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"), [ENCODING]),
    Case("two encodings", post(b"transfer-encoding: gzip, chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n") + get(), [ENCODING]),
    Case(
        "two encodings in two lines",
        post(b"transfer-encoding: gzip\r\n" + CHUNKED, b"2\r\n{}\r\n0\r\n\r\n") + get(),
        [(400, "repeated_header")],
    ),
    Case(
        "chunks in HTTP/1.0",
        b"POST /score HTTP/1.0\r\nconnection: keep-alive\r\n" + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n\r\n" + get(),
        [(400, "transfer_encoding")],
    ),
    Case("chunks, then others", post(b"transfer-encoding: chunked, identity\r\n"), [BAD]),
    Case("space before the colon", post(b"transfer-encoding : chunked\r\n"), [BAD]),
    Case("length with a sign", post(b"content-length: +2\r\n", b"{}"), [BAD]),
    Case("list of lengths", post(b"content-length: 2, 2\r\n", b"{}"), [BAD]),
    Case("endless length", post(b"content-length: 99999999999999999999\r\n"), [BAD]),
    Case("negative chunk", post(CHUNKED, b"-2\r\n{}\r\n"), [BAD]),
    Case("endless chunk", post(CHUNKED, b"f" * 17 + b"\r\n"), [BAD]),
    Case("bare line feeds", b"GET / HTTP/1.1\nhost: x\n\n", [BAD]),
    Case("folded header", get(headers=b"x: a\r\n b\r\n"), [BAD]),
    Case("zero in a header", get(headers=b"x: a\x00b\r\n"), [BAD]),
    Case("line break in an id", get(headers=b"x-request-id: a\rb\r\n"), [BAD]),
    Case("strange id", get(headers=b"x-request-id: caf\xe9\r\n"), [(400, "invalid_request_id")]),
    Case("long id", get(headers=b"x-ms-client-request-id: %b\r\n" % (b"a" * 101)), [(431, "request_id_too_long")]),
    Case("long line", get(b"/" + b"a" * 9_000), [(414, "request_line_too_long")]),
    Case("very long line", get(b"/" + b"a" * 900_000), [(414, "request_line_too_long")]),
    Case("long header", get(headers=b"x: %b\r\n" % (b"a" * 17_000)), [(431, "headers_too_large")]),
    Case("very long header", get(headers=b"x: %b\r\n" % (b"a" * 900_000)), [(431, "headers_too_large")]),
    Case("long header name", get(headers=b"%b: a\r\n" % (b"a" * 900_000)), [(431, "headers_too_large")]),
    Case("many headers", get(headers=b"".join(b"x%d: 1\r\n" % n for n in range(150))), [(431, "headers_too_large")]),
    Case("one header many times", get(headers=b"x: 1\r\n" * 5_000), [(431, "headers_too_large")]),
    Case("large, said before", post(b"content-length: 10000001\r\n", b"{"), [(413, "body_too_large")]),
    Case("large, in chunks", post(CHUNKED, b"100000\r\n%b\r\n" % (b" " * 2**20) * 11), [(413, "body_too_large")]),
    Case(
        "a byte too large, in one chunk",
        post(CHUNKED, b"989681\r\n%b\r\n" % (b" " * 10_000_001)),
        [(413, "body_too_large")],
    ),
    Case("large by framing", post(CHUNKED, b"1;%b\r\n \r\n" % (b"x" * 10_000) * 1_100), [(413, "body_too_large")]),
    Case("other expectation", post(b"expect: wonders\r\ncontent-length: 2\r\n", b"{}"), [(417, "expectation")]),
    Case(
        "expectation of HTTP/1.0",
        b"POST /score HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}",
        [(400, "missing_field")],
    ),
    Case("cut off in the line", b"GET / HT", [(400, "truncated")]),
    Case("cut off in the headers", b"GET / HTTP/1.1\r\nhost: x\r\nx", [(400, "truncated")]),
    Case("cut off in the body", post(b"content-length: 20\r\n", b"{}"), [(400, "truncated")]),
    Case("cut off in the chunks", post(CHUNKED, b"5\r\n{}"), [(400, "truncated")]),
    Case("nothing", b"", []),
    Case("line breaks", b"\r\n\r\n", []),
    Case("line breaks before", b"\r\n\r\n" + get(), [OK]),
    Case("one after the other", get() + get(b"/nowhere") + get(b"/ready"), [OK, (404, "no_such_path"), OK]),
    Case("good, then bad", get() + b"\x00", [OK, BAD]),
    Case("nothing after a close", get(headers=b"connection: close\r\n") + get(b"/ready"), [OK]),
    Case("nothing after a refusal", post(b"content-length: 10000001\r\n") + get(), [(413, "body_too_large")]),
    Case(
        "after a small refusal",
        post(b"content-type: text/csv\r\ncontent-length: 1\r\n", b"x") + get(),
        [(415, "not_json"), OK],
    ),
    Case("many", get() * 500, [OK] * 500),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_is_answered_once(scoring: Scoring, case: Case) -> None:
    replies = scoring.raw(case.sent)
    found = [(one.status, None if one.status == 200 else one.code) for one in replies]
    assert found == case.expected
    assert all("x-request-id" in one.headers and "date" in one.headers for one in replies)
    scoring.assert_alive()


@pytest.fixture(scope="module")
def slow_for_the_old(asked: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes seconds when somebody is very old."""
    folder = tmp_path_factory.mktemp("slow") / "model"
    return write_model(folder, asked[asked["Age"] <= OLD_AGE], old_age_turns=3_000)


@pytest.fixture(scope="module")
def body(row: dict[str, Any]) -> bytes:
    return json.dumps({"data": [row]}).encode()


def test_answers_come_in_order_even_if_some_need_the_model(
    scoring: Scoring, rows: list[dict[str, Any]], body: bytes
) -> None:
    bodies = [json.dumps({"data": [one]}).encode() for one in rows[:30]]
    sent = b"".join(
        post(b"x-request-id: s%d\r\ncontent-length: %d\r\n" % (index, len(one)), one)
        + get(headers=b"x-request-id: g%d\r\n" % index)
        for index, one in enumerate(bodies)
    )
    with scoring.connect() as client:
        client.send(sent)
        replies = [client.reply() for _ in range(60)]
    assert [one.headers["x-request-id"] for one in replies] == [f"{kind}{n}" for n in range(30) for kind in "sg"]
    alone = [scoring.score(one).json for one in rows[:30]]
    assert [one.json for one in replies[::2]] == alone


def test_requests_in_small_pieces(scoring: Scoring, body: bytes) -> None:
    with scoring.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = post(b"content-length: %d\r\n" % len(body), body) * 2
        for index in range(len(whole)):
            client.send(whole[index : index + 1])
        assert [client.reply().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(("dripped", "expected"), [(100, 200), (40_000, 431)])
def test_the_end_of_one_request_is_no_part_of_the_next_ones_headers(
    scoring: Scoring, body: bytes, dripped: int, expected: int
) -> None:
    long = body + b" " * (16_700 - len(body))
    following = get(headers=b"x: %b\r\n" % (b"a" * dripped))
    with scoring.connect() as client:
        client.send(post(b"content-length: %d\r\n" % len(long), long) + following[:40])
        assert client.reply().status == 200
        for begin in range(40, len(following), 1_000):
            client.send(following[begin : begin + 1_000])
        assert client.reply().status == expected


def test_chunks_are_put_together(scoring: Scoring, body: bytes) -> None:
    chunks = b"".join(
        b"%x;name=value\r\n%b\r\n" % (len(body[at : at + 7]), body[at : at + 7]) for at in range(0, len(body), 7)
    )
    with scoring.connect() as client:
        client.send(post(CHUNKED, chunks + b"0\r\ntrailer: x\r\n\r\n") + get(b"/ready"))
        assert [client.reply().status for _ in range(2)] == [200, 200]


def test_a_client_that_waits_to_be_told_to_go_on(scoring: Scoring, body: bytes) -> None:
    expecting = b"expect: 100-continue\r\ncontent-length: %d\r\n"
    with scoring.connect() as client:
        client.send(post(expecting % len(body)))
        assert client.reply(has_body=False).status == 100
        client.send(body)
        assert client.reply().status == 200
        client.send(post(expecting % 10_000_001))
        assert client.reply().status == 413
        assert not client.more()


def test_it_is_told_to_go_on_once_requests_before_it_are_answered(
    slow_for_the_old: Path, row: dict[str, Any], body: bytes, tmp_path: Path
) -> None:
    """However long those take."""
    slow = json.dumps({"data": [row | {"Age": 120}]}).encode()
    settings = {"request_seconds": 1, "scoring_thread": "always"}
    with serving(slow_for_the_old, tmp_path / "log", **settings) as scoring, scoring.connect() as client:
        begin = time.monotonic()
        client.send(post(b"content-length: %d\r\n" % len(slow), slow))
        client.send(post(b"expect: 100-continue\r\ncontent-length: %d\r\n" % len(body)))
        assert client.reply().status == 200
        assert time.monotonic() - begin > 1.5, "the model is not slow enough to show anything"
        assert client.reply(has_body=False).status == 100
        client.send(body)
        assert client.reply().status == 200


def test_only_the_body_of_HEAD_is_left_out(scoring: Scoring) -> None:  # noqa: N802 - the method's name
    with scoring.connect() as client:
        for path in (b"/", b"/ready", b"/version", b"/swagger.json"):
            client.send(get(path) + b"HEAD %b HTTP/1.1\r\n%b\r\n" % (path, HOST))
            full, head = client.reply(), client.reply(has_body=False)
            different = {"x-request-id", "date"}
            assert {k: v for k, v in full.headers.items() if k not in different} == {
                k: v for k, v in head.headers.items() if k not in different
            }
            assert not client.received


def test_connections_are_kept_or_not_as_asked(scoring: Scoring) -> None:
    for sent, kept in (
        (get(), True),
        (get(headers=b"connection: close\r\n"), False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", True),
    ):
        with scoring.connect() as client:
            client.send(sent)
            reply = client.reply()
            assert reply.headers.get("connection") == (
                "close" if not kept else "keep-alive" if b"1.0" in sent else None
            )
            if kept:
                client.send(sent)
                assert client.reply().status == 200
            else:
                assert not client.more()


@pytest.mark.parametrize(("half", "expected"), [(False, (200, 200)), (True, (200, 408))])
def test_a_slow_result_is_waited_for_whatever_follows(
    slow_for_the_old: Path, row: dict[str, Any], body: bytes, tmp_path: Path, half: bool, expected: tuple[int, int]
) -> None:
    """Nothing that a client sends meanwhile makes the time for its arrival one for the result."""
    slow = json.dumps({"data": [row | {"Age": 120}]}).encode()
    asks = [post(b"content-length: %d\r\n" % len(one), one) for one in (slow, body)]
    sent = asks[0] + (asks[1][:-20] if half else asks[1])
    settings = {"request_seconds": 1, "scoring_thread": "always"}
    with serving(slow_for_the_old, tmp_path / "log", **settings) as scoring, scoring.connect() as client:
        begin = time.monotonic()
        client.send(sent)
        first = client.reply()
        assert time.monotonic() - begin > 1.5, "the model is not slow enough to show anything"
        assert (first.status, client.reply().status) == expected

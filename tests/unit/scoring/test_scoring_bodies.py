"""Whatever is sent to `/score` gets one clear answer, and the server stays as it was. One table, over real sockets."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from ml.jobkit import features
from ml.scoring.errors import Refusal
from ml.scoring.fields.category import LONGEST_TEXT
from ml.scoring.log import LONGEST_EXCEPTION, JsonLines
from ml.scoring.model.decoding import Decoding
from ml.scoring.model.explanation import LONGEST_NAME
from tests.unit.scoring.models import SPECIFICATION, people, write_model
from tests.unit.scoring.running import Reply, Scoring, serving

KEY = "a-key-for-tests-0123456789"
WITH_KEY = {"authorization": f"Bearer {KEY}"}
MEGABYTE = 1_000_000
OF_THE_MACHINE = {"time", "host", "port", "process", "seconds", "batch_seconds", "sha256"}
"""Fields of the log whose digits mean nothing."""
MEMORY = 60 * MEGABYTE
"""What the whole table may add to the resident memory."""


class Case(NamedTuple):
    """A request made of one good row, and its answer: status, code, row, field."""

    name: str
    status: int
    code: str | None
    body: Any = None
    """Bytes as they are; anything else as JSON; a function of the good row makes either."""
    row: int | None = None
    field: str | None = None
    method: str = "POST"
    headers: dict[str, str] = WITH_KEY


def data(*changes: dict[str, Any]) -> Any:
    """A body with the good row, then one row for each of the changes to it."""
    return lambda row: {"data": [row, *(row | change for change in changes)]}


def text(old: str, new: str) -> Any:
    """The good body with something replaced in its text."""

    def make(row: dict[str, Any]) -> bytes:
        body = json.dumps({"data": [row, row | {"Age": 38}]})
        assert old in body
        return body.replace(old, new).encode()

    return make


def without(name: str) -> Any:
    return lambda row: {"data": [row, {key: value for key, value in row.items() if key != name}]}


LIKE_A_PATH = "x - at `$.data[0].Age"
"""The decoder's message has a path after what the caller sent."""
DEEP = b"[" * 10_000
CASES = [
    Case("one row", 200, None, data()),
    Case("empty", 400, "empty_body", b""),
    Case("spaces", 400, "invalid_json", b"   "),
    Case("not JSON", 400, "invalid_json", b"Age=38&Gender=F"),
    Case("truncated", 400, "invalid_json", lambda row: json.dumps({"data": [row]}).encode()[:-20]),
    Case("more after the end", 400, "invalid_json", lambda row: json.dumps({"data": [row]}).encode() + b"}"),
    Case("not UTF-8", 400, "invalid_json", b'{"data":[{"Country":"\xff\xfe"}]}'),
    Case("half a character", 400, "invalid_json", b'{"data":[{"Country":"\\ud800"}]}'),
    Case("50 MB", 413, "body_too_large", b'{"data":[' + b" " * (50 * MEGABYTE) + b"]}"),
    Case("just too large", 413, "body_too_large", b" " * (10 * MEGABYTE + 1)),
    Case("largest allowed", 400, "invalid_json", b" " * (10 * MEGABYTE)),
    Case("an array", 400, "not_wrapped", []),
    Case("a list of rows", 400, "not_wrapped", lambda row: [row, row]),
    Case("a list of positions", 400, "not_wrapped", lambda row: [list(row.values())]),
    Case("a row", 400, "not_wrapped", lambda row: row),
    Case("a row with a wrong value", 400, "not_wrapped", lambda row: row | {"Country": 5}),
    Case("a text", 400, "wrong_type", b'"x"'),
    Case("null", 400, "wrong_type", b"null"),
    Case("no data", 400, "missing_field", {}, field="data"),
    Case("data is a text", 400, "wrong_type", {"data": "x"}, field="data"),
    Case("data is a row", 400, "wrong_type", lambda row: {"data": row}, field="data"),
    Case("warnings asked for", 200, None, lambda row: {"data": [row], "warnings": True}),
    Case("warnings not asked for", 200, None, lambda row: {"warnings": False, "data": [row]}),
    Case("warnings is a number", 400, "wrong_type", lambda row: {"data": [row], "warnings": 1}, field="warnings"),
    Case("warnings is null", 400, "wrong_type", lambda row: {"warnings": None, "data": [row]}, field="warnings"),
    Case("warnings without data", 400, "missing_field", {"warnings": True}, field="data"),
    Case("no rows", 400, "no_rows", {"data": []}, field="data"),
    Case("something beside data", 400, "unknown_field", {"more": 1, "data": []}, field="more"),
    Case("a row is a number", 400, "wrong_row", lambda row: {"data": [row, 5]}, row=1),
    Case("a row is null", 400, "wrong_row", {"data": [None]}, row=0),
    Case("wrong names", 400, "unknown_field", data({"age": 38}), row=1, field="age"),
    Case("a long wrong name", 400, "unknown_field", data({"x" * 5_000: 1}), row=1, field="x" * 100),
    Case("a wrong name like a path", 400, "unknown_field", {"data": [{LIKE_A_PATH: 1}]}, row=0, field=LIKE_A_PATH),
    Case("such a name beside data", 400, "unknown_field", {LIKE_A_PATH: 1, "data": []}, field=LIKE_A_PATH),
    Case("such a category", 400, "unknown_category", data({"Gender": f"{LIKE_A_PATH}`"}), row=1, field="Gender"),
    Case("a field is missing", 400, "missing_field", without("YearlyIncome"), row=1, field="YearlyIncome"),
    Case("too few positions", 400, "wrong_row", lambda row: {"data": [row, list(row.values())[:-1]]}, row=1),
    Case("too many positions", 400, "wrong_row", lambda row: {"data": [row, [*row.values(), 1]]}, row=1),
    Case("wrong position", 400, "wrong_type", lambda row: {"data": [[0, *list(row.values())[1:]]]}, 0, "Country"),
    Case("number for a category", 400, "wrong_type", data({"Country": 5}), row=1, field="Country"),
    Case("text for a number", 400, "wrong_type", data({"Age": "38"}), row=1, field="Age"),
    Case("bool for an integer", 400, "wrong_type", data({"Age": True}), row=1, field="Age"),
    Case("bool for a number", 400, "wrong_type", data({"YearlyIncome": False}), row=1, field="YearlyIncome"),
    Case("null for a number", 400, "wrong_type", data({"YearlyIncome": None}), row=1, field="YearlyIncome"),
    Case("object for a number", 400, "wrong_type", data({"YearlyIncome": {}}), row=1, field="YearlyIncome"),
    Case("fraction for an integer", 400, "wrong_type", data({"Age": 38.5}), row=1, field="Age"),
    Case("too low", 400, "out_of_range", data({"Age": 15}), row=1, field="Age"),
    Case("too high", 400, "out_of_range", data({}, {"YearlyIncome": 1e7}), row=2, field="YearlyIncome"),
    Case("far too high", 400, "out_of_range", text('"Age": 38', '"Age": 1e400'), row=1, field="Age"),
    Case("endless digits", 400, "out_of_range", text('"Age": 38', f'"Age": {"9" * 5_000}'), row=1, field="Age"),
    Case("NaN", 400, "not_finite", text('"Age": 38', '"Age": NaN'), row=1, field="Age"),
    Case("Infinity", 400, "not_finite", text('"Age": 38', '"Age": Infinity'), row=1, field="Age"),
    Case("-Infinity", 400, "not_finite", text('"Age": 38', '"Age": -Infinity'), row=1, field="Age"),
    Case("NaN for a category", 400, "not_finite", data({"Country": float("nan")}), row=1, field="Country"),
    Case("NaN for the data", 400, "not_finite", {"data": float("nan")}, field="data"),
    Case("unknown category that may be", 200, None, data({"Country": "Atlantis"})),
    Case("unknown category that may not be", 400, "unknown_category", data({"Gender": "X"}), row=1, field="Gender"),
    Case("long unknown category", 200, None, data({"Country": "\U0001f6b2" * LONGEST_TEXT})),
    Case("too long", 400, "text_too_long", data({"Country": "x" * (LONGEST_TEXT + 1)}), row=1, field="Country"),
    Case("9 MB long", 400, "text_too_long", data({"Country": "x" * 9 * MEGABYTE}), row=1, field="Country"),
    Case("9 MB for a known category", 400, "unknown_category", data({"Gender": "x" * 9 * MEGABYTE}), 1, "Gender"),
    Case("nested 10,000 deep", 400, "not_wrapped", DEEP + b"]" * 10_000),
    Case("nested in data", 400, "wrong_type", b'{"data":' + DEEP, row=0, field="Country"),
    Case("nested in a row", 400, "wrong_type", b'{"data":[{"Age":' + DEEP, row=0, field="Age"),
    Case("nested beside data", 400, "unknown_field", b'{"x":' + b'{"x":' * 10_000, field="x"),
    Case("5,000 rows", 200, None, lambda row: {"data": [row] * 5_000}),
    Case("10,000 rows", 413, "too_many_rows", lambda row: {"data": [row] * 10_000}, field="data"),
    Case("10,000 empty rows", 400, "wrong_row", {"data": [[]] * 10_000}, row=0),
    Case("wrong method", 405, "method_not_allowed", method="GET"),
    Case("wrong method with a body", 405, "method_not_allowed", data(), method="PUT"),
    Case("form", 415, "not_json", data(), headers={**WITH_KEY, "content-type": "application/x-www-form-urlencoded"}),
    Case("other charset", 415, "not_json", data(), headers={**WITH_KEY, "content-type": "application/json;charset=x"}),
    Case("UTF-8, said so", 200, None, data(), headers={**WITH_KEY, "content-type": "Application/JSON; charset=UTF-8"}),
    Case("compressed", 415, "encoded", data(), headers={**WITH_KEY, "content-encoding": "gzip"}),
    Case("no key", 401, "key_missing", data(), headers={}),
    Case("no key, large", 401, "key_missing", b" " * MEGABYTE, headers={}),
    Case("key without a scheme", 401, "key_missing", data(), headers={"authorization": KEY}),
    Case("another scheme", 401, "key_missing", data(), headers={"authorization": f"Basic {KEY}"}),
    Case("wrong key", 401, "key_wrong", data(), headers={"authorization": f"Bearer {KEY[:-1]}"}),
    Case("scheme in capitals", 200, None, data(), headers={"authorization": f"BEARER {KEY}"}),
]


OTHER_SHAPES = {
    *("empty", "an array", "a list of rows", "a list of positions", "a row", "a row with a wrong value"),
    *("a text", "null", "no data", "data is a text", "data is a row", "warnings without data"),
    *("something beside data", "such a name beside data", "nested 10,000 deep", "nested beside data"),
}
"""Cases whose body is no request at all: the answer shows one."""


@pytest.fixture(scope="module")
def guarded(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    """A server with a key, whose feature Gender takes no unknown category."""
    log = tmp_path_factory.mktemp("guarded") / "log"
    with serving(strict_gender(model, log.parent), log, scoring_key=KEY, request_seconds=2) as running:
        yield running


def strict_gender(model: Path, folder: Path) -> Path:
    """The model with the rule `reject` for one category, so with other golden requests."""
    rules = SPECIFICATION.read_text().replace("[F, M]\n    unknown: zeros", "[F, M]\n    unknown: reject")
    assert rules != SPECIFICATION.read_text()
    return write_model(folder / "model", people(folder), rules)


@pytest.fixture(scope="module")
def memory(guarded: Scoring, row: dict[str, Any]) -> int:
    """Resident bytes once the largest allowed request has been answered."""
    assert guarded.score(*[row] * 5_000, headers=WITH_KEY).status == 200
    return guarded.memory


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_clear_answer(guarded: Scoring, row: dict[str, Any], memory: int, case: Case) -> None:
    body = case.body(row) if callable(case.body) else case.body
    reply = guarded.ask(case.method, "/score", body, case.headers)
    assert reply.status == case.status, reply.body
    if case.code is None:
        assert reply.json["result"][0].keys() == {"probability", "label"}
    else:
        assert_refused(reply, case)
    guarded.assert_alive()
    assert guarded.memory - memory < MEMORY


def assert_refused(reply: Reply, case: Case) -> None:
    assert reply.code == case.code
    error = reply.json["error"]
    assert (error.get("row"), error.get("field")) == (case.row, case.field)
    assert len(error["message"]) < 400
    assert ("example" in error) == (case.name in OTHER_SHAPES), error
    if case.field and case.code != "unknown_field":
        assert case.field in error["message"] or case.field == "data" or case.code == "not_finite"
    if case.status == 405:
        assert reply.headers["allow"] == "POST, OPTIONS"
    if case.status == 401:
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("body", [b"", [], {"Age": 38}, {"data": {"Age": 38}}, {"instances": []}], ids=str)
def test_a_body_of_another_shape_is_shown_one_that_is_answered(guarded: Scoring, body: Any) -> None:
    refused = guarded.ask("POST", "/score", body, WITH_KEY).json["error"]
    assert '{"data": [{...}]}' in refused["message"]
    assert guarded.ask("POST", "/score", refused["example"], WITH_KEY).status == 200


def test_no_value_and_no_key_is_repeated(guarded: Scoring, row: dict[str, Any]) -> None:
    """A value may be that of a person."""
    for change in ({"Age": 777}, {"Country": 777}, {"Gender": "secret-777"}, {"YearlyIncome": "777"}):
        reply = guarded.score(row | change, headers=WITH_KEY)
        assert reply.status == 400
        assert "777" not in reply.body.decode() + str({**reply.headers, "date": "", "x-request-id": ""})
    guarded.score(row, headers={"authorization": "Bearer wrong-777"})
    said = [{name: value for name, value in line.items() if name not in OF_THE_MACHINE} for line in guarded.lines()]
    assert "ready" in [line["message"] for line in said]
    assert "777" not in json.dumps(said)
    assert KEY not in guarded.log.read_text()
    command = " ".join(psutil.Process(guarded.process.pid).cmdline())
    assert KEY not in command


@pytest.mark.parametrize("name", ["x", "`", "` - at `$.data[1"])
def test_a_long_wrong_name_is_explained_at_once(model: Path, name: str) -> None:
    """Nobody else is answered meanwhile. In processor time, which other processes do not lengthen."""
    decoding = Decoding(features.load(model / "features.yaml"), 5_000)
    body = json.dumps({"data": [{name * (9 * MEGABYTE // len(name)): 1}]}).encode()
    begin = time.thread_time()
    with pytest.raises(Refusal) as raised:
        decoding.rows(body)
    assert time.thread_time() - begin < 0.15
    assert (raised.value.detail.row, len(raised.value.detail.field or "")) == (0, LONGEST_NAME)


def test_what_the_log_repeats_of_a_failure_is_bounded() -> None:
    try:
        raise ValueError("x" * MEGABYTE)
    except ValueError:
        record = logging.LogRecord("ml.scoring", logging.ERROR, __file__, 1, "a request failed", (), sys.exc_info())
    line = JsonLines().format(record)
    assert len(line) < 2 * LONGEST_EXCEPTION
    assert json.loads(line)["exception"].startswith("Traceback")


def test_a_slow_client_is_answered_and_closed(guarded: Scoring, row: dict[str, Any]) -> None:
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: 1000\r\n\r\n" % KEY.encode()
    for sent in (b"POST /sco", head, head + b'{"data"'):
        with guarded.connect() as client:
            client.send(sent)
            assert [(one.status, one.code) for one in client.all_replies()] == [(408, "request_timeout")]
    guarded.assert_alive()


def test_many_unfinished_bodies_are_bounded(guarded: Scoring, memory: int) -> None:
    """Each is allowed; all together are not."""
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: 9500000\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(guarded.connect()) for _ in range(12)]
        for client in clients:
            client.send(head % KEY.encode() + b" " * 9_000_000)
        assert guarded.memory - memory < 150 * MEGABYTE
        statuses = [reply.status for client in clients for reply in client.all_replies()]
    assert set(statuses) == {503, 408}
    assert statuses.count(503) >= 4
    guarded.assert_alive()

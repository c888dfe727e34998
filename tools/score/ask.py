"""Asks an endpoint about many rows, a request after the other."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml.clients.cloud import trust
from tools.progress import SetupError
from tools.score.rows import DATA, WARNINGS, Question, batches

if TYPE_CHECKING:
    import httpx

# A quarter of what the server takes, so that one request stays well below Azure's time and size.
BATCH_ROWS = 1000
REQUEST_SECONDS = 60.0
WAITS = (1.0, 2.0, 4.0, 8.0)
BUSY = (408, 429, 502, 503, 504)
WARNING = "x-scoring-warning"
LONGEST = 300
ROW = re.compile(r"\brow (\d+)")
"""How the server names a row of a request, counted from 0."""


@dataclass
class Answers:
    """What came back, in the order of the rows."""

    results: list[dict[str, Any]] = field(default_factory=list)
    model: str = ""
    versions: Counter[int] = field(default_factory=Counter)
    """Rows by the version that answered them."""
    warnings: dict[str, None] = field(default_factory=dict)
    listed: list[dict[str, Any]] | None = None
    """Unknown categories one by one, where they were asked for; `row` counts all rows."""


def ask(uri: str, key: str, question: Question, place: Callable[[int], str], report: Callable[[str], None]) -> Answers:
    """The answers to all rows.

    Args:
        place: how a person finds a row.
        report: told how far it is.

    Raises:
        SetupError: a row was refused, named by its place, or the endpoint does not answer.
    """
    import httpx

    answers, rows = Answers(listed=[] if question.warnings else None), question.rows
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(headers=headers, verify=trust(), timeout=REQUEST_SECONDS) as client:
        for start, batch in batches(rows, BATCH_ROWS):
            if start:
                report(f"{start:,} of {len(rows):,} rows")
            asked = {DATA: batch, WARNINGS: True} if question.warnings else {DATA: batch}
            answer = send(client, uri, asked)
            body = body_of(answer)
            if answer.status_code != 200 or "result" not in body:
                raise SetupError(refusal(uri, answer, body, start, place))
            answers.results += [{**row, "version": body["version"]} for row in body["result"]]
            answers.model = str(body["model"])
            answers.versions[int(body["version"])] += len(batch)
            if answers.listed is not None:
                answers.listed += [{**one, "row": start + int(one["row"])} for one in body.get(WARNINGS, [])]
            if said := answer.headers.get(WARNING):
                answers.warnings[placed(said, start, place)] = None
    return answers


def send(client: httpx.Client, uri: str, asked: dict[str, Any]) -> httpx.Response:
    """One request, sent again while the endpoint is busy.

    Raises:
        SetupError: nobody answers.
    """
    answer = post(client, uri, asked)
    for seconds in WAITS:
        if answer.status_code not in BUSY:
            break
        time.sleep(seconds)
        answer = post(client, uri, asked)
    return answer


def post(client: httpx.Client, uri: str, asked: dict[str, Any]) -> httpx.Response:
    """One attempt."""
    import httpx

    try:
        return client.post(uri, json=asked)
    except httpx.HTTPError as error:
        raise SetupError(f"{uri} does not answer ({error or type(error).__name__})") from None


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty when it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def refusal(uri: str, answer: httpx.Response, body: dict[str, Any], start: int, place: Callable[[int], str]) -> str:
    """Why a request was refused, in the server's words, with the row's place in the file."""
    error = body.get("error")
    if not isinstance(error, dict):
        return f"{uri} answers {answer.status_code}: {answer.text[:LONGEST]}"
    row, name, said = error.get("row"), error.get("field"), str(error.get("message"))
    where = [place(start + row)] if isinstance(row, int) else []
    where += [str(name)] if name else []
    return f"{', '.join(where)}: {ROW.sub('', said, 1).lstrip(': ')}" if where else f"{answer.status_code}: {said}"


def placed(text: str, start: int, place: Callable[[int], str]) -> str:
    """A server's words about a row of its request, with the row's place in the file."""
    return ROW.sub(lambda found: place(start + int(found[1])), text)

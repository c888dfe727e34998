"""Golden requests through the server's own path, before it says that it is ready."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ml.scoring.errors import Refusal, StartError
from ml.scoring.http.request import Request
from ml.scoring.model.job import Job

if TYPE_CHECKING:
    from ml.scoring.model.decoding import Decoding
    from ml.scoring.model.lane import Lane

NEVER = float("inf")


class Golden(msgspec.Struct):
    """`golden.json`; a case holds a `request` and the expected value of outputs by name."""

    tolerance: float
    cases: list[dict[str, Any]]
    relative: float = 0.0
    """Times the expected number, this may be added to the tolerance."""


def read_golden(path: Path) -> Golden:
    """Read the file.

    Raises:
        StartError: it is missing, or not what a training job writes.
    """
    try:
        golden = msgspec.json.decode(path.read_bytes(), type=Golden)
    except OSError as error:
        raise StartError(f"{path} cannot be read ({error.strerror}); a model comes with golden requests") from None
    except msgspec.MsgspecError as error:
        raise StartError(f"{path} does not hold golden requests: {error}") from None
    if not golden.cases or not all(isinstance(case.get("request"), dict) and len(case) > 1 for case in golden.cases):
        raise StartError(f"{path} must have cases, each with a request and the expected outputs")
    return golden


def check(golden: Golden, decoding: Decoding, lane: Lane, batch_rows: int) -> float:
    """Score every golden request by itself and all of them together. Returns the processor seconds of a full batch.

    Raises:
        StartError: an answer is missing or differs by more than the tolerance.
    """
    for index, case in enumerate(golden.cases):
        found = _score(decoding, lane, [case["request"]], f"golden request {index}")
        _compare(index, case, found[0], golden)
    together = _score(decoding, lane, [case["request"] for case in golden.cases], "the golden requests together")
    for index, case in enumerate(golden.cases):
        _compare(index, case, together[index], golden)
    return _seconds(decoding, lane, golden, batch_rows)


def _job(decoding: Decoding, requests: list[dict[str, Any]]) -> Job:
    rows = decoding.rows(msgspec.json.encode({"data": requests}))
    return Job(Request(NEVER), rows.values, b"", lambda request, answer: None)


def _score(decoding: Decoding, lane: Lane, requests: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    try:
        job = _job(decoding, requests)
    except Refusal as refusal:
        raise StartError(f"{what} is refused: {refusal}; model and features.yaml do not belong together") from None
    lane.score([job])
    if job.answer is None or job.answer.status != 200:
        raise StartError(f"{what} is not answered: the model failed; the line before this one has its error")
    result: list[dict[str, Any]] = msgspec.json.decode(job.answer.body)["result"]
    return result


def _compare(index: int, case: dict[str, Any], found: dict[str, Any], golden: Golden) -> None:
    for name, expected in case.items():
        if name == "request":
            continue
        if name not in found:
            raise StartError(f"golden request {index}: the model has no output {name}; it has {', '.join(found)}")
        if not _same(expected, found[name], golden):
            raise StartError(
                f"golden request {index}: {name} is {found[name]!r}, expected {expected!r} within "
                f"{golden.tolerance:g}: this is not the model that was evaluated, or this machine computes differently"
            )


def _same(expected: Any, found: Any, golden: Golden) -> bool:
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(lambda a, b: _same(a, b, golden), expected, found))
    if isinstance(expected, int | float) and isinstance(found, int | float):
        allowed = golden.tolerance + golden.relative * abs(expected)
        return math.isclose(expected, found, rel_tol=0, abs_tol=allowed)
    return bool(expected == found)


def _seconds(decoding: Decoding, lane: Lane, golden: Golden, batch_rows: int) -> float:
    count = len(golden.cases)
    job = _job(decoding, [golden.cases[index % count]["request"] for index in range(batch_rows)])
    return lane.score([job])

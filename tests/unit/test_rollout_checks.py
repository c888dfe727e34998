"""What makes a candidate a bad one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.clients.metrics import Requests, parse
from ml.clients.scoring import Answer, Load
from ml.progress import Failure
from ml.rollout.core.ports import Target
from ml.rollout.trials.checks import Golden, gateway_works, hindrance, load_problem, mismatch, too_slow, worse

CASE = {"request": {"Age": 40}, "probability": 0.25, "label": 0}
GOLDEN = Golden("bike-buyer", 2, [CASE])
TARGET = Target("bike_buyer", 2, "registry/bike-buyer@sha256:aa", "5ha", "v2-aa")


def answer(**changes: Any) -> Answer:
    row = {"probability": 0.25, "label": 0, **changes.pop("row", {})}
    return Answer(0.01, 200, {"result": [row], "model": "bike-buyer", "version": 2, **changes})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (answer(), ""),
        (answer(row={"probability": 0.250009}), ""),
        (answer(row={"probability": 0.25002}), "probability is 0.25002 where training gave 0.25"),
        (answer(row={"probability": 0.24998}), "probability is 0.24998 where training gave 0.25"),
        (answer(row={"probability": float("nan")}), "probability is nan where training gave 0.25"),
        (answer(row={"probability": None}), "probability is None"),
        (answer(row={"probability": "0.25"}), "probability is 0.25 where"),
        (answer(row={"label": 1}), "label is 1 where training gave 0"),
        (answer(version=1), "the answer is from bike-buyer version 1, not from bike-buyer version 2"),
        (answer(result=[]), "the answer to one row is not one result"),
        (Answer(0.01, 200, ["no"]), "the answer is from None version None"),
        (Answer(0.01, 424, None, "HTTP 424: model error"), "HTTP 424"),
    ],
)
def test_an_answer_is_held_against_training(given: Answer, problem: str) -> None:
    found = GOLDEN.judge(CASE, given)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_golden_requests_are_read_and_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"bike-buyer version 2 has no golden\.json"):
        Golden.read(tmp_path, "bike-buyer", 2)
    (tmp_path / "golden.json").write_text(json.dumps({"tolerance": 1, "relative": 0.1, "cases": [CASE]}))
    assert Golden.read(tmp_path, "bike-buyer", 2) == replace(GOLDEN, tolerance=1, relative=0.1)


def test_how_exact_an_answer_must_be_is_the_models_own_to_say() -> None:
    loose = replace(GOLDEN, tolerance=0.5, relative=0.01)
    case = {"request": {}, "forecast": [1000.0, 10.0]}
    said = {"model": "bike-buyer", "version": 2}
    assert loose.judge(case, Answer(0.01, 200, {**said, "result": [{"forecast": [1010.4, 10.5]}]})) == ""
    for wrong in ([1010.6, 10.0], [1000.0, 10.7], [1000.0], 1000.0):
        assert loose.judge(case, Answer(0.01, 200, {**said, "result": [{"forecast": wrong}]})).startswith("forecast is")


def test_version_must_name_the_registered_artefact() -> None:
    said = {"name": "bike-buyer", "version": 2, "sha256": "5ha", "job": "j"}
    assert mismatch(said, "bike-buyer", TARGET) == ""
    assert mismatch({**said, "version": "2"}, "bike-buyer", TARGET) == ""
    assert mismatch({**said, "sha256": "other"}, "bike-buyer", TARGET) == "sha256 is other, registered is 5ha"
    assert "name is None" in mismatch("nonsense", "bike-buyer", TARGET)


@pytest.mark.parametrize(
    ("candidate", "old", "bad"),
    [
        ((1, 1), (100, 0), False),  # one request says nothing
        ((2, 2), (100, 0), True),
        ((100, 3), (1000, 0), False),
        ((100, 8), (1000, 0), True),
        ((100, 8), (900, 72), False),  # the old one fails as often
        ((1000, 9), (9000, 0), False),  # within what is tolerated
        ((10000, 150), (90000, 0), True),
        ((0, 0), (0, 0), False),
        ((50, 50), (450, 450), False),  # nothing works: not the candidate's doing
        ((187, 10), (168, 2), False),  # the old one's share is no better known than the candidate's
        ((900, 70), (900, 16), True),
    ],
)
def test_more_errors_than_chance_explains(candidate: tuple[int, int], old: tuple[int, int], bad: bool) -> None:
    assert bool(worse(Requests(*candidate), Requests(*old))) == bad


def load(*problems: Answer, good: int = 50) -> Load:
    return Load([*[Answer(0.01, 200, {})] * good, *problems])


def test_a_load_must_be_borne() -> None:
    assert load_problem(load()) == ""
    assert "1 of 51 requests under load failed: no answer in time" in load_problem(
        load(Answer(10, 0, None, "no answer in time"))
    )
    assert "HTTP 408" in load_problem(load(Answer(1, 408, None, "HTTP 408: upstream request timeout")))
    assert load_problem(Load(wrong=["probability is 1"])) == "a wrong answer under load: probability is 1"


def test_what_is_not_the_candidates_doing_rejects_nothing() -> None:
    lost = Answer(0.1, 0, None, "no answer (ConnectError)")
    assert load_problem(load(lost)) == ""
    with pytest.raises(Failure, match="cannot be reached"):
        load_problem(load(lost, lost, lost, good=10))
    with pytest.raises(Failure, match="refuses our key"):
        load_problem(load(Answer(0.1, 401, None, "HTTP 401")))
    assert load(*[lost] * 3).percentile(99) == 0.01


@pytest.mark.parametrize(
    ("given", "in_the_way", "got_through"),
    [
        (Answer(0.1, 200, {}), "", True),
        (
            Answer(0.1, 0, None, "no answer (Name or service not known)"),
            "the endpoint cannot be reached: no ans",
            False,
        ),
        (Answer(0.1, 401, None, "HTTP 401"), "the endpoint refuses our key: HTTP 401", False),
        (Answer(0.1, 403, None, "HTTP 403"), "the endpoint refuses our key: HTTP 403", False),
        (Answer(0.1, 429, None, "HTTP 429"), "the endpoint is too busy: HTTP 429", False),
        (Answer(9.0, 0, None, "no answer in time"), "", False),
        (Answer(9.0, 408, None, "HTTP 408"), "", False),
        (Answer(0.1, 503, None, "HTTP 503"), "", False),
        (Answer(0.1, 424, None, "HTTP 424"), "", True),
    ],
)
def test_what_a_failed_answer_says(given: Answer, in_the_way: str, got_through: bool) -> None:
    assert hindrance(given).startswith(in_the_way)
    assert bool(hindrance(given)) == bool(in_the_way)
    assert gateway_works(given) == got_through


def test_far_slower_is_too_slow() -> None:
    assert too_slow(0.5, 0.01) == ""
    assert too_slow(0.9, 0.3) == ""
    assert too_slow(0.6, 0.01).startswith("95 % of the requests took up to 600 ms, 10 ms at")
    assert Load([Answer(seconds / 100, 200, {}) for seconds in range(100)]).percentile(95) == 0.95
    assert Load().percentile(95) == 0


def series(deployment: str, status: str, *values: float | None) -> dict[str, Any]:
    names = {"deployment": deployment, "statusCodeClass": status}
    return {
        "metadatavalues": [{"name": {"value": name}, "value": value} for name, value in names.items()],
        "data": [
            {"timeStamp": f"1970-01-01T00:{number:02}:00Z", **({} if value is None else {"average": value})}
            for number, value in enumerate(values)
        ],
    }


def test_metrics_are_counted_by_deployment_and_minute() -> None:
    document = {
        "value": [{"timeseries": [series("a", "2xx", 3.0, None, 4.0), series("a", "5xx", 2), series("b", "2XX", 1)]}]
    }
    assert parse(document) == {"a": {0: Requests(5, 2), 2: Requests(4, 0)}, "b": {0: Requests(1, 0)}}
    assert parse({"value": []}) == {}
    assert Requests(9, 2) - Requests(10, 1) == Requests(1, 1)

"""A request with a point in time and a series: what is taken, and what is said of what is not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from ml.jobkit import plan
from ml.scoring import fields
from ml.scoring.errors import Refusal
from ml.scoring.model.decoding import Decoding
from ml.scoring.model.feed import Feeds

SPECIFICATION = plan.load("energy_forecast").specification()
DECODING = Decoding(SPECIFICATION, 10)
START, SERIES = SPECIFICATION.features
USUAL = {"start": "2017-02-27T06:00:00", "demand": [5000.5] * 672}


def body(**changes: Any) -> bytes:
    return json.dumps({"data": [USUAL | changes]}).encode()


def test_a_request_becomes_hours_and_numbers() -> None:
    gaps = [*([None] * 24), *([5000.5] * 648)]
    rows = DECODING.rows(json.dumps({"data": [USUAL | {"demand": gaps}, list(USUAL.values())]}).encode()).values
    arrays = Feeds(SPECIFICATION.features).arrays(rows)
    assert arrays["start"].tolist() == [[START.number("2017-02-27T06:00:00")]] * 2
    assert arrays["demand"].shape == (2, 672)
    assert [int(math.isnan(value)) for value in arrays["demand"][0]] == [1] * 24 + [0] * 648
    assert arrays["demand"][1].tolist() == [5000.5] * 672


def test_the_example_is_taken() -> None:
    example = {one.name: fields.of(one).example(one) for one in SPECIFICATION.features}
    assert len(DECODING.rows(body(**example)).values) == 1


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"start": "2017-02-30T06:00:00"}, "wrong_type", "start must be a local time from 2000-01-01 to 2099-12-31"),
        ({"start": "2017-02-27T06:00:00Z"}, "wrong_type", "without an offset"),
        ({"start": "1999-12-31T23:00:00"}, "out_of_range", "from 2000-01-01"),
        ({"start": "2100-01-01T00:00:00"}, "out_of_range", "to 2099-12-31"),
        ({"demand": [5000.5] * 671}, "wrong_length", "demand must be a list of 672 numbers from 1000 to 20000 (MW)"),
        ({"demand": [5000.5] * 673}, "wrong_length", "oldest first"),
        ({"demand": [None] * 25 + [5000.5] * 647}, "too_many_missing", "at most 24 of them null"),
        ({"demand": [0.0] + [5000.5] * 671}, "out_of_range", "from 1000 to 20000"),
        ({"demand": ["5000"] + [5000.5] * 671}, "wrong_type", "not a text"),
        ({"demand": 5000.5}, "wrong_type", "not a number"),
    ],
)
def test_what_is_not_taken_is_named(changes: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        DECODING.rows(body(**changes))
    detail = caught.value.detail
    assert (caught.value.status, detail.code, detail.row, detail.field) == (400, code, 0, next(iter(changes)))
    assert said in detail.message

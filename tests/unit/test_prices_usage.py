"""Assumptions: what a stack may say otherwise, and how it is told that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from policies.prices.estimate import Range
from policies.prices.usage import Usage, UsageError


@pytest.mark.parametrize("given", [7, [7, 7, 7], {"low": 7, "expected": 7, "max": 7}])
def test_a_stack_has_its_own_figures_in_three_spellings(given: Any) -> None:
    usage = Usage.read({"lake.gigabytes": given})

    assert usage.assumptions["lake.gigabytes"].figures == Range(7, 7, 7)
    assert usage.assumptions["lake.gigabytes"].own
    assert not usage.assumptions["lake.reads"].own


def test_one_resource_has_its_own_figures() -> None:
    usage = Usage.read({"lake.gigabytes@archive": [1, 2, 3]})

    assert usage.key("lake.gigabytes", "archive") == "lake.gigabytes@archive"
    assert usage.key("lake.gigabytes", "lake") == "lake.gigabytes"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lake.gigabites", 3, "there is lake.gigabytes"),
        ("nothing-like-it", 3, "has no assumption 'nothing-like-it'$"),
        ("lake.gigabytes", [3, 2, 1], "rising"),
        ("lake.gigabytes", [1, 2], "rising"),
        ("lake.gigabytes", -1, "from 0 on"),
        ("lake.gigabytes", "many", "neither a number"),
        ("lake.gigabytes", True, "neither a number"),
        ("lake.gigabytes", {"low": 1}, "neither a number"),
    ],
)
def test_what_cannot_be_is_told_with_its_name(key: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as told:
        Usage.read({key: value})
    assert key in str(told.value)


def test_every_committed_assumption_rises_and_says_what_it_counts() -> None:
    for name, one in Usage.read().assumptions.items():
        assert one.figures.low <= one.figures.expected <= one.figures.max, name
        assert len(one.unit) > 5, name

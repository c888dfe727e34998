"""A rehearsal in the review: what is told before the folds, what blocks, and where its figures stand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from review import document, markdown
from review.rehearsal import Rehearsal, Requests, Return, Tried
from review.rehearsed import with_rehearsal
from review.report import Report, Risk, StackReview
from review.sentence import sentence
from tests.unit.review_plans import review, step

JOB = "pulumi-python:dynamic/ml:TrainingJob"
ASKED = Requests(sent=1812, failed=0, longest_gap=0.42)
BETTER = Tried(
    name="bike_buyer",
    before=1,
    after=2,
    trained=1,
    judged=1,
    figures={"auc": 0.8621, "log_loss": 0.45},
    against={"auc": 0.8446, "log_loss": 0.47},
    lower=("log_loss",),
    verdict="promoted",
    reason="auc +0.0175 (0.8621 against 0.8446), 95 % interval +0.0009 .. +0.0347: promoted",
    data="generated",
    requests=ASKED,
    back=Return(version=1, seconds=2.13, requests=Requests(sent=44, failed=0, longest_gap=0.3)),
)
WORSE = replace(
    BETTER,
    name="churn",
    after=1,
    figures={"auc": 0.61},
    against={"auc": 0.7},
    lower=(),
    verdict="kept",
    reason="auc 0.6100 is below the floor 0.65: kept the champion (auc 0.7000)",
    back=None,
)


def rehearsed(*systems: Tried, changes: bool = True, **more: Any) -> StackReview:
    """A review of a hyperparameter, or of nothing, with a rehearsal."""
    inputs = {"system": "bike_buyer", "timeoutMinutes": 30}
    new = {**inputs, "rounds": 40} if changes else inputs
    one = review(step("update" if changes else "same", JOB, "bike_buyer-job", inputs, new))
    return with_rehearsal(one, Rehearsal(base_seconds=84, head_seconds=54, systems=systems, **more))


def comment(one: StackReview) -> str:
    return markdown.render(Report("mlops", (one,)))


def test_a_better_model_is_a_few_lines_and_blocks_nothing() -> None:
    one = rehearsed(BETTER)
    before, _, folds = comment(one).partition("<details>")
    assert (
        "#### Rehearsed\n\n✅ On an emulator of its own BASE came up in 1.4 min; the change came up on it in 0.9"
        in before
    )
    assert (
        "| `bike_buyer` | 1 trained, 1 judged | 0 of 1,812 failed, longest gap 0.4 s "
        "| auc 0.8621 (better than 0.8446), log_loss 0.4500 (better than 0.4700) | promoted: version 2 serves "
        "| version 1 alone again after 2.1 s, 0 of 44 requests failed |" in before
    )
    assert "<summary>Rehearsal: passed</summary>" in folds
    assert "| log_loss | 0.4500 | 0.4700 | less | better |" in folds
    assert "95 % interval" in folds
    assert (one.risk, Report("mlops", (one,)).exit_code) == (Risk.CHANGES, 0)


def test_a_worse_model_is_told_in_the_first_sentence_and_is_no_block() -> None:
    one = rehearsed(BETTER, WORSE)
    assert sentence(one).startswith("The champion of churn stays: the new model does not surely beat it (rehearsed); ")
    assert "| auc 0.6100 (worse than 0.7000) | ⚠️ keeps the champion | nothing to go back from |" in comment(one)
    assert "the gate says: auc 0.6100 is below the floor 0.65" in comment(one)
    assert (one.risk, Report("mlops", (one,)).exit_code) == (Risk.ATTENTION, 0)


@pytest.mark.parametrize(
    ("system", "more", "said"),
    [
        (BETTER, {"problem": "bike_buyer-job: it failed"}, "the change does not come up: bike_buyer-job: it failed"),
        (replace(BETTER, requests=replace(ASKED, failed=3, first="HTTP 503")), {}, "requests fail while the change"),
        (replace(BETTER, back=Return(version=1, problem="there is no image")), {}, "rolling back fails: there is no"),
        (replace(BETTER, problem="nothing serves any more"), {}, "nothing serves any more"),
    ],
    ids=["does not come up", "requests fail", "no way back", "nothing serves"],
)
def test_what_goes_wrong_blocks_with_its_reason(system: Tried, more: dict[str, Any], said: str) -> None:
    one = rehearsed(system, **more)
    text = comment(one)
    assert (one.risk, Report("mlops", (one,)).exit_code) == (Risk.BLOCKED, 5)
    assert sentence(one).startswith("**Blocked** by Rehearsal; ")
    assert "#### Blocked\n" in text
    assert said in text.partition("<details>")[0]
    assert "**Fix:**" in text


def test_a_base_that_does_not_come_up_is_not_this_changes_doing() -> None:
    one = with_rehearsal(rehearsed(), Rehearsal(base_problem="BASE does not come up: no such data"))
    assert (one.risk, Report("mlops", (one,)).exit_code) == (Risk.ATTENTION, 0)
    assert sentence(one).startswith("It could not be rehearsed; ")
    assert "⚠️ Not tried: BASE does not come up: no such data" in comment(one)


def test_a_stack_that_has_nothing_to_rehearse_says_so_and_no_more() -> None:
    one = with_rehearsal(rehearsed(), Rehearsal(skipped="dev has no systems: nothing trains or serves."))
    assert (one.risk, one.findings) == (Risk.CHANGES, ())
    assert "#### Rehearsed\n\nNot tried: dev has no systems: nothing trains or serves.\n" in comment(one)


def test_a_change_of_nothing_that_was_rehearsed_is_still_one() -> None:
    text = comment(rehearsed(replace(BETTER, trained=0, judged=0, figures={}, verdict="", back=None), changes=False))
    assert "No changes: all 1 resource stay as they are." in text
    assert "no job ran" in text


def test_measured_figures_stand_in_their_own_section_and_fold_alone() -> None:
    """Another run gives other figures: all else stays the same, so that a comment can be compared."""
    again = replace(
        BETTER, figures={"auc": 0.8629, "log_loss": 0.449}, requests=replace(ASKED, sent=1790, longest_gap=0.61)
    )
    one, other = (
        comment(with_rehearsal(rehearsed(), Rehearsal(base_seconds=base, head_seconds=head, systems=(tried,))))
        for base, head, tried in ((84, 54, BETTER), (123, 77, again))
    )
    assert one != other
    parts = re.compile(r"#### Rehearsed\n.*?(?=\n#### |\n<sub>)|<details><summary>Rehearsal: .*?</details>", re.DOTALL)
    assert parts.sub("", one) == parts.sub("", other)


def test_the_document_has_all_and_the_block_in_the_comment_the_outcome() -> None:
    report = Report("mlops", (rehearsed(BETTER, WORSE),))
    (stack,) = json.loads(document.text(report))["stacks"]
    assert stack["rehearsal"]["systems"][0]["requests"] == {"sent": 1812, "failed": 0, "longest_gap": 0.42, "first": ""}
    assert stack["rehearsal"]["systems"][0]["back"]["seconds"] == 2.13
    assert stack["rehearsal"]["outcome"] == "kept"
    assert '"rehearsal": "kept"' in document.machine_block(report)


def test_many_systems_leave_room_for_the_rest() -> None:
    one = rehearsed(*(replace(BETTER, name=f"system_{number}") for number in range(40)))
    assert len(comment(one).partition("<details>")[0].splitlines()) <= 60

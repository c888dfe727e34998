"""The live row of a job: step and metrics, those a person asks for first in front."""

from __future__ import annotations

import pytest

from ml.clients.jobs import Job
from ml.clients.tracking import Run
from ml.jobs.watch import RUNNING, left_to_run, row


def run(step: int, **metrics: float) -> Run:
    return Run("1", "1", metrics, dict.fromkeys(metrics, step))


def test_the_metric_that_is_asked_for_comes_first() -> None:
    assert row(run(40, accuracy=0.79, log_loss=0.4551, auc=0.8612)) == (
        "step 40  auc 0.861  accuracy 0.790  log_loss 0.455"
    )
    said = row(run(0, challenger_accuracy=0.79, challenger_auc=0.87, champion_auc=0.86, challenger_rows=9.0))
    assert said == "step 0  challenger_auc 0.870  champion_auc 0.860  challenger_accuracy 0.790"


def test_what_is_newer_comes_before_what_is_asked_for() -> None:
    newer = Run("1", "1", {"auc": 0.8, "loss": 0.4}, {"auc": 1, "loss": 7})
    assert row(newer) == "step 7  loss 0.400  auc 0.800"


@pytest.mark.parametrize(
    ("word", "kind", "left"),
    [("ok", "training", True), ("ok", "evaluation", False), ("", "training", False), ("no", "training", False)],
)
def test_only_training_is_left_to_run_and_only_by_a_word(
    word: str, kind: str, left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNNING, word)
    assert left_to_run(Job("x-1", "Running", "x", {"kind": kind}, "", archived=False)) is left

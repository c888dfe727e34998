"""Linear models and the search over trainers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml.jobkit import onnx_export, splits
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Lesson, Objective
from ml.jobkit.trainers.automl.families import FAMILIES
from ml.jobkit.trainers.automl.settings import Settings as Search
from ml.jobkit.trainers.automl.trainer import FINALISTS, SHUFFLES
from ml.jobkit.trainers.automl.trainer import Trainer as AutoML
from ml.jobkit.trainers.sklearn.settings import Settings as LinearSettings
from ml.jobkit.trainers.sklearn.trainer import Trainer as Linear

ROWS = 200


def silent(step: int, figures: object) -> None:
    """Nobody listens."""


def folds(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(splits.grouped_folds(np.arange(ROWS), 3, seed))


def lesson(objective: Objective = "binary", *, constant: bool = False) -> Lesson:
    """A matrix in whose first column only the order of magnitude counts; the last is noise, or says nothing at all."""
    random = np.random.default_rng(0)
    matrix = np.column_stack([np.exp(random.normal(5, 2, ROWS)), random.normal(0, 1, ROWS), random.normal(0, 1, ROWS)])
    matrix[:, 2] = 7.0 if constant else matrix[:, 2]
    score = np.log(matrix[:, 0]) - 5 + matrix[:, 1] + random.normal(0, 1, ROWS)
    target = score if objective == "regression" else (score > 0).astype(np.int64)
    return Lesson(matrix.astype(np.float32), target, folds(0), objective, ["a", "b", "c"], refold=folds)


@pytest.mark.parametrize("objective", ["binary", "regression"])
@pytest.mark.parametrize("shape", ["linear", "log"])
def test_the_graph_of_a_linear_model_says_what_the_model_says(objective: Objective, shape: str) -> None:
    trainer, given = Linear(LinearSettings(shape=shape)), lesson(objective)
    model = trainer.fit(given)
    (said,) = onnx_export.session(trainer.core(model, given)).run(None, {"features": given.matrix})
    expected = trainer.predict(model, given.matrix)
    assert said[:, -1] == pytest.approx(expected, rel=1e-6, abs=1e-7)
    if objective == "binary":
        assert said.sum(axis=1) == pytest.approx(1)


def test_what_each_column_contributes_adds_up_to_the_answer() -> None:
    trainer, given = Linear(LinearSettings(shape="log")), lesson()
    model = trainer.fit(given)
    found = trainer.attributions(model, given.matrix)
    assert found is not None
    log_odds = found.base + found.values.sum(axis=1)
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(trainer.predict(model, given.matrix))
    assert found.values.mean(axis=0) == pytest.approx(0, abs=1e-9)


def test_the_logarithm_helps_where_only_the_order_of_magnitude_counts() -> None:
    def last(shape: str) -> float:
        reported: list[float] = []
        Linear(LinearSettings(shape=shape)).cross_validate(lesson(), lambda step, seen: reported.append(seen["cv_auc"]))
        assert len(reported) == 3
        return reported[-1]

    assert last("log") > last("linear") + 0.05


def test_a_column_that_never_changes_has_no_weight() -> None:
    trainer, given = Linear(LinearSettings()), lesson(constant=True)
    found = trainer.attributions(trainer.fit(given), given.matrix)
    assert found is not None
    assert (found.values[:, 2] == 0).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"penalty": 0.0}, "penalty is 0.0: write a number above 0"),
        ({"penalty": float("inf")}, "penalty is inf"),
        ({"shape": "cubic"}, "shape is 'cubic': write one of linear, log"),
    ],
)
def test_settings_that_cannot_be_fitted_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(JobError, match=said):
        LinearSettings(**settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def searched() -> AutoML:
    """A short search that is over."""
    found = AutoML(Search(trials=6))
    found.cross_validate(lesson(), silent)
    return found


def test_the_search_finds_what_was_planted(searched: AutoML) -> None:
    assert searched.best.family.name == "sklearn"
    assert searched.best.hyperparameters["shape"] == "log"


def test_the_same_search_gives_the_same_leaderboard(searched: AutoML) -> None:
    again = AutoML(Search(trials=6))
    again.cross_validate(lesson(), silent)
    assert again.record() == searched.record()


def test_families_take_turns_and_the_best_of_each_are_judged_again(searched: AutoML) -> None:
    board = json.loads(json.dumps(searched.record()))["leaderboard"]
    assert {row["trial"] for row in board} == set(range(1, 7))
    assert [row["trainer"] for row in sorted(board, key=lambda row: row["trial"])] == [f.name for f in FAMILIES] * 3
    finalists = [row for row in board if row["sets_of_folds"] == 1 + SHUFFLES]
    assert finalists == board[: len(FAMILIES) * FINALISTS]
    assert sorted(row["auc"] for row in finalists) == [row["auc"] for row in reversed(finalists)]


def test_what_was_found_is_what_trains_answers_and_is_exported(searched: AutoML) -> None:
    given = lesson()
    model = searched.fit(given)
    plain = Linear(LinearSettings(**searched.best.hyperparameters))
    assert searched.predict(model, given.matrix) == pytest.approx(plain.predict(plain.fit(given), given.matrix))
    (said,) = onnx_export.session(searched.core(model, given)).run(None, {"features": given.matrix})
    assert said[:, 1] == pytest.approx(searched.predict(model, given.matrix), abs=1e-6)
    assert searched.attributions(model, given.matrix) is not None
    assert {"flaml", "lightgbm", "scikit-learn"} <= set(searched.packages)


def test_the_best_so_far_never_gets_worse_while_it_is_watched() -> None:
    told: list[dict[str, float]] = []
    AutoML(Search(trials=4)).cross_validate(lesson("regression"), lambda step, seen: told.append(dict(seen)))
    best = [one["cv_rmse"] for one in told]
    assert best == sorted(best, reverse=True)
    assert min(one["trial_rmse"] for one in told) == best[-1]


def test_without_other_folds_the_best_of_all_wins() -> None:
    found = AutoML(Search(trials=4))
    found.cross_validate(replace(lesson(), refold=None), silent)
    assert [row["sets_of_folds"] for row in found.record()["leaderboard"]] == [1] * 4


def test_a_search_for_nothing_is_refused() -> None:
    with pytest.raises(JobError, match="trials is 0: write at least 1"):
        Search(trials=0)
    with pytest.raises(JobError, match="AutoML has searched nothing"):
        _ = AutoML(Search()).best

"""How good the model is, by grouped folds: nobody is predicted by a model that saw an equal row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.jobkit import frame, onnx_export, plan, splits
from ml.jobkit.tasks.base import Examples
from ml.jobkit.tasks.binary.task import Task
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.jobkit.trainers.lightgbm.trainer import Trainer
from ml.systems.bike_buyer import generator

PLAN = plan.load("bike_buyer")
SPECIFICATION = PLAN.specification()
TASK = Task(SPECIFICATION)
SETTINGS = Settings(**PLAN.trainer.options)
SEEDS = range(5)


def read(folder: Path) -> Examples:
    """All rows of a folder."""
    prepared = PLAN.prepare(SPECIFICATION, folder)
    return Examples(prepared.features, prepared.labels.to_numpy(dtype=np.int64))


@pytest.fixture(scope="module")
def rows(data_directory: Path) -> Examples:
    return read(data_directory)


def folds(rows: Examples, labels: np.ndarray, seed: int) -> dict[str, float]:
    """Mean figures of five folds; the seed shuffles folds and model."""
    lesson = replace(TASK.lesson(rows, 5, seed), target=labels)
    said = Trainer(replace(SETTINGS, seed=seed)).cross_validate(lesson, lambda step, figures: None)
    found = [TASK.fold_figures(labels[left_out], said[left_out]) for _, left_out in lesson.folds]
    return {name: float(np.mean([fold[name] for fold in found])) for name in found[0]}


@pytest.fixture(scope="module")
def by_seed(rows: Examples) -> list[dict[str, float]]:
    return [folds(rows, rows.labels, seed) for seed in SEEDS]


def test_the_mean_over_folds_reaches_the_target(by_seed: list[dict[str, float]]) -> None:
    assert np.mean([found["auc"] for found in by_seed]) >= 0.86
    assert np.mean([found["accuracy"] for found in by_seed]) >= 0.785


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_is_lucky(by_seed: list[dict[str, float]], seed: int) -> None:
    assert by_seed[seed]["auc"] >= 0.85


def test_shuffled_labels_teach_nothing(rows: Examples) -> None:
    """Equal rows keep equal labels while groups are shuffled: were equal rows in two folds, the AUC would show it."""
    groups = splits.groups(SPECIFICATION, rows.requests)
    first_of_group = np.unique(groups, return_index=True)[1]
    shuffled = np.random.default_rng(0).permutation(rows.labels[first_of_group])
    assert folds(rows, shuffled[groups], seed=0)["auc"] == pytest.approx(0.5, abs=0.03)


def test_the_holdout_set_is_a_fifth(rows: Examples) -> None:
    held_out = splits.holdout_mask(SPECIFICATION, rows.requests)
    assert held_out.mean() == pytest.approx(splits.holdout(SPECIFICATION).share, abs=0.02)
    groups = splits.groups(SPECIFICATION, rows.requests)
    assert set(groups[held_out]).isdisjoint(groups[~held_out])


def test_graph_and_framework_agree_on_every_row(rows: Examples) -> None:
    trainer, lesson = Trainer(SETTINGS), TASK.lesson(rows, 5, 0)
    booster = trainer.fit(lesson)
    running = onnx_export.session(TASK.graph(trainer.core(booster, lesson), {}))

    def difference(asked: Any, matrix: np.ndarray) -> float:
        expected = {"probability": trainer.predict(booster, matrix)}
        return onnx_export.assert_parity(running, SPECIFICATION, asked, expected, TASK.contract)

    assert difference(rows.requests, lesson.matrix) <= 1e-5
    encoded = np.where([name == "Country" for name, _ in SPECIFICATION.encoded_columns], 0, lesson.matrix)
    strange = rows.requests.assign(Country="Atlantis")
    assert (frame.encode(SPECIFICATION, strange) == encoded).all()
    assert difference(strange, encoded.astype(np.float32)) <= 1e-5


def test_the_planted_signal_is_found(tmp_path: Path) -> None:
    generator.generate(15_000, 7, tmp_path)
    made = read(tmp_path)
    found = folds(made, made.labels, seed=0)
    assert generator.PLANTED_AUC - 0.025 <= found["auc"] <= generator.PLANTED_AUC + 0.006

"""How good the model is, by grouped folds: nobody is predicted by a model that saw an equal row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.jobkit import features, onnx_export, splits
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.job import model, train
from ml.systems.bike_buyer.job.hyperparameters import Hyperparameters

SPECIFICATION = features.load(train.SPECIFICATION)
SEEDS = range(5)


@pytest.fixture(scope="module")
def rows(data_directory: Path) -> train.Rows:
    return train.read(SPECIFICATION, data_directory)[0]


def folds(rows: train.Rows, labels: np.ndarray, seed: int) -> model.CrossValidation:
    """Five folds; the seed shuffles folds and model."""
    return model.cross_validate(rows.matrix, labels, rows.groups, replace(Hyperparameters(), seed=seed))


@pytest.fixture(scope="module")
def by_seed(rows: train.Rows) -> list[model.CrossValidation]:
    return [folds(rows, rows.labels, seed) for seed in SEEDS]


def test_the_mean_over_folds_reaches_the_target(by_seed: list[model.CrossValidation]) -> None:
    assert np.mean([found.auc.mean() for found in by_seed]) >= 0.86
    assert np.mean([found.accuracy.mean() for found in by_seed]) >= 0.785


@pytest.mark.parametrize("seed", SEEDS)
def test_no_seed_is_lucky(by_seed: list[model.CrossValidation], seed: int) -> None:
    assert by_seed[seed].auc.mean() >= 0.85


def test_shuffled_labels_teach_nothing(rows: train.Rows) -> None:
    """Equal rows keep equal labels while groups are shuffled: were equal rows in two folds, the AUC would show it."""
    first_of_group = np.unique(rows.groups, return_index=True)[1]
    shuffled = np.random.default_rng(0).permutation(rows.labels[first_of_group])
    assert folds(rows, shuffled[rows.groups], seed=0).auc.mean() == pytest.approx(0.5, abs=0.03)


def test_the_holdout_set_is_a_fifth(rows: train.Rows) -> None:
    held_out = splits.holdout_mask(SPECIFICATION, rows.features)
    assert held_out.mean() == pytest.approx(SPECIFICATION.holdout.share, abs=0.02)
    assert set(rows.groups[held_out]).isdisjoint(rows.groups[~held_out])


def test_graph_and_framework_agree_on_every_row(rows: train.Rows) -> None:
    booster = onnx_export.with_float_thresholds(model.fit(rows.matrix, rows.labels, Hyperparameters()))
    running = onnx_export.session(onnx_export.lightgbm_classifier(booster, SPECIFICATION))
    expected = model.predict(booster, rows.matrix)
    assert onnx_export.assert_parity(running, SPECIFICATION, rows.features, expected) <= 1e-5
    strange = rows.features.assign(Country="Atlantis")
    encoded = np.where([name == "Country" for name, _ in SPECIFICATION.encoded_columns], 0, rows.matrix)
    onnx_export.assert_parity(running, SPECIFICATION, strange, model.predict(booster, encoded.astype(np.float32)))


def test_the_planted_signal_is_found(tmp_path: Path) -> None:
    generator.generate(15_000, 7, tmp_path)
    made, _ = train.read(SPECIFICATION, tmp_path)
    found = folds(made, made.labels, seed=0)
    assert generator.PLANTED_AUC - 0.025 <= found.auc.mean() <= generator.PLANTED_AUC + 0.006

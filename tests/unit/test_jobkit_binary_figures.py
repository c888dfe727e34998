from __future__ import annotations

import numpy as np
import pytest

from ml.jobkit.tasks.binary import figures as metrics

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.6, 0.4, 0.9])


def test_figures_of_four_rows_by_hand() -> None:
    figures = metrics.binary(LABELS, PROBABILITIES)
    assert figures["auc"] == 0.75  # 3 of 4 pairs are in order
    assert (figures["accuracy"], figures["precision"], figures["recall"]) == (0.5, 0.5, 0.5)
    assert figures["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert figures["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.4, 0.9]).mean())
    assert figures["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert figures["base_rate"] == 0.5


def test_the_threshold_itself_is_not_above_it() -> None:
    assert metrics.confusion(np.array([0, 1]), np.array([0.5, 0.5])).tolist() == [[1, 0], [1, 0]]


def test_confusion_counts_actual_by_predicted() -> None:
    labels, probabilities = np.array([0, 0, 0, 1]), np.array([0.1, 0.9, 0.8, 0.2])
    assert metrics.confusion(labels, probabilities).tolist() == [[1, 2], [1, 0]]


def test_calibration_error_is_the_distance_between_promise_and_outcome() -> None:
    labels = np.array([0, 1] * 50)
    honest, boastful = np.full(100, 0.5), np.full(100, 0.9)
    assert metrics.calibration(labels, honest).error == pytest.approx(0.0)
    assert metrics.calibration(labels, boastful).error == pytest.approx(0.4)
    assert metrics.calibration(labels, honest).rows.tolist() == [10] * 10


def test_fewer_rows_than_bins_are_bins_of_one_row() -> None:
    assert metrics.calibration(LABELS, PROBABILITIES).rows.tolist() == [1, 1, 1, 1]

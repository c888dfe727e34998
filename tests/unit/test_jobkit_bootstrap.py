from __future__ import annotations

import numpy as np
import pytest

from ml.jobkit import bootstrap
from ml.jobkit.tasks.binary import figures as metrics
from ml.jobkit.tasks.binary import scorers

ROWS = 400


def rows(seed: int, noise: float) -> tuple[metrics.Labels, metrics.Probabilities, metrics.Probabilities]:
    """Labels, and the answers of two models; the second is the first with noise."""
    random = np.random.default_rng(seed)
    labels = (random.random(ROWS) < 0.3).astype(np.int64)
    first = np.clip(0.35 + 0.2 * labels + random.normal(0, 0.15, ROWS), 0, 1).round(2)  # with ties
    return labels, first, np.clip(first + random.normal(0, noise, ROWS), 0, 1)


def intervals(
    labels: metrics.Labels, challenger: metrics.Probabilities, champion: metrics.Probabilities
) -> dict[str, dict[str, float]]:
    """Of two binary classifiers, by label."""
    pairs = [[scorers.means(labels, one), scorers.ranks(labels, one)] for one in (challenger, champion)]
    return bootstrap.intervals(labels, *pairs)


def test_each_metric_is_the_one_of_the_figures() -> None:
    labels, answers, _ = rows(1, 0.1)
    expected = metrics.binary(labels, answers)
    for scorer in (scorers.means, scorers.ranks):
        for name, found in scorer(labels, answers)(np.ones((1, ROWS))).items():
            assert found[0] == pytest.approx(expected[name], abs=1e-12), name


def test_a_row_that_is_drawn_twice_counts_twice() -> None:
    labels, answers, _ = rows(2, 0.1)
    counts = np.random.default_rng(3).integers(0, 3, (1, ROWS)).astype(np.float64)
    drawn = np.repeat(np.arange(ROWS), counts[0].astype(int))
    assert scorers.ranks(labels, answers)(counts)["auc"][0] == pytest.approx(metrics.auc(labels[drawn], answers[drawn]))


def test_every_resample_has_the_labels_of_the_holdout_set() -> None:
    labels = np.array([1] + [0] * 29)
    parts = list(bootstrap.resamples(labels))
    counts = np.concatenate(parts)
    assert counts.shape == (bootstrap.MOST, 30)
    assert set(counts.sum(axis=1)) == {30.0}
    assert set(counts[:, 0]) == {1.0}


def test_of_a_large_holdout_set_fewer_are_drawn_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWN", 250 * ROWS)
    monkeypatch.setattr(bootstrap, "CELLS", 100 * ROWS)
    parts = [len(part) for part in bootstrap.resamples(rows(4, 0.1)[0])]
    assert parts == [100, 100, 50]


def test_a_model_does_not_differ_from_itself() -> None:
    labels, answers, _ = rows(5, 0.1)
    for interval in intervals(labels, answers, answers).values():
        assert interval == {"low": 0.0, "high": 0.0}


def test_the_same_rows_give_the_same_interval_and_changed_sides_its_mirror() -> None:
    labels, first, second = rows(6, 0.1)
    found = intervals(labels, first, second)
    assert intervals(labels, first, second) == found
    mirror = intervals(labels, second, first)
    assert mirror["auc"]["low"] == pytest.approx(-found["auc"]["high"])


def test_the_interval_is_as_wide_as_the_figure_varies_from_one_holdout_set_to_another() -> None:
    """Against fresh draws of the same two models: what the interval promises is what other rows show."""
    differences, widths = [], []
    for seed in range(50):
        labels, first, second = rows(100 + seed, 0.2)
        differences.append(metrics.auc(labels, first) - metrics.auc(labels, second))
        if seed < 3:
            found = intervals(labels, first, second)["auc"]
            widths.append(found["high"] - found["low"])
    truth = 2 * 1.96 * float(np.std(differences))
    assert 0.75 * truth < float(np.mean(widths)) < 1.33 * truth

"""The regression task: figures, resamples, bounds of an answer, and the graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.jobkit import features, onnx_export
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Examples, Prepared
from ml.jobkit.tasks.regression import figures
from ml.jobkit.tasks.regression.contract import CONTRACT
from ml.jobkit.tasks.regression.task import Task
from ml.jobkit.trainers.lightgbm.settings import Settings as TreeSettings
from ml.jobkit.trainers.lightgbm.trainer import Trainer as Trees
from ml.jobkit.trainers.sklearn.settings import Settings as LinearSettings
from ml.jobkit.trainers.sklearn.trainer import Trainer as Lines

FEATURES = """
system: toy
description: How heavy?
key: id
label: {name: Weight, description: weight of the parcel, unit: kg, range: [0, 50]}
holdout: {salt: toy-1, share: 0.3}
features:
  - {name: Size, description: edge, type: number, unit: cm, range: [0, 100], unknown: reject}
  - {name: Kind, description: what, type: category, categories: [book, brick], unknown: zeros}
"""


@pytest.fixture
def specification(tmp_path: Path) -> features.Specification:
    path = tmp_path / "features.yaml"
    path.write_text(FEATURES)
    return features.load(path)


def parcels(rows: int = 400, seed: int = 0) -> Prepared:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"Size": random.uniform(0, 100, rows).round(2), "Kind": random.choice(["book", "brick"], rows)}
    )
    weights = frame["Size"] * np.where(frame["Kind"] == "brick", 0.4, 0.1) + random.normal(0, 1, rows)
    return Prepared(frame, weights.clip(0, 50).rename("Weight"), NoDoubt())


class NoDoubt:
    def lines(self) -> list[str]:
        return []


def test_every_figure_of_the_contract_is_given_and_no_other(specification: features.Specification) -> None:
    task, prepared = Task(specification), parcels()
    examples = task.split(prepared).holdout
    found = task.figures(examples, {"prediction": examples.labels + 1.5})
    assert set(found) == set(CONTRACT.figures)
    assert found["rmse"] == pytest.approx(1.5)
    assert found["bias"] == pytest.approx(1.5)
    assert found["nrmse"] == pytest.approx(1.5 / np.ptp(examples.labels))


def test_the_mean_explains_nothing() -> None:
    labels = np.array([1.0, 2.0, 6.0])
    assert figures.r2(labels, np.full(3, 3.0)) == pytest.approx(0)
    assert figures.r2(labels, labels) == 1


def test_the_smaller_error_is_the_better_one() -> None:
    assert CONTRACT.directions["nrmse"] == "lower"
    assert CONTRACT.directions["r2"] == "higher"
    assert "bias" not in CONTRACT.directions
    assert CONTRACT.metric == "nrmse"


def test_a_resample_of_all_rows_once_gives_the_figures_themselves() -> None:
    random = np.random.default_rng(1)
    labels = random.gamma(2, 10, 300)
    said = labels + random.normal(0, 5, 300)
    expected = figures.regression(labels, said)
    for name, found in figures.scorer(labels, said)(np.ones((1, 300))).items():
        assert found[0] == pytest.approx(expected[name]), name


def test_a_row_that_is_drawn_twice_counts_twice() -> None:
    random = np.random.default_rng(2)
    labels = random.gamma(2, 10, 200)
    said = labels + random.normal(0, 5, 200)
    counts = random.integers(0, 3, (1, 200)).astype(np.float64)
    drawn = np.repeat(np.arange(200), counts[0].astype(int))
    found = figures.scorer(labels, said)(counts)
    expected = figures.regression(labels[drawn], said[drawn])
    assert found["r2"][0] == pytest.approx(expected["r2"])
    assert found["mae"][0] == pytest.approx(expected["mae"])


@pytest.mark.parametrize("trainer", [Trees(TreeSettings(rounds=30, min_data_in_leaf=5)), Lines(LinearSettings())])
def test_graph_and_framework_agree_and_stay_within_bounds(
    specification: features.Specification, trainer: Trees | Lines
) -> None:
    task = Task(replace(specification, label=replace(specification.label, range=(4.0, 25.0))))
    split = task.split(parcels())
    lesson = task.lesson(split.training, 3, 0)
    model = trainer.fit(lesson)
    graph = task.graph(trainer.core(model, lesson), {})
    requests = pd.concat([split.training.requests, split.holdout.requests])
    expected = task.answers(requests, trainer.predict(model, task.matrix(requests)), {})
    running = onnx_export.session(graph)
    onnx_export.assert_parity(running, specification, requests, expected, task.contract)
    found = onnx_export.answer(running, specification, requests, ["prediction"])["prediction"]
    assert found.shape == (len(requests),)
    assert found.min() == 4
    assert found.max() == 25


def test_a_linear_model_finds_what_is_linear(specification: features.Specification) -> None:
    task = Task(specification)
    split = task.split(parcels())
    trainer = Lines(LinearSettings(penalty=0.1))
    model = trainer.fit(task.lesson(split.training, 3, 0))
    answers = task.answers(split.holdout.requests, trainer.predict(model, task.matrix(split.holdout.requests)), {})
    assert 0.75 < task.figures(split.holdout, answers)["r2"] < 0.95  # it cannot say that only bricks grow heavy fast


def test_tolerance_follows_the_range_of_the_labels(specification: features.Specification) -> None:
    wide = Task(replace(specification, label=replace(specification.label, range=(0.0, 1e6))))
    assert wide.contract.absolute == pytest.approx(1.0)
    assert Task(specification).contract.absolute == pytest.approx(5e-5)
    assert Task(specification).contract.answer["prediction"]["maximum"] == 50


@pytest.mark.parametrize(("bounds", "said"), [(None, "range is missing"), ((3.0, 3.0), r"range is \[3.0, 3.0\]")])
def test_a_label_without_a_range_is_refused(
    specification: features.Specification, bounds: tuple[float, float] | None, said: str
) -> None:
    with pytest.raises(JobError, match=f"features.yaml: label: {said}; write"):
        Task(replace(specification, label=replace(specification.label, range=bounds)))


def test_labels_that_do_not_differ_are_refused(specification: features.Specification) -> None:
    prepared = parcels(50)
    with pytest.raises(JobError, match="has 39 rows with 1 different values of Weight; it needs at least two"):
        Task(specification).split(replace(prepared, labels=prepared.labels * 0))


def test_an_answer_that_is_no_number_is_noticed(specification: features.Specification) -> None:
    task = Task(specification)
    assert task.checked({"prediction": np.array([1.0, 2.0])}, 2) == ""
    assert "no number on 1 of 2 rows" in task.checked({"prediction": np.array([1.0, np.nan])}, 2)


def test_the_digest_knows_the_labels_and_not_the_order(specification: features.Specification) -> None:
    task, prepared = Task(specification), parcels(60)
    examples = Examples(prepared.features, prepared.labels.to_numpy())
    backwards = Examples(prepared.features[::-1], prepared.labels.to_numpy()[::-1])
    assert task.digest(examples) == task.digest(backwards)
    assert task.digest(examples) != task.digest(replace(examples, labels=examples.labels + 0.001))

"""The task with several classes: figures, resamples, answers, and the graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.jobkit import features, onnx_export
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Prepared
from ml.jobkit.tasks.multiclass import figures
from ml.jobkit.tasks.multiclass.contract import CONTRACT
from ml.jobkit.tasks.multiclass.task import Task
from ml.jobkit.trainers.lightgbm.settings import Settings as TreeSettings
from ml.jobkit.trainers.lightgbm.trainer import Trainer as Trees
from ml.jobkit.trainers.sklearn.settings import Settings as LinearSettings
from ml.jobkit.trainers.sklearn.trainer import Trainer as Lines

CLASSES = ("grass", "sand", "clay")
FEATURES = """
system: toy
description: Which court?
key: id
label: {name: Court, description: what was played on, classes: [grass, sand, clay]}
holdout: {salt: toy-1, share: 0.3}
features:
  - {name: Bounce, description: height, type: number, unit: cm, range: [0, 200], unknown: reject}
  - {name: Weather, description: that day, type: category, categories: [dry, wet], unknown: zeros}
"""


@pytest.fixture
def specification(tmp_path: Path) -> features.Specification:
    path = tmp_path / "features.yaml"
    path.write_text(FEATURES)
    return features.load(path)


class NoDoubt:
    def lines(self) -> list[str]:
        return []


def matches(rows: int = 400) -> Prepared:
    random = np.random.default_rng(0)
    courts = random.choice(CLASSES, rows, p=[0.5, 0.3, 0.2])
    bounce = np.array([{"grass": 60.0, "sand": 90.0, "clay": 120.0}[court] for court in courts])
    frame = pd.DataFrame(
        {
            "Bounce": np.clip(bounce + random.normal(0, 15, rows), 0, 200).round(1),
            "Weather": random.choice(["dry", "wet"], rows),
        }
    )
    return Prepared(frame, pd.Series(courts, name="Court"), NoDoubt())


@pytest.mark.parametrize(
    "trainer",
    [
        Trees(TreeSettings(rounds=20, min_data_in_leaf=5)),
        Lines(LinearSettings()),
        Lines(LinearSettings(shape="log")),
    ],
)
def test_graph_and_framework_agree(specification: features.Specification, trainer: Trees | Lines) -> None:
    task = Task(specification)
    split = task.split(matches())
    lesson = task.lesson(split.training, 3, 0)
    model = trainer.fit(lesson)
    requests = pd.concat([split.training.requests, split.holdout.requests])
    expected = task.answers(requests, trainer.predict(model, task.matrix(requests)), {})
    running = onnx_export.session(task.graph(trainer.core(model, lesson), {}))
    assert onnx_export.assert_parity(running, specification, requests, expected, task.contract) < 1e-6
    found = onnx_export.answer(running, specification, requests, ["label", "probabilities"])
    assert found["label"].tolist() == expected["label"].tolist()
    assert found["probabilities"].sum(axis=1) == pytest.approx(1)
    answers = task.answers(split.holdout.requests, trainer.predict(model, task.matrix(split.holdout.requests)), {})
    said = task.figures(split.holdout, answers)
    assert set(said) == set(CONTRACT.figures)
    assert said["accuracy"] > 0.65
    assert said["accuracy"] > said["majority"] + 0.1
    assert said["auc"] > 0.85
    assert task.checked(found, len(requests)) == ""


def test_every_row_is_judged_by_a_model_that_did_not_see_it(specification: features.Specification) -> None:
    task, trainer = Task(specification), Lines(LinearSettings())
    lesson = task.lesson(task.split(matches()).training, 4, 0)
    reported: list[set[str]] = []
    found = trainer.cross_validate(lesson, lambda step, seen: reported.append(set(seen)))
    assert found.shape == (len(lesson.target), 3)
    assert not np.isnan(found).any()
    assert reported == [{"cv_log_loss", "cv_error"}] * 4
    rows, left_out = lesson.folds[0]
    assert trainer.predict(trainer.fit(lesson.part(rows)), lesson.matrix[left_out]) == pytest.approx(found[left_out])


def test_a_class_that_a_fold_lacks_is_never_answered_by_its_linear_model(
    specification: features.Specification,
) -> None:
    task = Task(specification)
    lesson = task.lesson(task.split(matches()).training, 3, 0)
    trainer = Lines(LinearSettings())
    without = trainer.fit(lesson.part(np.flatnonzero(lesson.target != 1)))
    found = trainer.predict(without, lesson.matrix)
    assert (found[:, 1] == 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


def test_a_resample_of_all_rows_once_gives_the_figures_themselves() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 200)
    said = random.dirichlet(np.ones(3), 200)
    expected = figures.multiclass(labels, said)
    for name, found in figures.scorer(labels, said)(np.ones((1, 200))).items():
        assert found[0] == pytest.approx(expected[name]), name


def test_a_row_that_is_drawn_twice_counts_twice() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 200)
    said = random.dirichlet(np.ones(3), 200)
    counts = random.integers(0, 3, (1, 200)).astype(np.float64)
    drawn = np.repeat(np.arange(200), counts[0].astype(int))
    expected = figures.multiclass(labels[drawn], said[drawn])
    for name, found in figures.scorer(labels, said)(counts).items():
        assert found[0] == pytest.approx(expected[name]), name


def test_a_label_without_classes_is_refused(specification: features.Specification) -> None:
    with pytest.raises(JobError, match=r"label: classes is \[\]; write every value that Court can have"):
        Task(replace(specification, label=replace(specification.label, classes=())))


def test_a_class_without_rows_is_refused(specification: features.Specification) -> None:
    prepared = matches()
    clay = prepared.labels != "clay"
    with pytest.raises(
        JobError, match=r"the training part has .* rows and none of clay; it needs every class of Court"
    ):
        Task(specification).split(Prepared(prepared.features[clay], prepared.labels[clay], NoDoubt()))


def test_the_answer_states_its_classes(specification: features.Specification) -> None:
    answer = Task(specification).contract.answer
    assert answer["label"]["enum"] == list(CLASSES)
    assert answer["probabilities"]["maxItems"] == 3


def test_answers_that_are_no_probabilities_are_noticed(specification: features.Specification) -> None:
    task = Task(specification)
    assert "of the shape (2, 2)" in task.checked({"probabilities": np.full((2, 2), 0.5)}, 2)
    assert "no probabilities on 1 of 2 rows" in task.checked(
        {"probabilities": np.array([[0.2, 0.3, 0.5], [2, 0, 0]])}, 2
    )

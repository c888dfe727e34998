"""The attrition system: how good the model is that the search finds, its data, and the documented request."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler

from ml.data import check, contract
from ml.jobkit import onnx_export, plan
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Examples, Lesson
from ml.jobkit.tasks.binary.task import Task
from ml.jobkit.trainers.automl.settings import Settings
from ml.jobkit.trainers.automl.trainer import Trainer
from ml.systems.attrition import generator, prepare

FOLDER = plan.SYSTEMS / "attrition"
SPECIFICATION = plan.load("attrition").specification()
TASK = Task(SPECIFICATION)
CONSTANTS = ("EmployeeCount", "Over18", "StandardHours")
FOLDS = RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0)


@pytest.fixture(scope="module")
def rows(data_directory: Path) -> Examples:
    prepared = prepare.prepare(SPECIFICATION, data_directory)
    return Examples(prepared.features, prepared.labels.to_numpy(dtype=np.int64))


@pytest.fixture(scope="module")
def lesson(rows: Examples) -> Lesson:
    return TASK.lesson(rows, 5, 0)


@pytest.fixture(scope="module")
def searched(lesson: Lesson) -> Trainer:
    """A shorter search than the job's."""
    found = Trainer(Settings(trials=12))
    found.cross_validate(lesson, lambda step, figures: None)
    return found


def test_what_the_search_finds_is_no_worse_than_a_tuned_logistic_regression(lesson: Lesson, searched: Trainer) -> None:
    ours, theirs = [], []
    for train, judge in FOLDS.split(lesson.matrix, lesson.target):
        model = searched.fit(lesson.part(train))
        ours.append(roc_auc_score(lesson.target[judge], searched.predict(model, lesson.matrix[judge])))
        scaler = StandardScaler().fit(lesson.matrix[train])
        columns, others = scaler.transform(lesson.matrix[train]), scaler.transform(lesson.matrix[judge])
        tuned = LogisticRegression(C=0.1, max_iter=1000).fit(columns, lesson.target[train])  # best of 0.001 to 3
        theirs.append(roc_auc_score(lesson.target[judge], tuned.predict_proba(others)[:, 1]))
    assert np.mean(theirs) == pytest.approx(0.843, abs=0.002)
    assert np.mean(ours) >= 0.85
    assert np.mean(ours) >= np.mean(theirs)


def test_the_documented_employee_will_leave(rows: Examples, lesson: Lesson, searched: Trainer) -> None:
    request = json.loads((FOLDER / "request.json").read_text())["data"]
    assert (request[0]["Age"], request[0]["OverTime"]) == (49, 1)
    model = searched.fit(lesson)
    running = onnx_export.session(TASK.graph(searched.core(model, lesson), {}))
    found = onnx_export.answer(running, SPECIFICATION, pd.DataFrame(request), ["probability", "label"])
    assert found["label"].tolist() == [1]
    assert 0.6 < found["probability"][0] < 0.95
    expected = TASK.answers(rows.requests, searched.predict(model, lesson.matrix), {})
    assert onnx_export.assert_parity(running, SPECIFICATION, rows.requests, expected, TASK.contract) < 1e-6


def test_the_real_file_is_as_its_contract_says(data_directory: Path, rows: Examples) -> None:
    assert check.problems(contract.load(FOLDER), data_directory) == []
    assert rows.requests.shape == (1184, 30)
    assert rows.labels.sum() == 186


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_refused_as_a_feature(tmp_path: Path, name: str) -> None:
    text = (FOLDER / "features.yaml").read_text()
    added = f"  - {{name: {name}, description: a constant, type: integer, range: [0, 100], unknown: reject}}\n"
    (tmp_path / "features.yaml").write_text(text + added)
    shutil.copy(FOLDER / "data.yaml", tmp_path)
    with pytest.raises(JobError, match=f"data.yaml: .*: {name} is the constant .*; take the feature {name} out of"):
        contract.load(tmp_path)


def test_a_constant_that_changes_is_noticed_before_anything_is_uploaded(tmp_path: Path) -> None:
    employees = list(generator.employees(30, 1))
    employees[3]["StandardHours"] = 40
    with (tmp_path / prepare.FILE).open("w", newline="") as file:
        writer = csv.DictWriter(file, generator.COLUMNS)
        writer.writeheader()
        writer.writerows(employees)
    (said,) = check.problems(contract.load(FOLDER), tmp_path)
    assert said == (
        f"{prepare.FILE}, column StandardHours, row 5: '40' is not 80, as data.yaml has it for every row; correct the "
        "data, or take the constant out there"
    )


def test_generated_employees_have_the_columns_of_the_real_ones(data_directory: Path) -> None:
    with (data_directory / prepare.FILE).open(encoding="utf-8-sig") as file:
        assert tuple(next(csv.reader(file))) == generator.COLUMNS


def test_the_same_seed_gives_the_same_employees() -> None:
    def digest(seed: int) -> str:
        return hashlib.sha256(json.dumps(list(generator.employees(200, seed))).encode()).hexdigest()

    assert digest(7) == digest(7) != digest(8)


def test_the_planted_signal_is_as_strong_as_stated() -> None:
    employees = list(generator.employees(20_000, 3))
    true = [generator.leaving_probability(employee) for employee in employees]
    left = [employee["Attrition"] for employee in employees]
    assert roc_auc_score(left, true) == pytest.approx(generator.PLANTED_AUC, abs=0.01)
    assert 0.15 < np.mean(left) < 0.19

"""The job as a whole, on a few generated rows."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from ml.jobkit import errors, frame, onnx_export, plan, splits, train
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Examples, Task
from ml.jobkit.tracking import Untracked
from ml.jobkit.trainers.lightgbm import search
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS

PLAN = plan.load("bike_buyer")
SPECIFICATION = PLAN.specification()
USUAL = Settings(**PLAN.trainer.options)
FEW_TREES = replace(USUAL, rounds=15, num_leaves=15)


class Recorded(Untracked):
    """Keeps what a tracker is told."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, float]]] = {}
        self.tagged: dict[str, str] = {}
        self.files: list[str] = []

    def tags(self, values: Mapping[str, str]) -> None:
        self.tagged.update(values)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        for name, value in values.items():
            self.told.setdefault(name, []).append((step, value))

    def artifacts(self, folder: Path) -> None:
        self.files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generator.generate(600, 2, folder)
    return folder


@pytest.fixture(scope="module")
def tracker() -> Recorded:
    return Recorded()


@pytest.fixture(scope="module")
def output(data: Path, tracker: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "new" / "outputs"
    train.train(PLAN, data, folder, FEW_TREES, tracker)
    return folder


def test_the_outputs_are_complete_and_tracked(output: Path, tracker: Recorded) -> None:
    names = ("calibration", "confusion", "explained_rows", "importance", "learning_curve", "roc")
    plots = [f"plots/{name}.png" for name in names]
    assert tracker.files == [
        "contract.json",
        "features.yaml",
        "golden.json",
        "metrics.json",
        "model.onnx",
        *plots,
        "provenance.json",
    ]
    assert all((output / plot).read_bytes().startswith(b"\x89PNG") for plot in plots)


def test_metrics_come_with_every_tree_and_at_the_end(output: Path, tracker: Recorded) -> None:
    assert [step for step, _ in tracker.told["cv_auc"]] == list(range(1, 16))
    figures = json.loads((output / "metrics.json").read_text())
    assert tracker.told["holdout_auc"] == [(0, figures["holdout"]["auc"])]
    assert figures["cross_validation"]["cv_auc_mean"] == pytest.approx(tracker.told["cv_auc"][-1][1], abs=1e-6)
    assert figures["rows"]["all"] == 600 == figures["rows"]["training"] + figures["rows"]["holdout"]


def test_generated_data_is_labelled_so(output: Path, tracker: Recorded) -> None:
    assert tracker.tagged["data_source"] == "generated"
    assert json.loads((output / "metrics.json").read_text())["data_source"] == "generated"


def test_the_same_inputs_give_the_same_model(output: Path, data: Path, tmp_path: Path) -> None:
    train.train(PLAN, data, tmp_path, FEW_TREES, Untracked())
    for name in ("model.onnx", "golden.json", "metrics.json", "plots/roc.png"):
        assert (tmp_path / name).read_bytes() == (output / name).read_bytes(), name


def test_provenance_names_the_very_files(output: Path, data: Path) -> None:
    written = json.loads((output / "provenance.json").read_text())
    assert written["artefacts"]["model.onnx"] == hashlib.sha256((output / "model.onnx").read_bytes()).hexdigest()
    assert written["data"]["sha256"][HOLDERS] == hashlib.sha256((data / HOLDERS).read_bytes()).hexdigest()
    assert written["hyperparameters"]["rounds"] == 15
    assert written["data_quality"]["holders"] == 600
    assert written["packages"]["lightgbm"]


def test_golden_requests_are_answered_by_the_file(output: Path) -> None:
    golden = json.loads((output / "golden.json").read_text())
    asked = pd.DataFrame([case["request"] for case in golden["cases"]])
    assert list(asked) == SPECIFICATION.names
    expected = np.array([case["probability"] for case in golden["cases"]])
    running = onnx_export.session(output / "model.onnx")
    contract = PLAN.build_task(SPECIFICATION).contract
    difference = onnx_export.assert_parity(running, SPECIFICATION, asked, {"probability": expected}, contract)
    assert difference <= golden["tolerance"]
    for feature in SPECIFICATION.features:
        if feature.unknown == "zeros":
            assert (~asked[feature.name].isin(feature.categories)).sum() == 1
    assert expected.min() < 0.3 < 0.7 < expected.max()


def test_rows_held_out_are_never_trained_on(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[np.ndarray] = []
    honest = lightgbm.Dataset

    def recording(matrix: np.ndarray, *arguments: object, **named: object) -> object:
        seen.append(matrix)
        return honest(matrix, *arguments, **named)

    monkeypatch.setattr(lightgbm, "Dataset", recording)
    train.train(PLAN, data, tmp_path, FEW_TREES, Untracked())
    rows = PLAN.prepare(SPECIFICATION, data).features
    held_out = splits.holdout_mask(SPECIFICATION, rows)
    forbidden = {row.tobytes() for row in frame.encode(SPECIFICATION, rows)[held_out]}
    assert forbidden
    assert len(seen) == 2  # the folds, and the model itself
    for matrix in seen:
        assert len(matrix) == (~held_out).sum()
        assert forbidden.isdisjoint(row.tobytes() for row in matrix)


def test_the_search_sees_the_training_part_only(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = PLAN.prepare(SPECIFICATION, data)
    training = PLAN.build_task(SPECIFICATION).split(prepared).training
    judged: list[int] = []

    def figures(task: Task, part: Examples, settings: Settings) -> dict[str, float]:
        judged.append(len(part))
        return {"auc": 0.5}

    monkeypatch.setattr(search, "judged", figures)
    monkeypatch.setattr(sys, "argv", ["search", "--system", "bike_buyer", "--data", str(data), "--candidates", "3"])
    search.main()
    assert judged == [len(training)] * 4
    assert len(set(capsys.readouterr().out.splitlines()[:4])) == 4


def test_an_unknown_category_has_an_answer_of_its_own(output: Path, data: Path) -> None:
    strange = PLAN.prepare(SPECIFICATION, data).features.assign(Occupation="Astronaut")
    running = onnx_export.session(output / "model.onnx")
    found = onnx_export.answer(running, SPECIFICATION, strange, ["probability"])["probability"]
    assert ((found > 0) & (found < 1)).all()
    encoded = frame.encode(SPECIFICATION, strange)
    owner = [name for name, _ in SPECIFICATION.encoded_columns]
    assert not encoded[:, [index for index, name in enumerate(owner) if name == "Occupation"]].any()


def test_the_documented_request_is_answered(output: Path) -> None:
    readme = (PLAN.folder / "README.md").read_text()
    [request] = json.loads(readme.partition("```json\n")[2].partition("```")[0])["data"]
    assert list(request) == SPECIFICATION.names
    for feature in SPECIFICATION.features:
        assert not feature.categories or request[feature.name] in feature.categories
    running = onnx_export.session(output / "model.onnx")
    found = onnx_export.answer(running, SPECIFICATION, pd.DataFrame([request]), ["probability"])
    assert 0 < found["probability"][0] < 1


def test_every_hyperparameter_is_an_option() -> None:
    words = ["--system", "bike_buyer", "--data", "in", "--output", "out", "--learning-rate", "0.5", "--num-leaves", "7"]
    assert train.arguments(words) == (
        PLAN,
        Path("in"),
        Path("out"),
        replace(USUAL, learning_rate=0.5, num_leaves=7),
    )


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--learning-rate", "0", "learning_rate is 0.0: write more than 0"),
        ("--learning-rate", "nan", "learning_rate is nan: write more than 0"),
        ("--rounds", "0", "rounds is 0: write at least 1"),
        ("--num-leaves", "1", "num_leaves is 1: write at least 2 and at most 131072"),
        ("--feature-fraction", "1.5", "feature_fraction is 1.5: write more than 0 and at most 1"),
        ("--lambda-l2", "-1", "lambda_l2 is -1.0: write at least 0"),
    ],
)
def test_what_lightgbm_would_refuse_is_refused_with_the_values_it_takes(option: str, value: str, said: str) -> None:
    with pytest.raises(JobError, match=f"^{said}$"):
        train.arguments(["--system", "bike_buyer", "--data", "in", option, value])


def test_a_mistake_is_one_line_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "argv", ["train", "--system", "bike_buyer", "--data", str(tmp_path)])
    assert errors.run(train.main) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert HOLDERS in said
    assert "Traceback" not in said


def test_too_few_rows_say_so(tmp_path: Path) -> None:
    generator.generate(3, 0, tmp_path)
    with pytest.raises(JobError, match="it needs both labels: give more rows"):
        train.train(PLAN, tmp_path, tmp_path / "out", FEW_TREES, Untracked())

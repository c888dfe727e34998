"""Judging finished models on generated data: the same figures as the training's, and everything that is not judged."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
import pytest
import yaml
from onnx import TensorProto, helper

from ml.gate.evaluation import parse
from ml.jobkit import evaluate, features, plan, train
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Prepared
from ml.jobkit.tasks.binary.task import Task
from ml.jobkit.tracking import Untracked
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES

PLAN = plan.load("bike_buyer")
SPECIFICATION = PLAN.specification()
TASK = Task(SPECIFICATION)
SMALL = Settings(rounds=15, num_leaves=15, min_data_in_leaf=5, feature_fraction=0.5)
SMALLER = Settings(rounds=1, num_leaves=2, min_data_in_leaf=5, feature_fraction=0.5)


class Recorded(Untracked):
    """Keeps what a tracker is told."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self.files: list[str] = []

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        self.told.update(values)

    def artifacts(self, folder: Path) -> None:
        self.files = sorted(path.name for path in folder.iterdir())


@pytest.fixture(name="data", scope="module")
def fixture_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generator.generate(600, 5, folder)
    return folder


@pytest.fixture(name="model", scope="module")
def fixture_model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    train.train(PLAN, data, folder, SMALL, Untracked())
    return folder


@pytest.fixture(name="poor", scope="module")
def fixture_poor(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("poor")
    train.train(PLAN, data, folder, SMALLER, Untracked())
    return folder


def judge(data: Path, challenger: Path, champion: Path | None, output: Path) -> dict[str, Any]:
    """Runs the job and reads what it wrote."""
    evaluate.evaluate(PLAN, data, challenger, champion, output, Untracked())
    document: dict[str, Any] = json.loads((output / "evaluation.json").read_text())
    return document


def handmade(
    folder: Path, inputs: Mapping[str, int], answer: str = "Sigmoid", golden: float = 0.5, known: str = ""
) -> Path:
    """A model that looks at the first of its inputs only, with one golden request of zeros.

    `known` is its `features.yaml`: by default what the present one says of its inputs.
    """
    values = [helper.make_tensor_value_info(name, kind, ["rows", 1]) for name, kind in inputs.items()]
    first = next(iter(inputs))
    texts = inputs[first] == TensorProto.STRING
    nodes = [
        helper.make_node("Shape", [first], ["shape"])
        if texts
        else helper.make_node(answer, [first], ["wide"], name="answer"),
        *([helper.make_node("ConstantOfShape", ["shape"], ["wide"])] if texts else []),
        helper.make_node("Flatten", ["wide"], ["probability"], axis=1),
    ]
    out = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["rows", 1])
    graph = helper.make_graph(nodes, "handmade", values, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=10)
    folder.mkdir(exist_ok=True)
    (folder / features.FILE).write_text(known or of_features(*inputs))
    helper.set_model_props(model, {"features_sha256": features.load(folder / features.FILE).digest})
    onnx.save(model, folder / "model.onnx")
    request = {name: "" if kind == TensorProto.STRING else 0.0 for name, kind in inputs.items()}
    cases = [{"request": request, "probability": golden}]
    (folder / "golden.json").write_text(json.dumps({"tolerance": 1e-5, "cases": cases}))
    return folder


def of_features(*names: str, **changes: Mapping[str, Any]) -> str:
    """The present `features.yaml` with some of its features only; `changes` are made to them, by name."""
    document = yaml.safe_load((PLAN.folder / features.FILE).read_text())
    kept = [one | changes.get(one["name"], {}) for one in document["features"] if one["name"] in names]
    return yaml.safe_dump(document | {"features": kept or document["features"]})


def test_figures_are_those_of_the_training(data: Path, model: Path, poor: Path, tmp_path: Path) -> None:
    tracker = Recorded()
    evaluate.evaluate(PLAN, data, model, poor, tmp_path / "new", tracker)
    found = json.loads((tmp_path / "new" / "evaluation.json").read_text())
    for role, folder in (("challenger", model), ("champion", poor)):
        trained = json.loads((folder / "metrics.json").read_text())
        assert found[role]["metrics"] == pytest.approx(trained["holdout"], abs=1e-5)
        assert found[role]["sha256"] == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        assert found[role]["features"] == found["features"] == SPECIFICATION.digest
        assert found[role]["golden"] == len(json.loads((folder / "golden.json").read_text())["cases"])
        assert tracker.told[f"{role}_auc"] == found[role]["metrics"]["auc"]
    assert found["holdout"]["rows"] == trained["rows"]["holdout"]
    assert found["challenger"]["metrics"]["auc"] > found["champion"]["metrics"]["auc"]
    ours, theirs = (found[role]["metrics"] for role in ("challenger", "champion"))
    assert set(found["differences"]) == set(ours) - {"base_rate", "calibration_error"}
    for name, one in found["differences"].items():
        assert one["difference"] == ours[name] - theirs[name]
        assert one["low"] < one["difference"] < one["high"]
        assert tracker.told[f"low_{name}"] == one["low"]
    assert tracker.files == ["evaluation.json", "roc.png"]


def test_without_a_champion_there_is_one_model(data: Path, model: Path, tmp_path: Path) -> None:
    found = judge(data, model, None, tmp_path)
    assert (found["champion"], found["differences"]) == (None, {})


def test_a_result_is_what_a_gate_reads_also_one_of_before_there_were_intervals(
    data: Path, model: Path, poor: Path, tmp_path: Path
) -> None:
    found = judge(data, model, poor, tmp_path)
    read = parse((tmp_path / "evaluation.json").read_bytes())
    assert read.intervals["auc"].low == found["differences"]["auc"]["low"]
    del found["differences"]
    earlier = parse(json.dumps(found).encode())
    assert (earlier.challenger, earlier.champion, earlier.intervals) == (read.challenger, read.champion, {})


def test_the_order_of_rows_is_not_part_of_the_holdout(data: Path) -> None:
    table = PLAN.prepare(SPECIFICATION, data)
    order = table.features.sample(frac=1, random_state=0).index
    shuffled = replace(table, features=table.features.loc[order], labels=table.labels.loc[order])

    def digest(prepared: Prepared) -> str:
        return TASK.digest(TASK.split(prepared).holdout)

    assert digest(shuffled) == digest(table)
    assert digest(replace(table, labels=1 - table.labels)) != digest(table)


def test_shuffled_labels_are_measured_like_any_others(data: Path, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shuffled"
    shutil.copytree(data, folder)
    purchases, holders = (pd.read_csv(folder / name, dtype=str) for name in (PURCHASES, HOLDERS))
    key = SPECIFICATION.key
    purchases[key] = holders[key].sample(len(purchases), random_state=1).to_numpy()
    purchases.to_csv(folder / PURCHASES, index=False)
    auc = judge(folder, model, None, tmp_path / "out")["challenger"]["metrics"]["auc"]
    assert 0.3 < auc < 0.7


def test_a_holdout_set_with_one_label_is_refused(data: Path, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nobody"
    shutil.copytree(data, folder)
    purchases = pd.read_csv(folder / PURCHASES, dtype=str)
    purchases.assign(Bikes="0").to_csv(folder / PURCHASES, index=False)
    with pytest.raises(JobError, match="0 of them with BikeBuyer = 1; it needs both labels"):
        judge(folder, model, None, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"TotalChildren": {"range": [0, 1]}},
        {"TotalChildren": {"name": "Children", "column": "TotalChildren"}},
        {"TotalChildren": {"type": "number"}},
    ],
    ids=["fewer features", "a narrower range", "another name", "another type"],
)
def test_a_champion_of_other_features_is_judged_by_its_own(
    data: Path, model: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    known = of_features("TotalChildren", **changes)
    (name,) = (one["name"] for one in yaml.safe_load(known)["features"])
    champion = handmade(tmp_path / "old", {name: TensorProto.FLOAT}, known=known)
    found = judge(data, model, champion, tmp_path / "out")
    assert found["champion"]["features"] != found["challenger"]["features"] == found["features"]
    held_out = judge(data, handmade(tmp_path / "same", {"TotalChildren": TensorProto.FLOAT}), None, tmp_path / "again")
    assert found["champion"]["metrics"] == held_out["challenger"]["metrics"]


def test_a_category_that_a_champion_does_not_know_is_no_obstacle(data: Path, model: Path, tmp_path: Path) -> None:
    known = of_features("Country", Country={"categories": ["Australia"]})
    champion = handmade(tmp_path / "old", {"Country": TensorProto.STRING}, known=known, golden=0.0)
    assert judge(data, model, champion, tmp_path / "out")["champion"]["metrics"]["auc"] == 0.5


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"Pets": TensorProto.FLOAT}, "the champion asks for the feature Pets, which its features.yaml does not have"),
        ({"Country": TensorProto.FLOAT}, "takes Country as a number, its features.yaml says it is a category"),
        ({"Age": TensorProto.STRING}, "takes Age as a category, its features.yaml says it is a number"),
    ],
)
def test_a_graph_that_disagrees_with_its_features_is_refused(
    data: Path, model: Path, tmp_path: Path, inputs: dict[str, int], message: str
) -> None:
    with pytest.raises(JobError, match=message):
        judge(data, model, handmade(tmp_path / "old", inputs), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("answer", ["Identity", "Log"])
def test_answers_that_are_no_probabilities_are_refused(data: Path, tmp_path: Path, answer: str) -> None:
    challenger = handmade(tmp_path / "odd", {"Age": TensorProto.FLOAT}, answer)
    with pytest.raises(JobError, match=r"the challenger gives no probability on \d+ of \d+ rows"):
        judge(data, challenger, None, tmp_path / "out")


def test_a_wrong_golden_answer_is_refused(data: Path, tmp_path: Path) -> None:
    challenger = handmade(tmp_path / "odd", {"TotalChildren": TensorProto.FLOAT}, golden=0.5001)
    with pytest.raises(JobError, match=r"golden request 0 with a difference of 0\.0001 in probability"):
        judge(data, challenger, None, tmp_path / "out")


def changed(model: Path, folder: Path, name: str, content: bytes | None) -> Path:
    """A copy of a model folder with one file changed or left out."""
    shutil.copytree(model, folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.onnx", None, "has no model.onnx"),
        ("model.onnx", b"no graph", "cannot be loaded"),
        ("features.yaml", None, "has no features.yaml"),
        ("features.yaml", of_features("Age").encode(), "was trained with another features.yaml"),
        ("golden.json", None, "no golden requests"),
        ("golden.json", b"{", "no golden requests"),
        ("golden.json", b'{"cases": []}', "no golden requests"),
    ],
)
@pytest.mark.parametrize("role", ["challenger", "champion"])
def test_a_folder_that_no_training_wrote_is_refused(
    data: Path, model: Path, tmp_path: Path, role: str, name: str, content: bytes | None, message: str
) -> None:
    broken = changed(model, tmp_path / "broken", name, content)
    pair = (broken, model) if role == "challenger" else (model, broken)
    with pytest.raises(JobError, match=f"the {role}.*{message}"):
        judge(data, *pair, tmp_path / "out")
    assert not (tmp_path / "out" / "evaluation.json").exists()

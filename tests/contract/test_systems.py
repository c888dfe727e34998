"""What holds for every system of `ml/systems`, on a few generated rows: it trains, its file answers as the framework
did, a gate can judge it, and the scoring server answers its documented request. A new system is taken in by its folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from ml.data import check
from ml.data import contract as data_contract
from ml.gate import evaluation
from ml.gate.verdict import Rule, decide
from ml.jobkit import encoding, evaluate, onnx_export, plan, provenance, train
from ml.jobkit.tasks.contract import Contract
from ml.jobkit.tracking import Untracked
from ml.rollout.trials.checks import Golden
from ml.system import SystemSpec, find, folder
from tests.conftest import ROOT
from tests.unit.scoring.models import write_identity
from tests.unit.scoring.running import Scoring, serving

SYSTEMS = sorted(file.parent.name for file in ROOT.glob("ml/systems/*/system.py"))
ROWS, SEED = 500, 3
HOURS = {"forecast": 11_000}
"""Rows by kind of task, where a row is an hour of one series and not an example by itself."""
QUICK = {"rounds": 15, "trials": 2}
"""Of a trainer's hyperparameters, those that only cost time here."""
FILES = {"model.onnx", "features.yaml", "golden.json", "contract.json", "metrics.json", "provenance.json"}


@dataclass(frozen=True)
class Trained:
    """One system, its generated data, and what its training left."""

    name: str
    data: Path
    output: Path

    @property
    def spec(self) -> SystemSpec:
        return find(self.name)

    @cached_property
    def plan(self) -> plan.Plan:
        return self.spec.plan(self.name)

    @cached_property
    def contract(self) -> Contract:
        found: Contract = self.plan.build_task(self.plan.specification()).contract
        return found

    @cached_property
    def golden(self) -> Golden:
        return Golden.read(self.output, self.name, 1)

    @property
    def request(self) -> dict[str, Any]:
        """The documented one."""
        found: dict[str, Any] = json.loads((folder(self.name) / "request.json").read_text())
        return found


@pytest.fixture(scope="module", params=SYSTEMS, name="system")
def fixture_system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Each system in turn, trained in this process by the code that its job runs."""
    place = tmp_path_factory.mktemp(request.param)
    made = Trained(request.param, place / "data", place / "output")
    rows = HOURS.get(made.plan.task.kind, ROWS)
    generator = [sys.executable, "-m", f"ml.systems.{made.name}.generator", "--rows", str(rows), "--seed", str(SEED)]
    subprocess.run([*generator, "--output", str(made.data)], cwd=ROOT, check=True, capture_output=True)
    usual = made.plan.settings()(**made.plan.trainer.options)
    known = {field.name for field in fields(usual)}
    quick = replace(usual, **{name: value for name, value in QUICK.items() if name in known})
    train.train(made.plan, made.data, made.output, quick, Untracked())
    return made


@pytest.fixture(scope="module", name="server")
def fixture_server(system: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scoring]:
    """The scoring server with the trained files, which it has checked by their golden requests before it is ready."""
    sha256 = hashlib.sha256((system.output / "model.onnx").read_bytes()).hexdigest()
    write_identity(system.output, sha256, name=system.name, version=1, system=system.name)
    with serving(system.output, tmp_path_factory.mktemp("scoring") / "log") as running:
        yield running


def test_its_folder_has_what_a_system_has(system: Trained) -> None:
    home = folder(system.name)
    for name in ("features.yaml", "data.yaml", "prepare.py", "generator.py", "request.json", "README.md"):
        assert home.joinpath(name).is_file(), f"{system.name} has no {name}"
    assert system.plan.specification().system == system.name


def test_its_floors_and_its_metric_are_figures_that_can_be_good_or_bad(system: Trained) -> None:
    assert system.spec.task.floors
    assert {*system.spec.task.floors, system.spec.task.metric} <= set(system.contract.directions)


def test_its_generated_data_are_what_it_says_of_its_data(system: Trained) -> None:
    described = data_contract.load(folder(system.name))
    assert check.problems(described, system.data) == []
    assert (system.data / provenance.GENERATED).is_file()


def test_the_training_leaves_all_that_comes_after_it_needs(system: Trained) -> None:
    assert {path.name for path in system.output.iterdir()} >= FILES
    assert list((system.output / "plots").glob("*.png"))
    written = json.loads((system.output / "metrics.json").read_text())
    assert written["data_source"] == "generated"
    assert set(written["holdout"]) == set(system.contract.figures)
    assert all(math.isfinite(value) for value in written["holdout"].values()), written["holdout"]


def test_the_file_answers_every_row_as_the_framework_did(system: Trained) -> None:
    """Asserted by the training on all rows; this asks the file anew about those that went into golden requests."""
    specification = system.plan.specification()
    running = onnx_export.session(system.output / "model.onnx")
    asked = pd.DataFrame([case["request"] for case in system.golden.cases])
    fed = {
        feature.name: encoding.of(feature).tensor(feature, asked[feature.name]) for feature in specification.features
    }
    members = [one.name for one in running.get_outputs()]
    found = dict(zip(members, running.run(members, fed), strict=True))
    assert set(members) == set(system.contract.answer)
    for member in system.contract.golden:
        expected = np.array([case[member] for case in system.golden.cases])
        np.testing.assert_allclose(
            np.asarray(found[member]).reshape(expected.shape),
            expected,
            rtol=system.contract.relative,
            atol=system.contract.absolute,
        )


def test_a_gate_can_judge_it_against_itself(system: Trained, tmp_path: Path) -> None:
    evaluate.evaluate(system.plan, system.data, system.output, system.output, tmp_path, Untracked())
    found = evaluation.parse(tmp_path.joinpath(evaluation.RESULT).read_bytes())
    written = json.loads((system.output / "metrics.json").read_text())
    assert found.challenger.metrics[system.spec.task.metric] == pytest.approx(
        written["holdout"][system.spec.task.metric], rel=1e-3
    )
    rule = Rule({}, system.spec.task.metric, lower=found.lower)
    verdict = decide(found.challenger, found.champion, rule, intervals=found.intervals, rejections={})
    assert (verdict.kind, "the challenger is the champion" in verdict.text) == ("kept", True)
    assert found.intervals[system.spec.task.metric].low <= 0 <= found.intervals[system.spec.task.metric].high


def test_its_documented_request_is_answered_by_the_server_as_the_contract_says(
    system: Trained, server: Scoring
) -> None:
    reply = server.ask("POST", "/score", system.request)
    assert reply.status == 200, reply.body
    assert (reply.json["model"], reply.json["version"]) == (system.name, 1)
    assert len(reply.json["result"]) == len(system.request["data"])
    for row in reply.json["result"]:
        assert set(row) == set(system.contract.answer)
        for member, value in row.items():
            jsonschema.validate(value, dict(system.contract.answer[member]))
    assert "x-scoring-warning" not in reply.headers, reply.headers


def test_golden_requests_through_the_server_give_what_training_gave(system: Trained, server: Scoring) -> None:
    reply = server.ask("POST", "/score", {"data": [case["request"] for case in system.golden.cases]})
    assert reply.status == 200, reply.body
    for case, row in zip(system.golden.cases, reply.json["result"], strict=True):
        for member in system.contract.golden:
            assert system.golden.same(row[member], case[member]), (member, row, case)

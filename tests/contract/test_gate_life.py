"""A model's way from its training through the gate into the registry: real jobs, providers called as by the engine."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.data import DataAssets
from ml.clients.datastore import Folder, container
from ml.clients.events import Event, Events
from ml.clients.jobs import Jobs
from ml.clients.models import Models
from ml.clients.workspace import Workspace
from ml.data.source import Generator, generate
from ml.identity.values import Properties
from ml.jobs.watch import watch
from ml.progress import Failure
from ml.resources.base import Provider
from ml.resources.model_version import ModelVersionProvider
from ml.resources.quality_gate import QualityGateProvider
from ml.resources.retention import RetentionProvider
from ml.resources.training_job import TrainingJobProvider
from ml.system import find
from tests.contract.azureml_workspace import IGNORED, fixture_sockets, fixture_workspace
from tests.contract.azureml_workspace import Workspace as Made

__all__ = ["fixture_sockets", "fixture_workspace"]
# azure-ai-ml never closes the clients it makes for an upload.
pytestmark = [IGNORED, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]
SYSTEM = "bike_buyer"
PLAN = find(SYSTEM).plan(SYSTEM).document()
ROWS = 500
SECONDS = 300
GOOD = ("--rounds", "20")
WORSE = ("--rounds", "1", "--num-leaves", "2")
CARRIED = ("sha256", "source", "metrics", "provenance", "experimentUri")


@dataclass(frozen=True)
class Step:
    """A resource as the engine keeps it."""

    provider: Provider
    identifier: str
    state: Properties

    @property
    def observed(self) -> Properties | None:
        """What a refresh finds; None when the resource is gone."""
        read = self.provider.read(self.identifier, self.state)
        return dict(read.outs or {}) if read.id else None

    def delete(self) -> None:
        """What the engine does with a resource that is replaced or gone from the program."""
        self.provider.delete(self.identifier, self.state)


def create(provider: Provider, inputs: Properties) -> Step:
    """`check`, then `create`."""
    checked = provider.check({}, inputs)
    assert not checked.failures
    made = provider.create(checked.inputs)
    return Step(provider, made.id, dict(made.outs or {}))


@dataclass(frozen=True)
class System:
    """A workspace with the system's data; every test uses a model name of its own."""

    workspace: Workspace
    data: Properties
    trained: dict[tuple[str, ...], Step] = field(default_factory=dict)

    @property
    def place(self) -> Properties:
        """The workspace as resources name it."""
        names = (self.workspace.subscription_id, self.workspace.resource_group, self.workspace.name)
        return dict(zip(("subscriptionId", "resourceGroupName", "workspaceName"), names, strict=True))

    @property
    def jobs(self) -> Jobs:
        """The jobs of the workspace."""
        return Jobs(self.workspace)

    def job(self, entry: str) -> Properties:
        """What training and evaluation share."""
        where = {"system": SYSTEM, "workspace": self.place, "compute": "cpu", "environment": "tabular"}
        return {**where, "entry": f"ml.jobkit.{entry}", "plan": PLAN, "timeoutMinutes": 10, **self.data}

    def train(self, *arguments: str) -> Step:
        """A training job, once for the same arguments."""
        if arguments not in self.trained:
            inputs = {**self.job("train"), "arguments": list(arguments), "generation": 0}
            self.trained[arguments] = create(TrainingJobProvider(), inputs)
        return self.trained[arguments]

    def gate_inputs(self, model: str, training: Step, **changes: Any) -> Properties:
        """Inputs of a gate that any sensible model passes."""
        state = training.state
        judged = {"job": state["job"], "jobDigest": state["digest"], "artefact": state["artefact"]}
        thresholds = {"floors": {"auc": 0.65}, "metric": "auc", "waitMinutes": SECONDS / 60}
        return {**self.job("evaluate"), "model": model, **judged, **thresholds, **changes}

    def gate(self, model: str, training: Step, **changes: Any) -> Step:
        """A gate."""
        return create(QualityGateProvider(), self.gate_inputs(model, training, **changes))

    def version(self, model: str, gate: Step) -> Step:
        """What a gate let through, registered."""
        carried = {name: gate.state[name] for name in ("sha256", "source", "metrics", "provenance")}
        return create(ModelVersionProvider(), {"system": SYSTEM, "model": model, "workspace": self.place, **carried})

    def evaluations(self) -> list[str]:
        """Names of all evaluation jobs."""
        return [job.name for job in self.jobs.of_experiment(SYSTEM) if job.tags.get("kind") == "evaluation"]

    def overwrite(self, uri: str, content: bytes, name: str = "model.onnx") -> bytes:
        """Changes a stored file; gives what was there."""
        before = Folder(self.workspace, uri).read(name)
        assert before is not None
        with container(self.workspace) as client:
            client.upload_blob(f"{uri.partition('/paths/')[2]}{name}", content, overwrite=True)
        return before

    def say_of(self, uri: str, **changes: Any) -> bytes:
        """Changes what a training noted beside its model; gives what was there."""
        noted = json.loads(Folder(self.workspace, uri).read("provenance.json") or b"")
        return self.overwrite(uri, json.dumps({**noted, **changes}).encode(), "provenance.json")

    def tags(self, gate: Step) -> Mapping[str, str]:
        """The tags of a gate's evaluation."""
        job = self.jobs.find(gate.state["evaluation"])
        assert job is not None
        return job.tags

    @property
    def history(self) -> list[Event]:
        """What the system's history says."""
        return Events(self.workspace, SYSTEM).list()


@pytest.fixture(name="system", scope="module")
def fixture_system(workspace: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system's data as a data version, and two trainings that run side by side."""
    place = Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name)
    folder = tmp_path_factory.mktemp("gate") / "customers"
    folder.parent.mkdir(exist_ok=True)
    generate(Generator("ml.systems.bike_buyer.generator", ROWS, 11), folder)
    asset = DataAssets(place).upload("gate-customers", "1", folder, "generated", {})
    system = System(place, {"dataDigest": "generated-1", "dataReference": asset.reference})
    for arguments in (GOOD, WORSE):
        system.train(*arguments)
    yield system
    RetentionProvider().delete(SYSTEM, {"system": SYSTEM, "workspace": system.place, "assets": ["gate-customers"]})
    assert system.jobs.of_experiment(SYSTEM) == []
    with container(place) as client:
        assert list(client.list_blobs(name_starts_with="systems/bike_buyer/")) == []


@pytest.fixture(name="model")
def fixture_model(system: System) -> Iterator[str]:
    """The name of a model nobody has registered yet."""
    name = f"bike-buyer-{uuid.uuid4().hex[:6]}"
    yield name
    Models(system.workspace, name).purge()


@pytest.fixture(name="notes")
def fixture_notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the gate keeps with its row."""
    found: list[str] = []
    monkeypatch.setattr("ml.resources.quality_gate.note", found.append)
    return found


def test_a_gate_does_not_wait_longer_than_it_may(system: System, model: str) -> None:
    training = system.train(*GOOD)
    with pytest.raises(Failure, match=r"still running: run `pulumi up` again"):
        system.gate(model, training, waitMinutes=0)
    assert system.evaluations() == []
    again = create(TrainingJobProvider(), {**system.job("train"), "arguments": list(GOOD), "generation": 0})
    assert again.state["job"] == training.state["job"]


def test_what_is_evaluated_is_what_is_registered(system: System, model: str, notes: list[str]) -> None:
    training = system.train(*GOOD)
    gate = system.gate(model, training)
    stored = Folder(system.workspace, training.state["artefact"]).read("model.onnx")
    assert stored is not None
    assert gate.state["verdict"] == "promoted"
    assert gate.state["sha256"] == hashlib.sha256(stored).hexdigest()
    assert gate.state["source"] == {
        "uri": training.state["artefact"],
        "model": model,
        "job": training.state["job"],
    }
    assert gate.state["provenance"]["data"] == "generated-1"
    assert gate.state["provenance"]["dataSource"] == "generated"
    assert len(gate.state["provenance"]["commit"]) == 40
    assert gate.observed == gate.state
    assert "there is no champion yet" in notes[-1]

    version = system.version(model, gate)
    assert version.identifier == gate.state["sha256"]
    assert version.state["version"] == 1
    record = Models(system.workspace, model).required(1)
    assert record.sha256 == gate.state["sha256"]
    assert json.loads(record.properties["metrics"]) == gate.state["metrics"]
    assert record.properties["dataSource"] == "generated"
    assert version.observed == version.state
    assert gate.observed == gate.state


def test_a_worse_challenger_changes_nothing_downstream(system: System, model: str, notes: list[str]) -> None:
    first = system.gate(model, system.train(*GOOD))
    system.version(model, first)
    Models(system.workspace, model).set_champion(1)
    assert first.observed == first.state
    kept = system.gate(model, system.train(*WORSE), floors={"auc": 0.5})
    assert kept.state["verdict"] == "kept"
    assert json.dumps({name: kept.state[name] for name in CARRIED}) == json.dumps(
        {name: first.state[name] for name in CARRIED}
    )
    better = first.state["metrics"]["auc"]
    head, _, text = notes[-1].partition(": bike_buyer on ")[2].partition(" generated holdout rows: ")
    worse = float(re.fullmatch(r"auc -0\.\d{4} \((0\.\d{4}) against .*", text)[1])  # type: ignore[index]
    assert int(head) > 0
    assert f"auc {worse - better:+.4f}"[:10] == text[:10]
    assert re.search(rf"against {better:.4f}\), 95 % interval -0\.\d+ \.\. -0\.\d+: kept the champion$", text)
    assert kept.observed == kept.state
    tags, event = system.tags(kept), system.history[-1]
    assert (tags["verdict"], tags["reason"], tags["against"]) == ("kept", text, "1")
    assert tags["challenger_job"] == system.train(*WORSE).state["job"] == event.job
    assert (tags["challenger_version"], tags["data_source"]) == ("none", "generated")
    assert (event.kind, event.version, event.before, event.reason) == ("kept", None, 1, text)
    assert event.figures["auc"] == pytest.approx(worse, abs=1e-4)
    assert system.tags(first)["verdict"] == "promoted"
    margined = system.gate(model, system.train(*WORSE), floors={"auc": 0.5}, margin=0)
    assert (margined.state["verdict"], margined.state["evaluation"]) == ("kept", kept.state["evaluation"])
    assert ", margin 0: kept the champion" in notes[-1]

    same = system.gate(model, system.train(*GOOD))
    assert same.state["verdict"] == "kept"
    assert {name: same.state[name] for name in CARRIED} == {name: first.state[name] for name in CARRIED}
    assert same.state["evaluation"] != first.state["evaluation"]


def test_below_the_floor_without_a_champion_is_a_failure(system: System, model: str) -> None:
    count = len(system.evaluations())
    auc = system.gate(model, system.train(*GOOD)).state["metrics"]["auc"]
    for _ in range(2):
        with pytest.raises(Failure, match=rf"auc {auc:.4f} is below the floor 0.99, and there is no champion"):
            system.gate(model, system.train(*GOOD), floors={"auc": 0.99})
    refused = [event for event in system.history if f"auc {auc:.4f} is below the floor 0.99" in event.reason]
    assert [(event.kind, event.before) for event in refused] == [("refused", None)]
    assert len(system.evaluations()) == count
    assert Models(system.workspace, model).list() == []


def test_a_rejected_challenger_is_never_promoted(system: System, model: str) -> None:
    gate = system.gate(model, system.train(*GOOD))
    system.version(model, gate)
    models = Models(system.workspace, model)
    models.reject(1, "sha256:1", "hangs under load")
    with pytest.raises(Failure, match=r"rejected before \(hangs under load\).*no champion to keep"):
        system.gate(model, system.train(*GOOD))
    models.clear_rejection(1)
    assert system.gate(model, system.train(*GOOD)).state["verdict"] == "promoted"


def serve(system: System, model: str, *versions: str) -> Models:
    """Registers versions that hold nothing, named by a sha256, as this project registers them."""
    models = Models(system.workspace, model)
    for sha256 in versions:
        described = {"system": SYSTEM, "source": f"azureml://datastores/d/paths/{sha256}/", "metrics": '{"auc":0.5}'}
        made = {"sha256": sha256, "data": "d", "job": f"job-{sha256}", "commit": "c", **described}
        models.register(described["source"], properties=made, tags={})
    return models


def after(gate: Step, **changes: Any) -> Step:
    """The gate with other outputs, as another past would have left it."""
    return Step(gate.provider, gate.identifier, {**gate.state, **changes})


def test_refresh_follows_what_serves_but_keeps_what_waits_for_its_rollout(system: System, model: str) -> None:
    gate = after(system.gate(model, system.train(*GOOD)), sha256="new", verdict="promoted", against=1, servedBefore="")
    models = serve(system, model, "old", "new", "other")
    models.set_champion(1)
    assert gate.observed == gate.state  # killed between gate and rollout

    models.reject(2, "sha256:1", "wrong answer")
    seen = gate.observed
    assert seen is not None
    assert (seen["verdict"], seen["sha256"], seen["against"]) == ("kept", "old", 1)
    assert seen["source"] == {"uri": "azureml://datastores/d/paths/old/", "model": model, "job": "job-old"}
    assert after(gate, **seen).observed == seen
    models.clear_rejection(2)
    assert gate.observed == gate.state

    models.set_champion(2)
    assert gate.observed == gate.state  # rolled out
    models.set_champion(1)
    assert (gate.observed or {})["sha256"] == "old"  # it has served: nobody wants it back
    models.set_champion(3)
    assert (gate.observed or {})["sha256"] == "other"


def test_refresh_leaves_the_first_challenger_until_something_serves(system: System, model: str) -> None:
    gate = after(system.gate(model, system.train(*GOOD)), sha256="new", against=0, servedBefore="")
    models = serve(system, model, "new", "other")
    models.reject(1, "sha256:1", "crashes")
    assert gate.observed == gate.state
    models.set_champion(2)
    assert (gate.observed or {})["sha256"] == "other"


def test_a_gate_is_gone_with_its_evaluation_and_archives_only_its_own(system: System, model: str) -> None:
    first = system.gate(model, system.train(*GOOD))
    second = system.gate(model, system.train(*GOOD))
    assert first.state["evaluation"] == second.state["evaluation"]
    first.delete()
    assert second.observed == second.state
    second.delete()
    assert second.observed is None
    assert system.gate(model, system.train(*GOOD)).observed is not None


def test_a_model_version_is_adopted_and_archived_by_its_owner_alone(system: System, model: str) -> None:
    gate = system.gate(model, system.train(*GOOD))
    first = system.version(model, gate)
    second = system.version(model, gate)
    assert second.state["version"] == first.state["version"]
    first.delete()
    assert second.observed == second.state
    second.delete()
    second.delete()
    assert second.observed is None
    assert system.version(model, gate).observed is not None
    assert len(Models(system.workspace, model).list()) == 1


def test_a_changed_file_is_not_adopted(system: System, model: str) -> None:
    gate = system.gate(model, system.train(*GOOD))
    uri, sha256 = gate.state["source"]["uri"], gate.state["sha256"]
    other = hashlib.sha256(b"other").hexdigest()
    version = system.version(model, gate)
    before = system.overwrite(uri, b"other")
    with pytest.raises(Failure, match=f"sha256 {other}, evaluated was {sha256}: somebody changed"):
        system.version(model, gate)
    system.overwrite(uri, before)
    assert version.observed == version.state


def test_a_champion_whose_file_is_damaged_is_named_with_the_way_out(system: System, model: str) -> None:
    system.version(model, gate := system.gate(model, system.train(*GOOD)))
    Models(system.workspace, model).set_champion(1)
    before = system.overwrite(gate.state["source"]["uri"], b"other")
    with pytest.raises(Failure, match=rf"{model}:1 serves, but .*sha256 differs from the recorded one.*make rollback"):
        system.gate(model, system.train(*WORSE), floors={"auc": 0.5})
    system.overwrite(gate.state["source"]["uri"], before)


def test_a_damaged_model_is_trained_again_by_the_next_up(system: System, model: str) -> None:
    arguments = ("--rounds", "2", "--seed", "5")
    training = system.train(*arguments)
    watch(system.jobs, training.state["job"], SECONDS)
    system.overwrite(training.state["artefact"], b"cut o")
    with pytest.raises(Failure) as refused:
        system.gate(model, training, floors={"auc": 0.5})
    said = str(refused.value)
    assert "model.onnx: its sha256 differs from the recorded one (recorded " in said
    assert f"now it is {hashlib.sha256(b'cut o').hexdigest()})" in said
    assert "The next `pulumi up` trains again (2 attempts left)" in said

    inputs = training.provider.check(
        training.state, {**system.job("train"), "arguments": list(arguments), "generation": 0}
    ).inputs
    assert training.provider.diff(training.identifier, training.state, inputs).changes
    updated = training.provider.update(training.identifier, training.state, inputs)
    training = Step(training.provider, training.identifier, dict(updated.outs or {}))
    assert training.state["job"].endswith("-2")
    gate = system.gate(model, training, floors={"auc": 0.5})
    assert (gate.state["verdict"], gate.state["source"]["job"]) == ("promoted", training.state["job"])

    # Damaged after the gate, before it is registered: the next `up` trains and judges again.
    system.overwrite(training.state["artefact"], b"cut o")
    with pytest.raises(
        Failure, match=rf"recorded {gate.state['sha256']}, now it is .*\): not registered.*trains again"
    ):
        system.version(model, gate)
    assert Models(system.workspace, model).list() == []
    again = system.gate_inputs(model, training, floors={"auc": 0.5})
    judged = gate.provider.diff(gate.identifier, gate.state, gate.provider.check(gate.state, again).inputs)
    assert (judged.changes, judged.replaces) == (True, None)
    assert training.provider.diff(training.identifier, training.state, inputs).changes


def test_a_challenger_of_generated_data_never_replaces_a_champion_of_real_data(
    system: System, model: str, notes: list[str]
) -> None:
    worse, good = system.train(*WORSE), system.train(*GOOD)
    before = system.say_of(worse.state["artefact"], data={"source": "real"})
    first = system.gate(model, worse, floors={"auc": 0.5})
    system.overwrite(worse.state["artefact"], before, "provenance.json")
    system.version(model, first)
    Models(system.workspace, model).set_champion(1)
    kept = system.gate(model, good)
    assert (kept.state["verdict"], kept.state["sha256"]) == ("kept", first.state["sha256"])
    assert "trained on generated data and the champion on real data" in notes[-1]
    before = system.say_of(good.state["artefact"], data={"source": "real"})
    assert system.gate(model, good, metric="accuracy", margin=0).state["evaluation"] == kept.state["evaluation"]
    assert " real " not in notes[-1]
    system.overwrite(good.state["artefact"], before, "provenance.json")


def test_an_evaluation_of_another_file_is_not_used_and_not_adopted_again(system: System, model: str) -> None:
    training = system.train(*GOOD)
    gate = system.gate(model, training)
    other = {"model.onnx": hashlib.sha256(b"other").hexdigest()}
    before = system.overwrite(training.state["artefact"], b"other")
    noted = system.say_of(training.state["artefact"], artefacts=other)
    with pytest.raises(Failure, match=f"evaluated challenger has sha256 {gate.state['sha256']}.*nothing is promoted"):
        system.gate(model, training)
    system.overwrite(training.state["artefact"], before)
    system.overwrite(training.state["artefact"], noted, "provenance.json")
    assert gate.observed is None
    with pytest.raises(Failure, match="still running") as refused:
        system.gate(model, training, waitMinutes=0)
    assert gate.state["evaluation"] not in str(refused.value)


def test_floors_must_be_numbers(system: System, model: str) -> None:
    inputs = system.gate_inputs(model, system.train(*GOOD), floors={"auc": "high"})
    checked = QualityGateProvider().check({}, inputs)
    assert [(one.property, one.reason) for one in checked.failures] == [
        ("floors", "the floor of auc is 'high'; write the least value it may have")
    ]


def test_a_failed_training_is_told_by_the_gate_and_tried_again_by_the_next_up(system: System, model: str) -> None:
    arguments = ("--no-such-option", "1")
    training = system.train(*arguments)
    with pytest.raises(Failure, match=r"(?s)-1 failed: .*unrecognized arguments.*tries again \(2 left\)"):
        system.gate(model, training)
    inputs = training.provider.check(
        training.state, {**system.job("train"), "arguments": list(arguments), "generation": 0}
    )
    for number in (2, 3):
        changed = training.provider.diff(training.identifier, training.state, inputs.inputs)
        assert (changed.changes, changed.replaces) == (True, None)
        updated = training.provider.update(training.identifier, training.state, inputs.inputs)
        training = Step(training.provider, training.identifier, dict(updated.outs or {}))
        assert training.state["job"].endswith(f"-{number}")
        assert training.state["artefact"].endswith(f"-{number}/model/")
        system.jobs.cancel(training.state["job"])
        watch(system.jobs, training.state["job"], SECONDS)
    with pytest.raises(Failure, match="3 attempts failed"):
        training.provider.update(training.identifier, training.state, inputs.inputs)


def test_a_training_that_goes_well_is_no_change(system: System) -> None:
    training = system.train(*GOOD)
    inputs = {**system.job("train"), "arguments": list(GOOD), "generation": 0}
    checked = training.provider.check(training.state, inputs).inputs
    assert not training.provider.diff(training.identifier, training.state, checked).changes
    assert training.observed == training.state

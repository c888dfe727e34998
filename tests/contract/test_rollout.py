"""`Rollout` against the emulator, with real scoring images and clients that ask all the time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from ml.clients.events import Events
from ml.progress import Failure
from ml.resources.rollout import RolloutProvider
from ml.rollout.core.models import CloudModels
from tests.contract import faulty_images as faults
from tests.contract.azureml_workspace import IGNORED, fixture_sockets, fixture_workspace
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.faulty_images import tampered_image
from tests.contract.rollout_place import FEW, Place, System, clients, deployed, shared_place, until
from tools.container_logs import show
from tools.endpoint_key import primary_key
from tools.progress import SetupError

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED


@pytest.fixture(name="place", scope="module")
def fixture_place(workspace: Made, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return shared_place(workspace, tmp_path_factory.mktemp("rollout"))


@pytest.fixture(name="system")
def fixture_system(place: Place) -> Iterator[System]:
    """A system of its own that serves version 1."""
    yield from serving(place)


@pytest.fixture(name="shared", scope="module")
def fixture_shared(place: Place) -> Iterator[System]:
    """A system that serves version 1 and must go on doing so."""
    yield from serving(place)


def serving(place: Place) -> Iterator[System]:
    made = place.system()
    made.up({**made.release(1), "load": FEW})
    yield made
    RolloutProvider().delete("id", made.release(1))


def test_the_first_version_serves_and_goes_again(place: Place) -> None:
    system = place.system()
    inputs = system.release(1)
    outputs = system.up(inputs)
    name = system.deployment(inputs)
    assert (outputs["serving"], outputs["deployment"]) == (1, name)
    assert outputs["scoringUri"] == system.endpoint.get().scoring_uri
    assert "ConnectionString" not in str(outputs)
    assert dict(system.endpoint.get().traffic) == {name: 100}
    assert system.models.champion() == 1
    assert system.staged() == []
    with clients(system) as found:
        until(lambda: found.total > 50)
    assert (found.errors, found.wrong, set(found.versions)) == ([], 0, {1})
    read = RolloutProvider().read("id", outputs)
    assert read.outs == {**outputs, "version": 1}
    RolloutProvider().delete("id", outputs)
    assert (system.deployments(), system.models.champion()) == ([], None)
    assert dict(system.endpoint.get().traffic) == {}


def test_a_better_version_takes_over_under_load(system: System) -> None:
    old, new = system.release(1), system.release(2)
    state = {**old, "serving": 1.0, "deployment": system.deployment(old)}
    http, version = system.place.made.http, {"api-version": "2024-10-01"}
    assert http.patch(system.endpoint.path, params=version, json={"tags": {"owner": "sales"}}).is_success
    with clients(system) as found:
        until(lambda: found.total > 20)
        outputs = system.up(new, state)
        after = found.total
        until(lambda: found.total > after + 20)
    assert (found.errors, found.wrong) == ([], 0)
    assert set(found.versions) == {1, 2}
    assert dict(system.endpoint.get().traffic) == {system.deployment(new): 100}
    assert system.tags() == {"owner": "sales"}
    assert (outputs["serving"], system.models.champion()) == (2, 2)
    assert system.deployments() == sorted([system.deployment(old), system.deployment(new)])
    assert system.staged() == []


@pytest.mark.parametrize(
    ("fault", "less", "said"),
    [
        (faults.WRONG_ANSWER, {}, "in staging golden request 1: probability"),
        (faults.CRASH_AT_START, {}, "in staging its server ended at start, exit code 3.*this build crashes at start"),
        (faults.NEVER_READY, {"readySeconds": 6.0}, "in staging it was not ready after 6 s: HTTP 503"),
        (
            faults.CRASH_AT_ENDPOINT,
            {},
            "did not get ready: .*User container has crashed.*exit code 3.*this build crashes at start",
        ),
        (
            faults.NEVER_READY_AT_ENDPOINT,
            {"readySeconds": 6.0},
            "did not get ready: .*ResourceNotReady.*was not ready within",
        ),
        (faults.HANG_UNDER_LOAD, {"load": {"answerSeconds": 4.0}}, "requests under load failed: no answer in time"),
    ],
)
def test_a_bad_candidate_reaches_no_client_and_is_remembered(
    shared: System, fault: str, less: dict[str, Any], said: str
) -> None:
    bad = {**shared.release(2, fault), **less}
    before = dict(shared.endpoint.get().traffic)
    with clients(shared, count=2, pause=0.05) as found, pytest.raises(Failure, match=rf"(?s)is rejected: .*{said}"):
        shared.up(bad)
    assert (found.errors, found.wrong, set(found.versions)) == ([], 0, {1})
    assert dict(shared.endpoint.get().traffic) == before
    assert shared.deployments() == list(before)
    assert (shared.models.champion(), shared.staged()) == (1, [])
    assert bad["image"].partition("@")[2] in shared.models.rejection(2)
    last = Events(shared.place.workspace, shared.name).list()[-1]
    assert (last.kind, last.version, last.before) == ("rejected", 2, 1)
    assert re.search(rf"(?s){said}", last.reason)
    with pytest.raises(Failure, match=r"version 2 was rejected in this image .*pulumi refresh"):
        shared.up(bad)


def test_failing_for_clients_alone_it_is_put_back_within_the_stage(shared: System) -> None:
    bad = shared.release(2, faults.FAIL_FOR_CLIENTS)
    before = dict(shared.endpoint.get().traffic)
    with clients(shared) as found:
        with pytest.raises(Failure, match=r"at 10 % of the traffic \d+ of \d+ requests failed, 0 of \d+ at the old"):
            shared.up(bad)
        errors, after = len(found.errors), found.total
        until(lambda: found.total > after + 50)
    assert len(found.errors) == errors, "clients fail after it was put back"
    assert errors <= 0.13 * found.total
    assert dict(shared.endpoint.get().traffic) == before
    assert shared.deployments() == list(before)


@pytest.mark.parametrize(
    ("also", "said"),
    [
        # The server holds the file against `model.json` before it starts.
        ((), r"in staging its server ended at start, exit code 2.*sha256"),
        # Both agree: only what was evaluated and registered tells.
        (("model.json",), r"in staging /version names another artefact: sha256 is \w+, registered is \w+"),
    ],
    ids=["the model alone", "with its identity"],
)
def test_a_tampered_image_is_refused_in_staging(shared: System, also: tuple[str, ...], said: str) -> None:
    inputs = shared.release(2)
    graph = shared.place.folders[2].joinpath("model.onnx").read_bytes()
    identity = {"name": shared.name, "version": 2, "sha256": hashlib.sha256(graph).hexdigest(), "system": shared.name}
    files = {"model.onnx": graph, **{name: json.dumps(identity).encode() for name in also}}
    image = tampered_image(shared.place.registry, inputs["image"], files)
    with clients(shared, count=2, pause=0.05) as found, pytest.raises(Failure, match=rf"(?s)is rejected: {said}"):
        shared.up({**inputs, "image": image})
    assert (found.errors, found.wrong, set(found.versions)) == ([], 0, {1})
    assert (shared.models.champion(), shared.staged()) == (1, [])


def test_what_happened_behind_its_back_is_a_change_and_is_put_right(system: System) -> None:
    inputs = system.release(1)
    state, name = system.up(inputs), system.deployment(inputs)
    assert not RolloutProvider().diff("id", state, inputs).changes

    def put_right() -> None:
        assert RolloutProvider().diff("id", state, inputs).changes
        system.up(inputs, state)
        assert not RolloutProvider().diff("id", state, inputs).changes
        assert (dict(system.endpoint.get().traffic), system.models.champion()) == ({name: 100}, 1)

    system.endpoint.set_traffic({})
    put_right()
    CloudModels(system.models).uncrown()
    put_right()
    system.endpoint.set_traffic({})
    system.endpoint.remove(name)
    put_right()


def test_what_serves_is_seen_by_a_refresh(system: System) -> None:
    old, new = system.release(1), system.release(2)
    outputs = system.up({**new, "stages": [], "load": FEW})
    system.endpoint.set_traffic({system.deployment(old): 90, system.deployment(new): 10})
    read = RolloutProvider().read("id", outputs)
    assert read.outs is not None
    assert (read.outs["deployment"], read.outs["image"]) == (None, None)
    assert RolloutProvider().diff("id", read.outs, new).changes
    system.up(new, read.outs)
    assert dict(system.endpoint.get().traffic) == {system.deployment(new): 100}


def test_key_and_logs_of_what_serves(shared: System, capsys: pytest.CaptureFixture[str]) -> None:
    assert primary_key(deployed(shared)) == shared.endpoint.key()
    show(deployed(shared), None, 50, Console(width=300))
    words = " ".join(capsys.readouterr().out.split())
    assert f"{shared.deployment(shared.release(1))} (Succeeded, 100 % of the traffic), last 50 lines" in words
    failures = words.partition("Failed requests: ")[2]
    assert failures.startswith("none in the last day") or "500 POST /score" in failures
    with pytest.raises(SetupError, match=r"VERSION=7: .* has no such deployment"):
        show(deployed(shared), 7, 50, Console())

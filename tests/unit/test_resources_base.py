"""The Pulumi side of dynamic resources."""

from __future__ import annotations

import base64
from typing import ClassVar

import dill  # type: ignore[import-untyped]
import pytest
from azure.core.exceptions import ClientAuthenticationError
from pulumi.output import Unknown

from ml.clients.errors import CloudError
from ml.identity.values import Properties, plain
from ml.progress import Failure
from ml.resources.base import InputError, Provider, derived, unknown
from ml.resources.container_image import ContainerImageProvider
from ml.resources.data_version import DataVersionProvider
from ml.resources.model_version import ModelVersionProvider
from ml.resources.quality_gate import QualityGateProvider
from ml.resources.retention import RetentionProvider
from ml.resources.rollout import RolloutProvider
from ml.resources.training_job import TrainingJobProvider


class Toy(Provider):
    identity: ClassVar[tuple[str, ...]] = ("digest",)
    ignored: ClassVar[tuple[str, ...]] = ("folder",)

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        if inputs.get("rate") == 0:
            raise InputError("rate", "0 is no rate: write a positive number")
        return {**inputs, "digest": derived(lambda: f"d{inputs['rate']}", inputs["rate"])}

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        if inputs["rate"] == 13:
            raise CloudError("PUT /x: 409 Conflict: taken")
        return "id", {"uri": "u"}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        return None if identifier == "gone" else {"uri": "u2"}

    def release(self, identifier: str, properties: Properties) -> None:
        raise AssertionError(identifier)


STATE = {"rate": 1.0, "folder": "/a", "digest": "d1", "uri": "u", "__provider": "p"}


def test_numbers_of_the_wire_become_integers_again() -> None:
    assert plain({"a": 3.0, "b": [1.5, 2.0], "c": {"d": 0.0}, "e": True}) == {
        "a": 3,
        "b": [1.5, 2],
        "c": {"d": 0},
        "e": True,
    }


def test_check_derives_the_identity_and_leaves_it_unknown_where_a_source_is() -> None:
    assert Toy().check({}, {"rate": 2.0}).inputs["digest"] == "d2"
    assert unknown(Toy().check({}, {"rate": Unknown()}).inputs["digest"])  # type: ignore[no-untyped-call]


def test_a_wrong_input_is_a_failure_of_that_property() -> None:
    failures = Toy().check({}, {"rate": 0.0}).failures
    assert [(failure.property, failure.reason) for failure in failures] == [
        ("rate", "0 is no rate: write a positive number")
    ]


@pytest.mark.parametrize(
    ("news", "changes", "replaces"),
    [
        ({"rate": 1, "folder": "/a", "digest": "d1", "uri": None}, False, []),
        ({"rate": 1, "folder": "/elsewhere", "digest": "d1", "uri": None}, False, []),
        ({"rate": 2, "folder": "/a", "digest": "d2", "uri": None}, True, ["digest"]),
        ({"rate": Unknown(), "folder": "/a", "digest": Unknown(), "uri": None}, True, ["digest"]),  # type: ignore[no-untyped-call]
        ({"rate": 1, "folder": "/a", "digest": "d1", "note": "n"}, True, []),
    ],
)
def test_diff(news: Properties, changes: bool, replaces: list[str]) -> None:
    result = Toy().diff("id", STATE, {**news, "__provider": "other"})
    assert (result.changes, result.replaces) == (changes, replaces)


class Watched(Toy):
    """Something happens to it behind the state's back."""

    def __init__(self, said: str | Exception) -> None:
        self.said = said

    def problem(self, properties: Properties) -> str:
        assert properties["rate"] == 1
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("it is gone", True),
        ("", False),
        (CloudError("nobody answers"), False),
        (ClientAuthenticationError("not signed in"), False),
    ],
)
def test_a_problem_is_a_change_and_a_cloud_that_cannot_be_asked_is_none(
    monkeypatch: pytest.MonkeyPatch, said: str | Exception, changes: bool
) -> None:
    noted: list[str] = []
    monkeypatch.setattr("ml.resources.base.note", noted.append)
    result = Watched(said).diff("id", STATE, STATE)
    assert (result.changes, result.replaces or []) == (changes, [])
    assert noted == ([said] if changes else [])


def test_an_update_carries_outputs_over() -> None:
    result = Toy().update("id", STATE, {"rate": 1.0, "note": "n", "uri": None})
    assert result.outs is not None
    assert (result.outs["uri"], result.outs["note"]) == ("u", "n")


def test_read_says_gone_by_an_empty_id() -> None:
    assert Toy().read("gone", STATE).id == ""
    found = Toy().read("id", STATE).outs
    assert found is not None
    assert found["uri"] == "u2"


def test_what_the_cloud_refuses_is_a_failure_without_traceback() -> None:
    with pytest.raises(Failure, match="409 Conflict: taken"):
        Toy().create({"rate": 13.0, "digest": "d13"})


@pytest.mark.parametrize("before", [[], ["sha256:" + "a" * 64]])
def test_a_rollout_in_a_state_from_when_it_had_retry_rejected_is_neither_changed_nor_replaced(
    before: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RolloutProvider, "problem", lambda self, properties: "")
    provider = RolloutProvider()
    inputs: Properties = {
        "system": "bike_buyer",
        "model": "bike-buyer",
        "version": 2.0,
        "sha256": "f" * 64,
        "image": f"registry.example/bike-buyer@sha256:{'b' * 64}",
        "workspace": {"workspaceName": "mlw"},
        "endpoint": "bike-buyer",
        "stages": [10.0, 50.0],
        "stageSeconds": 600.0,
        "instances": 1.0,
    }
    state = {**inputs, "retryRejected": before, "serving": 2.0, "deployment": "v2-b"}
    news = provider.check({**inputs, "retryRejected": before}, inputs).inputs
    result = provider.diff("bike_buyer@bike-buyer", state, news)
    assert (result.changes, result.replaces) == (False, [])
    newer = {**news, "image": f"registry.example/bike-buyer@sha256:{'c' * 64}"}
    assert provider.diff("bike_buyer@bike-buyer", state, newer).changes is True


PROVIDERS = [
    ContainerImageProvider,
    DataVersionProvider,
    ModelVersionProvider,
    QualityGateProvider,
    RetentionProvider,
    RolloutProvider,
    TrainingJobProvider,
]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_state_stores_a_provider_by_its_name_alone(provider: type[Provider]) -> None:
    pickled = dill.dumps(provider())
    assert len(base64.b64encode(pickled)) < 160
    assert provider.__module__.encode() in pickled
    assert provider.serialize_as_secret_always is False
    assert vars(provider()) == {}

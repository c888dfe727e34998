"""A stack that promotes: no job is declared, what the other stack serves flows by digest, and the gate stays."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.model_source import SourceStack
from tests.program.recorder import Recording, stack_config
from tests.program.test_main import main

SHA, IMAGE = "a" * 64, f"crdev.azurecr.io/bike-buyer@sha256:{'b' * 64}"
REGISTRY = "/subscriptions/s/resourceGroups/rg-dev/providers/Microsoft.ContainerRegistry/registries/crdev"
PLATFORM = {"subscriptionId": "s", "resourceGroup": "rg-dev", "workspace": "mlw-dev", "registryId": REGISTRY}
MODEL = {"name": "bike-buyer", "version": 7.0, "sha256": SHA, "image": IMAGE, "metrics": {"auc": 0.9}}
SERVES = {"platform": PLATFORM, "bike_buyer": {"model": MODEL}}
KNOWN = {
    "stack": "dev",
    "version": 7,
    "sha256": SHA,
    "image": IMAGE,
    "registryId": REGISTRY,
    "workspace": {"subscriptionId": "s", "resourceGroupName": "rg-dev", "workspaceName": "mlw-dev"},
}
SMALL = {**stack_config("local"), "systems": ["bike_buyer"], "modelSource": "promote:dev"}
"""The smallest stack with a system, which promotes."""


def promoting(source: dict[str, Any] | None, *, preview: bool = True) -> Recording:
    return main(SMALL, source=source, preview=preview)


@pytest.mark.parametrize("wrong", ["promote", "promote:", "Train", "train:dev", "promote:a b", "dev"])
def test_another_word_is_refused_with_what_to_write(wrong: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"mlops:modelSource = .* write train, or promote:<stack>"):
        main(SMALL | {"modelSource": wrong})


def test_a_stack_promotes_nothing_from_itself() -> None:
    with pytest.raises(pulumi.RunError, match=r"modelSource = promote:local: a stack cannot promote its own models"):
        main(SMALL | {"modelSource": "promote:local"})


def test_no_job_is_declared_and_the_digests_of_the_other_stack_flow_through_the_gate() -> None:
    recording = promoting(SERVES)
    found = {one.name: one for one in recording.resources if one.name.startswith("bike_buyer-")}
    kinds = {one.type.rpartition(":")[2] for one in found.values()}
    assert not kinds & {"TrainingJob", "ContainerImage"}
    promotion, gate, version = (found[f"bike_buyer-{step}"] for step in ("promotion", "gate", "model"))
    image, rollout = found["bike_buyer-image"], found["bike_buyer-rollout"]
    assert promotion.inputs["source"] == image.inputs["source"] == KNOWN
    assert gate.inputs.get("job") is None
    assert gate.inputs["floors"] == {"auc": 0.8, "accuracy": 0.75}
    assert {promotion.urn, found["bike_buyer-customers"].urn} <= recording.before(gate)
    assert {gate.urn, version.urn} <= recording.before(image)
    assert image.urn in recording.before(rollout)
    assert recording.exports["bike_buyer"]["model"]["name"] == "bike-buyer"


def test_of_a_stack_that_there_is_not_nothing_is_known_and_a_preview_goes_on() -> None:
    recording = promoting(None)
    (promotion,) = recording.of_type("pulumi-python:dynamic/ml:PromotedModel")
    problem = "there is no stack 'dev' where the state of this stack is"
    assert promotion.inputs["source"] == {"stack": "dev", "problem": problem}
    assert recording.of_type("pulumi-python:dynamic/ml:Rollout")


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({}, "stack dev has not been deployed yet: `make up STACK=dev`"),
        ({"platform": PLATFORM}, "stack dev has no system bike_buyer: add it to mlops:systems there"),
        (
            {**SERVES, "bike_buyer": {"model": {"name": "x"}}},
            "serves no version of bike_buyer that its gate has approved",
        ),
        ({**SERVES, "bike_buyer": {"model": MODEL | {"version": pulumi.runtime.rpc.UNKNOWN}}}, "serves no version of"),
        (
            {**SERVES, "bike_buyer": {"model": MODEL | {"image": None}}},
            "stack dev does not say image: bring it up with",
        ),
        ({**SERVES, "platform": {"workspace": "w"}}, "does not say subscriptionId, resourceGroup, registryId"),
    ],
)
def test_what_is_missing_in_the_other_stack_is_told(outputs: dict[str, Any], says: str) -> None:
    found = SourceStack("dev", outputs).model("bike_buyer")
    assert says in found["problem"]
    assert found.keys() == {"stack", "problem"}


@pytest.mark.parametrize(("stack", "source"), [("prod", "dev"), ("prod-emulator", "dev-emulator")])
def test_production_promotes_from_development(stack: str, source: str) -> None:
    assert stack_config(stack)["modelSource"] == f"promote:{source}"


def test_a_stack_says_of_what_it_serves_all_that_another_one_promotes() -> None:
    """No secret is among it: `tests/program/azure` looks at every output of every stack."""
    recording = main(stack_config("local"))
    (registry,) = recording.of_type("azure-native:containerregistry:Registry")
    assert recording.exports["platform"]["registryId"].endswith(f"/registries/{registry.inputs['registryName']}")
    assert {"version", "sha256", "image"} <= recording.exports["bike_buyer"]["model"].keys()

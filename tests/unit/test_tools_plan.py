"""A plan in one sentence: how much changes, which system trains again and why, what is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from policies.resource import UNKNOWN
from tools import plan, preview

FILE = "ml/jobkit/train.py"
OLD = {"system": "bike_buyer", "code": {FILE: "1a"}, "timeoutMinutes": 60.0, "compute": "cpu", "dataDigest": "d1"}
NEW = {**OLD, "code": {FILE: "2b"}}
CHAIN = {"QualityGate": "gate", "ModelVersion": "model", "ContainerImage": "image", "Rollout": "rollout"}


def ours(kind: str, op: str, old: dict[str, Any] | None, new: dict[str, Any] | None, name: str = "") -> dict[str, Any]:
    """A step of a system."""
    urn = f"urn:pulumi:local::mlops::mlops:ml:System$pulumi-python:dynamic/ml:{kind}::bike_buyer-{name or kind.lower()}"
    states = {"oldState": old and {"inputs": old}, "newState": new and {"inputs": new}}
    return {"op": op, "urn": urn, **states}


def azure(op: str, name: str) -> dict[str, Any]:
    """A step of the platform."""
    urn = f"urn:pulumi:local::mlops::mlops:infra:Platform$azure-native:storage:Blob::{name}"
    return {"op": op, "urn": urn, "newState": {"inputs": {}}}


def chain(op: str) -> list[dict[str, Any]]:
    """All that follows a training job."""
    return [ours(kind, op, {"system": "bike_buyer"}, {"system": "bike_buyer"}, name) for kind, name in CHAIN.items()]


def sentence(steps: list[dict[str, Any]], adopted: dict[str, str] | None = None, same: int = 60) -> str:
    """As the engine would count them."""
    counts: dict[str, int] = {"same": same} if same else {}
    for step in steps:
        counts[step["op"]] = counts.get(step["op"], 0) + 1
    return plan.sentence({"steps": steps, "changeSummary": counts}, adopted or {})


def test_a_changed_file_is_named_with_the_limit_and_what_follows() -> None:
    steps = [ours("TrainingJob", "replace", OLD, NEW), *chain("replace")]
    assert sentence(steps) == (
        "5 change: bike_buyer trains again (train.py), at most 60 min of cpu; "
        "model, image and rollout follow if it wins; 60 unchanged."
    )


def test_an_earlier_job_is_taken_up_and_not_said_to_train() -> None:
    said = sentence([ours("TrainingJob", "replace", OLD, NEW)], {"bike_buyer": "bike-buyer-12-1 (completed)"})
    assert said.startswith("1 changes: bike_buyer takes up its earlier job bike-buyer-12-1 (completed)")
    assert "trains" not in said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (OLD, {**OLD, "dataDigest": "d2"}, "(data)"),
        (OLD, {**NEW, "environmentDigest": "e2"}, "(train.py, packages)"),
        (OLD, {**OLD, "code": {f"{number}.py": "x" for number in range(4)}}, "(0.py, 1.py, 2.py, and 2 more)"),
    ],
)
def test_every_reason_is_given(old: dict[str, Any], new: dict[str, Any], why: str) -> None:
    assert f"trains again {why}, at most" in sentence([ours("TrainingJob", "replace", old, new)])


def test_the_first_time_there_is_nothing_to_win_against() -> None:
    unknown = {**NEW, "compute": UNKNOWN}
    steps = [ours("TrainingJob", "create", None, unknown), *chain("create"), azure("create", "storage")]
    assert sentence(steps, same=0) == (
        "6 change: bike_buyer trains for the first time, at most 60 min; model, image and rollout follow if it "
        "reaches its floors. storage is made."
    )


def test_other_floors_another_image_and_a_failed_job_are_told_apart() -> None:
    floors = {"system": "bike_buyer", "floors": {"auc": 0.5}}, {"system": "bike_buyer", "floors": {"auc": 0.6}}
    assert "is judged again (floors)" in sentence([ours("QualityGate", "replace", *floors)])
    assert "gets another image of the same model" in sentence([ours("ContainerImage", "replace", OLD, OLD)])
    assert "tries its failed job again" in sentence([ours("TrainingJob", "update", OLD, OLD)])


def test_an_image_that_changes_anyway_is_not_said_to_wait_for_a_win() -> None:
    old, new = ({"system": "bike_buyer", "code": {"ml/scoring/app.py": digest}} for digest in ("1a", "2b"))
    image = ours("ContainerImage", "replace", old, new)
    others = [one for one in chain("replace") if not one["urn"].endswith("-image")]
    assert sentence([ours("TrainingJob", "replace", OLD, NEW), image, *others]) == (
        "5 change: bike_buyer trains again (train.py), at most 60 min of cpu; model follows if it wins; "
        "what serves then gets another image in any case (scoring server); 60 unchanged."
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"stack": "dev", "version": 7.0}, "bike_buyer promotes version 7 of stack dev; "),
        (
            {"stack": "dev", "problem": "no such stack"},
            "promotes what serves in stack dev, which is not known (no such",
        ),
    ],
)
def test_a_stack_that_promotes_from_now_on_is_not_said_to_train(source: dict[str, Any], said: str) -> None:
    new = {"system": "bike_buyer", "source": source}
    copied = [
        ours("PromotedModel", "create", None, new, "promotion"),
        ours("ImportedImage", "create", None, new, "image"),
    ]
    found = sentence([ours("TrainingJob", "delete", OLD, None, "training"), *copied])
    assert said in found
    assert "trains" not in found
    assert found.count("image follows if it reaches its floors") == 1


def test_what_is_deleted_is_named() -> None:
    assert "bike_buyer is removed: 5 resources" in sentence(
        [ours("TrainingJob", "delete", OLD, None), *({**one, "newState": None} for one in chain("delete"))]
    )
    assert "lake is deleted. a, b are changed" in sentence(
        [azure("update", "b"), azure("delete", "lake"), azure("update", "a")]
    )


def test_nothing_changes() -> None:
    assert plan.sentence({"steps": [], "changeSummary": {"same": 65}}, {}) == "Nothing changes: 65 unchanged."


def test_what_is_not_known_yet_is_said_in_words() -> None:
    new = {"tag": UNKNOWN, "source": {"job": UNKNOWN}, "parts": [f"x-{UNKNOWN}"]}
    said = "\n".join(preview.changes(ours("ContainerImage", "replace", {"tag": "1"}, new)))
    assert said.count("known after training") == 3
    assert UNKNOWN not in said
    platform = {
        **azure("update", "a"),
        "oldState": {"inputs": {"id": "1"}},
        "newState": {"inputs": {"id": UNKNOWN}},
    }
    assert preview.changes(platform) == ["id: 1 -> known once it is made"]

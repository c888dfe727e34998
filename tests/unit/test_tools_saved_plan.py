"""Plans in files: what one is, and where it departs from what `up` would do now."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from policies.resource import UNKNOWN
from tools.progress import SetupError
from tools.saved_plan import SECRET_SIGNATURE, SIGNATURE, SavedPlan, save
from tools.stacks import Stack

STACK = Stack("dev-emulator", "emulator", Path("unused"))
URN = "urn:pulumi:dev-emulator::mlops::mlops:storage:Storage$azure-native:storage:StorageAccount::lake"


def secret(ciphertext: str) -> dict[str, str]:
    """A value as the engine encrypts it, each time with another text."""
    return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": ciphertext}


def document() -> dict[str, Any]:
    """A plan that makes one account."""
    inputs = {"tags": {"owner": "us"}, "kind": "StorageV2", "principal": UNKNOWN, "key": secret("a1")}
    goal = {"inputDiff": {"adds": inputs}, "protect": False, "dependencies": ["urn:a", "urn:b"]}
    return {"config": {}, "resourcePlans": {URN: {"goal": goal, "steps": ["create"], "seed": "MTIz"}}}


def departures(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return list(SavedPlan(Path("before"), before).departures(SavedPlan(Path("now"), now)))


def test_the_same_plan_made_twice_departs_in_nothing() -> None:
    now = document()
    resource = now["resourcePlans"][URN]
    resource["seed"] = "NDU2"
    resource["goal"]["dependencies"] = ["urn:b", "urn:a"]
    resource["goal"]["inputDiff"]["adds"]["key"] = secret("b2")
    assert departures(document(), now) == []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("goal", "inputDiff", "adds", "tags", "owner"), "them", "tags.owner: us -> them"),
        (("goal", "inputDiff", "adds", "principal"), "p1", "principal: known once it is made -> p1"),
        (("goal", "inputDiff", "updates"), {"kind": "Storage"}, "kind: StorageV2 -> Storage"),
        (("goal", "inputDiff", "deletes"), ["kind"], "kind: StorageV2 -> (none)"),
        (("goal", "protect"), True, "its protect"),
        (("steps",), ["update"], "create in the plan, update now"),
    ],
)
def test_what_differs_is_named(place: tuple[str, ...], value: Any, said: str) -> None:
    now = document()
    inner = now["resourcePlans"][URN]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert departures(document(), now) == [f"azure-native:storage:StorageAccount lake: {said}"]


def test_a_resource_that_only_one_of_them_has_is_named() -> None:
    now = document()
    del now["resourcePlans"][URN]
    name = "azure-native:storage:StorageAccount lake"
    assert departures(document(), now) == [f"{name}: it is in the plan alone"]
    assert departures(now, document()) == [f"{name}: it is not in the plan"]


def test_a_secret_that_was_set_anew_is_named_and_never_shown() -> None:
    before, now = document(), document()
    before["config"] = {"mlops:password": {"secure": "v1:old"}, "mlops:owner": "us"}
    now["config"] = {"mlops:password": {"secure": "v1:new"}, "mlops:owner": "us"}
    assert departures(before, now) == ["secret mlops:password: it was set anew"]
    assert departures(before, deepcopy(before)) == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"resourcePlans": 1}'])
def test_a_file_that_is_no_plan_is_refused_with_the_way_to_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(SetupError, match=r"no plan of Pulumi's.*make preview STACK=dev-emulator PLAN="):
        SavedPlan.read(str(file), STACK)


def test_a_file_that_is_not_there_and_a_plan_of_another_stack_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    with pytest.raises(SetupError, match=r"cannot be read \(No such file or directory\)"):
        SavedPlan.read(str(file), STACK)
    file.write_text(json.dumps(document()))
    assert SavedPlan.read(str(file), STACK).resources.keys() == {URN}
    with pytest.raises(SetupError, match="is a plan of stack dev-emulator, and this is prod-emulator"):
        SavedPlan.read(str(file), Stack("prod-emulator", "emulator", Path("unused")))


@pytest.mark.parametrize("text", ["# Readme", "[1]", "1"])
def test_a_plan_takes_the_place_of_no_other_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "README.md"
    file.write_text(text)
    with pytest.raises(SetupError, match=r"is there and is no plan; it stays as it is\. .* PLAN=plan\.json"):
        save(STACK, str(file))
    assert file.read_text() == text

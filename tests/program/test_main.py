"""`__main__.py`: configuration, platform and systems, put together."""

from __future__ import annotations

import runpy
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from ml.system import find
from tests.program.recorder import ROOT, SYSTEMS, Recording, run, stack_config

FROM_RESOURCES = ("job", "endpoint", "sha256", "scoringUri")
FOUND = sorted(path.parent.name for path in ROOT.glob("ml/systems/*/system.py"))


def main(config: dict[str, Any], stack: str = "local", **options: Any) -> Recording:
    return run(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), config, stack=stack, **options)


@pytest.mark.parametrize("stack", ["local", "dev"])
def test_platform_and_systems_are_exported(stack: str) -> None:
    recording = main(stack_config(stack), stack)
    assert set(recording.exports) == {"platform", *stack_config(stack)["systems"]}
    for name in stack_config(stack)["systems"]:
        assert recording.exports[name]["cloud"] == stack_config(stack)["cloud"]


@pytest.mark.parametrize(
    ("failed", "known"),
    [
        ("no-such-resource", {"job", "endpoint", "sha256", "scoringUri"}),
        ("bike_buyer-rollout", {"job", "endpoint", "sha256"}),
        ("bike_buyer-gate", {"job", "endpoint"}),
        ("bike_buyer-training", {"endpoint"}),
        ("key-vault", {"endpoint"}),
        ("workspace-guard", {"endpoint"}),
    ],
)
def test_what_a_failed_resource_would_have_said_is_missing_and_the_rest_is_there(failed: str, known: set[str]) -> None:
    recording = main(stack_config("local"), preview=False, failing={failed})
    assert recording.exports["platform"]["registry"] == "registry.example"
    system = recording.exports["bike_buyer"]
    found = {**system, **system["model"]}
    assert {name for name in FROM_RESOURCES if name in found} == known
    assert (found["cloud"], found["name"]) == ("emulator", "bike-buyer")


def test_systems_wait_for_the_whole_platform_and_none_is_its_child() -> None:
    recording = main(stack_config("local"))
    azure = {resource.urn for resource in recording.azure if not resource.name.startswith(SYSTEMS)}
    own = [resource for resource in recording.resources if resource.type.startswith("pulumi-python:dynamic")]
    own = [resource for resource in own if resource.name.startswith(SYSTEMS)]
    assert own
    for resource in own:
        assert "mlops:platform:Platform" not in resource.urn
        assert azure <= recording.before(resource), resource.name


def test_a_system_comes_up_alone_where_the_others_were_never_made() -> None:
    """The others' clusters and endpoints come back as the program declared them, and not as Azure answers."""
    sizes = {"compute": {"jobMinutes": 15, "vmSize": "Standard_DS4_v2"}}
    config = stack_config("local") | {"systems": dict.fromkeys(stack_config("local")["systems"], sizes)}
    recording = main(config, preview=False, only="attrition")
    assert {"platform", "attrition"} <= set(recording.exports)
    assert recording.exports["attrition"]["endpoint"]


def test_retired_systems_are_left_out() -> None:
    recording = main(stack_config("local") | {"systems": [], "retire": FOUND})
    assert list(recording.exports) == ["platform"]


def test_system_without_a_folder_stops_the_program() -> None:
    with pytest.raises(pulumi.RunError, match=r"there is no ml/systems/no_such_system/system\.py"):
        main(stack_config("local") | {"systems": [*FOUND, "no_such_system"]})


def test_a_system_that_the_checkout_has_lost_stops_the_program() -> None:
    with pytest.raises(pulumi.RunError, match="has the system 'no_such_system', whose folder is not here"):
        main(stack_config("local"), deployed=["bike_buyer", "no_such_system"])
    main(stack_config("local") | {"retire": ["no_such_system"]}, deployed=["bike_buyer", "no_such_system"])


def test_program_is_short() -> None:
    assert len((ROOT / "__main__.py").read_text().splitlines()) <= 40


def test_sizes_of_a_system_reach_its_resources_and_a_plain_list_gives_none() -> None:
    sizes = {
        "compute": {"vmSize": "Standard_DS4_v2", "jobMinutes": 15},
        "serving": {"instanceType": "Standard_F4s_v2", "memoryGb": 4},
        "rollout": {"requests": 50, "readySeconds": 300},
    }
    listed, sized = (
        {one.name: one.inputs for one in main(stack_config("local") | {"systems": systems}).resources}
        for systems in (["bike_buyer"], {"bike_buyer": sizes})
    )
    assert sized.keys() - listed.keys() == {"bike_buyer-compute", "bike_buyer-compute-cpu"}
    for step, key, value in [
        ("training", "compute", "bike-buyer"),
        ("training", "timeoutMinutes", 15),
        ("gate", "compute", "bike-buyer"),
        ("rollout", "instanceType", "Standard_F4s_v2"),
        ("rollout", "readySeconds", 300),
    ]:
        assert sized[f"bike_buyer-{step}"][key] == value
    assert sized["bike_buyer-rollout"]["load"] == {"requests": 50}
    assert sized["bike_buyer-rollout"]["staging"]["memoryGb"] == 4
    assert listed["bike_buyer-rollout"].get("load") is None
    assert "memoryGb" not in listed["bike_buyer-rollout"]["staging"]


def test_a_system_in_container_groups_has_no_endpoint_and_may_make_its_key() -> None:
    recording = main(stack_config("local") | {"systems": ["ticket_duration"], "retire": []})
    assert recording.of_type("azure-native:machinelearningservices:OnlineEndpoint") == []
    found = {one.name: one for one in recording.resources}
    rollout, image = found["ticket_duration-rollout"].inputs, found["ticket_duration-image"].inputs
    assert (rollout["target"], rollout["instances"], image["gateway"]) == ("container_group", 1, True)
    assert rollout["endpoint"] == recording.exports["ticket_duration"]["endpoint"]
    assert len(rollout["endpoint"]) <= 46
    makers = [one for one in recording.of_type("azure-native:authorization:RoleAssignment") if "key-makers" in one.name]
    assert [one.inputs["scope"].rpartition("/")[0].endswith("Microsoft.KeyVault/vaults") for one in makers] == [True]
    assert {one.urn for one in makers} <= recording.before(found["ticket_duration-rollout"])


def test_the_right_to_make_keys_is_declared_once_for_all_systems_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two assignments of one role to one group on one vault would be one on Azure, and deleting either deletes it."""
    target = find("ticket_duration").target
    monkeypatch.setattr("ml.systems.attrition.system.SYSTEM", replace(find("attrition"), target=target))
    recording = main(stack_config("local") | {"systems": ["attrition", "ticket_duration"], "retire": []})
    assigned = recording.of_type("azure-native:authorization:RoleAssignment")
    (maker,) = [one for one in assigned if "key-makers" in one.name]
    found = {one.name: one for one in recording.resources}
    for system in ("attrition", "ticket_duration"):
        assert maker.urn in recording.before(found[f"{system}-rollout"])
    assert len({one.inputs["roleAssignmentName"] for one in assigned}) == len(assigned)


def test_a_system_at_an_endpoint_declares_what_it_declared_before() -> None:
    recording = main(stack_config("local") | {"systems": ["bike_buyer"], "retire": []})
    found = {one.name: one.inputs for one in recording.resources}
    for name, key in (("rollout", "target"), ("rollout", "load"), ("image", "gateway")):
        assert found[f"bike_buyer-{name}"].get(key) is None
    assert not any("key-makers" in name for name in found)

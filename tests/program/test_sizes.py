"""What a system gets that is sized for it alone: a cluster, a larger group in staging, a load it has to bear."""

from __future__ import annotations

from typing import Any

import pulumi

from infra.platform import Platform
from infra.settings import Settings
from infra.sizes import SystemSettings
from ml.recipes.soft_delete import guard
from tests.program.recorder import Recording, run, stack_config

CLUSTER = "azure-native:machinelearningservices:Compute"
SIZES: dict[str, Any] = {
    "compute": {"vmSize": "Standard_DS4_v2", "maxNodes": 1},
    "serving": {"memoryGb": 4},
    "rollout": {"requests": 50, "answerSeconds": 30},
}


def declare(sizes: dict[str, Any]) -> tuple[Recording, SystemSettings, dict[str, Any]]:
    """The platform with one system's cluster; what the system is sized like, and where it is staged."""
    found: list[tuple[SystemSettings, dict[str, Any]]] = []

    def program() -> None:
        settings = Settings.load()
        platform, system = Platform("platform", settings, guard), settings.system("energy_forecast")
        pulumi.export("cluster", platform.cluster("energy_forecast", system.compute).compute_name)
        found.append((system, platform.staging(system.serving)))

    recording = run(program, stack_config("local") | {"systems": {"energy_forecast": sizes}}, preview=True)
    return recording, *found[0]


def test_a_system_with_sizes_of_its_own_has_a_cluster_of_its_own() -> None:
    recording, system, staging = declare(SIZES)
    clusters = {one.inputs["computeName"]: one.inputs["properties"]["properties"] for one in recording.of_type(CLUSTER)}
    assert {name: given["vmSize"] for name, given in clusters.items()} == {
        "cpu": "Standard_DS3_v2",
        "energy-forecast": "Standard_DS4_v2",
    }
    assert recording.exports["cluster"] == "energy-forecast"
    own = next(one for one in recording.of_type(CLUSTER) if one.inputs["computeName"] == "energy-forecast")
    assert any("compute-identity" in urn for urn in recording.before(own)), "its first job would find no data"
    assert ("memoryGb" in staging, "cpu" in staging, staging["memoryGb"]) == (True, False, 4)
    assert system.rollout.load == {"requests": 50, "answerSeconds": 30}


def test_a_system_that_says_nothing_adds_nothing() -> None:
    recording, system, staging = declare({})
    assert [one.inputs["computeName"] for one in recording.of_type(CLUSTER)] == ["cpu"]
    assert recording.exports["cluster"] == "cpu"
    assert set(staging) == {"resourceGroupName", "location", "identityId", "registryServer"}
    assert system.rollout.load == {}

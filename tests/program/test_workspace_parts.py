"""The parts `gpu`, `batch` and `model_registry`."""

from __future__ import annotations

import pytest

from tests.program.parts import HYBRID, PRIVATE, build, one, refused, roles
from tests.program.recorder import Recording, Registered


def clusters(recording: Recording) -> dict[str, Registered]:
    computes = recording.of_type("azure-native:machinelearningservices:Compute")
    return {one.inputs["computeName"]: one for one in computes}


def test_gpu_nodes_are_there_while_a_job_needs_them_and_only_then() -> None:
    stack = build("gpu", gpu={"maxNodes": 3, "idleMinutes": 10})
    cpu, gpu = clusters(stack)["cpu"], clusters(stack)["gpu"]
    properties = gpu.inputs["properties"]["properties"]
    assert properties["vmSize"] == "Standard_NC4as_T4_v3"
    assert properties["vmPriority"] == "Dedicated"
    assert properties["scaleSettings"] == {
        "minNodeCount": 0,
        "maxNodeCount": 3,
        "nodeIdleTimeBeforeScaleDown": "PT10M",
    }
    assert gpu.inputs["identity"] == cpu.inputs["identity"]
    assert gpu.name == "gpu-compute-gpu"


@pytest.mark.parametrize("section", ["compute", "gpu"])
def test_nodes_that_azure_no_longer_has_are_refused(section: str) -> None:
    assert "Azure ended low-priority nodes on 2026-03-31" in refused(**{section: {"priority": "LowPriority"}})


def test_a_gpu_cluster_has_gpus() -> None:
    assert "mlops:gpu.vmSize" in refused(gpu={"vmSize": "Standard_DS3_v2"})


def test_the_batch_endpoint_knows_no_key_and_leaves_its_deployments_alone() -> None:
    endpoint = one(build("batch"), "machinelearningservices:BatchEndpoint")
    assert endpoint.inputs["properties"] == {"authMode": "AADToken"}
    assert endpoint.ignore_changes == {"properties.defaults"}


def test_the_registry_has_a_copy_in_each_region_and_nothing_public_in_it() -> None:
    stack = build("model_registry", modelRegistry={"regions": ["northeurope", "westeurope"]})
    registry = one(stack, "machinelearningservices:Registry").inputs
    assert [region["location"] for region in registry["regionDetails"]] == ["westeurope", "northeurope"]
    for region in registry["regionDetails"]:
        (storage,) = region["storageAccountDetails"]
        assert storage["systemCreatedStorageAccount"]["allowBlobPublicAccess"] is False
        (images,) = region["acrDetails"]
        assert images["systemCreatedAcrAccount"]["acrAccountSku"] == "Premium"
    assert ("AZUREML_REGISTRY_USER", "registries") in roles(stack, "deployers-on-model-registry")


@pytest.mark.parametrize(("profile", "access"), [({}, "Enabled"), (HYBRID, "Enabled"), (PRIVATE, "Disabled")])
def test_the_registry_answers_where_the_profile_says(profile: dict[str, object], access: str) -> None:
    registry = one(build("model_registry", **profile), "machinelearningservices:Registry")
    assert registry.inputs["publicNetworkAccess"] == access

"""The endpoint of a system: what may change it, and what never does."""

from __future__ import annotations

import re

import pulumi
import pytest

from infra.naming import LIMITS, Kind
from infra.platform import Platform
from infra.settings import Settings
from ml.recipes.soft_delete import guard
from tests.program.recorder import Recording, run, stack_config

IGNORED = {"properties.traffic", "properties.mirrorTraffic", "tags"}


def program() -> None:
    platform = Platform("platform", Settings.load(), guard)
    pulumi.export("endpoint", platform.scoring_endpoint("bike_buyer").endpoint_id)


@pytest.fixture(scope="module", params=["local", "dev"])
def recording(request: pytest.FixtureRequest) -> Recording:
    return run(program, stack_config(request.param), stack=request.param, preview=True)


def test_the_name_fits_azures_limits_and_names_the_system(recording: Recording) -> None:
    (endpoint,) = recording.of_type("azure-native:machinelearningservices:OnlineEndpoint")
    name, limit = endpoint.inputs["endpointName"], LIMITS[Kind.ONLINE_ENDPOINT]
    assert limit.shortest <= len(name) <= limit.longest
    assert re.fullmatch(limit.pattern, name)
    assert "bike-buyer" in name


def test_neither_traffic_nor_tags_are_a_reason_to_send_the_endpoint_again(recording: Recording) -> None:
    (endpoint,) = recording.of_type("azure-native:machinelearningservices:OnlineEndpoint")
    assert endpoint.ignore_changes == IGNORED
    assert "traffic" not in endpoint.inputs["properties"]
    (tags,) = recording.of_type("azure-native:resources:TagAtScope")
    assert tags.inputs["scope"].endswith(f"/onlineEndpoints/{endpoint.inputs['endpointName']}")
    assert tags.inputs["properties"]["tags"] == endpoint.inputs["tags"]


def test_its_identity_may_do_its_work_before_it_is_made(recording: Recording) -> None:
    (endpoint,) = recording.of_type("azure-native:machinelearningservices:OnlineEndpoint")
    before = recording.before(endpoint)
    for grant in ("registry-acr-pull", "ml-storage-blob-data-reader", "insights-monitoring-metrics-publisher"):
        assert any(urn.endswith(f"endpoint-identity-{grant}") for urn in before), grant

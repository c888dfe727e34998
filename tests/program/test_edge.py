"""The part `edge`: how devices sign in, and where goes what they send."""

from __future__ import annotations

from typing import Any

import pytest

from tests.program.parts import HYBRID, PRIVATE, PRODUCTION, build, one, refused, roles
from tests.program.recorder import Recording

HUB, PROVISIONING = "iothub:IotHubResource", "deviceprovisioningservices:IotDpsResource"
PROFILES: dict[str, dict[str, Any]] = {"open": {}, "hybrid": HYBRID, "private": PRIVATE, "prod": PRODUCTION}


def hub(recording: Recording) -> dict[str, Any]:
    properties: dict[str, Any] = one(recording, HUB).inputs["properties"]
    return properties


@pytest.mark.parametrize("profile", PROFILES)
def test_neither_services_nor_devices_have_a_key(profile: str) -> None:
    """Modules alone do, on the device itself: IoT Edge knows no other way."""
    properties = hub(build("edge", **PROFILES[profile]))
    assert (properties["disableLocalAuth"], properties["disableDeviceSAS"]) == (True, True)
    assert properties["disableModuleSAS"] is False
    assert properties["minTlsVersion"] == "1.2"
    assert "storageEndpoints" not in properties
    assert properties["enableFileUploadNotifications"] is False


def test_a_message_goes_to_the_lake_and_to_who_wants_it_at_once() -> None:
    stack = build("edge")
    routing = hub(stack)["routing"]
    assert {(route["name"], *route["endpointNames"]) for route in routing["routes"]} == {
        ("to-lake", "lake"),
        ("to-readers", "events"),
    }
    (lake,) = routing["endpoints"]["storageContainers"]
    assert lake["authenticationType"] == "identityBased"
    assert "connectionString" not in lake
    assert lake["containerName"] == "raw"
    assert lake["identity"]["userAssignedIdentity"] in one(stack, HUB).inputs["identity"]["userAssignedIdentities"]
    for word in ("{iothub}", "{partition}", "{YYYY}", "{MM}", "{DD}", "{HH}", "{mm}"):
        assert word in lake["fileNameFormat"]
    readers = one(stack, "iothub:IotHubResourceEventHubConsumerGroup").inputs
    assert (readers["eventHubEndpointName"], readers["name"]) == ("events", "mlops")


def test_the_hub_may_write_to_the_lake_before_it_is_made() -> None:
    stack = build("edge")
    assert roles(stack, "edge-identity") == {("STORAGE_BLOB_DATA_CONTRIBUTOR", "containers")}
    assert any("::edge-identity-" in urn for urn in stack.before(one(stack, HUB)))
    assert roles(stack, "provisioning-identity-on-iot-hub") == {("IOT_HUB_DATA_CONTRIBUTOR", "IotHubs")}


def test_the_link_to_the_hub_is_made_by_identity_and_survives() -> None:
    provisioning = one(build("edge"), PROVISIONING)
    assert "iotHubs" not in provisioning.inputs["properties"]
    assert "properties.iotHubs" in provisioning.ignore_changes


def test_hybrid_lets_listed_addresses_in_and_private_nobody() -> None:
    rules = hub(build("edge", **HYBRID))["networkRuleSets"]
    assert (rules["defaultAction"], rules["applyToBuiltInEventHubEndpoint"]) == ("Deny", True)
    assert [rule["ipMask"] for rule in rules["ipRules"]] == HYBRID["allowedAddresses"]
    last = one(build("edge", **HYBRID), PROVISIONING).inputs["properties"]["ipFilterRules"][-1]
    assert (last["ipMask"], last["action"]) == ("0.0.0.0/0", "Reject")
    assert hub(build("edge", **PRIVATE))["publicNetworkAccess"] == "Disabled"
    assert one(build("edge", **PRIVATE), PROVISIONING).inputs["properties"]["publicNetworkAccess"] == "Disabled"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"environment": "prod", "edge": {"sku": "F1", "partitions": 2}}, "edge.sku F1 is not for prod"),
        ({"edge": {"sku": "F1"}}, "write `partitions: 2`"),
        ({"edge": {"batchSeconds": 30}}, "mlops:edge.batchSeconds = 30"),
    ],
)
def test_wrong_settings_are_named_with_the_fix(changed: dict[str, Any], expected: str) -> None:
    assert expected in refused(platform=["edge"], **changed)

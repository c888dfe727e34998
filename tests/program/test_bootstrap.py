"""The stack `bootstrap`: what is there before any other, held to Azure like all others."""

from __future__ import annotations

import ipaddress
import json
from functools import cache
from typing import Any

import pulumi
import pytest

from infra.address_plan import NetworkSettings
from infra.private_endpoints import DOORS
from infra.role_assignments import Role
from tests.program.azure.checks import CHECKS
from tests.program.azure.declared import Declared
from tests.program.azure.stacks import ID, main
from tests.program.recorder import Registered, run, stack_config

KEY = f"ssh-ed25519 {'A' * 68} runner"
COMMITTED = stack_config("bootstrap") | {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "closed": COMMITTED,
    "addresses": COMMITTED | {"allowedAddresses": ["8.8.8.8"]},
    "runner": COMMITTED | {"runner": {"sshPublicKey": KEY}},
}


@cache
def stack(name: str) -> Declared:
    config = CONFIGURATIONS[name]
    return Declared(run(main, config, stack="bootstrap"), config)


def one(name: str, kind: str) -> Registered:
    (found,) = stack(name).of(kind)
    return found.registered


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("check", CHECKS)
def test_bootstrap_is_as_azure_wants_it(check: str, name: str) -> None:
    assert list(CHECKS[check](stack(name))) == []


def test_nothing_of_machine_learning_is_in_it() -> None:
    kinds = {resource.type for resource in stack("runner").recording.resources}
    assert not [kind for kind in kinds if "machinelearning" in kind]
    assert [kind for kind in kinds if "dynamic" in kind] == ["pulumi-python:dynamic/ml:SoftDeleteGuard"]


def test_state_is_kept_and_opened_by_no_key() -> None:
    account = one("closed", "storage:StorageAccount").inputs
    assert (account["allowSharedKeyAccess"], account["publicNetworkAccess"]) == (False, "Disabled")
    service = one("closed", "storage:BlobServiceProperties").inputs
    assert service["isVersioningEnabled"] is True
    assert service["deleteRetentionPolicy"] == {"enabled": True, "days": 30}
    vault = one("closed", "keyvault:Vault").inputs["properties"]
    assert (vault["enablePurgeProtection"], vault["softDeleteRetentionInDays"]) == (True, 90)


def test_what_holds_data_is_protected_and_the_network_is_not() -> None:
    protected = {one.type.rpartition(":")[2] for one in stack("runner").recording.azure if one.protect}
    assert protected == {
        "StorageAccount",
        "BlobServiceProperties",
        "ManagementPolicy",
        "BlobContainer",
        "Vault",
        "Key",
    }


def test_every_zone_that_a_stack_can_need_is_there_and_linked() -> None:
    wanted = {zone for doors in DOORS.values() for door in doors for zone in door.zones}
    zones = {zone.inputs["privateZoneName"] for zone in stack("closed").of("privatedns:PrivateZone")}
    links = {link.inputs["privateZoneName"] for link in stack("closed").of("privatedns:VirtualNetworkLink")}
    assert zones == links == wanted


def test_a_laptop_reaches_the_state_where_its_address_is_listed() -> None:
    account = one("addresses", "storage:StorageAccount").inputs
    assert account["publicNetworkAccess"] == "Enabled"
    assert account["networkRuleSet"]["defaultAction"] == "Deny"
    assert [rule["iPAddressOrRange"] for rule in account["networkRuleSet"]["ipRules"]] == ["8.8.8.8"]


def test_a_runner_has_no_public_address_no_password_and_costs_nothing_while_it_is_not_used() -> None:
    runner = one("runner", "compute:VirtualMachineScaleSet")
    machine = runner.inputs["virtualMachineProfile"]
    assert runner.inputs["sku"]["capacity"] == 0
    assert "sku.capacity" in runner.ignore_changes
    assert machine["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is True
    assert "publicIPAddressConfiguration" not in json.dumps(machine["networkProfile"])
    (interface,) = machine["networkProfile"]["networkInterfaceConfigurations"]
    assert interface["ipConfigurations"][0]["subnet"]["id"].endswith("/subnets/runner")
    assert not stack("closed").of("compute:VirtualMachineScaleSet")


def test_deployers_and_runners_may_read_and_write_state_and_use_the_key_and_nothing_else() -> None:
    given = [
        (one.inputs["principalType"], Role(one.inputs["roleDefinitionId"].rsplit("/", 1)[1]).name)
        for one in stack("closed").of("authorization:RoleAssignment")
    ]
    roles = ("KEY_VAULT_CRYPTO_USER", "STORAGE_BLOB_DATA_CONTRIBUTOR")
    assert sorted(given) == sorted((kind, role) for kind in ("Group", "ServicePrincipal") for role in roles)


def test_outputs_are_what_the_other_stacks_write_into_their_files() -> None:
    config = CONFIGURATIONS["closed"]
    shown = run(main, config, stack="bootstrap", preview=False).exports["bootstrap"]
    vault, account = one("closed", "keyvault:Vault"), one("closed", "storage:StorageAccount")
    assert shown["secretsProvider"] == f"azurekeyvault://{vault.inputs['vaultName']}.vault.azure.net/keys/pulumi"
    assert shown["backend"] == f"azblob://pulumi?storage_account={account.inputs['accountName']}"
    network = {key: shown[key] for key in ("hubNetworkId", "dnsZonesGroupId")}
    other = stack_config("dev") | {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID}
    recording = run(main, other | {"networkProfile": "private", "systems": [], "network": network}, stack="dev")
    peerings = recording.of_type("azure-native:network:VirtualNetworkPeering")
    assert {peering.inputs["resourceGroupName"] for peering in peerings} == {
        shown["resourceGroup"],
        recording.of_type("azure-native:resources:ResourceGroup")[0].inputs["resourceGroupName"],
    }
    assert {peering.inputs["remoteVirtualNetwork"]["id"] for peering in peerings} >= {shown["hubNetworkId"]}
    for link in recording.of_type("azure-native:privatedns:VirtualNetworkLink"):
        assert link.inputs["resourceGroupName"] == shown["resourceGroup"]


def test_its_network_and_that_of_a_stack_do_not_overlap() -> None:
    own = ipaddress.IPv4Network(COMMITTED["network"]["addressSpace"])
    assert not own.overlaps(ipaddress.IPv4Network(NetworkSettings().address_space))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"systems": ["bike_buyer"]}, "mlops:systems: there is no such setting"),
        ({"runner": {"sshPublicKey": "secret"}}, "mlops:runner.sshPublicKey"),
        ({"runner": {"sshPublicKey": KEY, "count": 11}}, "mlops:runner.count"),
    ],
)
def test_bad_value_stops_the_program(change: dict[str, Any], words: str) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        run(main, COMMITTED | change, stack="bootstrap")


def test_placeholders_are_refused_by_an_up() -> None:
    with pytest.raises(pulumi.RunError, match="still the placeholder"):
        run(main, stack_config("bootstrap"), stack="bootstrap", preview=False)

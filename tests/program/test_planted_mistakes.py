"""Each mistake is found by the check that is there for it."""

from __future__ import annotations

import pytest

from tests.program.azure.checks import CHECKS
from tests.program.azure.mistakes import Mistake, given, gone, left_out, not_waiting, shown, with_fields
from tests.program.azure.stacks import declared

BODIES = "bodies_follow_the_published_models"
SWITCHES = "switches_are_as_they_must_be"
ENDPOINTS = "private_endpoints_belong_together"
OWNER = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
BLOB = "privateLinkServiceConnections/0/groupIds/0"
BLOB_ZONE = "privateDnsZoneConfigs/0/privateDnsZoneId"
PULL = "endpoint-identity-registry-acr-pull"
GROUP_ID = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mlops-prodprivate-3kqs2nk3"
OTHER_VAULT = f"{GROUP_ID}/providers/Microsoft.KeyVault/vaults/kv-of-somebody-else"
ZONE = "private-dns-privatelink.blob.core.windows.net"
EVENTS, WORKFLOWS = "events_are_delivered_with_an_identity", "workflows_hold_no_credential"
START = (
    "definition/actions/If_there_are_any/actions/For_each_message/actions/If_it_failed_too_often/else/actions/Start_job"
)

MISTAKES = {
    # The request.
    "misspelt property": Mistake("registry", given("sku", {"nam": "Premium"}), BODIES, "did you mean 'name'"),
    "value that Azure does not know": Mistake("lake", given("sku/name", "Standard_XRS"), BODIES, "is not one of"),
    "number as text": Mistake("monitoring-logs", given("retentionInDays", "30"), BODIES, "must be an integer"),
    "read-only property": Mistake("key-vault", given("properties/hsmPoolResourceId", "x"), BODIES, "read-only"),
    "required property missing": Mistake("key-vault", left_out("properties/tenantId"), BODIES, "tenantId"),
    "required input missing": Mistake("lake", left_out("kind"), BODIES, "kind"),
    "input that there is not": Mistake("lake", given("isHns", True), "nothing_is_named_by_chance", "no input isHns"),
    "another API version": Mistake(
        "lake",
        with_fields(type="azure-native:storage/v20190401:StorageAccount"),
        "nothing_is_named_by_chance",
        "not in the table",
    ),
    # Names, tags, places.
    "name drawn by chance": Mistake("lake", left_out("accountName"), "nothing_is_named_by_chance", "accountName"),
    "name too long": Mistake("lake", given("accountName", "st" + "a" * 23), "names_keep_the_limits", "at most 24"),
    "name with a forbidden letter": Mistake(
        "identities-compute", given("resourceName", "id.compute"), "names_keep_the_limits", "is no name for"
    ),
    "assignment with a random name": Mistake(
        PULL,
        given("roleAssignmentName", "5c5c5c5c-0000-4000-8000-000000000000"),
        "names_keep_the_limits",
        "not a GUID that follows",
    ),
    "tag missing": Mistake("registry", left_out("tags/owner"), "everything_taggable_is_tagged", "no tag owner"),
    "location missing": Mistake("key-vault", left_out("location"), "everything_has_its_place", "location is None"),
    "location of another region": Mistake(
        "key-vault", given("location", "eastus"), "everything_has_its_place", "'eastus'"
    ),
    # Who names whom.
    "id of nothing": Mistake("workspace", given("keyVault", OTHER_VAULT), "every_id_is_declared", OTHER_VAULT),
    "parent that is not there": Mistake(
        "lake-raw", given("accountName", "stsomewhereelse"), "every_id_is_declared", "which it is part of"
    ),
    "dependency missing": Mistake(
        "monitoring-insights", not_waiting("monitoring-logs"), "no_dependency_is_missing", "monitoring-logs"
    ),
    "parent is not waited for": Mistake(
        "registry", not_waiting("resource-group"), "no_dependency_is_missing", "resource-group"
    ),
    "datastore before its container": Mistake(
        "datastores-raw", not_waiting("lake-raw"), "no_dependency_is_missing", "lake-raw"
    ),
    # The network.
    "wrong group id": Mistake("private-endpoints-lake-blob", given(BLOB, "blobs"), ENDPOINTS, "no group id 'blobs'"),
    "group id of another door": Mistake("private-endpoints-lake-blob", given(BLOB, "dfs"), ENDPOINTS, "belong into"),
    "zone of another door": Mistake(
        "private-endpoints-lake-blob-names",
        given(BLOB_ZONE, f"{GROUP_ID}/providers/Microsoft.Network/privateDnsZones/privatelink.dfs.core.windows.net"),
        ENDPOINTS,
        "belong into",
    ),
    "names of an endpoint missing": Mistake("private-endpoints-vault-vault-names", gone, ENDPOINTS, "are in []"),
    "zone without a link": Mistake(f"{ZONE}-link", gone, ENDPOINTS, "is not linked"),
    "zone missing": Mistake(ZONE, gone, "every_id_is_declared", "privatelink.blob.core.windows.net"),
    "endpoint missing": Mistake(
        "private-endpoints-vault-vault", gone, "nothing_is_public_in_private", "no private endpoint leads to it"
    ),
    "public access on in private": Mistake(
        "registry", given("publicNetworkAccess", "Enabled"), "nothing_is_public_in_private", "answers from outside"
    ),
    "public access not said in private": Mistake(
        "workspace", left_out("publicNetworkAccess"), "nothing_is_public_in_private", "answers from outside"
    ),
    "cluster with a public address in private": Mistake(
        "kubernetes",
        given("apiServerAccessProfile/enablePrivateCluster", False),
        "nothing_is_public_in_private",
        "answers from outside",
    ),
    "subnet with a default way out": Mistake(
        "network-endpoints", left_out("defaultOutboundAccess"), "subnets_have_no_default_way_out", "by default"
    ),
    "subnet without rules": Mistake(
        "network-endpoints", left_out("networkSecurityGroup"), "subnets_have_no_default_way_out", "no security group"
    ),
    "firewall open in hybrid": Mistake(
        "lake", given("networkRuleSet/defaultAction", "Allow"), SWITCHES, "'Allow', not 'Deny'", "dev-hybrid"
    ),
    # Switches.
    "shared key on": Mistake("storage", given("allowSharedKeyAccess", True), SWITCHES, "allowSharedKeyAccess is True"),
    "shared key not said": Mistake("storage", left_out("allowSharedKeyAccess"), SWITCHES, "is None"),
    "TLS 1.0": Mistake(
        "storage", given("minimumTlsVersion", "TLS1_0"), "no_old_protocol_is_spoken", "minimumTlsVersion is TLS1_0"
    ),
    "public container": Mistake("lake-raw", given("publicAccess", "Blob"), SWITCHES, "'Blob'", "dev-open"),
    "no soft delete": Mistake("lake-blobs", given("deleteRetentionPolicy/enabled", False), SWITCHES, "False"),
    "vault can be purged in production": Mistake(
        "key-vault", left_out("properties/enablePurgeProtection"), SWITCHES, "enablePurgeProtection is None"
    ),
    "access policies instead of roles": Mistake(
        "key-vault", given("properties/enableRbacAuthorization", False), SWITCHES, "enableRbacAuthorization is False"
    ),
    "admin user on": Mistake("registry", given("adminUserEnabled", True), SWITCHES, "adminUserEnabled is True"),
    "wrong SKU for the profile": Mistake(
        "registry", given("sku/name", "Standard"), SWITCHES, "'Standard'", "dev-hybrid"
    ),
    "instrumentation key opens": Mistake(
        "monitoring-insights", left_out("disableLocalAuth"), "no_key_opens_anything", "DisableLocalAuth is None"
    ),
    "retired nodes": Mistake(
        "compute-cpu",
        given("properties/properties/vmPriority", "LowPriority"),
        "clusters_cost_nothing_while_idle",
        "retired",
    ),
    "nodes that never go": Mistake(
        "compute-cpu",
        given("properties/properties/scaleSettings/minNodeCount", 1),
        "clusters_cost_nothing_while_idle",
        "while nothing runs",
    ),
    "not protected in production": Mistake(
        "lake-raw", with_fields(protect=False), "data_is_protected_in_production", "may be deleted"
    ),
    # Roles and secrets.
    "Owner": Mistake(PULL, given("roleDefinitionId", OWNER), "roles_are_few_and_narrow", "Owner can give roles"),
    "role on the group": Mistake(PULL, given("scope", GROUP_ID), "roles_are_few_and_narrow", f"is on {GROUP_ID}"),
    "kind of principal not said": Mistake(
        PULL, left_out("principalType"), "roles_are_few_and_narrow", "where it is not yet"
    ),
    "successor under the same name": Mistake(
        PULL, with_fields(delete_before_replace=False), "roles_are_few_and_narrow", "same name"
    ),
    "identity that no line is about": Mistake(
        "data-factory",
        given("identity", {"type": "SystemAssigned"}),
        "every_identity_is_one_of_the_table",
        "SystemAssigned",
    ),
    "key in plain text": Mistake(
        "bike_buyer-endpoint", given("properties/keys", {"primaryKey": "abc"}), "no_secret_is_plain", "in plain text"
    ),
    "another provider": Mistake(
        "lake",
        with_fields(provider="urn:pulumi:x::mlops::pulumi:providers:azure-native::default::id"),
        "everything_is_in_one_subscription",
        "is not the platform's provider",
    ),
    # What happens by itself.
    "events of the whole lake": Mistake(
        "file-trigger-new-files", left_out("filter/subjectBeginsWith"), EVENTS, "every file of the account", "dev-open"
    ),
    "events that a firewall stops": Mistake(
        "file-trigger-new-files",
        given("deliveryWithResourceIdentity/identity/type", "UserAssigned"),
        EVENTS,
        "lets in system-assigned identities only",
        "dev-hybrid",
    ),
    "lost events": Mistake(
        "file-trigger-new-files",
        left_out("deadLetterWithResourceIdentity"),
        EVENTS,
        "has no deadLetterDestination",
        "dev-open",
    ),
    "Logic App that a firewall stops": Mistake(
        "file-trigger", given("identity/type", "UserAssigned"), EVENTS, "lets in", "dev-hybrid"
    ),
    "token written into a workflow": Mistake(
        "file-trigger",
        given(f"{START}/inputs/headers/Authorization", "Bearer of a token"),
        WORKFLOWS,
        "Start_job has a token in it",
        "dev-open",
    ),
    "workflow that does not sign in": Mistake(
        "file-trigger", left_out(f"{START}/inputs/authentication"), WORKFLOWS, "Start_job does not sign in", "dev-open"
    ),
    "workflow with a connection": Mistake(
        "file-trigger", given(f"{START}/type", "ApiConnection"), WORKFLOWS, "Start_job goes by a connection", "dev-open"
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_found(name: str) -> None:
    mistake = MISTAKES[name]
    check = CHECKS[mistake.check]
    sound = declared(mistake.stack)
    assert list(check(sound)) == []
    found = list(check(mistake.made(sound)))
    assert any(mistake.said in text for text in found), found


def test_two_resources_of_one_name_are_found() -> None:
    sound = declared("prod-private")
    lake = next(one.own_name for one in sound.of("storage:StorageAccount") if one.name == "lake")
    twice = Mistake("storage", given("accountName", lake), "names_are_unique", "").made(sound)
    found = list(CHECKS["names_are_unique"](twice))
    assert any("is declared 2 times" in text for text in found)
    assert any(f"are called {lake}" in text for text in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [("storageKey", "AccountKey=abc"), ("adminPassword", "correct horse"), ("uri", "https://a?sig=b")],
)
def test_secret_in_an_output_is_found(name: str, value: str) -> None:
    found = list(CHECKS["no_secret_is_plain"](shown(name, value)(declared("dev-open"))))
    assert [text for text in found if text.endswith(f": shows {name}")]


def test_every_check_finds_something() -> None:
    """None of them is there for nothing."""
    assert {mistake.check for mistake in MISTAKES.values()} | {"names_are_unique"} == set(CHECKS)
    assert len(MISTAKES) >= 25

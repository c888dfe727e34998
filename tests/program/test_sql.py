"""The SQL server and its database as an engine would get them."""

from __future__ import annotations

import pytest

from tests.program.azure.declared import Resource
from tests.program.azure.stacks import AZURE, CONFIGURATIONS, ID, declared

FULL = [name for name in CONFIGURATIONS if name.startswith(("dev-", "prod-"))]


@pytest.mark.parametrize("name", FULL)
def test_tokens_are_the_only_way_in(name: str) -> None:
    (server,) = declared(name).of("sql:Server")
    assert server.properties["administrators"] == {
        "administratorType": "ActiveDirectory",
        "azureADOnlyAuthentication": True,
        "login": "deployers",
        "principalType": "Group",
        "sid": AZURE["deployersGroupId"],
        "tenantId": ID,
    }
    assert not {"administratorLogin", "administratorLoginPassword"} & server.properties.keys()
    assert server.properties["minimalTlsVersion"] == "1.2"


def test_no_firewall_is_open() -> None:
    for name in FULL:
        (server,) = declared(name).of("sql:Server")
        rules = [(one.properties["startIpAddress"], one.properties["endIpAddress"]) for one in _rules(name)]
        listed = name.endswith("-hybrid")
        assert server.properties["publicNetworkAccess"] == ("Enabled" if listed else "Disabled")
        assert sorted(rules) == ([("1.2.3.4", "1.2.3.4"), ("8.8.8.0", "8.8.8.255")] if listed else [])


def _rules(name: str) -> list[Resource]:
    return declared(name).of("sql:FirewallRule")


@pytest.mark.parametrize(
    ("name", "pause", "zones", "backups"), [("dev-open", 60, False, "Local"), ("prod-private", -1, True, "Zone")]
)
def test_database_pauses_in_dev_and_survives_a_zone_in_prod(name: str, pause: int, zones: bool, backups: str) -> None:
    (database,) = declared(name).of("sql:Database")
    given = database.properties
    assert database.body["sku"]["name"] == "GP_S_Gen5"
    assert (given["autoPauseDelay"], given["zoneRedundant"]) == (pause, zones)
    assert given["requestedBackupStorageRedundancy"] == backups
    assert database.registered.protect is zones


def test_what_is_audited_reaches_the_logs() -> None:
    stack = declared("dev-open")
    (auditing,) = stack.of("sql:ServerBlobAuditingPolicy")
    assert auditing.properties["state"] == "Enabled"
    assert auditing.properties["isAzureMonitorTargetEnabled"] is True
    assert not {"storageEndpoint", "storageAccountAccessKey"} & auditing.properties.keys()
    (master,) = [one for one in stack.of("monitor:DiagnosticSetting") if "/databases/master/" in one.id]
    assert {"categoryGroup": "allLogs", "enabled": True} in master.properties["logs"]

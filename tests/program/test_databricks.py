"""Databricks as an engine would get it."""

from __future__ import annotations

import pytest

from tests.program.azure.stacks import CONFIGURATIONS, declared

FULL = [name for name in CONFIGURATIONS if name.startswith(("dev-", "prod-"))]


@pytest.mark.parametrize("name", FULL)
def test_no_node_has_a_public_address(name: str) -> None:
    (workspace,) = declared(name).of("databricks:Workspace")
    assert workspace.body["sku"]["name"] == "premium"
    assert workspace.properties["parameters"]["enableNoPublicIp"] == {"value": True}
    assert workspace.properties["managedResourceGroupId"].lower() != workspace.id.lower().split("/providers/")[0]


def test_only_the_private_profile_puts_nodes_into_the_network() -> None:
    for name in FULL:
        (workspace,) = declared(name).of("databricks:Workspace")
        given, parameters = workspace.properties, workspace.properties["parameters"]
        if not name.endswith("-private"):
            assert (given["publicNetworkAccess"], given["requiredNsgRules"]) == ("Enabled", "AllRules")
            assert parameters.keys() == {"enableNoPublicIp"}
            continue
        assert (given["publicNetworkAccess"], given["requiredNsgRules"]) == ("Disabled", "NoAzureDatabricksRules")
        subnets = {one.own_name: one for one in declared(name).of("network:Subnet")}
        for key in ("customPublicSubnetName", "customPrivateSubnetName"):
            (delegation,) = subnets[parameters[key]["value"]].properties["delegations"]
            assert delegation["properties"]["serviceName"] == "Microsoft.Databricks/workspaces"
        assert parameters["customPublicSubnetName"] != parameters["customPrivateSubnetName"]


def test_the_connector_reads_raw_data_and_writes_curated_data_only() -> None:
    stack = declared("dev-open")
    (connector,) = stack.of("databricks:AccessConnector")
    (identity,) = connector.body["identity"]["userAssignedIdentities"]
    given = {
        (one.name.rsplit("-lake", 1)[1], one.properties["roleDefinitionId"].rsplit("/", 1)[1][:8])
        for one in stack.of("authorization:RoleAssignment")
        if one.name.startswith("databricks-")
    }
    assert identity.endswith(next(one.own_name for one in stack.resources if one.name == "identities-databricks"))
    assert given == {
        ("-raw-storage-blob-data-reader", "2a2b9908"),
        ("-curated-storage-blob-data-contributor", "ba92f5b4"),
        ("-storage-blob-delegator", "db58b8e5"),
    }


def test_production_workspace_is_not_deleted_by_a_slip() -> None:
    for name in FULL:
        (workspace,) = declared(name).of("databricks:Workspace")
        assert workspace.registered.protect is name.startswith("prod-")

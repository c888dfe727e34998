"""The data factory and what it does, as an engine would get them."""

from __future__ import annotations

import json

import pytest

from tests.program.azure.declared import Declared, Resource
from tests.program.azure.stacks import AZURE, CONFIGURATIONS, declared, main
from tests.program.recorder import run

FULL = [name for name in CONFIGURATIONS if name.startswith(("dev-", "prod-"))]


def links(stack: Declared) -> dict[str, Resource]:
    return {one.own_name: one for one in stack.of("datafactory:LinkedService")}


@pytest.mark.parametrize("name", FULL)
def test_the_factory_keeps_no_secret(name: str) -> None:
    stack = declared(name)
    assert links(stack).keys() == {"lake", "sql", "databricks"}
    (credential,) = stack.of("datafactory:CredentialOperation")
    (factory,) = stack.of("datafactory:Factory")
    assert list(factory.body["identity"]["userAssignedIdentities"]) == [
        credential.properties["typeProperties"]["resourceId"]
    ]
    for link in links(stack).values():
        given = link.properties["typeProperties"]
        assert given["credential"] == {"referenceName": credential.own_name, "type": "CredentialReference"}
        keys = json.dumps(sorted(given)).lower()
        assert not [word for word in ("accountkey", "sas", "password", "token", "connectionstring") if word in keys]
    assert links(stack)["databricks"].properties["typeProperties"]["authentication"] == "MSI"


def test_closed_services_are_reached_by_private_endpoints_only() -> None:
    wanted = {
        "open": {"sql-sqlserver"},
        "hybrid": {"lake-dfs", "lake-blob", "sql-sqlserver", "databricks-databricks-ui-api"},
    }
    wanted["private"] = wanted["hybrid"]
    for name in FULL:
        stack, profile = declared(name), name.split("-")[1]
        assert {one.own_name for one in stack.of("datafactory:ManagedPrivateEndpoint")} == wanted[profile]
        (runtime,) = stack.of("datafactory:IntegrationRuntime")
        assert runtime.properties["managedVirtualNetwork"]["referenceName"] == "default"
        (factory,) = stack.of("datafactory:Factory")
        assert factory.properties["publicNetworkAccess"] == ("Disabled" if profile == "private" else "Enabled")


def test_an_open_factory_alone_needs_neither_network_nor_other_parts() -> None:
    config = AZURE | {"platform": ["data_factory"]}
    stack = Declared(run(main, config, stack="alone"), config)
    assert links(stack).keys() == {"lake"}
    assert not stack.of("datafactory:ManagedPrivateEndpoint")
    (runtime,) = stack.of("datafactory:IntegrationRuntime")
    assert "managedVirtualNetwork" not in runtime.properties
    assert {one.own_name for one in stack.of("datafactory:Dataset")} == {"files"}


def test_the_flow_knows_no_today_and_loses_no_column() -> None:
    stack = declared("dev-open")
    (flow,) = stack.of("datafactory:DataFlow")
    given = flow.properties["typeProperties"]
    script = "\n".join(given["scriptLines"])
    assert "currentDate" not in script
    assert "currentTimestamp" not in script
    assert script.count("allowSchemaDrift: true") == 2
    for kind in ("sources", "transformations", "sinks"):
        for one in given[kind]:
            assert f"~> {one['name']}" in script


def test_folder_and_date_are_parameters_from_the_trigger_to_the_flow() -> None:
    stack = declared("dev-open")
    (pipeline,) = stack.of("datafactory:Pipeline")
    (trigger,) = stack.of("datafactory:Trigger")
    (started,) = trigger.properties["pipelines"]
    assert started["pipelineReference"]["referenceName"] == pipeline.own_name
    assert started["parameters"].keys() == pipeline.properties["parameters"].keys() == {"sourceFolder", "asOf"}
    assert started["parameters"]["sourceFolder"] == "bike_buyer"
    assert "scheduledTime" in started["parameters"]["asOf"]
    (activity,) = pipeline.properties["activities"]
    flow = activity["typeProperties"]["dataFlow"]
    assert flow["parameters"]["as_of"]["value"] == "'@{pipeline().parameters.asOf}'"
    assert flow["datasetParameters"]["arrived"]["container"] == "raw"
    assert flow["datasetParameters"]["curated"]["container"] == "curated"


def test_the_factory_reads_raw_data_writes_curated_data_and_starts_clusters() -> None:
    given = {
        one.name.removeprefix("data-factory-identity-on-")
        for one in declared("prod-private").of("authorization:RoleAssignment")
        if one.name.startswith("data-factory-identity")
    }
    assert given == {
        "lake-raw-lake-raw-storage-blob-data-reader",
        "lake-curated-lake-curated-storage-blob-data-contributor",
        "databricks-databricks-contributor",
    }

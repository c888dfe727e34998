"""The data factory and what it does, as an engine would get them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.program.azure.declared import Declared, Resource
from tests.program.azure.stacks import AZURE, CONFIGURATIONS, declared, main
from tests.program.parts import HYBRID, PRIVATE, build
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


PROFILES: dict[str, dict[str, Any]] = {"open": {}, "hybrid": {**HYBRID}, "private": {**PRIVATE}}


@pytest.mark.parametrize("profile", PROFILES)
def test_services_without_a_public_address_are_reached_from_the_managed_network(profile: str) -> None:
    parts = ("databricks", "sql", "data_factory")
    recording = build(*parts, dataFactory={"managedNetwork": True}, **PROFILES[profile])
    closed = {"lake-dfs", "lake-blob", "databricks-databricks-ui-api"} if profile != "open" else set()
    endpoints = recording.of_type("azure-native:datafactory:ManagedPrivateEndpoint")
    assert {one.inputs["managedPrivateEndpointName"] for one in endpoints} == {"sql-sqlserver", *closed}
    (made,) = recording.of_type("azure-native:datafactory:IntegrationRuntime")
    runtime = made.inputs["properties"]
    assert runtime["managedVirtualNetwork"]["referenceName"] == "default"


@pytest.mark.parametrize("name", FULL)
def test_nothing_is_declared_in_a_network_that_is_not_there_yet(name: str) -> None:
    stack = declared(name)
    assert not stack.of("datafactory:ManagedPrivateEndpoint")
    (factory,) = stack.of("datafactory:Factory")
    (runtime,) = stack.of("datafactory:IntegrationRuntime")
    assert "managedVirtualNetwork" not in runtime.properties
    assert factory.properties["publicNetworkAccess"] == ("Disabled" if name.endswith("-private") else "Enabled")


def test_a_factory_needs_no_other_part() -> None:
    config = AZURE | {"platform": ["data_factory"]}
    stack = Declared(run(main, config, stack="alone"), config)
    assert links(stack).keys() == {"lake"}
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

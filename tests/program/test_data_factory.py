"""The data factory and what it does, as an engine would get them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from ml.data import training_flow
from tests.program.azure.declared import Declared, Resource
from tests.program.azure.stacks import AZURE, CONFIGURATIONS, declared, main
from tests.program.parts import HYBRID, PRIVATE, build, one
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
PARTS = ("databricks", "sql", "data_factory")
NETWORK, ENDPOINT = "resources:Resource", "datafactory:ManagedPrivateEndpoint"


@pytest.mark.parametrize("profile", PROFILES)
def test_services_without_a_public_address_are_reached_from_the_managed_network(profile: str) -> None:
    recording = build(*PARTS, dataFactory={"managedNetwork": True}, **PROFILES[profile])
    closed = {"lake-dfs", "lake-blob", "databricks-databricks-ui-api"} if profile != "open" else set()
    endpoints = recording.of_type(f"azure-native:{ENDPOINT}")
    assert {one.inputs["managedPrivateEndpointName"] for one in endpoints} == {"sql-sqlserver", *closed}
    runtime = one(recording, "datafactory:IntegrationRuntime")
    assert runtime.inputs["properties"]["managedVirtualNetwork"]["referenceName"] == "default"
    network = one(recording, NETWORK)
    for inside in (*endpoints, runtime):
        assert network.urn in recording.before(inside)
    assert network.inputs["properties"] == {}
    assert network.retained


@pytest.mark.parametrize("profile", PROFILES)
def test_a_factory_has_a_network_where_the_lake_is_closed(profile: str) -> None:
    """In one `up`, and without a word in the stack file."""
    stack = declared(f"dev-{profile}")
    (factory,) = stack.of("datafactory:Factory")
    (runtime,) = stack.of("datafactory:IntegrationRuntime")
    networks = [found.id for found in stack.of(NETWORK)]
    expected = [] if profile == "open" else [f"{factory.id}/managedVirtualNetworks/default"]
    assert networks == expected
    assert ("managedVirtualNetwork" in runtime.properties) == bool(expected) == bool(stack.of(ENDPOINT))
    assert factory.properties["publicNetworkAccess"] == ("Disabled" if profile == "private" else "Enabled")


def test_a_runtime_in_a_network_is_another_one() -> None:
    names = [
        one(build(*PARTS, dataFactory={"managedNetwork": inside}), "datafactory:IntegrationRuntime").inputs
        for inside in (False, True)
    ]
    assert [inputs["integrationRuntimeName"] for inputs in names] == ["flows", "flows-inside"]


def test_a_factory_needs_no_other_part() -> None:
    config = AZURE | {"platform": ["data_factory"]}
    stack = Declared(run(main, config, stack="alone"), config)
    assert links(stack).keys() == {"lake"}
    assert {one.own_name for one in stack.of("datafactory:Dataset")} == {"file", "folder"}
    assert not stack.of("datafactory:DataFlow", "datafactory:Pipeline", "datafactory:Trigger")


def test_the_flow_is_the_one_that_is_made_of_the_systems_features() -> None:
    """Its script: `tests/unit/test_training_flow.py`."""
    stack = declared("dev-open")
    (flow,) = stack.of("datafactory:DataFlow")
    given, made = flow.properties["typeProperties"], training_flow.load(Path("ml/systems/bike_buyer"))
    assert given["scriptLines"] == list(made.lines)
    named = {kind: [one["name"] for one in given[kind]] for kind in ("sources", "transformations", "sinks")}
    assert named == {
        "sources": list(made.sources),
        "transformations": list(made.transformations),
        "sinks": list(made.sinks),
    }


def test_every_stream_has_its_place_in_the_lake_and_every_day_its_folder() -> None:
    stack = declared("dev-open")
    (pipeline,) = stack.of("datafactory:Pipeline")
    (trigger,) = stack.of("datafactory:Trigger")
    (started,) = trigger.properties["pipelines"]
    assert started["pipelineReference"]["referenceName"] == pipeline.own_name == "bike_buyer"
    assert started["parameters"].keys() == pipeline.properties["parameters"].keys() == {"day"}
    assert "scheduledTime" in started["parameters"]["day"]
    make, _ = pipeline.properties["activities"]
    places = make["typeProperties"]["dataFlow"]["datasetParameters"]
    (flow,) = stack.of("datafactory:DataFlow")
    streams = {kind: flow.properties["typeProperties"][kind] for kind in ("sources", "sinks")}
    assert set(places) == {one["name"] for ones in streams.values() for one in ones}
    parameters = {one.own_name: set(one.properties["parameters"]) for one in stack.of("datafactory:Dataset")}
    for stream in [*streams["sources"], *streams["sinks"]]:
        assert set(places[stream["name"]]) == parameters[stream["dataset"]["referenceName"]]
    files = [places[one["name"]] for one in streams["sources"]]
    assert {(one["container"], one["folder"], one["file"]) for one in files} == {
        ("raw", "bike_buyer", "potential-bike-buyers.csv"),
        ("raw", "bike_buyer", "adworks-bike-purchases.csv"),
    }
    assert places["trainingTable"] == {
        "container": "curated",
        "folder": {
            "type": "Expression",
            "value": "@concat('bike_buyer/', pipeline().parameters.day, '/trainingTable')",
        },
    }


def test_a_run_that_refuses_rows_fails() -> None:
    (pipeline,) = declared("dev-open").of("datafactory:Pipeline")
    make, check = pipeline.properties["activities"]
    assert make["typeProperties"]["traceLevel"] == "Fine"
    assert check["dependsOn"] == [{"activity": make["name"], "dependencyConditions": ["Succeeded"]}]
    rows = f"activity('{make['name']}').output.runStatus.metrics.refusedRows.rowsWritten"
    assert check["typeProperties"]["expression"]["value"] == f"@greater({rows}, 0)"
    (fail,) = check["typeProperties"]["ifTrueActivities"]
    assert fail["type"] == "Fail"
    assert rows in fail["typeProperties"]["message"]["value"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataFactory": {"flows": ["bikebuyer"]}}, "mlops:dataFactory.flows names 'bikebuyer', but there is no"),
        ({"dataFactory": {"flows": ["energy_forecast"]}}, "start is of the kind datetime; a data flow makes"),
        ({"dataFactory": {"flows": ["bike_buyer"]}, "platform": []}, "add data_factory to mlops:platform"),
    ],
)
def test_what_no_flow_can_be_made_for_is_said(changed: dict[str, Any], said: str) -> None:
    config = AZURE | {"platform": ["data_factory"]} | changed
    with pytest.raises(pulumi.RunError) as error:
        run(main, config, stack="wrong")
    assert said in str(error.value)


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

"""Databricks, SQL, Data Factory and the file trigger as the program declares them, through the plugin: made, read back,
and deleted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.output import Unknown

from emulator.provider import values
from tests.conftest import RunningEmulator
from tests.contract.provider_client import STACK, Plugin, plugin
from tests.contract.test_provider_every_type import Made
from tests.program.azure.stacks import AZURE, ID, main
from tests.program.recorder import run

MODULES = ("databricks", "datafactory", "eventgrid", "logic", "sql", "storage:Queue")
NETWORK = "resources:Resource"
NEEDED = ("resources:ResourceGroup", "managedidentity:UserAssignedIdentity", "storage:StorageAccount")


@pytest.fixture(scope="module")
def azure(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    environment = {"PATH": os.environ["PATH"], "AZURE_MLOPS_STACK": STACK, **emulator.environment}
    with plugin(environment, tmp_path_factory.mktemp("elsewhere")) as running:
        running.configure(location="westeurope")
        yield running


@pytest.fixture(scope="module")
def made(azure: Plugin, emulator: RunningEmulator) -> Iterator[list[tuple[str, Made]]]:
    """In the order in which the program declares them, which is one that works."""
    found: list[tuple[str, Made]] = []
    parts = ["batch", "databricks", "sql", "data_factory", "file_trigger"]
    factory = {"flows": ["bike_buyer"], "managedNetwork": True}
    changed = {"platform": parts, "systems": [], "dataFactory": factory}
    for one in run(main, AZURE | changed, stack="dev").azure:
        name = one.type.removeprefix("azure-native:")
        if name in (*NEEDED, NETWORK) or name.startswith(MODULES):
            inputs = azure.checked(name, known(one.inputs, emulator.environment["ARM_SUBSCRIPTION_ID"]))
            response = azure.create(name, inputs)
            found.append((name, Made(response.id, inputs, values.read(response.properties))))
    yield found
    for name, one_made in reversed(found):
        azure.delete(name, one_made.id)
    # The factory's network has no DELETE: it goes with the factory.
    assert [name for name, one_made in found if azure.read(name, one_made.id, {}, {}).id] == []


def known(inputs: dict[str, Any], subscription: str) -> dict[str, Any]:
    """What a preview does not know is some address."""
    text = json.dumps(inputs, default=lambda value: "https://later.example/" if isinstance(value, Unknown) else value)
    found: dict[str, Any] = json.loads(text.replace(ID, subscription))
    return found


def test_what_was_made_reads_back_without_a_difference(azure: Plugin, made: list[tuple[str, Made]]) -> None:
    assert len([name for name, _ in made if name.startswith(MODULES)]) >= 20
    assert [name for name, _ in made].count(NETWORK) == 1
    for name, one in made:
        found = azure.read(name, one.id, one.outputs, one.inputs)
        assert found.id == one.id
        assert dict(azure.diff(name, values.read(found.inputs), one.inputs).detailedDiff) == {}, name


def test_azure_tells_addresses_and_identities(made: list[tuple[str, Made]]) -> None:
    outputs = {name: one.outputs for name, one in made}
    workspace, server = outputs["databricks:Workspace"], outputs["sql:Server"]
    assert workspace["workspaceUrl"].startswith(f"adb-{workspace['workspaceId']}.")
    assert server["fullyQualifiedDomainName"].endswith(".database.windows.net")
    for name in ("eventgrid:SystemTopic", "logic:Workflow"):
        assert outputs[name]["identity"]["principalId"]
    for name in ("databricks:AccessConnector", "datafactory:Factory"):
        (identity,) = outputs[name]["identity"]["userAssignedIdentities"].values()
        assert identity["principalId"]


def test_a_server_has_its_own_database_from_the_start(azure: Plugin, made: list[tuple[str, Made]]) -> None:
    server = next(one.id for name, one in made if name == "sql:Server")
    found = azure.read("sql:Database", f"{server}/databases/master", {}, {})
    assert values.read(found.properties)["status"] == "Online"

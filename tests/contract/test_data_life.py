"""A data version through the loss of what it stands for, and the end of a system without its storage; providers are
called as by the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.data import DataAssets
from ml.clients.datastore import Folder, container, folder_uri, storage_exists
from ml.clients.errors import CloudError
from ml.clients.lease import rollout_lock
from ml.clients.workspace import Workspace
from ml.data import contract
from ml.identity.values import Properties
from ml.progress import Failure
from ml.resources.data_version import DataVersionProvider
from ml.rollout.core.writer import CheckedLease, NoLease, RolloutSite, last_writer
from ml.systems.bike_buyer import generator
from tests.conftest import RunningEmulator
from tests.contract.azureml_sdk import Code
from tests.contract.azureml_workspace import IGNORED, LOCATION, fixture_sockets
from tests.contract.azureml_workspace import Workspace as Made

__all__ = ["fixture_sockets"]
# azure-ai-ml never closes the clients it makes for an upload.
pytestmark = [IGNORED, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]
PROVIDER = DataVersionProvider()

FOLDER = "ml/systems/bike_buyer"
FILES = contract.load(Path(FOLDER)).names


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLOPS_DATA_DIR", "MLOPS_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="made", scope="module")
def fixture_made(emulator: RunningEmulator) -> Iterator[Made]:
    """A workspace whose storage account may be deleted."""
    made = Made(emulator, "datalife").create()
    yield made
    made.close()


@pytest.fixture
def workspace(made: Made) -> Workspace:
    return Workspace(SUBSCRIPTION_ID, made.name, made.name)


@pytest.fixture
def inputs(workspace: Workspace, tmp_path: Path) -> Properties:
    """A data version of real files, under an asset of the test's own."""
    generator.generate(60, 5, tmp_path)
    tmp_path.joinpath("generated.json").unlink()
    place = {"subscriptionId": SUBSCRIPTION_ID, "resourceGroupName": workspace.resource_group}
    return {
        "system": "bike_buyer",
        "workspace": {**place, "workspaceName": workspace.name},
        "asset": f"customers-{tmp_path.name.strip('_')}".replace("_", "-"),
        "files": list(FILES),
        "folder": FOLDER,
        "directory": str(tmp_path),
        "record": str(tmp_path / "data.lock"),
        "generator": {"module": "ml.systems.bike_buyer.generator", "seed": 7, "rows": 60},
        "allowGenerated": True,
    }


def up(inputs: Properties, state: Properties | None = None) -> Properties:
    """`check` and `diff`, then `create` or `update`: the state after it."""
    checked = PROVIDER.check(state or {}, inputs)
    assert not checked.failures, checked.failures
    if state is None:
        return dict(PROVIDER.create(checked.inputs).outs or {})
    if not PROVIDER.diff("id", state, checked.inputs).changes:
        return state
    return dict(PROVIDER.update("id", state, checked.inputs).outs or {})


def refresh(state: Properties) -> Properties:
    """What a refresh makes of the state."""
    read = PROVIDER.read("id", state)
    assert read.id, "the state alone remembers what data the stack has"
    return dict(read.outs or {})


def files(workspace: Workspace, state: Properties) -> set[str]:
    return set(Folder(workspace, state["uri"]).names())


def test_what_is_there_stays_as_it_is(inputs: Properties) -> None:
    state = up(inputs)
    assert refresh(state) == state
    assert up(inputs, state) == state


def test_a_lost_file_is_uploaded_again_though_the_command_names_no_folder(
    workspace: Workspace, inputs: Properties
) -> None:
    state = up(inputs)
    with container(workspace) as client:
        client.delete_blob(f"{state['uri'].partition('/paths/')[2]}/{FILES[1]}")
    seen = refresh(state)
    assert (seen["uri"], seen["directory"]) == ("", inputs["directory"])
    again = up({**inputs, "directory": None}, seen)
    assert again["uri"] == state["uri"]
    assert files(workspace, again) == set(FILES)


def test_a_replacement_is_the_same_version_when_the_engine_checks_again_without_the_state(inputs: Properties) -> None:
    state, forgotten = up(inputs), {**inputs, "directory": None}
    with Path(inputs["directory"], FILES[1]).open("a") as text:
        text.write("11001,Europe,40,1\n")
    first = PROVIDER.check(state, forgotten).inputs
    assert PROVIDER.diff("id", state, first).replaces == ["digest"]
    assert PROVIDER.check({}, forgotten).inputs == first
    assert first["source"] == "real"


def test_a_lost_version_whose_files_are_gone_too_says_what_to_do(workspace: Workspace, inputs: Properties) -> None:
    state = up(inputs)
    DataAssets(workspace).purge(inputs["asset"])
    for name in FILES:
        Path(inputs["directory"], name).unlink()
    with pytest.raises(Failure, match=r"is not in the workspace, nor in .*MLOPS_DATA_DIR, .*make up DATA=generated"):
        up({**inputs, "directory": None}, refresh(state))


def test_the_workspace_remembers_real_data_that_the_state_has_lost(
    inputs: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = up(inputs)
    forgotten = {**inputs, "directory": None}
    with pytest.raises(Failure, match=f"has real data in the workspace .version {state['digest']}.*MLOPS_DATA_DIR"):
        up(forgotten)
    monkeypatch.setenv("MLOPS_DATA", "generated")
    assert up(forgotten)["source"] == "generated"


def test_files_that_changed_since_they_were_checked_are_not_uploaded(inputs: Properties) -> None:
    checked = PROVIDER.check({}, inputs).inputs
    with Path(inputs["directory"], FILES[1]).open("a") as text:
        text.write("11001,Europe,40,1\n")
    with pytest.raises(Failure, match="changed in the meantime"):
        PROVIDER.create(checked)


def test_wrong_files_are_refused_before_anything_is_asked_of_the_cloud(inputs: Properties) -> None:
    nowhere = {**inputs, "workspace": None}
    assert not PROVIDER.check({}, nowhere).failures
    holders = Path(inputs["directory"], FILES[0])
    holders.write_text(holders.read_text().replace("Bachelors", "Bachelor", 1))
    (failure,) = PROVIDER.check({}, nowhere).failures
    assert "nothing was uploaded:\n  - potential-bike-buyers.csv, column Education, row " in failure.reason


def test_a_storage_account_that_was_deleted_holds_nothing_up(
    made: Made, workspace: Workspace, inputs: Properties
) -> None:
    state = up(inputs)
    code = workspace.sdk()._code.create_or_update(Code(name="job", version="1", path=FOLDER))
    account = f"{made.group}/providers/Microsoft.Storage/storageAccounts/{made.account}"
    made.delete(account)
    assert not storage_exists(workspace)
    seen = refresh(state)
    assert seen["uri"] == ""
    Folder(workspace, folder_uri("systems/bike_buyer")).delete()
    with rollout_lock(workspace, "bike_buyer") as lock, pytest.raises(CloudError):
        lock.try_acquire({})
    site = cast(RolloutSite, SimpleNamespace(workspace=workspace, endpoint=None, models=None, row=None))
    with last_writer(site, "bike_buyer", {}) as ports:
        ports.lease.check()
        assert isinstance(ports.lease, NoLease)

    made.put(account, {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    assert files(workspace, up(inputs, seen)) == set(FILES)
    again = workspace.sdk()._code.create_or_update(Code(name="job", version="1", path=FOLDER))
    assert again.path == code.path
    assert "system.py" in Folder(workspace, str(again.path)).names()
    with last_writer(site, "bike_buyer", {}) as ports:
        assert isinstance(ports.lease, CheckedLease)
    Folder(workspace, folder_uri("systems/bike_buyer")).delete()


def test_a_container_that_went_is_made_again_for_the_lock(workspace: Workspace) -> None:
    with container(workspace) as client:
        client.delete_container()
    Folder(workspace, folder_uri("systems/bike_buyer")).delete()
    with rollout_lock(workspace, "bike_buyer") as lock:
        lease = lock.try_acquire({})
        assert lease is not None
        lease.release()

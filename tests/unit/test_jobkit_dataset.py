"""The data of a run: the same version, whether a job reads an asset or a person a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.data.source import real_source
from ml.jobkit import dataset, features
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES

SPECIFICATION = features.load(Path("ml/systems/bike_buyer/features.yaml"))
FILES = (HOLDERS, PURCHASES)


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    generator.generate(20, 2, folder)
    return folder


def test_an_asset_is_named_by_its_reference(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_DATA_REFERENCE", "azureml:customers:0123456789ab")
    found = dataset.read(SPECIFICATION, folder, FILES, 20, "long")
    assert (found.name, found.digest, found.uri) == ("customers", "0123456789ab", "azureml:customers:0123456789ab")
    assert found.tags == {"data_source": "generated", "data_version": "0123456789ab"}
    columns = {column["name"]: column["type"] for column in json.loads(found.schema)["mlflow_colspec"]}
    assert columns.keys() == {*SPECIFICATION.names, SPECIFICATION.label.name}
    assert (columns["Age"], columns["Country"]) == ("long", "string")


def test_a_folder_has_the_version_it_would_have_as_an_asset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_DATA_REFERENCE", raising=False)
    found = dataset.read(SPECIFICATION, folder, FILES, 20, "long")
    assert found.digest == real_source(folder, FILES).digest
    assert (found.name, found.uri) == ("bike_buyer", folder.as_uri())

"""The emulator's aliases, and Azure's own definitions from a folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from emulator.policy import built_in
from emulator.policy.admission import indexed
from emulator.policy.aliases import model_aliases


def test_the_models_name_properties_as_azure_does(data_directory: Path) -> None:
    rows = list(csv.DictReader((data_directory / "azure-policy" / "aliases.csv").read_text().splitlines()))
    known = {one.name.lower(): one.path.lower() for aliases in model_aliases().values() for one in aliases}
    both = [row for row in rows if row["alias"].lower() in known]
    assert {
        row["alias"]: known[row["alias"].lower()]
        for row in both
        if known[row["alias"].lower()] != row["arm_path"].lower()
    } == {}
    assert len(both) > 140


def test_azures_definitions_are_read_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_DATA_DIR", raising=False)
    monkeypatch.delenv("MLOPS_AZURE_POLICY_DIR", raising=False)
    assert built_in.definition("ABC") is None
    assert built_in.aliases() == ()
    folder = tmp_path / "azure-policy"
    folder.joinpath("policyDefinitions").mkdir(parents=True)
    folder.joinpath("policyDefinitions", "a.json").write_text(json.dumps({"name": "abc", "properties": {}}))
    folder.joinpath("aliases.csv").write_text("alias,resource_type,arm_path,server_populated\nA.B/c/d,A.B/c,d,no\n")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    assert built_in.definition("ABC") == {"name": "abc", "properties": {}}
    assert [one.path for one in built_in.aliases()] == ["d"]
    monkeypatch.setenv("MLOPS_AZURE_POLICY_DIR", str(folder))
    assert built_in.folder() == folder


def test_types_without_tags_are_left_to_definitions_of_all_types() -> None:
    assert indexed(("microsoft.storage", "storageaccounts"))
    assert not indexed(("microsoft.authorization", "roleassignments"))
    assert indexed(("microsoft.unheard", "of"))

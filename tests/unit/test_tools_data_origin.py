"""What a person is told of the data, and what a printed command needs to use the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.data_origin import DataOrigin, remembered
from tools.progress import SetupError
from tools.stacks import Stack


def stack(tmp_path: Path, **configuration: Any) -> Stack:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump({"config": {f"mlops:{key}": value for key, value in configuration.items()}}))
    return Stack("local", "emulator", file)


def state(directory: Path | None, kind: str = "real") -> list[dict[str, Any]]:
    inputs = {"source": kind, "asset": "customers", "digest": "0123", "files": ["a.csv"]}
    version = {"type": "pulumi-python:dynamic/ml:DataVersion", "inputs": {**inputs, "directory": str(directory or "")}}
    return [{"type": "pulumi:pulumi:Stack"}, {**version, "delete": True, "inputs": {}}, version]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    path.joinpath("a.csv").touch()
    return path


def test_what_was_named_is_said_and_printed_until_the_stack_remembers_it(folder: Path, tmp_path: Path) -> None:
    named = {"MLOPS_DATA_DIR": str(folder)}
    first = DataOrigin(stack(tmp_path, allowGeneratedData=True), named)
    assert first.line == f"Data: the files in {folder}"
    assert first.words == [f"MLOPS_DATA_DIR={folder}"]
    assert DataOrigin(first.stack, named, remembered(state(folder))).words == []
    assert DataOrigin(first.stack, named, remembered(state(tmp_path))).words == first.words
    configured = stack(tmp_path, data={"directory": str(tmp_path)})
    assert DataOrigin(configured, named, remembered(state(folder))).words == first.words


def test_the_last_folder_is_said_and_when_it_is_gone_the_version(folder: Path, tmp_path: Path) -> None:
    origin = DataOrigin(stack(tmp_path, allowGeneratedData=True), {}, remembered(state(folder)))
    assert origin.line.startswith(f"Data: the files in {folder}, as at the last up. MLOPS_DATA_DIR=<folder> make up")
    assert origin.words == []
    folder.joinpath("a.csv").unlink()
    assert f"as at the last up (customers 0123), from the workspace: not in {folder} any more" in origin.line


def test_generated_data_is_said_and_its_word_printed_while_there_is_real_data(folder: Path, tmp_path: Path) -> None:
    local = stack(tmp_path, allowGeneratedData=True)
    assert DataOrigin(local, {}).line.startswith("Data: generated (seeded). MLOPS_DATA_DIR=<folder>")
    said = DataOrigin(local, {"MLOPS_DATA": "generated"}, remembered(state(folder)))
    assert said.line.startswith("Data: generated (seeded), as MLOPS_DATA=generated says.")
    assert said.words == ["MLOPS_DATA=generated"]
    assert DataOrigin(local, said.environment, remembered(state(None, "generated"))).words == []


def test_a_folder_that_does_not_exist_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="MLOPS_DATA_DIR = /nowhere: there is no such folder"):
        _ = DataOrigin(stack(tmp_path), {"MLOPS_DATA_DIR": "/nowhere"}).line
    with pytest.raises(SetupError, match=r"mlops:data\.directory = nowhere: there is no such folder"):
        _ = DataOrigin(stack(tmp_path, data={"directory": "nowhere"}), {}).line


def test_a_stack_that_takes_real_data_only_has_what_is_recorded(tmp_path: Path) -> None:
    assert DataOrigin(stack(tmp_path), {}).line.startswith("Data: what each data.lock records")


def test_another_word_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="MLOPS_DATA=generatd: write generated, or leave it out"):
        _ = DataOrigin(stack(tmp_path), {"MLOPS_DATA": "generatd"}).line

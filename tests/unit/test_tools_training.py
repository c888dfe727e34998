"""`make train`: which system, which data, and what is run; tests/local/test_verbs.py runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.data.choice import Remembered
from ml.data.source import Generator, generated_source
from tools import training
from tools.data_origin import DataOrigin
from tools.progress import SetupError
from tools.stacks import Stack

FILES = ("potential-bike-buyers.csv", "adworks-bike-purchases.csv")
GENERATED = {"MLOPS_DATA": "generated"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the generator makes; made once, in a cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        found = generated_source(Generator("ml.systems.bike_buyer.generator", 60, 7), FILES).folder
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        tmp_path.joinpath(name).touch()
    return tmp_path


def stack(folder: Path, **config: Any) -> Stack:
    file = folder / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump({"config": {f"mlops:{key}": value for key, value in config.items()}}))
    return Stack("local", "emulator", file)


def remembered(folder: Path, asset: str = "bike-buyer-customers") -> tuple[Remembered, ...]:
    return (Remembered("real", asset, "0123", str(folder), FILES, {}, {}),)


def test_the_only_system_of_a_stack_need_not_be_named(tmp_path: Path) -> None:
    one, two = stack(tmp_path, systems=["bike_buyer"]), tmp_path / "two"
    assert training.named(one, "") == training.named(one, "bike-buyer") == "bike_buyer"
    two.mkdir()
    with pytest.raises(SetupError, match="SYSTEM is missing: write for instance SYSTEM="):
        training.named(stack(two, systems=["bike_buyer", "attrition"]), "")
    with pytest.raises(SetupError, match=r"SYSTEM=churn: there is no such system; there are .*bike_buyer"):
        training.named(one, "churn")


def test_data_is_what_was_named_else_what_the_stack_took_last(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in FILES:
        other.joinpath(name).touch()
    plain, configured = stack(folder), {"data": {"directory": str(folder)}}
    assert (
        training.data_of(DataOrigin(plain, {"MLOPS_DATA_DIR": str(other)}, remembered(folder)), "bike_buyer") == other
    )
    assert training.data_of(DataOrigin(plain, {}, remembered(folder)), "bike_buyer") == folder
    assert training.data_of(DataOrigin(stack(folder, **configured), {}, remembered(other)), "bike_buyer") == folder


def test_generated_data_serves_where_nothing_was_named_or_where_it_was_said(
    folder: Path, generated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "generated_source", lambda *_: type("Source", (), {"folder": generated}))
    of_another = remembered(folder, "attrition-employees")
    assert training.data_of(DataOrigin(stack(folder), {}, of_another), "bike_buyer") == generated
    assert training.data_of(DataOrigin(stack(folder), GENERATED, remembered(folder)), "bike_buyer") == generated
    assert training.Run("bike_buyer", generated).line == f"Data: generated (seeded) in {generated}"
    assert training.Run("bike_buyer", folder).line == f"Data: the files in {folder}"


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"{tmp_path} has no potential-bike-buyers.csv and no adworks"):
        training.prepare(stack(tmp_path, systems=["bike_buyer"]), "", {"MLOPS_DATA_DIR": str(tmp_path)})


def test_further_words_are_options_of_the_training(folder: Path) -> None:
    words = training.Run("bike_buyer", folder).command(["--rounds", "5", "--output", "elsewhere"])
    assert words[2:6] == ["-m", "ml.jobkit.train", "--system", "bike_buyer"]
    assert words[-4:] == ["--rounds", "5", "--output", "elsewhere"]  # the last word of an option counts

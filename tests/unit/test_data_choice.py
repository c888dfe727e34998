"""Which data serves: nothing takes the place of real data unless somebody says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.data.choice import Choice, Remembered, choose, located
from ml.data.source import DataSourceError, real_source, write_record

NAMES = ("a.csv", "b.csv")
GENERATOR = {"module": "tests.unit.toy_generator", "rows": 3, "seed": 1}


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MLOPS_DATA_DIR", "MLOPS_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    for name in NAMES:
        path.joinpath(name).write_text(f"id\n{name}\n")
    return path


class Stack:
    """A stack's state and configuration; `up` keeps in the state what was chosen."""

    def __init__(self, tmp_path: Path, *, allow_generated: bool = True, directory: str | None = None) -> None:
        self.state: dict[str, Any] = {}
        self.record = tmp_path / "data.lock"
        self.inputs = {
            "asset": "customers",
            "files": list(NAMES),
            "directory": directory,
            "record": str(self.record),
            "generator": GENERATOR,
            "allowGenerated": allow_generated,
        }

    def up(self) -> Choice:
        found = choose(self.inputs, self.state)
        chosen = {"digest": found.digest, "source": found.kind, "rows": found.rows, "columns": found.columns}
        self.state = {**self.inputs, **chosen, "directory": found.directory}
        return found


def seen(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that was brought up with the real files of a folder, in a shell that is closed now."""
    stack = Stack(tmp_path)
    monkeypatch.setenv("MLOPS_DATA_DIR", str(folder))
    assert stack.up().kind == "real"
    monkeypatch.delenv("MLOPS_DATA_DIR")
    return stack


def test_a_new_stack_takes_generated_data(tmp_path: Path) -> None:
    found = Stack(tmp_path).up()
    assert (found.kind, found.directory, found.said) == ("generated", None, "")


def test_the_variable_overrides_the_configuration(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(folder))
    found = Stack(tmp_path, directory=str(tmp_path / "elsewhere")).up()
    assert (found.kind, found.folder, found.directory) == ("real", folder, str(folder))


def test_a_folder_of_the_systems_own_serves_where_the_variables_has_nothing_for_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    monkeypatch.setenv("MLOPS_DATA_DIR", str(others))
    assert Stack(tmp_path, directory=str(folder)).up().folder == folder
    others.joinpath(NAMES[0]).write_text("id\n")  # some of its files: a mistake
    with pytest.raises(DataSourceError, match=f"{others} has no "):
        Stack(tmp_path, directory=str(folder)).up()


def test_a_system_without_a_generator_needs_a_folder(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.inputs["generator"] = {"module": "ml.systems.churn.generator", "rows": 5, "seed": 1}
    with pytest.raises(DataSourceError, match=r"churn has no generator: name the folder with .* by MLOPS_DATA_DIR"):
        stack.up()


def test_a_forgotten_variable_takes_the_folder_of_the_last_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = seen(tmp_path, folder, monkeypatch)
    folder.joinpath("a.csv").write_text("id\nnew\n")
    before, found = stack.state["digest"], stack.up()
    assert (found.kind, found.folder, found.said) == ("real", folder, f"the files in {folder}, as before")
    assert found.digest != before


def test_a_folder_that_is_gone_leaves_the_version_of_the_last_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = seen(tmp_path, folder, monkeypatch)
    before = dict(stack.state)
    folder.joinpath("b.csv").unlink()  # such as a drive that is not mounted, or another machine
    found = stack.up()
    assert (found.kind, found.digest, found.folder) == ("real", before["digest"], None)
    assert "its files are not here" in found.said
    assert stack.state == before
    assert located(stack.state) is None


def test_generated_data_takes_the_place_of_real_data_only_where_it_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = seen(tmp_path, folder, monkeypatch)
    monkeypatch.setenv("MLOPS_DATA", "generated")
    assert stack.up().kind == "generated"
    monkeypatch.delenv("MLOPS_DATA")
    assert stack.up().kind == "generated"  # the stack has no real data any more


def test_a_folder_of_generated_data_does_not_take_the_place_of_real_data_either(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = seen(tmp_path, folder, monkeypatch)
    made = folder.with_name("made")
    folder.rename(made)
    made.joinpath("generated.json").write_text("{}")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(made))
    version = stack.state["digest"]
    expected = (
        f"customers has real data .version {version}, last from {folder}.*MLOPS_DATA_DIR, .*make up DATA=generated"
    )
    with pytest.raises(DataSourceError, match=expected):
        stack.up()
    monkeypatch.setenv("MLOPS_DATA", "generated")
    found = stack.up()
    assert (found.kind, found.folder) == ("generated", made)
    assert located(stack.state) == real_source(made, NAMES)
    for name in ("MLOPS_DATA", "MLOPS_DATA_DIR"):
        monkeypatch.delenv(name)
    assert stack.up() == Choice.of(real_source(made, NAMES), str(made), f"the files in {made}, as before")


def test_words_that_contradict_each_other_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path)
    monkeypatch.setenv("MLOPS_DATA_DIR", str(folder))
    monkeypatch.setenv("MLOPS_DATA", "generated")
    with pytest.raises(DataSourceError, match="are real: leave out one of them"):
        stack.up()
    monkeypatch.setenv("MLOPS_DATA", "real")
    with pytest.raises(DataSourceError, match="MLOPS_DATA=real: write generated, or leave it out"):
        stack.up()


def test_a_stack_that_takes_real_data_only_has_the_record_and_no_word_changes_that(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, real = Stack(tmp_path, allow_generated=False), real_source(folder, NAMES)
    write_record(stack.record, real)
    found = stack.up()
    assert (found.kind, found.digest, found.folder) == ("real", real.digest, None)
    monkeypatch.setenv("MLOPS_DATA", "generated")
    with pytest.raises(DataSourceError, match="takes real data only"):
        stack.up()


def test_a_newer_record_wins_over_the_version_of_the_last_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = seen(tmp_path, folder, monkeypatch)
    stack.inputs["allowGenerated"] = False
    moved = folder.rename(tmp_path / "moved")
    moved.joinpath("a.csv").write_text("id\nnew\n")
    write_record(stack.record, real_source(moved, NAMES))
    found = stack.up()
    assert (found.digest, found.directory) == (real_source(moved, NAMES).digest, str(folder))


def test_a_folder_in_the_checkout_is_remembered_without_its_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stack = seen(tmp_path, folder, monkeypatch)
    assert stack.state["directory"] == "data"
    elsewhere = tmp_path / "moved"
    elsewhere.mkdir()
    folder.rename(elsewhere / "data")
    monkeypatch.chdir(elsewhere)
    assert stack.up().folder == Path("data")


def test_an_empty_state_remembers_nothing() -> None:
    assert Remembered.of({}) is None


def test_a_system_whose_data_is_usually_generated_does_without_a_folder_that_has_nothing_for_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(tmp_path)
    others = tmp_path / "others"
    others.mkdir()
    others.joinpath("z.csv").write_text("id\n")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(others))
    with pytest.raises(DataSourceError, match=r"has no a\.csv and no b\.csv"):
        stack.up()
    stack.inputs["generator"] = {**GENERATOR, "usual": True}
    assert stack.up().kind == "generated"
    others.joinpath("a.csv").write_text("id\n")
    with pytest.raises(DataSourceError, match=r"has no b\.csv"):  # some of its files: a mistake
        stack.up()
    monkeypatch.setenv("MLOPS_DATA_DIR", str(folder))
    assert stack.up().kind == "real"
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    with pytest.raises(DataSourceError):  # it has seen real data
        stack.up()

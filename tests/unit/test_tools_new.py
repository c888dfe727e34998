"""`make new`: what it reads out of a table and what it writes; tests/local/test_two_systems.py brings one up."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ml.data import check
from ml.data import contract as data_contract
from ml.jobkit import features, one_table
from tests import churn
from tools.new import columns, texts, write
from tools.progress import SetupError
from tools.stacks import Stack

HEAD = "encryptionsalt: x\nconfig:\n  mlops:cloud: emulator\n"
TAIL = "  mlops:gate:\n    waitMinutes: 20 # a comment\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return churn.write(tmp_path / "data" / "churn.csv")


def table(path: Path, **given: Sequence[object]) -> Path:
    """A table of 60 rows: an id, and the given columns, repeated."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Id", *given])
        writer.writerows([number, *(one[number % len(one)] for one in given.values())] for number in range(60))
    return path


def written(new: texts.New, root: Path) -> Path:
    root.joinpath("ml/systems").mkdir(parents=True)
    return write.write(new, root)[0].parent


def test_columns_are_key_label_features_and_those_that_can_be_none(data: Path) -> None:
    found = columns.read(data)
    assert (found.key.name, found.label.name, found.positive, found.rows) == ("CustomerID", "Churn", "Yes", 600)
    assert {one.name: one.kind for one in found.features} == {
        "Plan": "text",
        "Monthly Charges": "number",
        "Tenure": "integer",
        "Calls": "integer",
    }
    assert found.left_out == {"Note": "600 different texts", "Region": "the same in every row"}


def test_what_is_written_is_six_small_files_that_fit_the_data(data: Path, tmp_path: Path) -> None:
    home = written(write.plan("churn", "binary", data), tmp_path)
    files = sorted(home.iterdir())
    assert [file.name for file in files] == sorted(texts.FILES)
    assert (len(files) <= 6, sum(len(file.read_text().splitlines()) for file in files) <= 150) == (True, True)
    specification, described = features.load(home / "features.yaml"), data_contract.load(home)
    assert check.problems(described, data.parent) == []
    prepared = one_table.of(data.name)(specification, data.parent)
    assert (len(prepared.features), set(prepared.labels)) == (600, {0, 1})
    (row,) = json.loads((home / "request.json").read_text())["data"]
    assert list(row) == specification.names
    assert all(one.range[0] <= row[one.name] <= one.range[1] for one in specification.features if one.range)
    compile((home / "system.py").read_text(), "system.py", "exec")


@pytest.mark.parametrize(
    ("kind", "label", "stated"),
    [
        ("binary", ["0", "1", "0"], {"positive": "1"}),
        ("binary", ["stay", "stay", "go"], {"positive": "go"}),
        ("multiclass", ["red", "blue", "green"], {"classes": ["blue", "green", "red"]}),
        ("regression", ["1.5", "-20", "371"], {"range": [-20, 400]}),
    ],
)
def test_a_label_is_stated_as_its_kind_needs_it(
    kind: str, label: list[str], stated: dict[str, object], tmp_path: Path
) -> None:
    path = table(tmp_path / "data.csv", Size=[1, 2, 3, 4], Outcome=label)
    new = write.plan("some-thing", kind, path)
    assert new.label.items() >= stated.items()
    home = written(new, tmp_path)
    specification = features.load(home / "features.yaml")
    assert (specification.system, specification.label.column) == ("some_thing", "Outcome")
    assert len(one_table.of(path.name)(specification, tmp_path).labels) == 60
    assert check.problems(data_contract.load(home), tmp_path) == []


def test_ranges_say_what_can_be_and_not_what_the_file_holds() -> None:
    def found(*values: str) -> list[float]:
        return columns.Column("x", values).range

    assert (found("0", "1"), found("18", "92"), found("0.2", "0.7")) == ([0, 1], [0, 100], [0, 1])
    assert (found("-3", "5200"), found("-12", "-2")) == ([-3, 6000], [-20, 0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "forecast"}, "KIND=forecast: write one of binary, multiclass, regression"),
        ({"system": "Churn!"}, "SYSTEM=Churn!: write 2 to 31 small letters"),
        ({"system": "bike-buyer"}, "SYSTEM=bike-buyer: ml/systems/bike_buyer is there already"),
        ({"label": "Left"}, "LABEL=Left: churn.csv has no such column; it has CustomerID, Plan"),
        ({"key": "Plan"}, "churn.csv: KEY=Plan does not identify a row; add one"),
        ({"label": "Plan"}, "the label Plan has 3 values, yes or no has 2"),
        ({"kind": "multiclass"}, "the label Churn has 2 values, classes are 3 to 50"),
        ({"kind": "regression"}, "the label Churn is no number"),
        ({"data": Path("gone.csv")}, "DATA=gone.csv: there is no such file"),
    ],
)
def test_what_cannot_become_a_system_is_one_sentence(given: dict[str, object], said: str, data: Path) -> None:
    words: dict[str, object] = {"system": "churn", "kind": "binary", "data": data, **given}
    with pytest.raises(SetupError) as refused:
        write.plan(**words)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_a_table_that_is_too_small_ragged_or_without_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for text, said in (
        ("a,b,c\n1,2,3\n", "has 3 columns and 1 rows; a system needs"),
        ("a,a,c\n" + "1,2,3\n" * 60, "columns need names of their own; look at 'a'"),
        ("a,b,c\n" + "1,2,3\n" * 60 + "1,2\n", "row 62 has another number of values"),
        ("a,b,c\n" + "1,2,3\n" * 60, "no column identifies a row; add one"),
    ):
        path.write_text(text)
        with pytest.raises(SetupError) as refused:
            columns.read(path)
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("  mlops:systems:\n    - bike_buyer # first\n    - attrition\n", {"bike_buyer": {}, "attrition": {}}),
        ("  mlops:systems:\n  - bike_buyer\n", {"bike_buyer": {}}),
        ("  mlops:systems: [bike_buyer]\n", {"bike_buyer": {}}),
        ("  mlops:systems: []\n", {}),
        (
            "  mlops:systems:\n    bike_buyer: {}\n    other:\n      serving: {instances: 2}\n",
            {"bike_buyer": {}, "other": {"serving": {"instances": 2}}},
        ),
    ],
)
def test_the_stack_gets_the_system_and_keeps_what_it_has(
    before: str, kept: dict[str, object], data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(HEAD + before + TAIL)
    write.take_in(write.plan("churn", "binary", data), Stack("local", "emulator", file))
    text = file.read_text()
    config = yaml.safe_load(text)["config"]
    assert config["mlops:systems"] == {**kept, "churn": {"data": {"directory": str(data.parent)}}}
    assert (text.startswith(HEAD), text.endswith(TAIL)) == (True, True)


def test_a_stack_file_without_systems_is_left_to_a_person(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(HEAD + TAIL)
    with pytest.raises(SetupError, match="has no mlops:systems; add churn to it"):
        write.take_in(write.plan("churn", "binary", data), Stack("local", "emulator", file))
    assert file.read_text() == HEAD + TAIL

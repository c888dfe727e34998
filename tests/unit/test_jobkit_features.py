from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml.jobkit import features
from ml.jobkit.errors import JobError

GOOD: dict[str, Any] = {
    "system": "toy",
    "description": "a toy",
    "key": "id",
    "as_of": "date",
    "label": {"name": "y", "description": "yes"},
    "holdout": {"salt": "s", "share": 0.2},
    "features": [
        {"name": "Colour", "description": "c", "type": "category", "categories": ["red", "blue"], "unknown": "zeros"},
        {"name": "Age", "description": "a", "type": "integer", "unit": "years", "range": [0, 9], "unknown": "reject"},
    ],
}


def written(folder: Path, document: object) -> Path:
    path = folder / "features.yaml"
    path.write_text(yaml.safe_dump(document).replace("as_of: date", "as_of: 2018-10-26"))
    return path


def with_feature(**changes: object) -> dict[str, Any]:
    """GOOD with its first feature changed; None takes a key out."""
    changed = {key: value for key, value in (GOOD["features"][0] | changes).items() if value is not None}
    return GOOD | {"features": [changed, GOOD["features"][1]]}


def test_all_is_read(tmp_path: Path) -> None:
    found = features.load(written(tmp_path, GOOD))
    assert found.names == ["Colour", "Age"]
    assert found.encoded_columns == [("Colour", "red"), ("Colour", "blue"), ("Age", None)]
    assert found.feature("Age").range == (0.0, 9.0)
    assert (found.day.isoformat(), found.feature("Age").column) == ("2018-10-26", "Age")


def test_comments_do_not_change_the_digest_and_values_do(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    before = features.load(path).digest
    path.write_text("# a comment\n" + path.read_text())
    assert features.load(path).digest == before
    assert features.load(written(tmp_path, GOOD | {"description": "another"})).digest != before


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (GOOD | {"colour": 1}, r"features\.yaml: unknown key 'colour'; take it out"),
        ({key: value for key, value in GOOD.items() if key != "key"}, r"key is missing; add it"),
        (GOOD | {"holdout": {"salt": "s", "share": 2}}, r"holdout: share is 2\.0; write a number between 0 and 1"),
        (GOOD | {"holdout": {"salt": "s", "share": True}}, r"share is True; write a number"),
        (GOOD | {"as_of": "soon"}, r"as_of is 'soon'; write a date"),
        (
            with_feature(type="colour"),
            r"features\[0\]: type is 'colour'; write one of category, datetime, integer, number, ordinal, series",
        ),
        (with_feature(categories=None), r"categories is \[\]; a category needs them"),
        (with_feature(categories=["red", 1]), r"categories is \['red', 1\]; write a list of texts"),
        (with_feature(categories=["red", "red"]), r"each may appear once"),
        (with_feature(range=[0, 1]), r"range is .*a category must not have it"),
        (with_feature(name="Age"), r"the name 'Age' appears 2 times"),
        (GOOD | {"features": [GOOD["features"][1] | {"unknown": "zeros"}]}, r"unknown is 'zeros'; only a category"),
        (GOOD | {"features": [GOOD["features"][1] | {"range": [3, "x"]}]}, r"range is \[3, 'x'\]; write \[lowest"),
        ([], r"features\.yaml is \[\]; it must be a mapping"),
    ],
)
def test_a_mistake_is_named_with_key_value_and_fix(tmp_path: Path, document: object, message: str) -> None:
    with pytest.raises(JobError, match=message):
        features.load(written(tmp_path, document))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"none\.yaml does not exist"):
        features.load(tmp_path / "none.yaml")


def test_the_program_can_import_it_quickly() -> None:
    """`system.py` reads features too: no table or model library may come along."""
    code = "import sys, ml.jobkit.features, ml.jobkit.splits; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"pandas", "sklearn", "lightgbm", "pydantic", "mlflow"}.isdisjoint(loaded)

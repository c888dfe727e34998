from __future__ import annotations

from pathlib import Path

import pytest

from ml.data import source as data_source
from ml.data.source import (
    DataSourceError,
    Generator,
    Source,
    generated_source,
    generator_code,
    read_record,
    real_source,
    write_record,
)

NAMES = ("a.csv", "b.csv")
GENERATOR = Generator("tests.unit.toy_generator", rows=3, seed=1)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(data_source.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    path.joinpath("a.csv").write_text('\ufeffid,text\n1,"two\nlines"\n2,x\n', encoding="utf-8")
    path.joinpath("b.csv").write_text("id\n1\n")
    return path


def test_rows_and_columns_are_those_of_a_csv_reader(folder: Path) -> None:
    found = real_source(folder, NAMES)
    assert (found.kind, found.rows) == ("real", {"a.csv": 2, "b.csv": 1})
    assert found.files["a.csv"].columns == ("id", "text")


def test_one_changed_byte_is_another_digest_and_a_moved_folder_is_not(folder: Path, tmp_path: Path) -> None:
    before = real_source(folder, NAMES).digest
    moved = folder.rename(tmp_path / "moved")
    assert real_source(moved, NAMES).digest == before
    moved.joinpath("b.csv").write_text("id\n2\n")
    assert real_source(moved, NAMES).digest != before


def test_missing_files_and_an_empty_folder_are_named_with_the_fix(folder: Path, tmp_path: Path) -> None:
    folder.joinpath("b.csv").unlink()
    with pytest.raises(DataSourceError, match=r"data has no b\.csv: .*MLOPS_DATA_DIR"):
        real_source(folder, NAMES)
    tmp_path.joinpath("empty").mkdir()
    with pytest.raises(DataSourceError, match=r"empty is empty: .*MLOPS_DATA_DIR"):
        real_source(tmp_path / "empty", NAMES)


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    folder.joinpath("b.csv").write_bytes(b"id\n\xff\n")
    with pytest.raises(DataSourceError, match=r"b\.csv is no CSV file in UTF-8"):
        real_source(folder, NAMES)


def test_generated_data_is_made_once_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = generated_source(GENERATOR, NAMES)
    assert (first.kind, first.rows) == ("generated", {"a.csv": 3, "b.csv": 3})
    monkeypatch.setattr(data_source, "generate", None)
    assert generated_source(GENERATOR, NAMES).digest == first.digest


def test_a_failing_generator_shows_its_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataSourceError, match="rows must be positive"):
        generated_source(Generator("tests.unit.toy_generator", rows=-1, seed=1), NAMES)
    assert not [path for path in (tmp_path / "cache/azure-mlops/generated").iterdir() if path.is_dir()]


def test_an_unreadable_record_says_how_to_make_it_again(tmp_path: Path) -> None:
    record = tmp_path / "data.lock"
    record.write_text("files: 3\n")
    with pytest.raises(DataSourceError, match="make lock-data"):
        read_record(record)


def test_a_generators_mark_makes_data_generated_and_travels_with_it(folder: Path, tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain", tmp_path / "marked"
    plain.mkdir()
    marked.mkdir()
    real = real_source(folder, NAMES)
    real.copy_to(plain)
    folder.joinpath("generated.json").write_text("{}")
    generated = real_source(folder, NAMES)
    generated.copy_to(marked)
    assert (real.kind, generated.kind) == ("real", "generated")
    assert sorted(path.name for path in plain.iterdir()) == ["a.csv", "b.csv"]
    assert sorted(path.name for path in marked.iterdir()) == ["a.csv", "b.csv", "generated.json"]


def test_a_record_alone_cannot_be_copied(folder: Path, tmp_path: Path) -> None:
    record = tmp_path / "data.lock"
    write_record(record, real_source(folder, NAMES))
    recorded = Source("real", read_record(record), None)
    assert recorded.digest == real_source(folder, NAMES).digest
    with pytest.raises(DataSourceError, match="MLOPS_DATA_DIR"):
        recorded.copy_to(tmp_path)


def test_generated_data_follows_from_the_features_and_from_what_the_generator_imports(tmp_path: Path) -> None:
    folder = tmp_path / "ml" / "systems" / "shop"
    folder.mkdir(parents=True)
    folder.joinpath("generator.py").write_text("from ml.systems.shop import names\n")
    folder.joinpath("names.py").write_text("NAMES = 1\n")
    folder.joinpath("features.yaml").write_text("a: 1\n")
    seen = [generator_code(tmp_path, "ml.systems.shop.generator")]
    for name, text in (("features.yaml", "a: 2\n"), ("names.py", "NAMES = 2\n"), ("names.py", "NAMES = 2  # two\n")):
        folder.joinpath(name).write_text(text)
        seen.append(generator_code(tmp_path, "ml.systems.shop.generator"))
    assert seen[0] != seen[1] != seen[2] == seen[3]

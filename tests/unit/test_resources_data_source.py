from __future__ import annotations

from pathlib import Path

import pytest

from ml.resources import data_source
from ml.resources.data_source import (
    DataSourceError,
    Generator,
    Source,
    find_source,
    generator_code,
    read_record,
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


def find(directory: Path | None, record: Path, *, allow_generated: bool = False) -> Source:
    return find_source(NAMES, str(directory) if directory else None, record, GENERATOR, allow_generated=allow_generated)


def test_rows_and_columns_are_those_of_a_csv_reader(folder: Path) -> None:
    found = find(folder, folder / "none")
    assert (found.kind, found.rows) == ("real", {"a.csv": 2, "b.csv": 1})
    assert found.files["a.csv"].columns == ("id", "text")


def test_one_changed_byte_is_another_digest_and_a_moved_folder_is_not(folder: Path, tmp_path: Path) -> None:
    before = find(folder, folder / "none").digest
    moved = folder.rename(tmp_path / "moved")
    assert find(moved, folder).digest == before
    moved.joinpath("b.csv").write_text("id\n2\n")
    assert find(moved, folder).digest != before


def test_the_variable_overrides_the_configuration(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(data_source.VARIABLE, str(folder))
    assert find(tmp_path / "elsewhere", folder).folder == folder


def test_a_missing_file_is_named_with_the_fix(folder: Path) -> None:
    folder.joinpath("b.csv").unlink()
    with pytest.raises(DataSourceError, match=r"b\.csv is not in .*MLOPS_DATA_DIR"):
        find(folder, folder / "none")


def test_the_record_serves_where_the_data_does_not_lie(folder: Path, tmp_path: Path) -> None:
    real, record = find(folder, folder / "none"), tmp_path / "data.lock"
    write_record(record, real)
    recorded = find(None, record)
    assert (recorded.digest, recorded.rows, recorded.folder, recorded.kind) == (real.digest, real.rows, None, "real")


def test_generated_data_is_made_once_and_always_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find(None, tmp_path / "none", allow_generated=True)
    assert (first.kind, first.rows) == ("generated", {"a.csv": 3, "b.csv": 3})
    monkeypatch.setattr(data_source, "generate", None)
    assert find(None, tmp_path / "none", allow_generated=True).digest == first.digest


def test_a_failing_generator_shows_its_error_and_leaves_nothing(tmp_path: Path) -> None:
    generator = Generator("tests.unit.toy_generator", rows=-1, seed=1)
    with pytest.raises(DataSourceError, match="rows must be positive"):
        find_source(NAMES, None, tmp_path / "none", generator, allow_generated=True)
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
    real = find(folder, folder / "none")
    real.copy_to(plain)
    folder.joinpath("generated.json").write_text("{}")
    generated = find(folder, folder / "none")
    generated.copy_to(marked)
    assert (real.kind, generated.kind) == ("real", "generated")
    assert sorted(path.name for path in plain.iterdir()) == ["a.csv", "b.csv"]
    assert sorted(path.name for path in marked.iterdir()) == ["a.csv", "b.csv", "generated.json"]


def test_a_record_alone_cannot_be_copied(folder: Path, tmp_path: Path) -> None:
    record = tmp_path / "data.lock"
    write_record(record, find(folder, folder / "none"))
    with pytest.raises(DataSourceError, match="MLOPS_DATA_DIR"):
        find(None, record).copy_to(tmp_path)


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

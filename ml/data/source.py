"""Where the content of a data version comes from: real files, a seeded generator, or the record of files that lie
elsewhere.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ml.identity.code import closure, module_file
from ml.identity.code import digest as meaning
from ml.identity.digest import digest

VARIABLE = "MLOPS_DATA_DIR"
CHUNK = 1 << 20
# Generators leave this file beside their data, so that whoever reads the folder knows (ml/jobkit/provenance.py does).
MARK = "generated.json"


class DataSourceError(Exception):
    """The data cannot be had; the message says what to do."""


@dataclass(frozen=True)
class FileRecord:
    """One file: sha256 of its bytes, data rows (without the header) and column names."""

    sha256: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The content of a data version. `kind` is `real` or `generated`; `folder` is None when only the record is at
    hand.
    """

    kind: str
    files: Mapping[str, FileRecord]
    folder: Path | None

    @property
    def digest(self) -> str:
        """Identifies the content: the names and digests of all files."""
        return digest({name: record.sha256 for name, record in self.files.items()})

    def copy_to(self, target: Path) -> None:
        """Copies the files, and the generator's mark, into an empty folder.

        Raises:
            DataSourceError: only the record is at hand.
        """
        if self.folder is None:
            raise DataSourceError(f"the data is not on this machine: set {VARIABLE} to the folder that holds it")
        for name in self.files:
            shutil.copyfile(self.folder / name, target / name)
        if (self.folder / MARK).exists():
            shutil.copyfile(self.folder / MARK, target / MARK)

    @property
    def rows(self) -> dict[str, int]:
        """Data rows by file."""
        return {name: record.rows for name, record in self.files.items()}


@dataclass(frozen=True)
class Generator:
    """A seeded generator: `python -m <module> --rows <rows> --seed <seed> --output <folder>` writes the same bytes
    every time.
    """

    module: str
    rows: int
    seed: int

    @classmethod
    def from_inputs(cls, value: Mapping[str, Any]) -> Generator:
        """The generator a resource's inputs name."""
        return cls(str(value["module"]), int(value["rows"]), int(value["seed"]))


def real_source(folder: Path, names: Sequence[str]) -> Source:
    """Files read in place: real ones, unless a generator's mark lies beside them."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        state = "is empty" if folder.is_dir() and not any(folder.iterdir()) else f"has no {' and no '.join(missing)}"
        raise DataSourceError(f"{folder} {state}: name the folder of the real files with {VARIABLE}")
    kind = "generated" if (folder / MARK).exists() else "real"
    return Source(kind, {name: read_file(folder / name) for name in names}, folder)


def generated_source(generator: Generator, names: Sequence[str]) -> Source:
    """Generated files, made once and kept in the cache by the digest of the generator's code and arguments.

    Raises:
        DataSourceError: there is no generator, or it failed.
    """
    if not Path(f"{generator.module.replace('.', '/')}.py").is_file():
        system = generator.module.split(".")[-2]
        raise DataSourceError(f"{system} has no generator: name the folder with {' and '.join(names)} by {VARIABLE}")
    key = digest(generator.module, generator.rows, generator.seed, generator_code(Path(), generator.module))
    folder = cache_folder() / "generated" / f"{generator.module.split('.')[-2]}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            generate(generator, folder)
    return Source("generated", {name: read_file(folder / name) for name in names}, folder)


def generator_code(root: Path, module: str) -> dict[str, str]:
    """What a generator's output follows from: its code, what it imports of this project, and the features it reads."""
    features = module_file(root, module).with_name("features.yaml")
    files = [*closure(root, module), *([features] if features.exists() else [])]
    return {path.relative_to(root).as_posix(): meaning(path) for path in files}


def generate(generator: Generator, folder: Path) -> None:
    """Runs a generator and moves its output into place whole."""
    temporary = Path(tempfile.mkdtemp(dir=folder.parent))
    arguments = ["--rows", str(generator.rows), "--seed", str(generator.seed), "--output", str(temporary)]
    result = subprocess.run(
        [sys.executable, "-m", generator.module, *arguments], capture_output=True, text=True, check=False
    )
    if result.returncode:
        shutil.rmtree(temporary)
        raise DataSourceError(f"the generator {generator.module} failed:\n{result.stderr[-1000:]}")
    temporary.rename(folder)


def read_file(path: Path) -> FileRecord:
    """Digest, rows and columns of a CSV file.

    Raises:
        DataSourceError: it is none, or not in UTF-8.
    """
    content = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            content.update(chunk)
    try:
        with path.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.reader(text)
            columns = tuple(next(reader, ()))
            rows = sum(1 for _ in reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataSourceError(f"{path} is no CSV file in UTF-8 ({error}): save it as one") from None
    return FileRecord(content.hexdigest(), rows, columns)


def read_record(path: Path) -> dict[str, FileRecord]:
    """The files that `data.lock` records.

    Raises:
        DataSourceError: the file is unreadable.
    """
    try:
        files = yaml.safe_load(path.read_text())["files"]
        return {name: FileRecord(one["sha256"], int(one["rows"]), tuple(one["columns"])) for name, one in files.items()}
    except (yaml.YAMLError, LookupError, AttributeError, TypeError, ValueError) as error:
        raise DataSourceError(
            f"{path} is unreadable ({error}): run `make lock-data` with the real data at hand"
        ) from None


def write_record(path: Path, source: Source) -> None:
    """Writes `data.lock`."""
    files = {
        name: {"sha256": record.sha256, "rows": record.rows, "columns": list(record.columns)}
        for name, record in source.files.items()
    }
    head = (
        "# The real data this system was last built on: a preview without the data is exact with it.\n"
        "# Made by `make lock-data`.\n"
    )
    path.write_text(head + yaml.safe_dump({"source": source.kind, "files": files}, sort_keys=True))


def cache_folder() -> Path:
    """The project's cache outside the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "azure-mlops"

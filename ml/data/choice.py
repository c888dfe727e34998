"""Which data a version takes: what a person names, else what the stack took last. Real data gives way to generated data
only where somebody says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.source import VARIABLE, DataSourceError, Generator, Source, generated_source, read_record, real_source

WORD, GENERATED = "MLOPS_DATA", "generated"
"""The variable that says `generated` for one command, and that alone lets go of real data."""
SAY_SO = f"`make up DATA={GENERATED}` ({WORD}={GENERATED} for pulumi)"


@dataclass(frozen=True)
class Choice:
    """The content of a version. `directory` is what the state remembers: where the real files lay last, as it was
    given; relative ones lie below the checkout.
    """

    kind: str
    digest: str
    rows: Mapping[str, int]
    columns: Mapping[str, list[str]]
    directory: str | None
    folder: Path | None
    """Where the files are; None when they are not on this machine."""
    said: str = ""
    """What a person should know who did not name the data; empty when they did."""

    @classmethod
    def of(cls, source: Source, directory: str | None, said: str = "") -> Choice:
        """A source as a choice."""
        columns = {name: list(record.columns) for name, record in source.files.items()}
        return cls(source.kind, source.digest, source.rows, columns, directory, source.folder, said)


@dataclass(frozen=True)
class Remembered:
    """The data that a stack's state knows of one asset. `directory` is None where a generator made it."""

    kind: str
    asset: str
    digest: str
    directory: str | None
    files: tuple[str, ...]
    rows: Mapping[str, int]
    columns: Mapping[str, list[str]]

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Remembered | None:
        """What the inputs of a `DataVersion` in the state say; None when there are none."""
        if not inputs.get("digest"):
            return None
        names = ("directory", "files", "rows", "columns")
        directory, files, rows, columns = (inputs.get(name) for name in names)
        kind, asset, digest = (str(inputs[name]) for name in ("source", "asset", "digest"))
        return cls(kind, asset, digest, directory, tuple(files or ()), rows or {}, columns or {})

    @property
    def real(self) -> bool:
        """Whether losing it would matter."""
        return self.kind == "real"

    @property
    def folder(self) -> Path | None:
        """Where its files lie still; None on another machine, or when they are gone."""
        if not self.directory:
            return None
        folder = Path(self.directory)
        return folder if all((folder / name).is_file() for name in self.files) else None

    def __str__(self) -> str:
        place = f", last from {self.directory}" if self.directory else ""
        return f"{self.asset} has real data (version {self.digest}{place})"


def generated_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this command says that generated data may take the place of real data.

    Raises:
        DataSourceError: it says something else.
    """
    word = environment.get(WORD, "")
    if word not in ("", GENERATED):
        raise DataSourceError(f"{WORD}={word}: write {GENERATED}, or leave it out and name a folder with {VARIABLE}")
    return bool(word)


def choose(inputs: Mapping[str, Any], old: Mapping[str, Any]) -> Choice:
    """The data that serves.

    In this order: generated data where this command says so; the folder that is named, except where a system usually
    learns from generated data and the folder has none of its files; the folder that the stack used last; the
    record, where generated data may not serve; the version that the stack has; generated data.

    Args:
        inputs: `files`, `directory` (of the configuration; `MLOPS_DATA_DIR` overrides it), `record` (`data.lock`),
            `generator`, `allowGenerated`.
        old: the inputs in the stack's state; empty when it has none.

    Raises:
        DataSourceError: a file is missing, or generated data would take the place of real data.
    """
    before, names, record = Remembered.of(old), inputs["files"], Path(inputs["record"])
    strict = not inputs["allowGenerated"] and record.exists()
    given = os.environ.get(VARIABLE)
    if generated_wanted():
        return _generated(inputs, before, given, strict=strict)
    folder = named_folder(given, inputs.get("directory"), names)
    if folder and not _does_without(inputs, before, Path(folder)):
        return _named(folder, inputs, before)
    if before is not None and before.folder is not None:
        return _named(str(before.directory), inputs, before, f"the files in {before.folder}, as before")
    directory = before.directory if before is not None and before.real else None
    if strict:
        return Choice.of(Source("real", read_record(record), None), directory)
    if before is not None and before.real:
        said = f"version {before.digest}, as before; its files are not here ({directory})"
        return Choice("real", before.digest, before.rows, before.columns, directory, None, said)
    return Choice.of(generated_source(Generator.from_inputs(inputs["generator"]), names), None)


def located(inputs: Mapping[str, Any]) -> Source | None:
    """The files of a choice that was written into a resource's inputs; None when they are not on this machine."""
    names, directory = inputs["files"], inputs.get("directory")
    if inputs["source"] == GENERATED and not directory:
        return generated_source(Generator.from_inputs(inputs["generator"]), names)
    if not directory or not all(Path(directory, name).is_file() for name in names):
        return None
    return real_source(Path(directory), names)


def _generated(inputs: Mapping[str, Any], before: Remembered | None, given: str | None, *, strict: bool) -> Choice:
    if strict or (before is not None and before.real and not inputs["allowGenerated"]):
        raise DataSourceError(
            f"{WORD}={GENERATED}, but this stack takes real data only: name its folder with {VARIABLE}, or set "
            "`mlops:allowGeneratedData: true` in the stack's configuration"
        )
    if not given:
        return Choice.of(generated_source(Generator.from_inputs(inputs["generator"]), inputs["files"]), None)
    found = real_source(Path(given), inputs["files"])
    if found.kind != GENERATED:
        raise DataSourceError(
            f"{WORD}={GENERATED}, but the files in {VARIABLE}={given} are real: leave out one of them"
        )
    return Choice.of(found, portable(given))


def named_folder(given: str | None, configured: str | None, names: Sequence[str]) -> str | None:
    """The folder that is named: the variable's, unless it has nothing for the system and the configured one has all."""
    if given and configured and not any(Path(given, name).is_file() for name in names):
        return configured if all(Path(configured, name).is_file() for name in names) else given
    return given or configured


def _does_without(inputs: Mapping[str, Any], before: Remembered | None, folder: Path) -> bool:
    """Whether a folder that is named for other systems has nothing for one whose data is usually generated."""
    if not inputs["generator"].get("usual") or (before is not None and before.real):
        return False
    return not any((folder / name).is_file() for name in inputs["files"])


def _named(given: str, inputs: Mapping[str, Any], before: Remembered | None, said: str = "") -> Choice:
    found = real_source(Path(given), inputs["files"])
    if found.kind == GENERATED and before is not None and before.real:
        raise DataSourceError(
            f"{before}, and {given} holds generated data: name the folder of the real files with {VARIABLE}, or give "
            f"the real data up on purpose with {SAY_SO}"
        )
    return Choice.of(found, portable(given), said)


def portable(given: str) -> str:
    """A folder as the state keeps it: below the checkout by its relative path, so that the checkout may be moved."""
    path = Path(given)
    if path.is_absolute() and path.resolve().is_relative_to(Path.cwd()):
        return str(path.resolve().relative_to(Path.cwd()))
    return given

"""What a system says of its raw files, in its `data.yaml`: checked before anything is uploaded; in no job's identity.

A column that `features.yaml` reads is described there alone; `data.yaml` says which file holds it, and what else the
job reads.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ml.jobkit import features
from ml.jobkit.document import Section
from ml.jobkit.errors import JobError
from ml.jobkit.features import Feature, Specification

FILE = "data.yaml"
"""Its name in a system's folder, beside `features.yaml`."""
TYPES = ("text", "category", "integer", "number")
"""Of a column that `data.yaml` describes; a feature's kind may have others."""


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    name: str
    type: str
    categories: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    """Lowest and highest value allowed, both included; of a birth date: completed years at `as_of`."""
    feature: str = ""
    """The feature of `features.yaml` that is read from it; empty for a column that `data.yaml` describes."""
    as_of: datetime.date | None = None
    """The day at which the years of a birth date are counted."""
    constant: bool = False
    """It holds its one category in every row, so that it tells no rows apart; no feature may be read from it."""
    optional: bool = False
    """An empty text says that the value is not known."""


@dataclass(frozen=True)
class RawFile:
    """One CSV file with a header; columns that are not listed may be anything."""

    name: str
    columns: tuple[Column, ...]
    key: str = ""
    """The column that identifies a row: two rows with the same key must agree in all listed columns."""


@dataclass(frozen=True)
class Label:
    """A key of the first file is positive when a row of `file` with this key has a number above zero in `column`."""

    file: str
    column: str


@dataclass(frozen=True)
class DataContract:
    """A whole `data.yaml`, with what `features.yaml` says of its columns."""

    files: tuple[RawFile, ...]
    label: Label | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.files)


def load(folder: Path) -> DataContract:
    """The contract of the system in a folder.

    Raises:
        JobError: a key of `data.yaml` or `features.yaml` is missing, unknown or has a bad value.
    """
    specification = features.load(folder / features.FILE)
    path = folder / FILE
    try:
        top = Section(FILE, yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise JobError(f"{path} does not exist; it says what the system's raw files hold") from None
    except yaml.YAMLError as error:
        raise JobError(f"{path} is not YAML: {error}") from None
    files = tuple(_file(section, specification) for section in top.sections("files"))
    label = _label(top.section("label"), files) if top.has("label") else None
    top.finish()
    return DataContract(files, label)


def _file(section: Section, specification: Specification) -> RawFile:
    name, described = section.text("name"), []
    if section.has("features"):
        section.choice("features", ("all",))
        described += [_of_feature(feature, specification) for feature in specification.features]
    if section.has("columns"):
        written = [_column(one) for one in section.sections("columns")]
        _check_constants(section.where, written, specification)
        described += written
    key = section.text("key", default="")
    section.finish()
    if key and key not in [column.name for column in described]:
        described.insert(0, Column(key, "text"))
    return RawFile(name, tuple(described), key)


def _of_feature(feature: Feature, specification: Specification) -> Column:
    return Column(
        feature.column,
        feature.raw,
        feature.categories,
        feature.range,
        feature.name,
        specification.as_of,
        optional=feature.optional,
    )


def _check_constants(where: str, described: Sequence[Column], specification: Specification) -> None:
    constants = {column.name: column.categories[0] for column in described if column.constant}
    for feature in specification.features:
        if feature.column in constants:
            raise JobError(
                f"{where}: {feature.column} is the constant {constants[feature.column]}, which tells no rows apart; "
                f"take the feature {feature.name} out of {features.FILE}"
            )


def _column(section: Section) -> Column:
    if section.has("constant"):
        column = Column(section.text("name"), "category", (section.text("constant"),), constant=True)
        section.finish()
        return column
    column = Column(
        name=section.text("name"),
        type=section.choice("type", TYPES) if section.has("type") else "text",
        categories=section.texts("categories") if section.has("categories") else (),
        range=section.bounds("range") if section.has("range") else None,
    )
    if (column.type == "category") != bool(column.categories):
        section.fail("categories", list(column.categories), "a category needs them, any other type must not have them")
    if column.range is not None and column.type not in ("integer", "number"):
        section.fail("range", list(column.range), "only a number has one")
    section.finish()
    return column


def _label(section: Section, files: Sequence[RawFile]) -> Label:
    label, key = Label(section.text("file"), section.text("above_zero")), files[0].key
    section.finish()
    described = {file.name: {column.name: column.type for column in file.columns} for file in files}
    if label.file not in described:
        section.fail("file", label.file, f"write one of {', '.join(described)}")
    if described[label.file].get(label.column) not in ("integer", "number"):
        section.fail("above_zero", label.column, f"write a column of {label.file} that is listed as a number")
    if not key or key not in described[label.file]:
        section.fail("file", label.file, f"give {files[0].name} a key, and list a column of that name in {label.file}")
    return label

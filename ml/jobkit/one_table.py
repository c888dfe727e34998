"""Preparation of a system whose data is one table with the label in a column of its own: `prepare.py` is then

from ml.jobkit.one_table import prepare as prepare
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from ml.jobkit import frame, table
from ml.jobkit.encodings.number import numbers
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from ml.jobkit.features import Label, Specification


@dataclass(frozen=True)
class Quality:
    """What was found while reading; numbers of rows."""

    rows: int
    duplicates: int
    """Rows that repeat another one word for word, with its key; left out."""

    def lines(self) -> list[str]:
        doubt = [f"warning: duplicate rows: {self.duplicates:,}"] if self.duplicates else []
        return [f"{self.rows:,} rows", *doubt]


class Prepare(Protocol):
    """What `prepare.py` of a system has as `prepare`; `strict` as in `frame.build`."""

    def __call__(self, specification: Specification, folder: Path, *, strict: bool = True) -> Prepared: ...


def of(name: str) -> Prepare:
    """The preparation of a system whose file has this name."""

    def prepare(specification: Specification, folder: Path, *, strict: bool = True) -> Prepared:
        return read(specification, folder / name, strict=strict)

    return prepare


def read(specification: Specification, path: Path, *, strict: bool = True) -> Prepared:
    """One CSV file by the specification; `strict` as in `frame.build`.

    Raises:
        JobError: a column is missing, a value cannot be used, or two rows with the same key differ.
    """
    key, label = specification.key, specification.label
    column = label.column or label.name
    columns = dict.fromkeys([key, *(feature.column for feature in specification.features), column])
    written = table.read_csv(path, list(columns))
    if written.empty:
        raise JobError(f"{path.name} has no rows; give a file with at least one")
    rows = written.drop_duplicates()
    twice = rows[key][rows[key].duplicated()]
    if len(twice):
        ids = ", ".join(twice.iloc[:3])
        raise JobError(f"{path.name}: {key} {ids} ({len(twice)} in all) has rows that differ; keep the right one")
    rows = rows.set_index(key, drop=False).rename_axis(None)
    features = frame.build(specification, rows, strict=strict)
    labels = of_label(label, rows[column]).rename(label.name)
    return Prepared(features, labels, Quality(len(rows), len(written) - len(rows)))


def of_label(label: Label, column: pd.Series) -> pd.Series:
    """The labels: 1 where the text is the positive one, else the class's text or the number.

    Raises:
        JobError: a value is no class, no number, or out of its range.
    """
    if label.positive:
        return (column == label.positive).astype("int64")
    if label.classes:
        _check(column, column.isin(label.classes), f"one of the classes {', '.join(label.classes)} in features.yaml")
        return column
    found = numbers(column)
    if label.range is not None:
        _check(column, found.between(*label.range), f"within {json.dumps(label.range)} for the label {label.name}")
    return found.astype("int64") if not (found % 1).any() else found


def _check(column: pd.Series, good: pd.Series, wanted: str) -> None:
    if not good.all():
        raise JobError(f"column {column.name}: {frame.shown(column[~good])} {wanted}; correct the data")

"""Holds raw files against what a system says of them, before anything is uploaded: every mistake with its file, column,
row, value and fix.

It refuses what the job would refuse, and a little more: rows that are cut off. It reads with the standard library
alone, because it runs inside `pulumi up`, where pandas would take longer to import than this takes to read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml.data import values
from ml.data.contract import Column, DataContract, Label, RawFile

MOST_SAID = 12
"""Mistakes shown at once; the rest is counted."""
MOST_VALUES = 3

Place = tuple[Column, int, dict[str, str]]
"""A column, its position in the file, and the fault of every value met in it so far."""


def problems(contract: DataContract, folder: Path) -> list[str]:
    """Everything that is wrong with the files in a folder, one line each; empty when the job can use them."""
    readings = {file.name: Reading(file) for file in contract.files}
    for reading in readings.values():
        reading.read(folder / reading.file.name, contract.label, contract.files[0].key)
    said = [line for reading in readings.values() for line in reading.lines()]
    if not said and contract.label is not None:
        said = _label_problems(contract.files[0], contract.label, readings)
    return said if len(said) <= MOST_SAID else [*said[:MOST_SAID], f"and {len(said) - MOST_SAID} more"]


def missing_columns(file: RawFile, header: Sequence[str]) -> list[str]:
    """A line for each listed column that a file does not have."""
    missing = [name for name in dict.fromkeys(column.name for column in file.columns) if name not in header]
    has = f"; it has {', '.join(header)}"
    return [f"{file.name} lacks the column {name}{values.suggestion(name, header) or has}" for name in missing]


@dataclass
class Mistake:
    """What is wrong in one column: where it is first, and how often."""

    row: int
    value: str
    fault: str
    rows: int = 1
    others: set[str] = field(default_factory=set)
    """Other wrong values, a few of them."""

    def again(self, value: str) -> None:
        """Counts one more."""
        self.rows += 1
        if value != self.value and len(self.others) < MOST_VALUES:
            self.others.add(value)

    @property
    def count(self) -> str:
        """` (3 rows in all, also 'Bachelor')`; empty for a single one."""
        also = f", also {', '.join(map(repr, sorted(self.others)))}" if self.others else ""
        return f" ({self.rows} rows in all{also})" if self.rows > 1 else ""


@dataclass
class Reading:
    """One file, read row by row. The header is row 1, as in a spreadsheet."""

    file: RawFile
    broken: list[str] = field(default_factory=list)
    """What keeps the whole file from being used."""
    mistakes: dict[str, Mistake] = field(default_factory=dict)
    """By column; under no name what is wrong with whole rows."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The listed values of each key."""
    positive: set[str] = field(default_factory=set)
    """Keys that this file says are positive."""

    def read(self, path: Path, label: Label | None, key: str) -> None:
        """Reads a file; `key` is the column that identifies a row of the first file."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as text:
                rows = csv.reader(text)
                header = next(rows, [])
                self.broken = missing_columns(self.file, header) if header else [f"{self.file.name} is empty"]
                if self.broken:
                    return
                self._read_rows(header, rows)
                if label is not None and label.file == self.file.name:
                    text.seek(0)
                    self._read_label(header.index(key), header.index(label.column), csv.reader(text))
        except UnicodeDecodeError as error:
            self.broken = [f"{self.file.name} is not UTF-8 ({error.reason}): save it as CSV in UTF-8"]
        except csv.Error as error:
            self.broken = [f"{self.file.name} is no CSV file: {error}"]

    def _read_rows(self, header: list[str], rows: Iterator[list[str]]) -> None:
        places: list[Place] = [(column, header.index(column.name), {}) for column in self.file.columns]
        key = header.index(self.file.key) if self.file.key else None
        number = 1
        for number, row in enumerate(rows, start=2):
            if not row:
                continue
            if len(row) != len(header):
                said = f"the header has {len(header)}; look for a comma or a quote too many or too few"
                self._note("", number, f"{len(row)} fields", said)
                continue
            self._check_values(number, row, places)
            if key is not None:
                self._check_key(number, row[key], tuple(row[place] for _, place, _ in places))
        if number == 1:
            self.broken = [f"{self.file.name} has a header and no rows; give it at least one"]

    def _check_values(self, number: int, row: list[str], places: Sequence[Place]) -> None:
        for column, place, known in places:
            value = row[place]
            if (fault := known.get(value)) is None:
                fault = known[value] = values.fault(column, value)
            if fault:
                self._note(column.name, number, value, fault)

    def _check_key(self, number: int, key: str, listed: tuple[str, ...]) -> None:
        if self.keys.setdefault(key, listed) != listed:
            self._note(self.file.key, number, key, "in two rows that differ; keep the right one")

    def _read_label(self, key: int, label: int, rows: Iterator[list[str]]) -> None:
        next(rows, None)
        self.positive = {row[key] for row in rows if len(row) > max(key, label) and values.number(row[label]) > 0}

    def _note(self, column: str, row: int, value: str, fault: str) -> None:
        if column in self.mistakes:
            self.mistakes[column].again(value)
        else:
            self.mistakes[column] = Mistake(row, value, fault)

    def lines(self) -> Iterator[str]:
        """What is wrong, in the order of the rows."""
        yield from self.broken
        for column, one in sorted(self.mistakes.items(), key=lambda entry: entry[1].row):
            where = f"{self.file.name}, column {column}, row {one.row}: {one.value!r} is"
            start = where if column else f"{self.file.name}, row {one.row} has {one.value};"
            yield f"{start} {one.fault}{one.count}"


def _label_problems(first: RawFile, label: Label, readings: Mapping[str, Reading]) -> list[str]:
    keys, positive = readings[first.name].keys, readings[label.file].positive
    known = sum(key in positive for key in keys)
    if 0 < known < len(keys):
        return []
    which = "every" if known else "no"
    return [
        f"{which} {first.key} of {first.name} is in {label.file} with {label.column} above 0: there is nothing to tell "
        "apart; give files that belong together"
    ]

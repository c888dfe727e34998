"""What the columns of a CSV file are to a model: the row's key, the label, features, and those that can be none."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.progress import SetupError

MOST_CATEGORIES = 50
LEAST_ROWS = 50
YES = ("1", "yes", "true", "y", "t")
WHOLE, NUMBER = re.compile(r"[+-]?\d{1,15}"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
KEY_NAME = re.compile(r"(^|_|\b|(?<=[a-z]))(id|key|number|no)$", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """One column with its values as they are written."""

    name: str
    values: Sequence[str]

    @property
    def distinct(self) -> list[str]:
        """Every value once, in order."""
        numbers = self.kind != "text"
        key: Callable[[str], object] = (lambda value: (float(value), value)) if numbers else str
        return sorted(set(self.values), key=key)  # type: ignore[arg-type]

    @property
    def empty(self) -> int:
        """How many rows have nothing in it."""
        return sum(not value.strip() for value in self.values)

    @property
    def kind(self) -> str:
        """`integer`, `number` or `text`."""
        given = [value for value in self.values if value.strip()]
        if all(WHOLE.fullmatch(value) for value in given):
            return "integer"
        return "number" if all(NUMBER.fullmatch(value) for value in given) else "text"

    @property
    def identifies(self) -> bool:
        """Whether no two rows have the same."""
        return not self.empty and self.kind != "number" and len(set(self.values)) == len(self.values)

    @property
    def range(self) -> list[float]:
        """From 0, where nothing is below it, to a round number above all: what can be, not what the file holds."""
        numbers = [float(value) for value in self.values]
        lowest, highest = min(numbers), max(numbers)
        if lowest >= 0 and highest <= 1:
            return [0, 1]
        return [0 if lowest >= 0 else -_above(-lowest), 0 if highest <= 0 else _above(highest)]


def _above(number: float) -> float:
    """The next number with one digit that counts, such as 100 for 92."""
    size = 10.0 ** math.floor(math.log10(number))
    found = math.ceil(number / size) * size
    return int(found) if found == int(found) else found


@dataclass(frozen=True)
class Table:
    """A file, taken apart. `left_out` says of each other column why it is no feature."""

    path: Path
    rows: int
    key: Column
    label: Column
    features: tuple[Column, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def positive(self) -> str:
        """The label of two that stands for yes: the word for it, else the rarer one."""
        low, high = self.label.distinct
        said = [value for value in (low, high) if value.strip().lower() in YES]
        return said[0] if len(said) == 1 else min((low, high), key=list(self.label.values).count)


def read(path: Path, key: str = "", label: str = "") -> Table:
    """Takes a file apart. The label is the last column unless it is named, the key the first that identifies a row.

    Raises:
        SetupError: it is no such file, or too small, or lacks a key.
    """
    columns = _columns(path)
    names = [column.name for column in columns]
    for word, given in (("KEY", key), ("LABEL", label)):
        if given and given not in names:
            raise SetupError(f"{word}={given}: {path.name} has no such column; it has {', '.join(names)}")
    wanted = columns[names.index(label)] if label else columns[-1]
    if wanted.empty:
        raise SetupError(f"{path.name}: the label {wanted.name} is empty in {wanted.empty} rows; leave these out")
    identity = _key([one for one in columns if one is not wanted], path, key)
    rest = [one for one in columns if one not in (wanted, identity)]
    reasons = {one.name: why for one in rest if (why := unfit(one))}
    fit = tuple(one for one in rest if one.name not in reasons)
    if not fit:
        raise SetupError(f"{path.name}: no column is left to learn from: {in_words(reasons)}")
    return Table(path, len(wanted.values), identity, wanted, fit, reasons)


def unfit(column: Column) -> str:
    """Why a column is no feature; "" when it is one."""
    count = len(set(column.values))
    if column.empty:
        return f"empty in {column.empty} rows"
    if count == 1:
        return "the same in every row"
    if column.kind == "text" and count > MOST_CATEGORIES:
        return f"{count} different texts"
    return ""


def in_words(reasons: dict[str, str]) -> str:
    return "; ".join(f"{name} is {why}" for name, why in reasons.items())


def _columns(path: Path) -> list[Column]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        raise SetupError(f"DATA={path}: there is no such file") from None
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise SetupError(f"DATA={path} is no CSV file in UTF-8: {error}") from None
    rows = [row for row in rows if row]
    if len(header) < 3 or len(rows) < LEAST_ROWS:
        wanted = f"a key, a label, at least one feature, and {LEAST_ROWS} rows"
        raise SetupError(f"DATA={path} has {len(header)} columns and {len(rows)} rows; a system needs {wanted}")
    if twice := sorted({name for name in header if header.count(name) > 1 or not name.strip()}):
        raise SetupError(f"DATA={path}: columns need names of their own; look at {', '.join(map(repr, twice))}")
    if ragged := next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None):
        raise SetupError(f"DATA={path}: row {ragged} has another number of values than the header")
    return [Column(name, [row[index] for row in rows]) for index, name in enumerate(header)]


def _key(columns: Sequence[Column], path: Path, named: str) -> Column:
    """The column that identifies a row: one that is called so comes before one that merely does."""
    fit = [one for one in columns if one.identifies and named in ("", one.name)]
    if not fit:
        what = f"KEY={named} does not identify a row" if named else "no column identifies a row"
        raise SetupError(f"{path.name}: {what}; add one with a number for each, and name it with KEY=")
    return min(fit, key=lambda one: not KEY_NAME.search(one.name))

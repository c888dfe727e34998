"""Rows of a file as an endpoint takes them: JSON as it is, CSV by the types of the model's `features.yaml`."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.jobkit.features import Feature, Specification
from tools.progress import SetupError

MOST_PROBLEMS = 10
DATA, WARNINGS = "data", "warnings"


@dataclass(frozen=True)
class Table:
    """The rows of a CSV file: as an endpoint takes them, and as they were written."""

    rows: Sequence[dict[str, Any]]
    columns: Sequence[str]
    written: Sequence[Sequence[str]]
    lines: Sequence[int]
    """The line of the file at which each row ends."""
    ignored: Sequence[str]
    """Columns that are no features."""

    def place(self, row: int) -> str:
        """How a person finds a row in the file, by its place in `rows`."""
        return f"row {row + 1} (line {self.lines[row]})"


@dataclass(frozen=True)
class Question:
    """The rows of a JSON file; `warnings` asks for unknown categories to be listed, as in a request."""

    rows: Sequence[Any]
    warnings: bool = False


def read_json(path: Path) -> Question:
    """A JSON file: a whole request, a list of rows, or one bare row.

    Raises:
        SetupError: it is none of these.
    """
    try:
        found = json.loads(text_of(path))
    except ValueError as error:
        raise SetupError(f"FILE={path}: it is no JSON: {error}") from None
    warnings = False
    if isinstance(found, dict) and DATA in found:
        if others := sorted(found.keys() - {DATA, WARNINGS}):
            raise SetupError(f"FILE={path}: beside '{DATA}' there is {', '.join(others)}: remove it")
        found, warnings = found[DATA], bool(found.get(WARNINGS))
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list) or not rows:
        raise SetupError(f'FILE={path}: write {{"{DATA}": [row, …]}}, a list of rows, or one row')
    for number, row in enumerate(rows):
        if not isinstance(row, dict | list):
            raise SetupError(f"FILE={path}: {DATA}[{number}] is no row: write {{field: value, …}}")
    return Question(rows, warnings)


def read_csv(path: Path, specification: Specification) -> Table:
    """The rows of a CSV file with a header; `;` separates where the header has no comma.

    Raises:
        SetupError: columns are missing, or values are not what the features take: all of them in one message.
    """
    text = text_of(path)
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in header and "," not in header else ",", strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        numbered = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise SetupError(f"FILE={path}, line {reader.line_num}: it is no CSV ({error})") from None
    check_columns(path, columns, specification)
    if not numbered:
        raise SetupError(f"FILE={path}: there is no row below the header")
    at = {name: columns.index(name) for name in specification.names}
    problems: list[str] = []
    rows = []
    for number, (line, written) in enumerate(numbered):
        where = f"row {number + 1} (line {line})"
        if len(written) != len(columns):
            problems.append(f"{where} has {len(written)} values, the header {len(columns)}")
            continue
        row, wrong = typed(specification, {name: written[index] for name, index in at.items()})
        rows.append(row)
        problems += [f"{where}, {said}" for said in wrong]
    if problems:
        raise SetupError(listed(f"FILE={path}", problems))
    ignored = [name for name in columns if name not in at]
    return Table(rows, columns, [row for _, row in numbered], [line for line, _ in numbered], ignored)


def check_columns(path: Path, columns: Sequence[str], specification: Specification) -> None:
    """Refuses a header that lacks a feature or names one twice."""
    missing = [name for name in specification.names if name not in columns]
    if missing:
        raise SetupError(
            f"FILE={path}: the header lacks {', '.join(missing)}. A row needs {', '.join(specification.names)}."
        )
    if twice := sorted({name for name in specification.names if columns.count(name) > 1}):
        raise SetupError(f"FILE={path}: the header has {', '.join(twice)} more than once")


def typed(specification: Specification, written: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """A row's values by the features' types, and what is wrong with them."""
    row: dict[str, Any] = {}
    wrong = []
    for feature in specification.features:
        text = written[feature.name].strip()
        value = value_of(feature, text)
        if value is None:
            wanted = {"category": "a text", "integer": "a whole number", "number": "a number"}[feature.type]
            found = f"{text!r} is not" if text else "nothing is there instead of"
            wrong.append(f"{feature.name}: {found} {wanted}")
        row[feature.name] = value
    return row, wrong


def value_of(feature: Feature, text: str) -> str | int | float | None:
    """A value as the feature takes it; None when it is none. What it may be is the server's to judge."""
    if feature.type == "category":
        return text or None
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number) or (feature.type == "integer" and not number.is_integer()):
        return None
    return int(number) if feature.type == "integer" else number


def write_csv(table: Table, answers: Sequence[dict[str, Any]]) -> str:
    """The file's own columns, and beside them what was answered."""
    given = [name for name in answers[0] if name not in table.columns]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*table.columns, *given])
    writer.writerows(
        [*row, *(answer.get(name) for name in given)] for row, answer in zip(table.written, answers, strict=True)
    )
    return target.getvalue()


def text_of(path: Path) -> str:
    """A file's text.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SetupError(f"FILE={path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"FILE={path} cannot be read as UTF-8 text: {error}") from None


def listed(head: str, problems: Sequence[str]) -> str:
    """Problems one a line, the first of them."""
    more = len(problems) - MOST_PROBLEMS
    rest = [f"… and {more} more"] if more > 0 else []
    return "\n  ".join([f"{head}:", *problems[:MOST_PROBLEMS], *rest])


def batches(rows: Sequence[Any], size: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Pieces of the rows, each with the place of its first."""
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]

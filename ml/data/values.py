"""Whether one value of a raw file can be used, as the job will read it (`ml/jobkit/frame.py`)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from difflib import get_close_matches

from ml.data.contract import Column

NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)


def fault(column: Column, value: str) -> str:
    """What is wrong with a value, and the fix after a semicolon; empty when it can be used."""
    if column.optional and value == "":
        return ""
    if column.type == "category":
        return _category(column, value)
    if column.type == "birth_date":
        return _birth_date(column, value)
    if column.type == "timestamp":
        return _timestamp(value)
    return _number(column, value) if column.type in ("integer", "number") else ""


def number(value: str) -> float:
    """A value as a number; not-a-number where it is none."""
    return float(value) if NUMBER.fullmatch(value) else math.nan


def suggestion(name: str, known: Sequence[str]) -> str:
    """` (did you mean 'Bachelors'?)`, where one of the known names is near."""
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def _category(column: Column, value: str) -> str:
    if value in column.categories:
        return ""
    near = suggestion(value, column.categories)
    if column.feature:
        return f"no category of {column.feature} in features.yaml{near}; correct the data, or add it there"
    if column.constant:
        (usual,) = column.categories
        return f"not {usual}, as data.yaml has it for every row; correct the data, or take the constant out there"
    return f"none of {', '.join(column.categories)}{near}; correct the data, or add it in data.yaml"


def _birth_date(column: Column, value: str) -> str:
    written = DATE.fullmatch(value)
    try:
        born = date(*map(int, written.groups())) if written else None
    except ValueError:
        born = None
    if born is None or column.as_of is None:
        return "no date; write it as YYYY-MM-DD"
    years = column.as_of.year - born.year - ((column.as_of.month, column.as_of.day) < (born.month, born.day))
    return _range(column, years, f"{years} years at {column.as_of}, ")


def _timestamp(value: str) -> str:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return "no point in time; write it as YYYY-MM-DD HH:MM:SS"
    return "" if found.tzinfo is None else "it has an offset; write local time"


def _number(column: Column, value: str) -> str:
    read = number(value)
    if math.isnan(read):
        return "no number; correct the data"
    if column.type == "integer" and not read.is_integer():
        return "not whole; correct the data"
    return _range(column, read, "")


def _range(column: Column, read: float, start: str) -> str:
    if column.range is None or column.range[0] <= read <= column.range[1]:
        return ""
    wide = f"widen the range of {column.feature} in features.yaml" if column.feature else "widen the range in data.yaml"
    return f"{start}not within [{column.range[0]:g}, {column.range[1]:g}]; correct the data, or {wide}"

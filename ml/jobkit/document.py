"""Strict reading of a YAML document: what is missing, unknown or of the wrong kind is named with key and value."""

from __future__ import annotations

import datetime
from typing import Any, NoReturn, TypeVar

from ml.jobkit.errors import JobError

Choice = TypeVar("Choice", bound=str)


class Section:
    """One mapping of the file. Every getter names file, key and value when it fails; `finish` refuses unread keys."""

    def __init__(self, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise JobError(f"{where} is {value!r}; it must be a mapping of keys to values")
        self.where = where
        self.left = dict(value)

    def fail(self, key: str, value: object, fix: str) -> NoReturn:
        raise JobError(f"{self.where}: {key} is {value!r}; {fix}")

    def has(self, key: str) -> bool:
        return key in self.left

    def take(self, key: str) -> Any:
        if key not in self.left:
            raise JobError(f"{self.where}: {key} is missing; add it")
        return self.left.pop(key)

    def text(self, key: str, default: str | None = None) -> str:
        if default is not None and key not in self.left:
            return default
        value = self.take(key)
        if not isinstance(value, str) or not value:
            self.fail(key, value, "write a text, in quotes if YAML would read it as something else")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fail(key, value, "write a list of texts, in quotes where YAML would read something else")
        if len(set(value)) != len(value):
            self.fail(key, value, "each may appear once")
        return tuple(value)

    def number(self, key: str) -> float:
        value = self.take(key)
        if not _is_number(value):
            self.fail(key, value, "write a number")
        return float(value)

    def bounds(self, key: str) -> tuple[float, float]:
        value = self.take(key)
        numbers = [item for item in value if _is_number(item)] if isinstance(value, list) else []
        if len(numbers) != 2 or len(value) != 2 or numbers[0] > numbers[1]:
            self.fail(key, value, "write [lowest, highest]")
        return float(numbers[0]), float(numbers[1])

    def date(self, key: str) -> datetime.date:
        value = self.take(key)
        if not isinstance(value, datetime.date):
            self.fail(key, value, "write a date as year-month-day, without quotes")
        return datetime.date(value.year, value.month, value.day)

    def choice(self, key: str, allowed: tuple[Choice, ...]) -> Choice:
        value = self.take(key)
        for choice in allowed:
            if value == choice:
                return choice
        raise JobError(f"{self.where}: {key} is {value!r}; write one of {', '.join(allowed)}")

    def section(self, key: str) -> Section:
        return Section(f"{self.where}: {key}", self.take(key))

    def sections(self, key: str) -> list[Section]:
        value = self.take(key)
        if not isinstance(value, list) or not value:
            self.fail(key, value, "write a list with one mapping per feature")
        return [Section(f"{self.where}: {key}[{index}]", item) for index, item in enumerate(value)]

    def finish(self) -> None:
        if self.left:
            raise JobError(f"{self.where}: unknown key {', '.join(map(repr, self.left))}; take it out")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

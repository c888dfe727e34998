"""What a month is assumed to be like: `usage.yaml`, and what a stack says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from policies.prices.estimate import Range

FILE = Path(__file__).with_name("usage.yaml")
OF = "@"
"""What stands between an assumption and the one resource that it is for."""
FIGURES = ("low", "expected", "max")


class UsageError(ValueError):
    """An assumption that cannot be; names it and says how it is written."""


@dataclass(frozen=True)
class Assumption:
    """One figure. `unit`: what it counts, in words."""

    figures: Range
    unit: str
    own: bool = False
    """Whether the stack said it."""


@dataclass(frozen=True)
class Elsewhere:
    """A region whose price stands in for that of the stack's own, and why that is a fair guess."""

    region: str
    because: str


@dataclass(frozen=True)
class Usage:
    """All assumptions by name, and the services whose prices may be another region's."""

    assumptions: Mapping[str, Assumption]
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)

    @classmethod
    def read(cls, overrides: Mapping[str, Any] | None = None, file: Path = FILE) -> Usage:
        """The assumptions of the file, with a stack's own in the place of some.

        Raises:
            UsageError: an override is none that there is, or has no figures.
        """
        return _read(file).with_own(overrides or {})

    def with_own(self, overrides: Mapping[str, Any]) -> Usage:
        """The same with other figures for some, `name` for all resources or `name@resource` for one.

        Raises:
            UsageError: there is no such assumption, or it has no figures.
        """
        own = {}
        for key, value in overrides.items():
            name = key.split(OF, 1)[0]
            if name not in self.assumptions:
                near = get_close_matches(name, self.assumptions, 3, 0.5)
                hint = f"; there is {', '.join(near)}" if near else ""
                raise UsageError(f"{key}: policies/prices/usage.yaml has no assumption {name!r}{hint}")
            own[key] = Assumption(_range(key, value), self.assumptions[name].unit, own=True)
        return Usage({**self.assumptions, **own}, self.elsewhere)

    def key(self, name: str, resource: str) -> str:
        """The assumption that holds for a resource: its own, else that of all."""
        own = f"{name}{OF}{resource}"
        return own if own in self.assumptions else name


@cache
def _read(file: Path) -> Usage:
    content = yaml.safe_load(file.read_text())
    known = {
        name: Assumption(_range(name, {key: entry[key] for key in FIGURES}), str(entry["unit"]))
        for name, entry in content["assumptions"].items()
    }
    elsewhere = {service: Elsewhere(**entry) for service, entry in (content.get("other_regions") or {}).items()}
    return Usage(known, elsewhere)


def _range(name: str, value: Any) -> Range:
    """A number, `[low, expected, max]`, or the three by name."""
    given = [value[key] for key in FIGURES if key in value] if isinstance(value, Mapping) else value
    figures = given if isinstance(given, list | tuple) else [given] * 3
    numbers = [figure for figure in figures if isinstance(figure, int | float) and not isinstance(figure, bool)]
    if len(figures) != 3 or len(numbers) != 3 or not 0 <= numbers[0] <= numbers[1] <= numbers[2]:
        raise UsageError(f"{name}: {value!r} is neither a number nor [low, expected, max], from 0 on and rising")
    return Range(*(float(number) for number in numbers))

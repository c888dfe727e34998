"""`$filter` of a metrics query: which values of which dimensions, and so into which series the answer is split."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.errors import ServiceError

CLAUSE = re.compile(r"\(*\s*(?P<name>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'\s*\)*", re.IGNORECASE)
JOINT = re.compile(r"\s*(and|or)\s+", re.IGNORECASE)
ANY = "*"


@dataclass(frozen=True)
class MetricFilter:
    """Wanted values by dimension in lower case; `*` stands for every value."""

    wanted: Mapping[str, frozenset[str]]

    @classmethod
    def parse(cls, text: str, dimensions: tuple[str, ...]) -> MetricFilter:
        """Clauses `dimension eq 'value'` joined by `and`, several values of one dimension by `or`.

        Raises:
            ServiceError: 400, it is something else or names no dimension of the metric.
        """
        known = {name.lower() for name in dimensions}
        wanted: dict[str, set[str]] = {}
        rest = text.strip()
        while rest:
            found = CLAUSE.match(rest)
            if found is None:
                example = "deployment eq 'blue' and statusCode eq '*'"
                message = f"The filter '{text}' is not understood at '{rest}': write for example {example}."
                raise ServiceError(400, "BadRequest", message)
            name = found["name"].lower()
            if name not in known:
                message = f"The metric has no dimension '{found['name']}'; it has {', '.join(dimensions)}."
                raise ServiceError(400, "BadRequest", message)
            wanted.setdefault(name, set()).add(found["value"].replace("''", "'"))
            rest = rest[found.end() :]
            if joint := JOINT.match(rest):
                rest = rest[joint.end() :]
        return cls({name: frozenset(values) for name, values in wanted.items()})

    def series(self, values: Mapping[str, str]) -> tuple[tuple[str, str], ...] | None:
        """The series that requests with these dimensions belong to, None when the filter leaves them out."""
        lower = {name.lower(): value for name, value in values.items()}
        for name, wanted in self.wanted.items():
            if ANY not in wanted and lower[name].lower() not in {one.lower() for one in wanted}:
                return None
        return tuple((name, lower[name]) for name in self.wanted)

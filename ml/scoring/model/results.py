"""The body of a result: `{"result": [{"<output>": value, ...}, ...], "model": name, "version": n}`, and `"warnings"`
where they were asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from ml.scoring.records import ModelIdentity


class Results:
    """Writes results; each row has the outputs of the graph by name."""

    def __init__(self, identity: ModelIdentity, outputs: Sequence[str]) -> None:
        fields = [(f"output_{index}", Any, msgspec.field(name=name)) for index, name in enumerate(outputs)]
        self._row = msgspec.defstruct("ResultRow", fields, gc=False)
        self._encode = msgspec.json.Encoder().encode
        end = msgspec.json.encode({"model": identity.name, "version": identity.version})
        self._end = b"," + end[1:]

    def body(self, columns: Sequence[Sequence[Any]], listed: bytes = b"") -> bytes:
        """The body for the values of each output; `listed` is a further member, with a comma before it.

        Raises:
            ValueError: a value is not a finite number; JSON has no word for it, and a null would look like an answer.
        """
        row = self._row
        body = self._encode([row(*values) for values in zip(*columns, strict=True)])
        if b"null" in body and not all(_finite(value) for column in columns for value in column):
            raise ValueError("the model answered with a number that is not finite")
        return b'{"result":' + body + listed + self._end


def _finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)

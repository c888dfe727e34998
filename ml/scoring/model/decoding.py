"""From the body of a request to rows for the model."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ml.jobkit.features import Specification
from ml.scoring import fields
from ml.scoring.errors import Refusal
from ml.scoring.model.explanation import Explanation
from ml.scoring.model.schema import decoder

astuple = msgspec.structs.astuple


class Rows(NamedTuple):
    """Decoded rows; each has its values in the order of the features."""

    values: list[tuple[Any, ...]]
    warning: str = ""
    """About unknown categories that were accepted; empty if there are none."""
    listed: bytes = b""
    """What the body of the answer says of them, as a member of its object; empty unless the caller asked for it."""


class Warned(msgspec.Struct):
    """An unknown category that was taken as none of the known ones. The value is the caller's, and not repeated."""

    code: str
    row: int
    field: str


class Decoding:
    """Decodes the bodies that one specification allows."""

    def __init__(self, specification: Specification, maximum_rows: int) -> None:
        self._strict = decoder(specification, maximum_rows, lenient=False).decode
        self._lenient = decoder(specification, maximum_rows, lenient=True)
        self._explanation = Explanation(specification, maximum_rows, self._lenient)
        self._optional = [
            (index, feature.name, frozenset(feature.categories))
            for index, feature in enumerate(specification.features)
            if feature.unknown == "zeros"
        ]
        self._compound = [
            (index, feature, fields.of(feature).problem)
            for index, feature in enumerate(specification.features)
            if not feature.plain
        ]

    def rows(self, body: bytes | bytearray) -> Rows:
        """The rows of a body.

        Raises:
            Refusal: 400 or 413, naming row and field where there is one.
        """
        try:
            decoded = self._strict(body)
            return Rows(self._checked(_tuples(decoded.data)), listed=NONE if decoded.warnings else b"")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._lenient_rows(body)

    def _lenient_rows(self, body: bytes | bytearray) -> Rows:
        try:
            decoded = self._lenient.decode(body)
            values = self._checked(_tuples(decoded.data))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._explanation.refusal(error, body) from None
        unknown = self._unknown(values)
        return Rows(values, _warning(unknown), _listed(unknown) if decoded.warnings else b"")

    def _checked(self, values: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The same rows, when what the decoder cannot tell is right with them too."""
        for index, feature, problem in self._compound:
            for row, value in enumerate(values):
                if code := problem(feature, value[index]):
                    message = f"row {row}: {feature.name} must be {fields.of(feature).wanted(feature)}"
                    raise Refusal(400, code, message, row=row, field=feature.name)
        return values

    def _unknown(self, values: list[tuple[Any, ...]]) -> list[Warned]:
        return [
            Warned("unknown_category", row, name)
            for row, value in enumerate(values)
            for index, name, known in self._optional
            if value[index] not in known
        ]


def _warning(unknown: list[Warned]) -> str:
    if not unknown:
        return ""
    first = unknown[0]
    return f"unknown category in row {first.row}, field {first.field}; {len(unknown)} such values in all"


def _listed(unknown: list[Warned]) -> bytes:
    return b',"warnings":' + msgspec.json.encode(unknown)


NONE = _listed([])


def _tuples(data: list[Any]) -> list[tuple[Any, ...]]:
    return [row if type(row) is tuple else astuple(row) for row in data]

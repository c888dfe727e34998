"""Why a body was not taken, in words that name row, field and what would be right, and repeat no value."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ml.jobkit.features import Feature, Specification
from ml.scoring import fields
from ml.scoring.errors import Refusal
from ml.scoring.model.schema import example

AT = " - at `"
PATH = re.compile(r"\$\.data(?:\[(\d+)\](?:\[(\d+)\](?:\[\d+\])?|\.(.*?)(?:\[\d+\])?)?)?`", re.DOTALL)
"""The last index is that of a value in a list."""
MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
UNKNOWN = "Object contains unknown field `"
UNKNOWN_END = re.compile(r"`(?: - at `\$\.data\[(\d{1,9})\]`)?\Z")
"""Behind the field's name, which is the caller's: it may hold anything, even what looks like a path."""
LONGEST_END = 30
"""Only so much of the message is searched; the name before it may be megabytes."""
MALFORMED = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)$")
NOT_FINITE = re.compile(rb"-?(NaN|Infinity)")
LONGEST_NAME = 100
"""Characters of an unknown field's name that are repeated."""


class Explanation:
    """Turns the decoder's errors into refusals."""

    def __init__(self, specification: Specification, maximum_rows: int, decoder: msgspec.json.Decoder[Any]) -> None:
        self._features = specification.features
        self._names = specification.names
        self._maximum_rows = maximum_rows
        self._decoder = decoder
        self._example = example(specification)

    def refusal(self, error: Exception, body: bytes | bytearray) -> Refusal:
        """The refusal for an error of the lenient decoder."""
        text = str(error)
        if isinstance(error, msgspec.ValidationError):
            return self._invalid(text)
        if isinstance(error, UnicodeDecodeError):
            return Refusal(400, "invalid_json", "the body is not UTF-8; send JSON in UTF-8")
        if not body:
            return self._other_shape("empty_body", "the body is empty; send")
        malformed = MALFORMED.search(text)
        if malformed is None:
            return Refusal(400, "invalid_json", "the body ends in the middle of its JSON; send all of it")
        position = int(malformed[2])
        return self._not_finite(body, position) or Refusal(
            400, "invalid_json", f"the body is not JSON: {malformed[1]} at byte {position}"
        )

    def _not_finite(self, body: bytes | bytearray, position: int) -> Refusal | None:
        """NaN and Infinity are not JSON, so the decoder says only at which byte they are. With a null in their place
        it names the field as well."""
        start = position - 1 if body[position - 1 : position] == b"-" else position
        found = NOT_FINITE.match(body, start)
        if found is None:
            return None
        try:
            self._decoder.decode(body[:start] + b"null" + body[found.end() :])
        except msgspec.ValidationError as error:
            named = self._invalid(str(error))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        message = f"{found[1].decode()} is not a value of JSON; send a finite number"
        return Refusal(400, "not_finite", message, row=named.detail.row, field=named.detail.field)

    def _invalid(self, text: str) -> Refusal:
        if text.startswith(UNKNOWN):
            return self._unknown_field(text)
        head, _, tail = text.rpartition(AT)  # a value that is repeated before it may hold another one
        path = PATH.fullmatch(tail)
        if tail == "$.warnings`":
            return Refusal(400, "wrong_type", "warnings must be true or false", field="warnings")
        if path is None:
            return self._wrong_body(text)
        if path[1] is None:
            return self._wrong_data(head)
        row = int(path[1])
        name = self._names[int(path[2])] if path[2] is not None else path[3]
        if name is None:
            return self._wrong_row(head, row)
        return _wrong_value(head, row, self._features[self._names.index(name)])

    def _wrong_data(self, text: str) -> Refusal:
        if "length <=" in text:
            message = f"data has more than {self._maximum_rows} rows; send them in several requests"
            return Refusal(413, "too_many_rows", message, field="data")
        if "length >=" in text:
            return Refusal(400, "no_rows", "data must be an array of at least one row", field="data")
        return self._other_shape("wrong_type", "data must be an array of rows, also for one row; send", field="data")

    def _wrong_row(self, text: str, row: int) -> Refusal:
        missing = MISSING.match(text)
        if missing:
            return Refusal(400, "missing_field", f"row {row} lacks {missing[1]}", row=row, field=missing[1])
        message = f"row {row} must be an object, or an array of {len(self._names)} values: {', '.join(self._names)}"
        return Refusal(400, "wrong_row", message, row=row)

    def _unknown_field(self, text: str) -> Refusal:
        end = UNKNOWN_END.search(text, max(len(UNKNOWN), len(text) - LONGEST_END))
        name = text[len(UNKNOWN) : end.start() if end else len(text)][:LONGEST_NAME]
        row = end[1] if end else None
        if row is not None:
            message = f"row {row} has a field {name!r} that the model does not know"
            return Refusal(400, "unknown_field", message, row=int(row), field=name)
        if name in self._names:
            return self._other_shape("not_wrapped", "the body is a row by itself; wrap it in data:")
        return self._other_shape(
            "unknown_field", f"the body has a field {name!r} besides data; take it out and send", field=name
        )

    def _wrong_body(self, text: str) -> Refusal:
        if MISSING.match(text):
            return self._other_shape("missing_field", "the body lacks data; send", field="data")
        if text.endswith("got `array`"):
            return self._other_shape("not_wrapped", "the body is a list; wrap it in data:")
        return self._other_shape("wrong_type", "the body must be an object; send")

    def _other_shape(self, code: str, text: str, field: str | None = None) -> Refusal:
        """The body is no request at all: the answer shows a whole one."""
        message = f'{text} {{"data": [{{...}}]}}, as in example'
        return Refusal(400, code, message, field=field, example=self._example)


def _wrong_value(text: str, row: int, feature: Feature) -> Refusal:
    field = fields.of(feature)
    message = f"row {row}: {feature.name} must be {field.wanted(feature)}"
    if not (code := field.fault(text)):
        _, _, got = text.partition(", got ")
        if got:
            return Refusal(400, "wrong_type", f"{message}, not {_name(got)}", row=row, field=feature.name)
        code = "out_of_range"
    return Refusal(400, code, message, row=row, field=feature.name)


def _name(got: str) -> str:
    """What the decoder found, in JSON's own words."""
    kind = got.strip("`")
    return {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false"}.get(kind, kind)

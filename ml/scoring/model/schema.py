"""The types that requests are decoded into, made from `features.yaml`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ml.jobkit.features import Specification
from ml.scoring import fields


def decoder(specification: Specification, maximum_rows: int, *, lenient: bool) -> msgspec.json.Decoder[Any]:
    """A decoder of `{"data": [row, ...]}`, each row an object or an array of the features' values; `"warnings": true`
    beside it asks for a list of unknown categories.

    The strict one takes known categories only and whole numbers without a decimal point: it is the quicker one, and
    right for nearly every request. The lenient one takes all that may be answered: unknown categories of features
    with the rule `zeros`, and 3.0 for 3, which JSON does not tell apart.
    """
    types = [fields.of(feature).decoded(feature, lenient=lenient) for feature in specification.features]
    named = msgspec.defstruct(
        "Row",
        [
            (f"field_{index}", kind, msgspec.field(name=feature.name))
            for index, (feature, kind) in enumerate(zip(specification.features, types, strict=True))
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    row: Any = named | tuple[tuple(types)]  # type: ignore[misc]
    data = Annotated[list[row], msgspec.Meta(min_length=1, max_length=maximum_rows)]
    body = msgspec.defstruct("Body", [("data", data), ("warnings", bool, False)], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(body)


def example(specification: Specification) -> dict[str, Any]:
    """A body with one row that is always answered."""
    return {"data": [{feature.name: fields.of(feature).example(feature) for feature in specification.features}]}

"""Fields of a request, by kind of feature, one module a kind: what is decoded, what it is called in OpenAPI and in an
error, and what the model is fed. Found by the kind's name, so that an image holds the kinds that its model takes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.jobkit.features import Feature


class Field(Protocol):
    """What the module of a kind has as functions."""

    def decoded(self, feature: Feature, *, lenient: bool) -> Any:
        """The type that msgspec decodes; `lenient` as in `ml.scoring.model.schema.decoder`."""

    def described(self, feature: Feature) -> dict[str, Any]:
        """Its JSON schema, without the description."""

    def example(self, feature: Feature) -> Any:
        """A value that is always taken."""

    def wanted(self, feature: Feature) -> str:
        """What a value must be, in words: `a number from 0 to 20`."""

    def fault(self, text: str) -> str:
        """The code of an error that the decoder states about a value; empty: what all kinds have in common."""

    def problem(self, feature: Feature, value: Any) -> str:
        """The code of an error that a decoded value still has; asked only of kinds that are not `Feature.plain`."""

    def array(self, feature: Feature, values: Sequence[Any]) -> npt.NDArray[Any]:
        """What the model is fed for values of several rows; asked only of kinds that are neither a text nor a number by
        itself (`Feature.plain`).
        """


def of(feature: Feature) -> Field:
    """The field of a feature."""
    module: Any = importlib.import_module(f"ml.scoring.fields.{feature.type}")
    found: Field = module
    return found

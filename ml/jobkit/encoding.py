"""The way of a feature from raw data to the model, whatever its kind: found by the kind's name in
`ml/jobkit/encodings/`, so that a job holds the kinds that its system uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import onnx
    import pandas as pd

    from ml.jobkit.features import Feature, Specification


class Encoding(Protocol):
    """What the module of a kind has as functions. `nodes` must do exactly what `matrix` does."""

    def values(self, feature: Feature, column: pd.Series, specification: Specification) -> pd.Series:
        """The feature's values from its raw column, which holds texts as read from a file.

        Raises:
            JobError: a value cannot be read at all.
        """

    def check(self, feature: Feature, column: pd.Series, values: pd.Series) -> None:
        """Refuses values that the model may not be trained on.

        Raises:
            JobError: names column, values, rows and the fix.
        """

    def matrix(self, feature: Feature, values: pd.Series) -> Sequence[npt.ArrayLike]:
        """The columns that a model sees, as many as `feature.columns`, each with one entry a row."""

    def tensor(self, feature: Feature, values: pd.Series) -> npt.NDArray[Any]:
        """What the graph takes for values as a request has them: shape (rows, 1), or (rows, `feature.length`)."""

    def nodes(self, feature: Feature) -> tuple[list[onnx.NodeProto], str]:
        """The graph's nodes from the input named like the feature to its columns, shape (rows, columns), and the name
        of these.
        """


def of(feature: Feature) -> Encoding:
    """The encoding of a feature."""
    module: Any = importlib.import_module(f"ml.jobkit.encodings.{feature.type}")
    found: Encoding = module
    return found

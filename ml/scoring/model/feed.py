"""From rows to the arrays that a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.scoring import fields

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Feature

    Arrays = dict[str, npt.NDArray[Any]]
    Row = Sequence[Any]
    Pick = Callable[[Sequence[Any]], Sequence[Any]]

KEPT_ROWS = 64
"""Arrays for at most this many rows are kept."""
FEW_ROWS = 4
"""So few rows are put in row by row, more of them column by column: whatever is quicker."""


class Feeds:
    """Arrays by number of rows. Making them takes longer than filling them, so those for usual numbers are kept and
    filled anew for each call of the model. Used by one thread.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = features
        self._kept: dict[int, Feed] = {}

    def arrays(self, rows: Sequence[Row]) -> Arrays:
        """One array of the shape (rows, 1) for each feature; they hold until the next call."""
        count = len(rows)
        feed = self._kept.get(count)
        if feed is None:
            feed = Feed(self._features, count)
            if count <= KEPT_ROWS:
                self._kept[count] = feed
        return feed.filled(rows)


class Feed:
    """The arrays for one number of rows: parts of two, one with all texts and one with all numbers, and one for each
    feature that is neither.
    """

    def __init__(self, features: Sequence[Feature], rows: int) -> None:
        texts = {index: one.name for index, one in enumerate(features) if one.plain and one.is_text}
        numbers = {index: one.name for index, one in enumerate(features) if one.plain and not one.is_text}
        kinds: list[tuple[dict[int, str], type[Any]]] = [(texts, object), (numbers, np.float32)]
        self._blocks = [Block(names, rows, kind) for names, kind in kinds if names]
        self._arrays = {name: array for block in self._blocks for name, array in block.arrays.items()}
        self._others = [(index, one, fields.of(one).array) for index, one in enumerate(features) if not one.plain]

    def filled(self, rows: Sequence[Row]) -> Arrays:
        """The arrays with the values of these rows."""
        if len(rows) <= FEW_ROWS:
            for block in self._blocks:
                block.by_row[...] = [*map(block.pick, rows)]
        else:
            columns = [*zip(*rows, strict=True)]
            for block in self._blocks:
                block.by_column[...] = block.pick(columns)
        for index, feature, array in self._others:
            self._arrays[feature.name] = array(feature, [row[index] for row in rows])
        return self._arrays


class Block:
    """All inputs of one type, seen in three ways."""

    def __init__(self, names: dict[int, str], rows: int, kind: type[Any]) -> None:
        cells = np.zeros((len(names), rows, 1), kind)
        self.arrays: Arrays = dict(zip(names.values(), cells, strict=True))
        self.by_column = cells.reshape(len(names), rows)
        self.by_row = self.by_column.T
        self.pick: Pick = picker(list(names))
        """From a row, or from all columns, what belongs here."""


def picker(indices: Sequence[int]) -> Pick:
    """A quick function for the values at these indices."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda values: tuple(values[index] for index in indices)

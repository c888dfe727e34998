"""What each feature contributed to each answer: exact SHAP values of trees (Lundberg et al. 2020, TreeSHAP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Specification


@dataclass(frozen=True)
class Attributions:
    """Contributions to the log-odds of 1. For each row, `base` plus the sum of its `values` is the model's log-odds."""

    names: list[str]
    """Of the features, in the order of `features.yaml`."""
    values: npt.NDArray[np.float64]
    """Shape (rows, features)."""
    base: float
    """Log-odds before anything is known of a row."""

    @property
    def importance(self) -> dict[str, float]:
        """Mean absolute contribution of each feature over the rows, largest first."""
        means = np.abs(self.values).mean(axis=0)
        return {self.names[index]: float(means[index]) for index in np.argsort(-means, kind="stable")}


def of_trees(booster: Any, specification: Specification, matrix: npt.NDArray[np.float32]) -> Attributions:
    """Attributions of a LightGBM model; the columns of one category feature are added up."""
    contributions = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
    owner = [specification.names.index(name) for name, _ in specification.encoded_columns]
    values = np.zeros((len(matrix), len(specification.names)))
    np.add.at(values.T, owner, contributions[:, :-1].T)
    return Attributions(specification.names, values, base=float(contributions[0, -1]))

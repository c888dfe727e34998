"""The settings of the model. A change here is a change of the job's code, so it trains a new model.

Chosen once by `search.py`, which sees the training part only; the README has its table.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Hyperparameters:
    """Settings of gradient boosting, named as in LightGBM's documentation."""

    rounds: int = 200
    """Number of trees. Fixed: nothing is stopped early, on any data."""
    learning_rate: float = 0.06
    num_leaves: int = 127
    min_data_in_leaf: int = 5
    feature_fraction: float = 0.5
    """Share of the columns that each tree may use."""
    lambda_l2: float = 0.0
    seed: int = 0

    def parameters(self) -> dict[str, Any]:
        """For LightGBM. One thread and `deterministic`: the same data gives the same model, byte by byte.

        One thread is also the fastest safe choice: two threads on two busy cores were measured twenty times slower.
        """
        settings = asdict(self)
        del settings["rounds"]
        fixed = {"objective": "binary", "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbose": -1}
        return settings | fixed

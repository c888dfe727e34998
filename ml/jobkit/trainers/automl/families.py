"""What is searched: the trainers that take part, each with the space of its hyperparameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.jobkit.trainers.lightgbm import settings as lightgbm_settings
from ml.jobkit.trainers.lightgbm import trainer as lightgbm
from ml.jobkit.trainers.sklearn import settings as sklearn_settings
from ml.jobkit.trainers.sklearn import trainer as sklearn

with warnings.catch_warnings():
    # It says that FLAML's own models are not installed. They are not used: models are those of our trainers.
    warnings.simplefilter("ignore", UserWarning)
    from flaml import CFO, tune


PATIENCE = 20
"""How often a search is asked in vain; it does not repeat itself, and may have to look for something new."""


@dataclass(frozen=True)
class Family:
    """One trainer that takes part."""

    name: str
    settings: Callable[..., Any]
    trainer: Callable[[Any], Any]
    space: Mapping[str, Any]
    """FLAML's domain of each hyperparameter that is searched."""
    starts: Sequence[Mapping[str, Any]]
    """The first candidates, with all hyperparameters of the space. From the first, a cheap one, the search works its
    way up.
    """
    packages: tuple[str, ...]
    cost: Callable[[Mapping[str, Any]], float]
    """What a candidate costs beside others, in place of seconds, which no two machines have in common."""

    def search(self, seed: int) -> Search:
        """A search that has found nothing yet."""
        return Search(self, seed)


class Search:
    """The candidates of one family, each suggested by what those before it were worth.

    FLAML's CFO (Wu et al. 2021): a direct search that begins cheaply and never asks for a gradient.
    """

    def __init__(self, family: Family, seed: int) -> None:
        self.family = family
        self._tried: list[dict[str, Any]] = []
        self._found = CFO(
            metric="loss",
            mode="min",
            space=dict(family.space),
            low_cost_partial_config=dict(family.starts[0]),
            points_to_evaluate=[dict(start) for start in family.starts],
            cost_attr="cost",
            seed=seed,
        )

    def suggest(self) -> dict[str, Any] | None:
        """Hyperparameters to try next; None when it knows of nothing new."""
        for _ in range(PATIENCE):
            suggested = self._found.suggest(str(len(self._tried)))
            if suggested is not None:
                self._tried.append(_plain(suggested))
                return self._tried[-1]
        return None

    def told(self, loss: float) -> None:
        """What the last suggestion came to; less is better."""
        last = self._tried[-1]
        result = {"loss": loss, "cost": self.family.cost(last)}
        result |= {f"config/{name}": value for name, value in last.items()}  # FLAML's way of saying it
        self._found.on_trial_complete(str(len(self._tried) - 1), result)


def _plain(suggested: Mapping[str, Any]) -> dict[str, Any]:
    """Python's own types for NumPy's, so that they can be written down."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in suggested.items()}


FAMILIES = (
    Family(
        "sklearn",
        sklearn_settings.Settings,
        sklearn.Trainer,
        space={"penalty": tune.loguniform(1e-2, 1e3), "shape": tune.choice(list(sklearn_settings.SHAPES))},
        starts=({"penalty": 1.0, "shape": "linear"},),
        packages=sklearn.Trainer.packages,
        cost=lambda candidate: 1.0,
    ),
    Family(
        "lightgbm",
        lightgbm_settings.Settings,
        lightgbm.Trainer,
        space={
            "rounds": tune.lograndint(20, 600),
            "learning_rate": tune.loguniform(0.01, 0.3),
            "num_leaves": tune.lograndint(3, 128),
            "min_data_in_leaf": tune.lograndint(2, 128),
            "feature_fraction": tune.uniform(0.3, 1.0),
            "lambda_l2": tune.loguniform(1e-3, 100.0),
        },
        starts=(
            {
                "rounds": 60,
                "learning_rate": 0.1,
                "num_leaves": 4,
                "min_data_in_leaf": 20,
                "feature_fraction": 0.8,
                "lambda_l2": 1.0,
            },
            {
                "rounds": 200,
                "learning_rate": 0.06,
                "num_leaves": 31,
                "min_data_in_leaf": 20,
                "feature_fraction": 0.8,
                "lambda_l2": 0.01,
            },
        ),
        packages=lightgbm.Trainer.packages,
        cost=lambda candidate: float(candidate["rounds"] * candidate["num_leaves"]),
    ),
)

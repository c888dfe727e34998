"""What a system says of itself, in its `ml/systems/<name>/system.py`: a description, and nothing of how it is built.

    SYSTEM = SystemSpec(
        task=binary(floors={"auc": 0.8}),
        trainer=lightgbm(rounds=200),
        data=files(rows=15_000),
        target=online_endpoint(),
    )

`ml/recipes/` turns it into resources; inside a job, `ml/jobkit/plan.py` reads what was made of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ml.data import contract as data_contract
from ml.jobkit.errors import JobError
from ml.jobkit.plan import SYSTEMS, Choice, Plan
from ml.jobkit.tasks.contract import Contract


@dataclass(frozen=True)
class TaskSpec:
    """What is predicted, and how good it must be."""

    kind: str
    metric: str
    """What challenger and champion are compared by."""
    floors: Mapping[str, float]
    """What a model must reach on the holdout set to serve at all: at least, or at most where lower is better."""
    margin: float | None = None
    """By how much a challenger must be better; None: by more than chance explains."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the kind's own `Task`."""


@dataclass(frozen=True)
class TrainerSpec:
    """How the model is found: the kind, all of its hyperparameters, and the packages its job needs."""

    kind: str
    options: Mapping[str, Any]
    environment: str
    """The name of a file of `ml/environments`."""


@dataclass(frozen=True)
class DataSpec:
    """The raw files, whose names and columns `data.yaml` says, and the generator that stands in for them."""

    name: str
    rows: int
    """Rows that are generated where no real files are at hand."""
    seed: int
    usual: bool = False
    """There are no real files yet: a folder of other systems' files may lack them."""

    def generator(self, system: str) -> dict[str, Any]:
        """The generator as a data version names it."""
        usual = {"usual": True} if self.usual else {}
        return {"module": f"ml.systems.{system}.generator", "rows": self.rows, "seed": self.seed, **usual}


@dataclass(frozen=True)
class TargetSpec:
    """Where the model serves."""

    kind: str


@dataclass(frozen=True)
class SystemSpec:
    """A served model."""

    task: TaskSpec
    trainer: TrainerSpec
    data: DataSpec
    target: TargetSpec

    def plan(self, system: str) -> Plan:
        """What the system's jobs are to do."""
        return Plan(
            system=system,
            task=Choice(self.task.kind, self.task.options),
            trainer=Choice(self.trainer.kind, self.trainer.options),
            files=data_contract.load(folder(system)).names,
        )


def folder(system: str) -> Path:
    """A system's folder, absolute."""
    return SYSTEMS / system


def find(name: str) -> SystemSpec:
    """The description of the system in `ml/systems/<name>`."""
    described: SystemSpec = importlib.import_module(f"ml.systems.{name}.system").SYSTEM
    return described


# -- tasks


def binary(*, floors: Mapping[str, float], metric: str = "", margin: float | None = None) -> TaskSpec:
    """Yes or no, with its probability; the label is what `features.yaml` names."""
    return _task("binary", floors, metric, margin)


def multiclass(*, floors: Mapping[str, float], metric: str = "", margin: float | None = None) -> TaskSpec:
    """One of several classes, with the probability of each; they are the `classes` of the label in `features.yaml`."""
    return _task("multiclass", floors, metric, margin)


def regression(*, floors: Mapping[str, float], metric: str = "", margin: float | None = None) -> TaskSpec:
    """A number, within the `range` of the label in `features.yaml`."""
    return _task("regression", floors, metric, margin)


def forecast(
    *,
    horizon: int,
    floors: Mapping[str, float],
    holidays: str = "none",
    coverage: float = 0.9,
    origins: int = 53,
    hours_between: int = 168,
    metric: str = "",
    margin: float | None = None,
) -> TaskSpec:
    """The next hours of an hourly series, with intervals.

    Args:
        horizon: hours to forecast, at most a week.
        holidays: whose rule, a name of `ml.jobkit.tasks.forecast.holidays.RULES`.
        coverage: share of true values that the intervals are to hold.
        origins: forecasts that the holdout set asks for, at the end of the data.
        hours_between: hours between two of them.
    """
    options = {"horizon": horizon, "holidays": holidays, "coverage": coverage}
    held_out = {"origins": origins, "hours_between": hours_between}
    return _task("forecast", floors, metric, margin, **options, **held_out)


def _task(kind: str, floors: Mapping[str, float], metric: str, margin: float | None, **options: Any) -> TaskSpec:
    """A task whose figures the kind knows.

    Raises:
        JobError: a floor or the metric is no figure of the kind, or none that could be good or bad.
    """
    known: Contract = importlib.import_module(f"ml.jobkit.tasks.{kind}.contract").CONTRACT
    for what, name in [*(("floors", one) for one in floors), *([("metric", metric)] if metric else [])]:
        if name not in known.directions:
            raise JobError(f"system.py: {kind}({what}=…) names {name!r}; write one of {', '.join(known.directions)}")
    return TaskSpec(kind, metric or known.metric, dict(floors), margin, options)


# -- trainers


def lightgbm(**hyperparameters: Any) -> TrainerSpec:
    """Gradient-boosted trees; hyperparameters as in `ml/jobkit/trainers/lightgbm/settings.py`."""
    return _trainer("lightgbm", "tabular", hyperparameters)


def sklearn(**hyperparameters: Any) -> TrainerSpec:
    """A linear model; hyperparameters as in `ml/jobkit/trainers/sklearn/settings.py`."""
    return _trainer("sklearn", "tabular", hyperparameters)


def automl(**settings: Any) -> TrainerSpec:
    """The best that a search over the other trainers finds; settings as in `ml/jobkit/trainers/automl/settings.py`."""
    return _trainer("automl", "automl", settings)


def _trainer(kind: str, environment: str, hyperparameters: Mapping[str, Any]) -> TrainerSpec:
    """A trainer with all of its settings, so that another default changes no system's model unless it says so.

    Raises:
        JobError: there is no such hyperparameter, or it is out of its range.
    """
    settings = importlib.import_module(f"ml.jobkit.trainers.{kind}.settings").Settings
    usual = asdict(settings())
    for name, value in hyperparameters.items():
        if name not in usual:
            raise JobError(
                f"system.py: {kind}({name}={value!r}): there is no such hyperparameter; there are: {', '.join(usual)}"
            )
    return TrainerSpec(kind, asdict(settings(**hyperparameters)), environment)


# -- data and target


def files(*, rows: int, seed: int = 7, name: str = "data") -> DataSpec:
    """The files of `data.yaml`, or `rows` rows of the system's `generator.py`; `name` is what the data asset is called
    after the system's name.
    """
    return DataSpec(name, rows, seed)


def generated(*, rows: int, seed: int = 7, name: str = "data") -> DataSpec:
    """`rows` rows of the system's `generator.py`, until the folder of real files has those of `data.yaml`."""
    return DataSpec(name, rows, seed, usual=True)


def online_endpoint() -> TargetSpec:
    """An Azure ML online endpoint of the system's own."""
    return TargetSpec("online_endpoint")


def container_group() -> TargetSpec:
    """Container groups: one for each version, and a gateway with a public address before them. Cheaper than an
    endpoint, and plain HTTP.
    """
    return TargetSpec("container_group")

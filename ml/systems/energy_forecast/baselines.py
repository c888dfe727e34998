"""What others make of the same 53 origins: ARIMA, and a search over trainers.

`python -m ml.systems.energy_forecast.baselines --data FOLDER` prints a line for each. It is no part of any job. ARIMA
needs statsmodels, which is in a dependency group of its own: `uv sync --group baselines`.

ARIMA is given what the model is given, and no more: the hours before each origin. It is of the change against the week
before, in logarithms, which takes calendar and level out, and is fitted anew at every origin on the last `DAYS` days.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.jobkit import plan
from ml.jobkit.tasks.forecast.contract import FORECAST, LOWER, UPPER
from ml.jobkit.tasks.forecast.hours import Series
from ml.jobkit.tasks.forecast.windows import WEEK

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.tasks.base import Split
    from ml.jobkit.tasks.forecast.task import Task

    Forecasts = npt.NDArray[np.float64]

DAYS = 90
"""As many as the workshop's ARIMA was fitted on."""
ORDER = (25, 0, 0)
TRIALS = 12


def arima(task: Task, series: Series, starts: npt.NDArray[np.int64]) -> Forecasts:
    """Refitted at every origin, in closed form (Yule and Walker): a likelihood fit of each takes minutes."""
    from statsmodels.tsa.arima.model import ARIMA

    logs = np.log(series.values.astype(np.float64))
    changes = logs[WEEK:] - logs[:-WEEK]
    found = []
    for start in starts - series.first:
        known = changes[start - WEEK - 24 * DAYS : start - WEEK]
        known = np.where(np.isnan(known), 0, known)  # as a week before: the fit takes no gaps
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            change = ARIMA(known, order=ORDER, trend="n").fit(method="yule_walker").forecast(task.horizon)
        before = logs[start - WEEK : start - WEEK + task.horizon]
        found.append(np.exp(np.where(np.isnan(before), np.nanmean(before), before) + change))
    return np.array(found)


def searched(task: Task, split: Split) -> Forecasts:
    """The best of several kinds of trainer with several hyperparameters, on the columns that the model has."""
    from ml.jobkit.trainers.automl.settings import Settings
    from ml.jobkit.trainers.automl.trainer import Trainer

    lesson = task.lesson(split.training, 5, 0)
    judged = replace(lesson, folds=lesson.folds[-2:])
    trainer = Trainer(Settings(trials=TRIALS))
    trainer.cross_validate(judged, lambda step, figures: None)
    best = trainer.best
    print(f"found: {best.family.name} {dict(best.hyperparameters)}", flush=True)  # noqa: T201
    raw = trainer.predict(trainer.fit(lesson), task.matrix(split.holdout.requests))
    none = np.zeros((12, task.horizon))
    return task.answers(split.holdout.requests, raw, {LOWER: none, UPPER: none})[FORECAST]


def main() -> None:
    parser = argparse.ArgumentParser(description="Forecast the holdout set in other ways.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the system's file")
    planned = plan.load("energy_forecast")
    specification = planned.specification()
    task: Task = planned.build_task(specification)
    prepared = planned.prepare(specification, parser.parse_args().data)
    split, series = task.split(prepared), Series.of(task.fields, prepared)
    starts = task.fields.starts(split.holdout.requests)
    ways: dict[str, Any] = {"ARIMA": lambda: arima(task, series, starts), "AutoML": lambda: searched(task, split)}
    for name, forecast in ways.items():
        began = time.process_time()
        said = forecast()
        figures = task.figures(split.holdout, {FORECAST: said, LOWER: said, UPPER: said})
        seconds = time.process_time() - began
        print(f"{name}: mape {figures['mape']:.2f} %, {seconds:.0f} s of processor", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

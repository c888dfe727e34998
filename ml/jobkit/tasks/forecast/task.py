"""Forecasts inside jobs. Data comes by the hour; a request is an hour to start from with the weeks before it, and its
label the hours that came. Split and folds follow the time: no model is judged by hours before the last it learnt from.
"""

from __future__ import annotations

import dataclasses
import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from ml.jobkit import golden
from ml.jobkit.errors import JobError
from ml.jobkit.onnx_export import stamped
from ml.jobkit.tasks.base import Answers, Constants, Examples, Lesson, Prepared, Scorer, Split
from ml.jobkit.tasks.forecast import calendar, graph, intervals, matrix
from ml.jobkit.tasks.forecast.contract import CONTRACT, FORECAST, LOWER, UPPER
from ml.jobkit.tasks.forecast.figures import Origins, origins
from ml.jobkit.tasks.forecast.holidays import RULES
from ml.jobkit.tasks.forecast.hours import Fields, Series
from ml.jobkit.tasks.forecast.windows import HISTORY, LEVEL, LONGEST

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from ml.jobkit.features import Specification
    from ml.jobkit.tasks.base import Fold

    Array = npt.NDArray[Any]

EVERY = 5
"""Hours between two origins that are learnt from: no divisor of a day, so that forecasts begin at all of its hours."""
STEPS = 8
"""Hours of each that are learnt from: many origins teach more than many hours of one, which hang together."""
UNSEEN = 0.5
"""Share of the training part, its end, that the folds forecast."""
GOLDEN = 8


class Task:
    """A forecast of one series."""

    def __init__(
        self,
        specification: Specification,
        horizon: int = 48,
        holidays: str = "none",
        coverage: float = 0.9,
        origins: int = 53,
        hours_between: int = 168,
    ) -> None:
        """Options are those of `ml.system.forecast`."""
        _check(horizon, holidays, coverage)
        self.specification, self.fields = specification, Fields.of(specification)
        self.horizon, self.coverage, self.days = horizon, coverage, calendar.table(holidays)
        self.origins, self.hours_between = origins, hours_between
        length = {"minItems": horizon, "maxItems": horizon}
        answer = {name: {**schema, **length} for name, schema in CONTRACT.answer.items()}
        self.contract = dataclasses.replace(CONTRACT, answer=answer)

    def requests(self, prepared: Prepared) -> pd.DataFrame:
        return self.split(prepared).holdout.requests

    def split(self, prepared: Prepared) -> Split:
        series = Series.of(self.fields, prepared)
        end = series.first + len(series.values)
        held_out = end - self.horizon - self.hours_between * np.arange(self.origins)[::-1]
        trained = np.arange(series.first + HISTORY, held_out[0] - self.horizon + 1, EVERY)
        if len(trained) < intervals.LEAST:
            needed = HISTORY + EVERY * intervals.LEAST + self.hours_between * self.origins
            raise JobError(
                f"the data has {len(series.values):,} hours and needs {needed:,}: {self.origins} forecasts are held "
                f"out, {self.hours_between} hours apart, and each brings {HISTORY} hours of history"
            )
        parts = (series.usable(starts, self.fields.missing) for starts in (trained, held_out))
        return Split(*(self.fields.examples(series, starts, self.horizon) for starts in parts))

    def lesson(self, training: Examples, folds: int, seed: int) -> Lesson:
        """A few hours of each origin, drawn anew for each."""
        drawn = np.random.default_rng(seed).random((len(training), self.horizon))
        rows = np.flatnonzero(drawn <= np.sort(drawn, axis=1)[:, [min(STEPS, self.horizon) - 1]])
        target = (training.labels / self._levels(training.requests)).reshape(-1)[rows]
        rows, target = rows[~np.isnan(target)], target[~np.isnan(target)]
        return Lesson(
            matrix=self.matrix(training.requests)[rows],
            target=target,
            folds=_folds(self.fields.starts(training.requests)[rows // self.horizon], self.horizon, folds),
            objective="regression",
            columns=matrix.columns(self.horizon),
        )

    def matrix(self, requests: pd.DataFrame) -> npt.NDArray[np.float32]:
        starts, filled = self.fields.starts(requests), self.fields.history(requests)
        return matrix.matrix(starts, filled, self.horizon, self.days)

    def fold_figures(self, target: Array, raw: Array) -> dict[str, float]:
        return {"mape": float(np.mean(np.abs(raw - target) / np.abs(target)) * 100)}

    def calibrate(self, lesson: Lesson, out_of_fold: Array) -> Constants:
        """The ends of the intervals, from forecasts of years that their models had not seen."""
        unseen = ~np.isnan(out_of_fold)
        errors = (lesson.target[unseen] - out_of_fold[unseen]) / out_of_fold[unseen]
        places = lesson.matrix[unseen].astype(np.int64)
        seasons, steps = matrix.seasons(places[:, matrix.DAY_OF_YEAR]), places[:, matrix.STEP]
        lower, upper = intervals.learn(errors, seasons, steps, self.horizon, self.coverage)
        return {LOWER: lower, UPPER: upper}

    def answers(self, requests: pd.DataFrame, raw: Array, constants: Constants) -> Answers:
        forecast = np.asarray(raw, dtype=np.float64).reshape(-1, self.horizon) * self._levels(requests)
        rows = matrix.rows_of_days(self.fields.starts(requests), self.horizon)
        place = matrix.seasons(self.days[rows, calendar.DAY_OF_YEAR]), np.arange(self.horizon)
        ends = {name: forecast * (1 + constants[name][place]) for name in (LOWER, UPPER)}
        return {FORECAST: forecast, **ends}

    def checked(self, answers: Answers, requests: int) -> str:
        for name in (FORECAST, LOWER, UPPER):
            if answers[name].shape != (requests, self.horizon):
                return f"gives {name} of the shape {answers[name].shape} to {requests} requests of {self.horizon} hours"
            if not np.isfinite(answers[name]).all():
                return f"gives {name} that is no number"
        return ""

    def figures(self, examples: Examples, answers: Answers) -> dict[str, float]:
        return self._origins(examples, answers).whole()

    def scorers(self, examples: Examples, answers: Answers) -> list[Scorer]:
        return [self._origins(examples, answers).figures]

    def strata(self, examples: Examples) -> Array:
        return np.zeros(len(examples), dtype=np.int64)

    def digest(self, examples: Examples) -> str:
        histories = self.fields.history(examples.requests)
        rows = zip(examples.requests[self.fields.start.name], histories, examples.labels, strict=True)
        lines = sorted(
            hashlib.sha256(start.encode() + history.tobytes() + label.astype(np.float32).tobytes()).digest()
            for start, history, label in rows
        )
        return hashlib.sha256(b"".join(lines)).hexdigest()

    def summary(self, examples: Examples) -> dict[str, Any]:
        starts = examples.requests[self.fields.start.name]
        return {
            "rows": len(examples),
            "hours": int((~np.isnan(examples.labels)).sum()),
            "from": starts.min(),
            "to": starts.max(),
        }

    def golden(self, examples: Examples, answers: Answers) -> pd.DataFrame:
        """From the lowest to the highest level, and one with as many gaps as may be."""
        asked = golden.requests(self.specification, examples.requests, answers[FORECAST].mean(axis=1), GOLDEN)
        history = np.array(asked[self.fields.series.name].iloc[-1])
        known = np.flatnonzero(~np.isnan(history))
        if more := self.fields.missing - (len(history) - len(known)):
            history[known[-more:]] = np.nan
            asked.at[len(asked) - 1, self.fields.series.name] = history
        return asked

    def graph(self, core: onnx.ModelProto, constants: Constants) -> onnx.ModelProto:
        before = graph.before(self.fields.start, self.fields.series, self.horizon, self.days)
        after = graph.after(self.horizon, constants[LOWER], constants[UPPER])
        return stamped(self.specification, graph.joined(before, core, after))

    def _levels(self, requests: pd.DataFrame) -> npt.NDArray[np.float64]:
        """What is a whole to the shares that a model learns; shape (requests, 1)."""
        return matrix.mean(matrix.running_sums(self.fields.history(requests)), LEVEL)

    def _origins(self, examples: Examples, answers: Answers) -> Origins:
        forecast, lower, upper = (np.asarray(answers[name], dtype=np.float64) for name in (FORECAST, LOWER, UPPER))
        known = self.fields.history(examples.requests).astype(np.float64)
        return origins(examples.labels, forecast, lower, upper, known, self.coverage)


def _check(horizon: int, holidays: str, coverage: float) -> None:
    if not 1 <= horizon <= LONGEST:
        raise JobError(f"system.py: forecast(horizon={horizon}): write 1 to {LONGEST} hours")
    if holidays not in RULES:
        raise JobError(f"system.py: forecast(holidays={holidays!r}): write one of {', '.join(RULES)}")
    if not 0 < coverage < 1:
        raise JobError(f"system.py: forecast(coverage={coverage}): write a share between 0 and 1, such as 0.9")


def _folds(starts: npt.NDArray[np.int64], horizon: int, count: int) -> list[Fold]:
    """Rolling origins: each fold forecasts some months from all that came before them."""
    first, last = int(starts.min()), int(starts.max()) + 1
    edges = np.linspace(first + (last - first) * (1 - UNSEEN), last, count + 1).astype(np.int64)
    return [
        (np.flatnonzero(starts + horizon <= begin), np.flatnonzero((begin <= starts) & (starts < end)))
        for begin, end in pairwise(edges)
    ]

"""The task kind `forecast`: graph and training see the same, nothing of the future is known, and intervals hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
import pytest

from ml.jobkit import features, onnx_export, plan
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Examples, Prepared
from ml.jobkit.tasks.forecast import calendar, figures, graph, intervals, matrix
from ml.jobkit.tasks.forecast.contract import FORECAST, LOWER, UPPER
from ml.jobkit.tasks.forecast.holidays import MAJOR, united_states
from ml.jobkit.tasks.forecast.hours import Fields, Series, text
from ml.jobkit.tasks.forecast.task import Task
from ml.jobkit.tasks.forecast.windows import HISTORY, windows
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.jobkit.trainers.lightgbm.trainer import Trainer

SPECIFICATION = plan.load("energy_forecast").specification()
TASK = Task(SPECIFICATION, horizon=48, holidays="united_states")
RANDOM = np.random.default_rng(3)


def asked(count: int, first: str = "2015-12-24T05:00:00") -> pd.DataFrame:
    """Requests about a made-up series, the first one with gaps, each some days after the one before."""
    start = int(TASK.fields.start.number(first))
    hours = np.arange(start - HISTORY, start + 31 * count + 48)
    daily = 6000 + 1500 * np.sin(hours * 2 * np.pi / 24) + 40 * (hours % 168 > 120)
    values = (daily + RANDOM.normal(0, 97.3, len(hours))).astype(np.float32)
    series = Series(int(hours[0]), values)
    requests = TASK.fields.examples(series, start + 31 * np.arange(count), 48).requests
    gaps = requests["demand"].iloc[0].copy()
    gaps[[0, 168, 336, 504, 671, 670, 200]] = np.nan
    requests.at[requests.index[0], "demand"] = gaps
    return requests


def before() -> onnx.ModelProto:
    return graph.before(TASK.fields.start, TASK.fields.series, 48, TASK.days)


@pytest.mark.parametrize(
    "first", ["2015-12-24T05:00:00", "2016-02-27T23:00:00", "2000-01-01T00:00:00", "2099-12-30T11:00:00"]
)
def test_the_graph_sees_the_same_as_the_training_bit_by_bit(first: str) -> None:
    requests = asked(1 if first.startswith("2099") else 40, first)
    running = onnx_export.session(before())
    found, _, _ = running.run(None, onnx_export.inputs(SPECIFICATION, requests))
    assert np.array_equal(found, TASK.matrix(requests))
    assert np.isfinite(found).all()


def test_the_members_of_a_result_are_the_same_too() -> None:
    requests = asked(12)
    shares = np.linspace(0.01, 0.2, calendar.SEASONS * 48).reshape(calendar.SEASONS, 48)
    whole = TASK.graph(identity_core(len(matrix.columns(48))), {LOWER: -shares, UPPER: 2 * shares})
    running = onnx_export.session(whole)
    found = onnx_export.answer(running, SPECIFICATION, requests, (FORECAST, LOWER, UPPER))
    raw = TASK.matrix(requests)[:, matrix.columns(48).index("usual_hour")]
    wanted = TASK.answers(requests, raw, {LOWER: -shares, UPPER: 2 * shares})
    for member, values in wanted.items():
        assert found[member] == pytest.approx(values, rel=1e-6)
    assert TASK.checked(found, 12) == ""
    assert "shape" in TASK.checked(found, 13)


def test_nothing_that_comes_after_the_start_is_known() -> None:
    """A column may use the history only, and of it nothing that is not there."""
    for horizon in (1, 24, 48, 168):
        for window in windows(horizon):
            assert window.ends.shape[0] == horizon
            assert window.ends.max() < HISTORY
            assert (window.ends - window.length + 1).min() >= 0


def test_the_calendar_is_that_of_the_standard_library() -> None:
    start = int(TASK.fields.start.number("2024-02-28T22:00:00"))
    names = matrix.columns(48)
    found = TASK.matrix(asked(1, "2024-02-28T22:00:00"))
    hours = pd.to_datetime([text(start + step) for step in range(48)])
    assert (found[:, names.index("hour")] == hours.hour).all()
    assert (found[:, names.index("weekday")] == hours.dayofweek).all()
    assert (found[:, names.index("day_of_year")] == hours.dayofyear).all()
    assert (found[:, names.index("step")] == np.arange(48)).all()


def test_holidays_follow_the_rule() -> None:
    found = united_states(2017)
    known = {
        date(2017, 1, 1),
        date(2017, 5, 29),
        date(2017, 7, 4),
        date(2017, 9, 4),
        date(2017, 11, 23),
        date(2017, 12, 25),
    }
    assert {day for day, kind in found.items() if kind == MAJOR} == known
    assert {date(2017, 1, 16), date(2017, 2, 20), date(2017, 10, 9), date(2017, 11, 11)} < set(found)
    assert date(2021, 6, 19) in united_states(2021)
    assert date(2017, 6, 19) not in found
    row = (date(2017, 7, 4) - calendar.EPOCH).days - calendar.START
    assert TASK.days[row, calendar.CLASS] == MAJOR


def test_a_missing_hour_takes_the_week_before_then_the_week_after_then_the_mean() -> None:
    history = np.arange(1, HISTORY + 1, dtype=np.float32)[None, :]
    history[0, [0, 400]] = np.nan
    history[0, [5, 173, 341, 509]] = np.nan
    found = matrix.without_gaps(history)
    assert found[0, 400] == history[0, 400 - 168]
    assert found[0, 0] == history[0, 168]
    assert found[0, [5, 173, 341, 509]] == pytest.approx(np.nanmean(found[0, np.arange(HISTORY) % 168 != 5]))
    assert not np.isnan(found).any()


def test_the_folds_and_the_split_follow_the_time() -> None:
    hours = 24 * 700
    prepared = hourly(hours)
    split = with_origins(53).split(prepared)
    last = TASK.fields.starts(split.training.requests).max()
    first = TASK.fields.starts(split.holdout.requests).min()
    assert last + 48 <= first
    assert len(split.holdout) == 53
    assert set(np.diff(TASK.fields.starts(split.holdout.requests))) == {168}
    lesson = TASK.lesson(split.training, 5, 0)
    unseen = np.concatenate([left_out for _, left_out in lesson.folds])
    assert len(np.unique(unseen)) == len(unseen)
    assert len(unseen) == pytest.approx(len(lesson.target) / 2, rel=0.1)
    for trained, left_out in lesson.folds:
        assert trained.max() < left_out.min()


def test_too_little_data_says_how_much_is_needed() -> None:
    with pytest.raises(JobError, match=r"9,000 hours and needs 10,076"):
        with_origins(53).split(hourly(9000))


def test_an_hour_that_comes_twice_is_named() -> None:
    prepared = hourly(800)
    twice = replace(prepared, features=prepared.features.assign(start=prepared.features["start"].iloc[0]))
    with pytest.raises(JobError, match=r"start: 2012-01-01T00:00:00 \(1 in all\) comes twice"):
        Series.of(TASK.fields, twice)


def test_intervals_hold_what_they_state_for_errors_of_the_same_kind() -> None:
    steps, seasons = RANDOM.integers(0, 48, 40_000), RANDOM.integers(0, 12, 40_000)
    spread = (0.01 + 0.001 * steps) * (1 + (seasons > 5))
    errors = RANDOM.standard_t(4, 40_000) * spread
    lower, upper = intervals.learn(errors[:20_000], seasons[:20_000], steps[:20_000], 48, 0.8)
    new, place = errors[20_000:], (seasons[20_000:], steps[20_000:])
    inside = (lower[place] <= new) & (new <= upper[place])
    assert inside.mean() == pytest.approx(0.8, abs=0.01)
    for part in (place[1] < 6, place[1] > 42, place[0] == 2, place[0] == 9):
        assert inside[part].mean() == pytest.approx(0.8, abs=0.03)
    with pytest.raises(JobError, match="3 hours were left out for the intervals; 100 are needed"):
        intervals.learn(errors[:3], seasons[:3], steps[:3], 48, 0.8)


def test_the_figures_are_what_they_say() -> None:
    true = np.array([[100.0, 200.0], [100.0, np.nan]])
    forecast = np.array([[110.0, 200.0], [80.0, 1.0]])
    history = np.full((2, HISTORY), 100.0)
    found = figures.origins(true, forecast, forecast - 15, forecast + 15, history, 0.9).whole()
    assert found["mape"] == pytest.approx((5 + 20) / 2)
    assert found["worst_origin"] == pytest.approx(20)
    assert found["coverage"] == pytest.approx(0.5)
    assert found["coverage_error"] == pytest.approx(0.4)
    assert found["naive_day_mape"] == found["naive_week_mape"] == pytest.approx(12.5)
    assert found["improvement"] == pytest.approx(0)
    assert found["mae"] == pytest.approx(12.5)
    scored = figures.origins(true, forecast, forecast - 15, forecast + 15, history, 0.9).figures(np.array([[2.0, 0.0]]))
    assert scored["mape"] == pytest.approx([5])


@pytest.mark.parametrize("gaps", [0, 5, 24])
def test_golden_requests_have_one_with_as_many_gaps_as_a_request_may_have(gaps: int) -> None:
    """Also where the history has some by itself."""
    requests = asked(10)
    history = requests["demand"].iloc[-1].copy()
    history[100 : 100 + gaps] = np.nan
    requests.at[requests.index[-1], "demand"] = history
    examples = Examples(requests, np.full((10, 48), 6000.0))
    found = TASK.golden(examples, {FORECAST: np.arange(480).reshape(10, 48)})
    assert np.isnan(found["demand"].iloc[-1]).sum() == 24
    assert len(found) == 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"horizon": 0}, r"forecast\(horizon=0\): write 1 to 168 hours"),
        ({"holidays": "mars"}, r"forecast\(holidays='mars'\): write one of none, united_states"),
        ({"coverage": 1.0}, r"forecast\(coverage=1.0\): write a share between 0 and 1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(JobError, match=said):
        Task(SPECIFICATION, **options)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("length: 672", "length: 100", "length of demand is 100; write 672"),
        ("[2000-01-01, 2099-12-31]", "[1990-01-01, 2099-12-31]", "range of start: write one within"),
        ("missing: 24", "missing: 672", "missing is 672.0; write how many may be null, 0 to 671"),
        ("type: series", "type: number", "features are start"),
    ],
)
def test_features_that_no_forecast_can_take_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    written = (plan.SYSTEMS / "energy_forecast" / features.FILE).read_text()
    if new == "type: number":
        written = written.replace("    length: 672\n    missing: 24\n", "")
    (tmp_path / features.FILE).write_text(written.replace(old, new))
    with pytest.raises(JobError, match=said):
        Fields.of(features.load(tmp_path / features.FILE))


def test_a_model_learns_and_is_exported() -> None:
    task, trainer = with_origins(4), Trainer(Settings(rounds=5, loss="absolute"))
    split = task.split(hourly(24 * 120))
    lesson = task.lesson(split.training, 2, 0)
    constants = task.calibrate(lesson, trainer.cross_validate(lesson, lambda step, told: None))
    model = trainer.fit(lesson)
    expected = task.answers(
        split.holdout.requests, trainer.predict(model, task.matrix(split.holdout.requests)), constants
    )
    running = onnx_export.session(task.graph(trainer.core(model, lesson), constants))
    onnx_export.assert_parity(running, SPECIFICATION, split.holdout.requests, expected, task.contract)
    assert (expected[LOWER] < expected[FORECAST]).all()
    assert (expected[FORECAST] < expected[UPPER]).all()
    assert set(task.figures(split.holdout, expected)) == set(task.contract.figures)
    assert task.summary(split.holdout)["rows"] == 4


def with_origins(count: int) -> Task:
    return Task(SPECIFICATION, horizon=48, holidays="united_states", origins=count)


def hourly(hours: int) -> Prepared:
    """Data of a series that no model has to be good at."""
    first = int(TASK.fields.start.number("2012-01-01T00:00:00"))
    names = [text(first + hour) for hour in range(hours)]
    values: npt.NDArray[np.float64] = 6000 + 1000 * np.sin(np.arange(hours) / 24) + RANDOM.normal(0, 50, hours)
    frame = pd.DataFrame({"start": names, "demand": values}, index=names)
    return Prepared(frame, frame["demand"], Clean())


class Clean:
    """Nothing to say of the data."""

    def lines(self) -> list[str]:
        return []


def identity_core(width: int) -> onnx.ModelProto:
    """A model that answers with one of its columns."""
    place = matrix.columns(48).index("usual_hour")
    build = graph.Builder()
    build.node("Gather", onnx_export.MATRIX, build.constant([place]), name="variable", axis=1)
    shapes = [(onnx_export.MATRIX, width), ("variable", 1)]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["hours", size]) for name, size in shapes]
    return build.graph("core", ends[:1], ends[1:])

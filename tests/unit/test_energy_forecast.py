"""The system energy_forecast: its file as it comes, how good its forecasts of the real year are, and its generator."""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ml.data import check, contract
from ml.jobkit import generating, plan
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Split
from ml.jobkit.tasks.forecast.hours import Series
from ml.jobkit.tasks.forecast.task import Task
from ml.jobkit.trainers.lightgbm.settings import Settings
from ml.jobkit.trainers.lightgbm.trainer import Trainer
from ml.systems.energy_forecast import generator, prepare

PLAN = plan.load("energy_forecast")
FOLDER = PLAN.folder
SPECIFICATION = PLAN.specification()
TASK: Task = PLAN.build_task(SPECIFICATION)
FEWER = replace(Settings(**PLAN.trainer.options), rounds=80)
"""A model that takes a few seconds; the job's has 400 trees."""


def written(folder: Path, *rows: str) -> Path:
    (folder / prepare.FILE).write_text("\n".join(["dtime,nycdemand,precip,temp", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def split(data_directory: Path) -> Split:
    return TASK.split(prepare.prepare(SPECIFICATION, data_directory))


@pytest.fixture(scope="module")
def figures(split: Split) -> dict[str, float]:
    """Of the 53 weekly origins of the last year."""
    trainer, lesson = Trainer(FEWER), TASK.lesson(split.training, 5, 0)
    constants = TASK.calibrate(lesson, trainer.cross_validate(lesson, lambda step, told: None))
    raw = trainer.predict(trainer.fit(lesson), TASK.matrix(split.holdout.requests))
    return TASK.figures(split.holdout, TASK.answers(split.holdout.requests, raw, constants))


def test_forecasts_of_the_last_year_are_as_good_as_they_must_be(split: Split, figures: dict[str, float]) -> None:
    assert len(split.holdout) == 53
    assert figures["mape"] <= 5.0
    assert figures["improvement"] >= 0.35
    assert figures["naive_week_mape"] == pytest.approx(8.02, abs=0.01)
    assert figures["naive_day_mape"] == pytest.approx(10.79, abs=0.03)


def test_intervals_hold_about_as_many_values_as_they_state(figures: dict[str, float]) -> None:
    assert figures["coverage"] == pytest.approx(0.9, abs=0.03)
    assert figures["interval_width"] < 20


def test_the_real_file_is_as_its_contract_says(data_directory: Path) -> None:
    assert check.problems(contract.load(FOLDER), data_directory) == []
    quality = prepare.prepare(SPECIFICATION, data_directory).quality
    assert quality.lines() == [
        "45,238 hours from 2012-01-01T00:00:00 to 2017-02-28T23:00:00",
        "warning: missing: 26",
    ]


def test_heat_waves_and_the_hurricane_stay(data_directory: Path) -> None:
    """No value of the file is taken for an outlier: all that is far from the mean is summer."""
    series = Series.of(TASK.fields, prepare.prepare(SPECIFICATION, data_directory))
    hours = series.first + np.arange(len(series.values))
    far = np.abs(series.values - np.nanmean(series.values)) > 3 * np.nanstd(series.values)
    assert far.sum() == 384
    assert set((hours[far].astype("datetime64[h]").astype("datetime64[M]").astype(int) % 12 + 1).tolist()) == {
        6,
        7,
        8,
        9,
    }
    assert np.nanmax(series.values) == 11456.0


def test_rows_in_any_order_with_repeats_and_gaps(tmp_path: Path) -> None:
    rows = ("2016-05-01 03:00:00,5300,0,", "2016-05-01 00:00:00,5000,0,", "2016-05-01 01:00:00,,0,")
    prepared = prepare.prepare(SPECIFICATION, written(tmp_path, *rows, rows[1]))
    assert prepared.quality.lines() == [
        "2 hours from 2016-05-01T00:00:00 to 2016-05-01T03:00:00",
        "warning: missing: 2",
        "warning: repeated rows: 1",
    ]
    values = Series.of(TASK.fields, prepared).values
    assert values[[0, 3]].tolist() == [5000, 5300]
    assert np.isnan(values[[1, 2]]).all()


def test_the_hour_that_a_clock_brings_twice_is_averaged(tmp_path: Path) -> None:
    rows = ("2016-11-06 01:00:00,4400,0,", "2016-11-06 01:00:00,4300,0,", "2016-11-06 02:00:00,4100,0,")
    prepared = prepare.prepare(SPECIFICATION, written(tmp_path, *rows))
    assert prepared.labels.tolist() == [4350, 4100]
    assert prepared.quality.lines()[1:] == ["warning: hours averaged: 1"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ("2016-11-07 01:00:00,4400,0,", "2016-11-07 01:00:00,4300,0,"),
            "dtime '2016-11-07T01:00:00' has rows with different loads; keep the right one",
        ),
        (("2016-11-07 01:00:00,0,0,",), r"column nycdemand: '0' \(1 rows\) is not within \[1000, 20000\] MW"),
        (("2016-11-07 01:00:00,many,0,",), "'many' .* is not a number"),
        (("1999-12-31 23:00:00,4400,0,",), "is not within 2000-01-01 and 2099-12-31 for start"),
        (("2016-11-07 01:00:00,,0,",), "nycdemand is empty in every row"),
        ((), "has no rows"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, rows: tuple[str, ...], said: str) -> None:
    with pytest.raises(JobError, match=said):
        prepare.prepare(SPECIFICATION, written(tmp_path, *rows))


def test_the_same_seed_gives_the_same_hours_everywhere(tmp_path: Path) -> None:
    """Another digest retrains every stack that lives on generated data: change it on purpose only."""
    generating.write(tmp_path, prepare.FILE, generator.COLUMNS, generator.hours(2000, 3))
    digest = hashlib.sha256((tmp_path / prepare.FILE).read_bytes()).hexdigest()[:16]
    assert digest == "82fc88c5bbb09199"
    assert check.problems(contract.load(FOLDER), tmp_path) == []


def test_nobody_forecasts_better_than_the_planted_signal_allows() -> None:
    """The stated error is that of whoever knows the calendar and the weather at the start."""
    draw, errors = random.Random(5), []
    for _ in range(3000):
        weather = 0.0
        for _ in range(48):
            weather = generator.MEMORY * weather + generator.SHOCK * draw.gauss(0, 1)
            errors.append(abs(weather))
    assert 100 * math.fsum(errors) / len(errors) == pytest.approx(generator.planted_mape(), rel=0.03)
    assert generator.planted_mape() == pytest.approx(3.61, abs=0.005)
    noon, night = datetime(2013, 7, 16, 12), datetime(2013, 7, 16, 3)
    assert generator.expected(noon) > 1.5 * generator.expected(night)
    assert generator.expected(datetime(2013, 7, 4, 12)) < 0.9 * generator.expected(datetime(2013, 7, 3, 12))


def test_the_documented_request_has_a_gap() -> None:
    (row,) = json.loads((FOLDER / "request.json").read_text())["data"]
    assert len(row["demand"]) == 672
    assert row["demand"].count(None) == 1

from __future__ import annotations

import hashlib
import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ml.jobkit import provenance
from ml.jobkit.tasks.binary import figures as metrics
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES
from tests.unit.test_bike_buyer_prepare import rows_of

DIGESTS = {HOLDERS: "44915fa13cca7225", PURCHASES: "df34d8da2fa0b227"}


def test_the_same_seed_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """Another digest retrains every stack that lives on generated data: change it on purpose only."""
    generator.generate(100, 3, tmp_path)
    assert {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()[:16] for name in DIGESTS} == DIGESTS


def test_the_columns_are_those_of_the_real_files(tmp_path: Path, data_directory: Path) -> None:
    generator.generate(50, 0, tmp_path)
    for name in (HOLDERS, PURCHASES):
        made, real = rows_of(tmp_path / name), rows_of(data_directory / name)
        assert list(made[0]) == list(real[0])
    for column in generator.FREQUENCIES:
        assert set(generator.FREQUENCIES[column]) == {row[column] for row in rows_of(data_directory / HOLDERS)}


def test_the_planted_signal_is_the_stated_one() -> None:
    drawn = list(generator.people(20_000, 5, date(2018, 10, 26)))
    probabilities = np.array([generator.purchase_probability(person, age) for person, age, _ in drawn])
    bought = np.array([int(bikes > 0) for _, _, bikes in drawn])
    assert metrics.auc(bought, probabilities) == pytest.approx(generator.PLANTED_AUC, abs=0.006)
    assert metrics.calibration(bought, probabilities).error < 0.02


def test_the_folder_is_marked_as_generated(tmp_path: Path) -> None:
    generator.generate(5, 0, tmp_path)
    assert json.loads((tmp_path / provenance.GENERATED).read_text())["seed"] == 0
    assert provenance.data_source(tmp_path) == "generated"


def test_real_data_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / HOLDERS).write_text("real")
    monkeypatch.setattr(sys, "argv", ["generator", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="was not generated"):
        generator.main()
    assert (tmp_path / HOLDERS).read_text() == "real"

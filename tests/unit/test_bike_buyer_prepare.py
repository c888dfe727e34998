"""Nobody is lost between the files and the training table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ml.jobkit import features
from ml.jobkit.errors import JobError
from ml.systems.bike_buyer import generator
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES
from ml.systems.bike_buyer.prepare import Quality, prepare

if TYPE_CHECKING:
    from ml.jobkit.tasks.base import Prepared

SPECIFICATION = features.load(Path("ml/systems/bike_buyer/features.yaml"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator.generate(40, 1, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def real(data_directory: Path) -> Prepared:
    return prepare(SPECIFICATION, data_directory)


def repeat(path: Path, line: int, old: str = "", new: str = "") -> None:
    """Append a copy of a line, changed."""
    path.write_text(path.read_text() + path.read_text().splitlines()[line].replace(old, new, 1) + "\n")


def quality(folder: Path) -> Quality:
    """What was found while a folder was prepared."""
    found = prepare(SPECIFICATION, folder).quality
    assert isinstance(found, Quality)
    return found


def test_all_card_holders_arrive(real: Any, data_directory: Path) -> None:
    written = rows_of(data_directory / HOLDERS)
    assert len(real.features) == len(real.labels) == len(written) == real.quality.holders
    buyers = {row["LoyaltyCardID"] for row in rows_of(data_directory / PURCHASES)}
    assert real.labels.tolist() == [int(row["LoyaltyCardID"] in buyers) for row in written]
    if real.quality.purchases == 7308:
        assert real.quality.holders == 14841


def test_no_category_is_lost(real: Any, data_directory: Path) -> None:
    """The workshop's mapping lost two: they became 0 together with everything unknown."""
    for row in SPECIFICATION.features:
        if row.type == "category":
            written = {line[row.column] for line in rows_of(data_directory / HOLDERS)}
            assert set(real.features[row.name]) == written == set(row.categories)
    assert (real.features["Education"] == "Partial High School").sum() > 1000
    assert (real.features["CommuteDistance"] == "10+ Miles").sum() > 1000


def test_no_two_columns_say_the_same(real: Any) -> None:
    """In the workshop's file the marital status was a copy of the education."""
    names = SPECIFICATION.names
    pairs = [(one, other) for one in names for other in names if one != other]
    assert not [(one, other) for one, other in pairs if real.features.groupby(one)[other].nunique().max() == 1]


def test_ages_are_those_of_the_purchases_file(real: Any) -> None:
    assert real.quality.ages_that_differ == 0


def test_the_real_files_are_sound(real: Any) -> None:
    assert len(real.quality.lines()) == 1, real.quality.lines()


def test_what_is_known_only_after_a_purchase_is_no_feature(folder: Path) -> None:
    used = {feature.column for feature in SPECIFICATION.features}
    assert used.isdisjoint({"DateFirstPurchase", "LoyaltyCardID", "LastName", "EmailAddress", "Phone"})
    table = prepare(SPECIFICATION, folder)
    assert set(table.features) == set(SPECIFICATION.names)


def test_repeated_rows_are_counted_and_used_once(folder: Path) -> None:
    before = prepare(SPECIFICATION, folder)
    repeat(folder / HOLDERS, 3)
    repeat(folder / PURCHASES, 1)
    after = prepare(SPECIFICATION, folder)
    assert after.labels.tolist() == before.labels.tolist()
    found = quality(folder)
    assert (found.duplicate_holders, found.duplicate_purchases) == (1, 1)
    assert "warning: duplicate purchases: 1" in after.quality.lines()


def test_one_holder_with_two_descriptions_is_refused(folder: Path) -> None:
    repeat(folder / HOLDERS, 3, "First2", "Second2")
    assert quality(folder).duplicate_holders == 1  # the name is not read
    repeat(folder / HOLDERS, 3, ".00,", "0.00,")
    with pytest.raises(JobError, match=r"LoyaltyCardID 11002 .* rows that differ; keep the right one"):
        prepare(SPECIFICATION, folder)


def test_purchases_of_strangers_are_reported(folder: Path) -> None:
    repeat(folder / PURCHASES, 1, "11", "99")
    found = quality(folder)
    assert (found.purchases_without_holder, found.holders) == (1, 40)


def test_an_age_that_does_not_fit_is_reported(folder: Path) -> None:
    path = folder / PURCHASES
    first = rows_of(path)[0]
    path.write_text(path.read_text().replace(f",{first['Age']},", ",16,", 1))
    assert quality(folder).ages_that_differ == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (HOLDERS, "10+ Miles", "10-20 Miles", "column CommuteDistance: '10-20 Miles' .* add it to the categories"),
        (HOLDERS, "Education", "Schooling", r"potential-bike-buyers\.csv lacks the column Education; it has Loyalty"),
        (PURCHASES, "Bikes", "Bicycles", r"adworks-bike-purchases\.csv lacks the column Bikes"),
        (PURCHASES, ",1\n", ",one\n", "Bikes is 'one'; it must be the number of bicycles"),
    ],
)
def test_unusable_data_is_named(folder: Path, file: str, old: str, new: str, message: str) -> None:
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(JobError, match=message):
        prepare(SPECIFICATION, folder)


def test_missing_and_empty_files_are_named(folder: Path) -> None:
    header = (folder / HOLDERS).read_text().splitlines()[0]
    (folder / HOLDERS).write_text(header + "\n")
    with pytest.raises(JobError, match="has no rows"):
        prepare(SPECIFICATION, folder)
    (folder / HOLDERS).unlink()
    with pytest.raises(JobError, match=r"holds no potential-bike-buyers\.csv; name the folder .* --data"):
        prepare(SPECIFICATION, folder)

"""The training table: holders of a loyalty card, and whether they bought a bicycle.

Two files: the holders with what is known of each, and the purchases. A holder whose id is among the purchases is a
buyer. Of the holders only the features are read: no name, address, telephone number or e-mail, and not
`DateFirstPurchase`, which is known only because a purchase was made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ml.jobkit import frame, table
from ml.jobkit.errors import JobError
from ml.jobkit.tasks.base import Prepared
from ml.systems.bike_buyer.files import HOLDERS, PURCHASES

if TYPE_CHECKING:
    from pathlib import Path

    from ml.jobkit.features import Specification


@dataclass(frozen=True)
class Quality:
    """What was found while joining; numbers of rows."""

    holders: int
    """Holders in the training table: every one of the file, each once."""
    buyers: int
    purchases: int
    duplicate_holders: int
    """Rows that repeat a holder word for word; left out."""
    duplicate_purchases: int
    """Further purchases of the same holder; a buyer stays one row."""
    purchases_without_holder: int
    """Purchases by an unknown holder; they cannot be used, as nothing is known of the person."""
    ages_that_differ: int
    """Buyers whose age in the purchases file is not the one derived from the birth date at the as-of date."""

    def lines(self) -> list[str]:
        """For the job's log: the size, and one line for each thing that is not as it should be."""
        found = asdict(self)
        size = f"{self.holders:,} card holders, {self.buyers:,} of them bought ({self.buyers / self.holders:.1%})"
        doubts = ("duplicate_holders", "duplicate_purchases", "purchases_without_holder", "ages_that_differ")
        return [size, *(f"warning: {name.replace('_', ' ')}: {found[name]:,}" for name in doubts if found[name])]


def prepare(specification: Specification, folder: Path, *, strict: bool = True) -> Prepared:
    """Read both files of `folder` and join them on the specification's key; `strict` as in `frame.build`.

    Raises:
        JobError: a file or column is missing, a value cannot be used, or one holder is described in two ways.
    """
    key = specification.key
    columns = [key, *dict.fromkeys(feature.column for feature in specification.features)]
    written = table.read_csv(folder / HOLDERS, columns)
    purchases = table.read_csv(folder / PURCHASES, [key, "Age", "Bikes"])
    holders = _distinct(key, written)
    features = frame.build(specification, holders, strict=strict)
    bought = purchases[_positive(purchases["Bikes"])]
    labels = holders[key].isin(bought[key]).astype("int64").rename(specification.label.name)
    quality = Quality(
        holders=len(holders),
        buyers=int(labels.sum()),
        purchases=len(purchases),
        duplicate_holders=len(written) - len(holders),
        duplicate_purchases=int(purchases[key].duplicated().sum()),
        purchases_without_holder=int((~purchases[key].isin(holders[key])).sum()),
        ages_that_differ=_ages_that_differ(key, holders[[key]].join(features), purchases),
    )
    return Prepared(features, labels, quality)


def _distinct(key: str, holders: pd.DataFrame) -> pd.DataFrame:
    if holders.empty:
        raise JobError(f"{HOLDERS} has no rows; give a file with at least one card holder")
    distinct = holders.drop_duplicates()
    twice = distinct[key][distinct[key].duplicated()]
    if len(twice):
        ids = ", ".join(twice.iloc[:3])
        raise JobError(f"{HOLDERS}: {key} {ids} ({len(twice)} in all) has rows that differ; keep the right one")
    return distinct.set_index(key, drop=False).rename_axis(None)


def _positive(bikes: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(bikes, errors="coerce")
    if numbers.isna().any():
        wrong = bikes[numbers.isna()].iloc[0]
        raise JobError(f"{PURCHASES}: Bikes is {wrong!r}; it must be the number of bicycles bought")
    return numbers > 0


def _ages_that_differ(key: str, holders: pd.DataFrame, purchases: pd.DataFrame) -> int:
    if "Age" not in holders:
        return 0
    both = purchases.merge(holders[[key, "Age"]], on=key, suffixes=("", "_derived"))
    return int((pd.to_numeric(both["Age"], errors="coerce") != both["Age_derived"]).sum())

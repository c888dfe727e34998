"""A run in a few words for a person, in Markdown: MLflow shows it as the run's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.jobkit.dataset import Dataset
    from ml.jobkit.tasks.contract import Contract


def training(data: Dataset, counts: Mapping[str, int], figures: Mapping[str, float], contract: Contract) -> str:
    """What was trained on, and how good it is on the rows held out."""
    return (
        f"Trained on {counts['training']:,} rows of **{data.source}** data, {data.name} `{data.digest}`. "
        f"On the {counts['holdout']:,} rows held out: {in_words(figures, contract)}."
    )


def evaluation(data: Dataset, rows: int, figures: Mapping[str, Mapping[str, float]], contract: Contract) -> str:
    """How models compare on the holdout set; their figures by role."""
    found = "; ".join(f"{role}: {in_words(one, contract)}" for role, one in figures.items())
    rows_of = f"On {rows:,} rows held out of **{data.source}** data, {data.name} `{data.digest}`"
    return f"{rows_of}: {found}.\n\n{table(figures)}"


def in_words(figures: Mapping[str, float], contract: Contract) -> str:
    """The figures most asked for."""
    return ", ".join(f"{name} {figures[name]:.4f}" for name in contract.shown if name in figures)


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """One column a model, one line a figure."""
    names = next(iter(columns.values()))
    rows = [["figure", *columns], ["---", *["---:"] * len(columns)]]
    rows += [[name, *(f"{figures[name]:.4f}" for figures in columns.values())] for name in names]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

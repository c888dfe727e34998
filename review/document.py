"""A report for machines: the JSON file, and the short block in the comment."""

from __future__ import annotations

import dataclasses
import json
from enum import Enum
from typing import Any

from review.report import Report, StackReview
from review.sentence import sentence

FORMAT = 1


def document(report: Report) -> dict[str, Any]:
    """All of it."""
    stacks = [{**_plain(one), **summary(one), **_rehearsal(one)} for one in report.stacks]
    return {"format": FORMAT, "project": report.project, "exitCode": report.exit_code, "stacks": stacks}


def _rehearsal(review: StackReview) -> dict[str, Any]:
    """With its outcome in a word: what follows from the rest is no field of it."""
    found = review.rehearsal
    return {"rehearsal": {**_plain(found), "outcome": found.outcome}} if found else {}


def summary(review: StackReview) -> dict[str, Any]:
    """The figures that a bot asks for."""
    return {
        "stack": review.stack,
        "risk": review.risk.name.lower(),
        "sentence": sentence(review),
        "counts": {op.value: number for op, number in review.counts.items()},
        "unchanged": review.unchanged,
        "blocking": sorted({one.rule for one in review.blocking}),
        "costDelta": round(review.cost.delta, 2) + 0.0 if review.cost else None,
        "trains": [one.name for one in review.systems if one.trains],
        "base": review.freshness.base,
        "head": review.freshness.head,
        "behind": review.freshness.behind,
        **({"state": review.freshness.state} if review.freshness.state else {}),
        **({"rehearsal": review.rehearsal.outcome} if review.rehearsal else {}),
    }


def text(report: Report) -> str:
    """The file."""
    return json.dumps(document(report), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def machine_block(report: Report) -> str:
    """One hidden line in the comment; nothing in it can end it."""
    found = {"format": FORMAT, "exitCode": report.exit_code, "stacks": [summary(one) for one in report.stacks]}
    written = json.dumps(found, sort_keys=True, ensure_ascii=True).replace("--", "\\u002d\\u002d")
    return f"<!-- mlops-review-data {written} -->"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value

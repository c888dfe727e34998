"""No preview version and none that Azure ends within a year, unless a reason stands beside it that still holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from tests.program.azure.snapshots import API_VERSIONS
from tests.program.recorder import ROOT

LIFECYCLES = ROOT / "infra" / "api-lifecycles.yaml"
YEAR = timedelta(days=365)


def used() -> list[tuple[str, str]]:
    """(what is sent, version) of the generated list."""
    return [(name, version) for name, version in (line.split() for line in API_VERSIONS.read_text().splitlines())]


def lifecycles() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(LIFECYCLES.read_text())
    return found


def doubts(name: str, version: str, retirements: list[Mapping[str, Any]], today: date) -> Iterator[str]:
    """Why a version should not be used."""
    if version.endswith("-preview"):
        yield "is a preview"
    for one in retirements:
        of_it = any(fnmatchcase(name, pattern) for pattern in one["names"])
        if of_it and version < one["before"] and one["date"] < today + YEAR:
            yield f"ends on {one['date']}"


def problems(versions: list[tuple[str, str]], known: Mapping[str, Any], today: date) -> list[str]:
    reasons = {(one["name"], one["version"]): one for one in known["reasons"]}
    said = []
    for name, version in versions:
        doubt = ", ".join(doubts(name, version, known["retirements"], today))
        reason = reasons.pop((name, version), None)
        if doubt and reason is None:
            said.append(f"{name} {version} {doubt}, and {LIFECYCLES.name} has no reason for it")
        elif reason is not None and not doubt:
            said.append(f"{name} {version} needs no reason any more")
        elif reason is not None and today >= reason["until"]:
            said.append(f"{name} {version} {doubt}: its reason held until {reason['until']}: {reason['reason']}")
    return [*said, *(f"{name} {version}: a reason, but no stack uses it" for name, version in reasons)]


def test_every_doubtful_version_has_a_reason_that_still_holds() -> None:
    assert problems(used(), lifecycles(), date.today()) == []


KNOWN = {
    "retirements": [{"names": ["keyvault:*"], "before": "2026-02-01", "date": date(2027, 2, 27)}],
    "reasons": [{"name": "keyvault:Vault", "version": "2024-11-01", "until": date(2027, 1, 31), "reason": "no newer"}],
}
VAULT = ("keyvault:Vault", "2024-11-01")


@pytest.mark.parametrize(
    ("versions", "today", "said"),
    [
        ([VAULT], date(2026, 11, 29), []),
        ([VAULT], date(2027, 1, 31), ["its reason held until 2027-01-31: no newer"]),
        ([VAULT], date(2026, 1, 1), ["needs no reason any more"]),
        ([VAULT, ("a:B", "2025-01-01-preview")], date(2026, 11, 29), ["a:B 2025-01-01-preview is a preview, and"]),
        ([("keyvault:Vault", "2026-02-01")], date(2026, 11, 29), ["a reason, but no stack uses it"]),
        ([VAULT, ("keyvault:Key", "2023-07-01")], date(2026, 11, 29), ["keyvault:Key 2023-07-01 ends on 2027-02-27"]),
    ],
)
def test_what_is_wrong_with_a_version_is_said(versions: list[tuple[str, str]], today: date, said: list[str]) -> None:
    found = problems(versions, KNOWN, today)
    assert len(found) == len(said)
    assert all(words in one for words, one in zip(said, found, strict=True))

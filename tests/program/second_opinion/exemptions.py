"""Failed checks that are meant to fail: which, where, why, and until when somebody stands by that."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tests.program.second_opinion.scanner import Failed

FILE = Path(__file__).with_name("exemptions.yaml")


@dataclass(frozen=True)
class Exemption:
    """`stacks` and `resources` are patterns with `*`; `until` is the day from which it no longer holds."""

    checks: tuple[str, ...]
    stacks: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    until: datetime.date

    def covers(self, failed: Failed) -> bool:
        """Whether it is about this failed check."""
        return (
            failed.check in self.checks
            and any(fnmatchcase(failed.stack, pattern) for pattern in self.stacks)
            and any(fnmatchcase(failed.resource, pattern) for pattern in self.resources)
        )


def load(file: Path = FILE) -> list[Exemption]:
    """All of them."""
    return [
        Exemption(
            checks=tuple(one["checks"]),
            stacks=tuple(one.get("stacks", ["*"])),
            resources=tuple(one.get("resources", ["*"])),
            reason=one["reason"],
            until=one["until"],
        )
        for one in yaml.safe_load(file.read_text())
    ]


def problems(failed: Sequence[Failed], exemptions: Sequence[Exemption], today: datetime.date) -> list[str]:
    """Failed checks that nothing exempts, and exemptions that have ended or are about nothing any more."""
    said = [str(one) for one in failed if not any(exempt.covers(one) for exempt in exemptions)]
    for exempt in exemptions:
        if exempt.until <= today:
            said.append(f"{', '.join(exempt.checks)}: exempted until {exempt.until} only: {exempt.reason}")
        for check in exempt.checks:
            if not any(one.check == check and exempt.covers(one) for one in failed):
                said.append(f"{check}: no stack of {', '.join(exempt.stacks)} fails it: take the exemption out")
    return said

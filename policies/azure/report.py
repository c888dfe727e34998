"""Verdicts in lines, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.azure.advice import shown
from policies.azure.verdict import Change, Outcome, Verdict
from policies.resource import is_unknown

HEADINGS: Mapping[Outcome, str] = {
    Outcome.DENY: "Azure would refuse",
    Outcome.MODIFY: "Azure would change and take",
    Outcome.AUDIT: "Azure would take and list as not compliant",
    Outcome.REFUSED: "Not understood, so not judged",
    Outcome.NOT_IN_BODY: "Not to be judged from a request",
    Outcome.UNDECIDED: "Not decided",
}
"""In the order of the report."""
FOLDED = (Outcome.NOT_IN_BODY, Outcome.UNDECIDED)
MOST_NAMES = 4
Group = tuple[str, list[Verdict]]


def lines(verdicts: Sequence[Verdict], *, everything: bool = False) -> list[str]:
    """What was found by outcome and definition; what was not decided as a count a reason, unless all is asked for."""
    said: list[str] = []
    for outcome, heading in HEADINGS.items():
        found = [one for one in verdicts if one.outcome is outcome]
        if found:
            said += ["", f"{heading}: {counted(found)}"]
            said += _folded(found) if outcome in FOLDED and not everything else _unfolded(found)
    return said


def counted(verdicts: Sequence[Verdict]) -> str:
    """`3 resources by 2 definitions`."""
    resources = {one.resource_id for one in verdicts if one.resource_id}
    definitions = number(len({one.definition for one in verdicts}), "definition")
    return f"{number(len(resources), 'resource')} by {definitions}" if resources else definitions


def sentence(verdicts: Sequence[Verdict], requests: int) -> str:
    """The worst first: `2 of 240 requests would be refused, 14 changed, 58 listed as not compliant`."""

    def met(outcome: Outcome, *, enforced: bool = True) -> int:
        return len({one.resource_id for one in verdicts if one.outcome is outcome and one.enforced is enforced})

    refused = met(Outcome.DENY)
    said = f"{refused or 'None'} of {number(requests, 'request')} would be refused"
    said += f", {met(Outcome.MODIFY) or 'none'} changed, {met(Outcome.AUDIT) or 'none'} listed as not compliant"
    let_through = met(Outcome.DENY, enforced=False)
    return said + (f"; of {let_through} more a refusal is not enforced, or exempt" if let_through else "")


def number(count: int, noun: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _unfolded(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for definition, found in _grouped(verdicts):
        first = found[0]
        by = f", assigned by {first.assignment}" if first.assignment else ""
        yield f"  {first.title}{'' if first.enforced else ' (not enforced)'}"
        yield f"    {definition}, effect {first.effect or 'not known'}{by}"
        for same in _alike(found):
            yield from _resources(same)


def _grouped(verdicts: Sequence[Verdict]) -> list[Group]:
    by_definition: dict[tuple[str, str, bool], list[Verdict]] = {}
    for one in sorted(verdicts, key=lambda one: (one.title, one.definition, one.resource_type, one.name)):
        by_definition.setdefault((one.definition, one.assignment, one.enforced), []).append(one)
    return [(key[0], found) for key, found in by_definition.items()]


def _alike(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Resources of one type with the same findings are said together."""
    found: dict[str, list[Verdict]] = {}
    for one in verdicts:
        found.setdefault(repr((one.resource_type, one.found, one.changes, one.reason)), []).append(one)
    return list(found.values())


def _resources(same: Sequence[Verdict]) -> Iterator[str]:
    first = same[0]
    if first.resource_id:
        yield f"    {names(same)} ({first.resource_type})"
    said = [
        *([] if first.changes else first.found),
        *map(change, first.changes),
        *([first.reason] if first.reason else []),
    ]
    yield from (f"      {line}" for line in said)
    if not first.changes:
        yield from (f"      > {line}" for line in first.remedies)


def change(one: Change) -> str:
    """`properties.access: Enabled -> Disabled`."""
    return f"{one.path}: {_value(one.before)} -> {_value(one.after)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    return "not known yet" if is_unknown(value) else shown(value)


def names(verdicts: Sequence[Verdict]) -> str:
    """The first few resources by name, and how many more."""
    found = [one.name for one in verdicts]
    more = [f"{len(found) - MOST_NAMES} more"] if len(found) > MOST_NAMES else []
    return ", ".join([*found[:MOST_NAMES], *more])


def _folded(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A line a reason, the most frequent first."""
    reasons: dict[str, set[str]] = {}
    for one in verdicts:
        reasons.setdefault(one.reason, set()).add(one.definition)
    for reason, definitions in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"  {number(len(definitions), 'definition'):>15}: {reason}"

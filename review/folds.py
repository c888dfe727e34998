"""The folded part of a comment: every change with its properties, and the tables behind the sentences above."""

from __future__ import annotations

from collections.abc import Iterator

from review import rehearsed
from review.fragments import bullet, fence, fold, table
from review.plan import Op
from review.properties import PropertyChange
from review.report import Change, Finding, StackReview, alike
from review.sentence import CENT, count, dollars, names, signed
from review.size import MOST_ACCESS, MOST_FINDINGS, Section

WIDTH = 96
"""Characters of a line in a fence: longer ones would be scrolled at 900 pixels."""
MOST_PROPERTIES = 30
SIGNS = {Op.CREATE: "+", Op.UPDATE: "!", Op.REPLACE: "-/+", Op.DELETE: "-"}


def detail_sections(review: StackReview) -> list[Section]:
    """Folds in the order in which they are read. The rank says which go first when there is no room: the highest."""
    parts = (
        ("Policies", _policies(review), 1),
        ("Rehearsal", rehearsed.details(review), 3),
        ("Access", _access(review), 2),
        ("Cost", _cost(review), 3),
        ("Changes", _changes(review), 6),
        ("Retirements", _endings(review), 4),
        ("Undo", _undo(review), 2),
        ("Certainty", _certainty(review), 5),
        ("Warnings", _warnings(review), 5),
    )
    return [Section(title, text, rank) for title, text, rank in parts if text]


def _changes(review: StackReview) -> str:
    if not review.changes:
        return ""
    body = [_settings(review), _common(review)]
    groups: dict[str, list[Change]] = {}
    for one in review.changes:
        groups.setdefault(one.component or "the program", []).append(one)
    lines = [line for name, group in sorted(groups.items()) for line in (f"@@ {name} @@", *_lines(group, review))]
    body.append(fence(lines))
    hidden = (
        f"\n\nNot shown, because it says nothing: {count(review.hidden, 'difference')} (digests, order, providers)."
    )
    text = "\n\n".join(part for part in body if part) + (hidden if review.hidden else "")
    return fold(f"Changes: {count(len(review.changes), 'resource')}", text)


def _settings(review: StackReview) -> str:
    return "Stack settings that differ: " + ", ".join(f"`{key}`" for key in review.settings) if review.settings else ""


def _common(review: StackReview) -> str:
    if not review.common:
        return ""
    lines = [line for one, number in review.common for line in _property(one, f"on {number} resources: ")]
    return f"The same on many (not repeated below):\n\n{fence(lines)}"


def _lines(group: list[Change], review: StackReview) -> Iterator[str]:
    shared = {one for one, _ in review.common}
    for change in sorted(group, key=lambda one: one.urn):
        own = [one for one in change.properties if one not in shared]
        yield _cut(f"{SIGNS[change.op]} {change.op.value} {change.kind} {change.name}")
        for one in own[:MOST_PROPERTIES]:
            yield from _property(one)
        if len(own) > MOST_PROPERTIES:
            yield f"    … and {len(own) - MOST_PROPERTIES} more properties"


def _property(one: PropertyChange, prefix: str = "") -> Iterator[str]:
    mark = "  # replaces" if one.replaces else ""
    if len(one.path) + len(one.before) + len(one.after) + len(prefix) < WIDTH // 2:
        yield _cut(f"    {prefix}{one.path}: {one.before} → {one.after}{mark}")
        return
    yield _cut(f"    {prefix}{one.path}:{mark}")
    yield _cut(f"-     {one.before}")
    yield _cut(f"+     {one.after}")


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _policies(review: StackReview) -> str:
    groups = (
        ("Blocking", [] if len(alike(review.blocking)) <= MOST_FINDINGS else review.blocking),
        ("Let through by an exemption", [one for one in review.findings if one.exemption]),
        ("New warnings", [one for one in review.findings if _warns(one) and one.new]),
        ("Warnings that BASE has too", [one for one in review.findings if _warns(one) and not one.new]),
        (
            "Checked at the update, when the values are known",
            [one for one in review.findings if one.level == "deferred"],
        ),
    )
    body = [f"**{title}**\n\n{_finding_table(found)}" for title, found in groups if found]
    if review.fixed:
        body.append(f"{count(review.fixed, 'finding')} of BASE no longer there.")
    return fold(f"Policies: {count(len(review.findings), 'finding')}", "\n\n".join(body)) if body else ""


def _warns(one: Finding) -> bool:
    return one.level == "advisory" and not one.exemption


def _finding_table(found: list[Finding]) -> str:
    rows = [
        (
            one.rule,
            names([f"`{name}`" for name in resources]),
            f"{one.message}{f' ({one.exemption})' if one.exemption else ''}",
            one.fix or one.source,
        )
        for one, resources in alike(found)
    ]
    return table(("Rule", "Resource", "What", "What to write"), rows)


def _access(review: StackReview) -> str:
    body = [bullet(one.said) for one in review.access] if told_apart(review) else []
    body += [bullet(f"Not needed: {one}") for one in review.unneeded]
    return fold(f"Access: {count(len(body), 'line')}", "\n".join(body)) if body else ""


def told_apart(review: StackReview) -> bool:
    """Whether the folds have more of access than what is told before them."""
    return len(review.access) > MOST_ACCESS or not all(one.widens for one in review.access)


def _cost(review: StackReview) -> str:
    if review.cost is None:
        return ""
    cost = review.cost
    total = table(
        ("a month", "low", "expected", "at most"),
        (
            (name, dollars(one.low), dollars(one.expected), dollars(one.max))
            for name, one in (("before", cost.before), ("after", cost.after))
        ),
    )
    rows = [
        (f"`{one.name}`", one.kind, _amount(one.before), _amount(one.after), one.unknown or signed(one.delta))
        for one in cost.lines[:12]
    ]
    parts = [total, table(("Resource", "Kind", "Before", "After", "More"), rows) if rows else ""]
    parts.append(f"Not priced: {', '.join(cost.unknown[:20])}." if cost.unknown else "")
    parts += list(cost.warnings)
    told = f"{signed(cost.delta)} a month" if abs(cost.delta) >= CENT else "unchanged"
    title = f"Cost: not known in part, the rest {told}" if any(one.unknown for one in cost.lines) else f"Cost: {told}"
    return fold(title, "\n\n".join(part for part in parts if part))


def _amount(value: float | None) -> str:
    return "–" if value is None else dollars(value)


def _endings(review: StackReview) -> str:
    if not review.endings:
        return ""
    rows = [
        (
            one.date,
            f"{'**new** ' if one.new else ''}{one.what}",
            ", ".join(f"`{name}`" for name in one.resources[:3]),
            one.link,
        )
        for one in sorted(review.endings)
    ]
    title = f"Retirement clock: {count(len(rows), 'thing')} in use that will end"
    return fold(title, table(("Until", "What", "Used by", "Source"), rows))


def _undo(review: StackReview) -> str:
    body = [*(bullet(one) for one in review.undo), *(bullet(one) for one in review.needs)]
    if not body:
        return ""
    lost = f"{len(review.undo)} to know" if review.undo else "nothing is lost"
    return fold(f"If it is reverted: {lost} · time and quota: {len(review.needs)} to know", "\n".join(body))


def _certainty(review: StackReview) -> str:
    sure = review.certainty
    if sure is None:
        return ""
    said = [f"{sure.known} of {sure.total} properties of what changes are known before the update."]
    said += [f"{count(sure.deferred, 'rule')} wait for values that are not."] if sure.deferred else []
    return fold(f"Certainty: {sure.percent:.0f} %", "\n".join(bullet(one) for one in [*said, *sure.left_out]))


def _warnings(review: StackReview) -> str:
    if not review.warnings:
        return ""
    return fold(f"Warnings: {len(review.warnings)}", "\n".join(bullet(one) for one in review.warnings))

"""A rehearsal in the comment: a few lines before the folds, the figures in one. What varies from run to run stands here
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from review.fragments import bullet, fold, plain, table
from review.rehearsal import Rehearsal, Requests, Tried
from review.report import Finding, StackReview
from review.sentence import count
from review.size import MOST_ROWS, Section

RULE, TITLE = "Rehearsal", "the change was brought up for real"
MINUTE = 60
MOST_FIGURES = 2


def with_rehearsal(review: StackReview, rehearsal: Rehearsal) -> StackReview:
    """The review with what the rehearsal found; what went wrong is a finding like those of rules."""
    found = [
        Finding(
            rule=RULE,
            title=TITLE,
            resource=one.resource,
            message=one.message,
            fix=one.fix,
            level="mandatory" if one.blocking else "advisory",
            source="rehearsal",
        )
        for one in rehearsal.problems
    ]
    return replace(review, rehearsal=rehearsal, findings=(*found, *review.findings))


def section(review: StackReview) -> Section:
    """What is told before the folds."""
    found = review.rehearsal
    if found is None:
        return Section("rehearsed", "")
    said = [f"#### Rehearsed\n\n{_summary(found)}"]
    if found.systems:
        rows = [_row(one) for one in found.systems[:MOST_ROWS]]
        said.append(table(("System", "Jobs", "Requests", "New model", "Gate", "Rolling back"), rows))
    return Section("rehearsed", "\n\n".join(said))


def _summary(found: Rehearsal) -> str:
    if found.skipped:
        return f"Not tried: {plain(found.skipped)}"
    if found.base_problem:
        return f"⚠️ Not tried: {plain(found.base_problem)}"
    ended = "did not come up" if found.problem else "came up"
    trained, judged = (sum(getattr(one, kind) for one in found.systems) for kind in ("trained", "judged"))
    jobs = f"{count(trained, 'model')} trained, {count(judged, 'evaluation')}" if trained or judged else "no job ran"
    return (
        f"{'❌' if found.problems else '✅'} On an emulator of its own BASE came up in {minutes(found.base_seconds)}; "
        f"the change {ended} on it in {minutes(found.head_seconds)} while clients asked: {jobs}. Measured: another run "
        "gives other figures here, and only here."
    )


def _row(one: Tried) -> tuple[str, ...]:
    jobs = ", ".join(
        [*([f"{one.trained} trained"] if one.trained else []), *([f"{one.judged} judged"] * bool(one.judged))]
    )
    return f"`{one.name}`", jobs or "none", _requests(one.requests), _figures(one), _gate(one), _back(one)


def _requests(found: Requests | None) -> str:
    if found is None:
        return "nothing to ask"
    mark = "❌ " if found.failed else ""
    return f"{mark}{found.failed} of {found.sent:,} failed, longest gap {found.longest_gap:.1f} s"


def _figures(one: Tried) -> str:
    shown = list(one.figures)[:MOST_FIGURES]
    return ", ".join(f"{name} {one.figures[name]:.4f} {_direction(one, name)}" for name in shown) or "none"


def _direction(one: Tried, metric: str) -> str:
    if metric not in one.against:
        return "(no champion)"
    word = {True: "better than", False: "worse than", None: "as"}[one.better(metric)]
    return f"({word} {one.against[metric]:.4f})"


def _gate(one: Tried) -> str:
    if one.problem:
        return f"❌ {one.problem}"
    if one.kept:
        return "⚠️ keeps the champion"
    if one.verdict == "promoted":
        return f"promoted: version {one.after} serves" if one.after else "promoted"
    return one.verdict or "decided nothing"


def _back(one: Tried) -> str:
    if one.back is None:
        return "nothing to go back from"
    if one.back.problem:
        return f"❌ {one.back.problem}"
    asked = one.back.requests
    failed = f", {asked.failed} of {asked.sent:,} requests failed" if asked else ""
    return f"version {one.back.version} alone again after {one.back.seconds:.1f} s{failed}"


def details(review: StackReview) -> str:
    """The fold: every figure, why the gate decided so, and what failed."""
    found = review.rehearsal
    if found is None or not (found.systems or found.notes):
        return ""
    body = [part for one in found.systems for part in _system(one)]
    body += ["\n".join(bullet(one) for one in found.notes)] if found.notes else []
    return fold(f"Rehearsal: {found.outcome}", "\n\n".join(body)) if body else ""


def _system(one: Tried) -> Iterator[str]:
    rows = [
        (
            metric,
            f"{value:.4f}",
            f"{one.against[metric]:.4f}" if metric in one.against else "–",
            "less" if metric in one.lower else "more",
            {True: "better", False: "worse", None: "–"}[one.better(metric)],
        )
        for metric, value in one.figures.items()
    ]
    if rows:
        data = f", on {one.data} rows" if one.data else ""
        yield f"**{one.name}**{data}\n\n" + table(("Metric", "New", "Champion", "Good is", "New is"), rows)
    said = [f"{one.name}: the gate says: {one.reason}"] if one.reason else []
    said += (
        [f"{one.name}: the first request that failed: {one.requests.first}"]
        if one.requests and one.requests.first
        else []
    )
    if said:
        yield "\n".join(bullet(text) for text in said)


def minutes(seconds: float) -> str:
    """`1.4 min`."""
    return f"{seconds / MINUTE:.1f} min"

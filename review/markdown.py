"""A report as one Markdown comment: a sentence, then what may go wrong, then the rest in folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from review import rehearsed
from review.document import machine_block
from review.folds import detail_sections
from review.fragments import bullet, marker, table
from review.plan import Op
from review.report import Change, Finding, Report, Risk, StackReview, alike
from review.sentence import SIGNS, count, dollars, money, names, sentence, signed
from review.size import LIMIT, MOST_ACCESS, MOST_FINDINGS, MOST_ROWS, Section, fitted

RISKS = {
    Risk.NOTHING: "nothing changes",
    Risk.CHANGES: "changes, none of them destructive",
    Risk.ATTENTION: "look at this",
    Risk.LOSS: "data is lost",
    Risk.BLOCKED: "blocked",
    Risk.FAILED: "failed",
}


def render(report: Report, *, limit: int = LIMIT, link: str = "") -> str:
    """The comment. `link`: where the whole output lies, for a reader whose comment was cut or whose plan failed."""
    if len(report.stacks) == 1:
        return fitted(stack_sections(report.stacks[0], link), limit)
    return fitted([*_roll_up(report), *_each(report, limit, link), Section("machine", machine_block(report), 0)], limit)


def stack_sections(review: StackReview, link: str = "", *, heading: bool = True) -> list[Section]:
    """The parts of one stack's review, in the order in which they are read."""
    head = [marker(review.project, review.stack)] if heading else []
    title = f"### {SIGNS[review.risk]} {review.project}/{review.stack}\n\n" if heading else ""
    head.append(f"{title}**{sentence(review)}**" if "**" not in sentence(review) else f"{title}{sentence(review)}")
    machine = [Section("machine", machine_block(Report(review.project, (review,))), 0)] if heading else []
    if review.failure:
        return [Section("head", "\n".join(head)), _failure(review, link), _basis(review), *machine]
    if review.is_quiet:
        return [Section("head", "\n".join(head)), rehearsed.section(review), _basis(review), *machine]
    parts = (
        *(_destroyed(review), _blocked(review), _access(review), _models(review)),
        *(rehearsed.section(review), _cost(review)),
    )
    return [
        Section("head", "\n".join([*head, "", _counts(review)])),
        *parts,
        _basis(review),
        *detail_sections(review),
        *machine,
    ]


def _counts(review: StackReview) -> str:
    signs = {Op.CREATE: "+", Op.UPDATE: "~", Op.REPLACE: "±", Op.DELETE: "−"}
    shown = " ".join(f"{signs[op]}{number}" for op, number in review.counts.items())
    blocking = len(review.blocking)
    rules = count(len(review.findings), "policy finding") + (f" ({blocking} blocking)" if blocking else "")
    return f"`{shown}` · {review.unchanged} unchanged · {rules}"


def _failure(review: StackReview, link: str) -> Section:
    said = "\n".join(f"> {line}" for text in review.failure[:3] for line in text.splitlines()[:6])
    more = f"\n\n{count(len(review.failure) - 3, 'more error')}." if len(review.failure) > 3 else ""
    where = f" The whole output: {link}" if link else ""
    hint = f"Run `make preview STACK={review.stack}` in the branch: it prints the same.{where}"
    return Section("failure", f"{said}{more}\n\n{hint}")


def _destroyed(review: StackReview) -> Section:
    gone = [one for one in review.changes if one.op in (Op.DELETE, Op.REPLACE)]
    if not gone:
        return Section("destroyed", "")
    losing = [one for one in gone if one.loses_data or one.protected]
    banner = ""
    if losing:
        banner = (
            "> [!CAUTION]\n"
            f"> {count(len(losing), 'resource')} with data or a lock on it {'goes' if len(losing) == 1 else 'go'}. "
            "Nothing that the program declares brings the data back.\n\n"
        )
    rows = [_gone_row(group) for group in _grouped(gone)]
    more = f"\n\n… and {count(len(rows) - MOST_ROWS, 'more row')} under “Changes”." if len(rows) > MOST_ROWS else ""
    headings = ("", "Resource", "Because of", "What goes with it")
    return Section("destroyed", f"#### Replaced and deleted\n\n{banner}{table(headings, rows[:MOST_ROWS])}{more}")


def _grouped(gone: Iterable[Change]) -> list[list[Change]]:
    """Worst first. Resources that go for the same reason and take nothing with them share a row."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for one in gone:
        alone = one.urn if one.loses_data or one.protected else ""
        groups.setdefault((alone, one.op, one.because, one.lost), []).append(one)

    def order(group: list[Change]) -> tuple[object, ...]:
        first = group[0]
        return (
            not first.protected,
            not first.loses_data,
            first.weight,
            not first.lost,
            first.op is not Op.DELETE,
            first.name,
        )

    return sorted(groups.values(), key=order)


def _gone_row(group: Sequence[Change]) -> tuple[str, ...]:
    first = group[0]
    sign = "🔴" if first.loses_data or first.protected else "🟡" if first.lost else ""
    verb = "deleted" if first.op is Op.DELETE else "replaced"
    kinds = sorted({one.kind for one in group})
    named = names([f"`{one.name}`" for one in group])
    because = ", ".join(f"`{one}`" for one in first.because) or (
        "gone from the program" if verb == "deleted" else "what it stands on is replaced"
    )
    lost = first.lost or ("nothing" if first.op is Op.REPLACE else "itself")
    locked = " **Locked (`protect`): the update stops here.**" if first.protected else ""
    return sign, f"{named} ({names(kinds)}) {verb}", because, lost + locked


def _blocked(review: StackReview) -> Section:
    blocking = review.blocking
    if not blocking:
        return Section("blocked", "")
    groups = alike(blocking)
    lines = [_finding(one, named) for one, named in groups[:MOST_FINDINGS]]
    more = [f"- … and {len(groups) - MOST_FINDINGS} more under “Policies”"] if len(groups) > MOST_FINDINGS else []
    title = "Blocked" if any(one.rule == rehearsed.RULE for one in blocking) else "Blocked by policy"
    return Section("blocked", "\n".join([f"#### {title}", "", *lines, *more]))


def _finding(one: Finding, named: Sequence[str]) -> str:
    standing = "" if one.new else " _(BASE has it too)_"
    fix = f" **Fix:** {one.fix}" if one.fix else ""
    return bullet(
        f"❌ **{one.rule}** {one.title} — {names([f'`{name}`' for name in named])}: {one.message}.{standing}{fix}"
    )


def _access(review: StackReview) -> Section:
    if not review.access:
        return Section("access", "")
    wide = [one for one in review.access if one.widens]
    lines = [bullet(f"{'⚠️ ' if one.serious else ''}{one.said}") for one in wide[:MOST_ACCESS]]
    rest = len(review.access) - len(lines)
    more = [f"- … and {count(rest, 'more change')} of access in the fold below"] if rest else []
    return Section("access", "\n".join(["#### Access", "", *lines, *more]))


def _models(review: StackReview) -> Section:
    if not review.systems:
        return Section("models", "")
    lines = []
    for one in review.systems:
        why = f" because of {', '.join(f'`{part}`' for part in one.because[:6])}" if one.because else ""
        more = f" and {len(one.because) - 6} more" if len(one.because) > 6 else ""
        limit = f"; at most {one.limit}" if one.limit else ""
        lines.append(bullet(f"**{one.name}** {one.what}{why}{more}{limit}"))
        beats = [f"floors {', '.join(one.floors)}"] if one.floors else []
        beats += [f"the champion's {', '.join(one.champion)}"] if one.champion else []
        if beats and one.is_judged:
            lines.append(
                f"  - must reach {' and beat '.join(beats)}; then follow: {', '.join(one.follows) or 'nothing'}"
            )
        lines += [f"  - ⚠️ the gate's floor is lowered: {lowered}" for lowered in one.lowered]
    return Section("models", "\n".join(["#### Models", "", *lines[:12]]))


def _cost(review: StackReview) -> Section:
    cost = review.cost
    if cost is None or not cost.lines:
        return Section("cost", "")
    unknown = f", {len(cost.unknown)} not priced" if cost.unknown else ""
    spread = f"{dollars(cost.after.low)} to {dollars(cost.after.max)}"
    top = [f"`{one.name}` {signed(one.delta)}" for one in cost.lines if abs(one.delta) >= 0.5 and not one.unknown][:3]
    why = f" Most: {', '.join(top)}." if top else ""
    return Section("cost", f"#### Cost\n\n{money(cost)}; {spread} as it is used{unknown}.{why}")


def _basis(review: StackReview) -> Section:
    fresh = review.freshness
    stale = (
        f"\n\n> [!WARNING]\n> **Stale:** BASE has {count(fresh.behind, 'commit')} that this branch has not. What they "
        "did shows here as undone: rebase or merge, and the review is made anew."
        if fresh.behind
        else ""
    )
    serial = f" ({fresh.state})" if fresh.state else ""
    state = f"the live state{serial}" if fresh.live else "what BASE makes (nothing was run, no account was used)"
    sure = f" · {review.certainty.percent:.0f} % of the properties known" if review.certainty else ""
    return Section("basis", f"<sub>{fresh.head} held against {fresh.base}, on {state}{sure}</sub>{stale}")


def _roll_up(report: Report) -> list[Section]:
    rows = []
    for one in sorted(report.stacks, key=lambda review: review.stack):
        shown = (
            "failed" if one.failure else " ".join(f"{sign}{one.count(op)}" for op, sign in zip(Op, "+~±−", strict=True))
        )
        models = ", ".join(system.name for system in one.systems) or "–"
        rows.append(
            (SIGNS[one.risk], one.stack, RISKS[one.risk], shown, money(one.cost) if not one.failure else "–", models)
        )
    worst = max(report.stacks, key=lambda review: (review.risk, review.stack))
    head = (
        f"{marker(report.project, 'all')}\n### {SIGNS[report.risk]} {report.project}: {len(report.stacks)} stacks\n\n"
    )
    said = f"{worst.stack}: {sentence(worst)}"
    headings = ("", "Stack", "Risk", "Changes", "Cost", "Models")
    return [Section("head", f"{head}{said if '**' in said else f'**{said}**'}\n\n{table(headings, rows)}")]


def _each(report: Report, limit: int, link: str) -> list[Section]:
    room = max(2_000, (limit - 4_000) // max(1, len(report.stacks)))
    found = []
    for one in sorted(report.stacks, key=lambda review: (-review.risk, review.stack)):
        inner = fitted(stack_sections(one, link, heading=False), room)
        title = f"{SIGNS[one.risk]} <b>{one.stack}</b>: {RISKS[one.risk]}"
        text = f"<details><summary>{title}</summary>\n\n{inner}\n</details>"
        found.append(Section(f"stack {one.stack}", text, 9 - int(one.risk)))
    return found

"""Puts a review together from what others found: the plan, rules, verdicts and estimates. Runs nothing itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.azure.verdict import Outcome, Verdict
from policies.judgement import Finding as Judged
from policies.prices.estimate import Estimate, Range
from policies.resource import is_unknown
from policies.rule import Level
from review import access, losses, models
from review.needs import needs
from review.plan import Op, Plan, Step
from review.properties import Differences, common, differences
from review.redact import Redactor
from review.report import Certainty, Change, Cost, CostLine, Ending, Finding, Freshness, Money, StackReview

DAYS = re.compile(r" \(\d+ days?\)")
"""An age in days, which would make tomorrow's comment another one."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that is known of one stack before and after the change."""

    project: str
    stack: str
    freshness: Freshness
    plan: Plan
    settings: tuple[str, ...] = ()
    rules_before: Sequence[Judged] = ()
    rules_after: Sequence[Judged] = ()
    verdicts_before: Sequence[Verdict] = ()
    verdicts_after: Sequence[Verdict] = ()
    cost_before: Estimate | None = None
    cost_after: Estimate | None = None
    endings_before: Sequence[Ending] = ()
    endings_after: Sequence[Ending] = ()
    roles: Mapping[str, access.Role] = field(default_factory=dict)
    reasons: models.Reasons = lambda old, new: ()
    price: Callable[[str, float], str] = lambda compute, minutes: ""
    left_out: tuple[str, ...] = ()


def review(found: Found, redactor: Redactor) -> StackReview:
    """The review of one stack."""
    plan = found.plan
    compared = [differences(step, redactor) for step in plan.steps]
    shared = common(compared)
    judged, fixed = findings(found)
    return StackReview(
        project=found.project,
        stack=found.stack,
        freshness=found.freshness,
        changes=tuple(change(step, these) for step, these in zip(plan.steps, compared, strict=True)),
        common=tuple(shared.items()),
        unchanged=plan.unchanged,
        hidden=plan.hidden + sum(one.noise for one in compared),
        settings=found.settings,
        findings=judged,
        fixed=fixed,
        cost=cost(found.cost_before, found.cost_after),
        access=tuple(access.changes(plan, found.roles)),
        unneeded=tuple(access.unneeded(plan)),
        systems=tuple(models.systems(plan, found.reasons, found.price)),
        endings=endings(found),
        certainty=certainty(plan.steps, judged, found),
        undo=tuple(losses.undo(plan)),
        needs=tuple(needs(plan)),
        warnings=tuple(redactor.text(one) for one in plan.messages),
    )


def failed(project: str, stack: str, freshness: Freshness, said: Sequence[str], redactor: Redactor) -> StackReview:
    """The review of a stack whose plan could not be made."""
    texts = tuple(redactor.text(without_traceback(one)) for one in said)
    return StackReview(project=project, stack=stack, freshness=freshness, failure=texts)


def without_traceback(text: str) -> str:
    """The last line of a traceback says what is wrong and the file of the project where; the rest helps nobody here,
    but for a first line that says whose program it was.
    """
    lines = text.strip().splitlines()
    if "Traceback (most recent call last)" not in text:
        return text.strip()
    places = [line.strip() for line in lines if line.strip().startswith("File ") and "site-packages" not in line]
    ours = [place for place in places if "/lib/python" not in place and "pulumi-language-python" not in place]
    where = f" ({_short(ours[-1])})" if ours else ""
    whose = "error:" if lines[0].startswith(("error:", "Traceback")) else lines[0].strip()
    return f"{whose} {lines[-1].strip()}{where}"


def _short(place: str) -> str:
    """`infra/naming.py, line 3`, of a place in a traceback: no folder of the machine that it ran on."""
    parts = place.removeprefix("File ").split(",")
    path = parts[0].strip('"').split("/")
    at = next((index for index, name in enumerate(path) if name in ("infra", "ml")), len(path) - 1)
    return f"{'/'.join(path[at:])},{parts[1]}" if len(parts) > 1 else "/".join(path[at:])


def change(step: Step, compared: Differences) -> Change:
    """One resource that changes."""
    gone = step.op in (Op.DELETE, Op.REPLACE)
    lost = losses.loss(step) if gone else losses.Loss(False, "")
    return Change(
        urn=step.urn,
        name=step.name,
        kind=step.kind,
        op=step.op,
        component=step.component,
        because=tuple(step.replaced_by) if step.op is Op.REPLACE else (),
        lost=lost.what,
        loses_data=lost.data,
        weight=lost.weight,
        protected=step.protect and gone,
        properties=compared.shown,
    )


def findings(found: Found) -> tuple[tuple[Finding, ...], int]:
    """What rules and Azure Policy say of HEAD, blocking ones first; and how many findings of BASE are gone."""
    before = {_mark(one) for one in found.rules_before} | {_verdict_mark(one) for one in found.verdicts_before}
    after = [(_mark(one), _rule(one)) for one in found.rules_after]
    after += [(_verdict_mark(one), _verdict(one)) for one in found.verdicts_after if _tells(one, before)]
    seen = {mark for mark, _ in after} | {_verdict_mark(one) for one in found.verdicts_after}
    said = [Finding(**{**vars(one), "new": mark not in before}) for mark, one in after]
    order = sorted(said, key=lambda one: (not one.blocks, not one.new, one.level, one.rule, one.resource, one.message))
    gone = [mark for mark in before - seen if mark[0] != Outcome.UNDECIDED]
    return tuple(order), len(gone)


def _mark(one: Judged) -> tuple[str, str, str]:
    return one.rule.id, one.urn, f"{one.message} {one.deferred} {one.exemption is None}"


def _rule(one: Judged) -> Finding:
    level = "deferred" if one.deferred else "advisory" if one.level is Level.ADVISORY else "mandatory"
    exempt = f"until {one.exemption.expires}: {one.exemption.reason}" if one.exemption else ""
    return Finding(
        rule=f"{one.rule.id} {one.rule.name}",
        title=one.rule.title,
        resource=one.resource,
        message=one.message,
        fix=one.rule.fix,
        level=level,
        exemption=exempt,
    )


def _shown(one: Verdict) -> bool:
    return one.outcome in (Outcome.DENY, Outcome.AUDIT, Outcome.MODIFY)


def _tells(one: Verdict, before: set[tuple[str, str, str]]) -> bool:
    """What BASE has too is told only where it stops the update: most of it is what nobody has assigned."""
    return _shown(one) and (_stops(one) or _verdict_mark(one) not in before)


def _stops(one: Verdict) -> bool:
    """Azure refuses only what is assigned; a definition that was read from a folder is a warning."""
    return one.blocks and bool(one.assignment)


def _verdict_mark(one: Verdict) -> tuple[str, str, str]:
    return one.outcome if not _shown(one) else one.definition, one.urn or one.resource_id, one.outcome


def _verdict(one: Verdict) -> Finding:
    does = {Outcome.DENY: "Azure refuses it", Outcome.MODIFY: "Azure changes it"}.get(one.outcome, "not compliant")
    return Finding(
        rule=f"Azure Policy: {one.title}",
        title=one.title,
        resource=one.name,
        message=f"{does}{'' if one.assignment else ' where this is assigned'}: {'; '.join(one.found) or one.effect}",
        fix=" ".join(one.remedies),
        level="mandatory" if _stops(one) else "advisory",
        exemption="" if one.enforced or one.assignment else one.reason.removeprefix("exempt "),
        source="Azure Policy",
    )


def cost(before: Estimate | None, after: Estimate | None) -> Cost | None:
    """What the stack costs before and after; None where there is no estimate."""
    if after is None or before is None:
        return None
    since = after.since(before)
    lines = tuple(
        CostLine(
            name=one.name,
            kind=one.type.rsplit(":", 1)[-1],
            before=one.before.monthly.expected if one.before else None,
            after=one.after.monthly.expected if one.after else None,
            unknown=f"not known: {', '.join(one.unknown)}" if one.unknown else "",
        )
        for one in since.changes
    )
    unknown = tuple(sorted({f"`{line.name}` ({line.what})" for line in after.unknown}))
    return Cost(
        before=_money(since.before),
        after=_money(since.after),
        lines=lines,
        unknown=unknown,
        warnings=tuple(DAYS.sub("", one) for one in after.warnings),
    )


def _money(one: Range) -> Money:
    return Money(low=one.low, expected=one.expected, max=one.max)


def endings(found: Found) -> tuple[Ending, ...]:
    """What ends, with what this change brings in marked."""
    before = {(one.what, name) for one in found.endings_before for name in one.resources}
    return tuple(
        Ending(
            date=one.date,
            what=one.what,
            resources=one.resources,
            link=one.link,
            new=any((one.what, name) not in before for name in one.resources),
        )
        for one in sorted(found.endings_after)
    )


def certainty(steps: Iterable[Step], judged: Sequence[Finding], found: Found) -> Certainty:
    """How much of what changes is known before the update."""
    leaves = [value for step in steps if step.op is not Op.DELETE for value in _leaves(step.new)]
    undecided = sum(one.outcome is Outcome.UNDECIDED for one in found.verdicts_after)
    left = [f"{undecided} answers of Azure Policy depend on what a plan does not hold."] if undecided else []
    before = {_verdict_mark(one) for one in found.verdicts_before}
    standing = sum(_shown(one) and not _tells(one, before) for one in found.verdicts_after)
    left += (
        [f"{standing} remarks of Azure Policy that BASE has too are not listed: `make verdict`."] if standing else []
    )
    return Certainty(
        known=sum(not is_unknown(value) for value in leaves),
        total=len(leaves),
        deferred=sum(one.level == "deferred" for one in judged),
        left_out=(*left, *found.left_out),
    )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not str(key).startswith("__"):
                yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value

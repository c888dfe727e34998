"""The first sentence of a review: the worst risk, what it costs, and the models."""

from __future__ import annotations

from collections.abc import Sequence

from review.plan import Op
from review.report import Cost, Risk, StackReview

SIGNS = {
    Risk.NOTHING: "⚪",
    Risk.CHANGES: "🟢",
    Risk.ATTENTION: "🟡",
    Risk.LOSS: "🔴",
    Risk.BLOCKED: "⛔",
    Risk.FAILED: "❌",
}
MOST, LONGEST = 3, 160
CENT = 0.005


def sentence(review: StackReview) -> str:
    """`2 rules block it; 1 replacement loses data; +$74 a month ($412 → $486); bike_buyer trains again (train.py).`"""
    if review.failure:
        why = review.failure[0].splitlines()[0].removeprefix("error: ").rstrip(":. ")
        return f"The plan could not be made ({why if len(why) <= LONGEST else f'{why[:LONGEST]}…'})."
    if review.is_quiet:
        broken = sorted({one.rule for one in review.blocking})
        standing = f" BASE breaks {names(broken)} already." if broken else ""
        return f"No changes: all {count(review.unchanged, 'resource')} stay as they are.{standing}"
    said = [*_blocked(review), *_lost(review), *_attention(review), *_plain(review), money(review.cost)]
    text = "; ".join([part for part in [*said, *_models(review)] if part]) + "."
    start = 2 if text.startswith("**") else 0
    return text[:start] + text[start].upper() + text[start + 1 :]


def _blocked(review: StackReview) -> list[str]:
    rules = sorted({one.rule for one in review.blocking})
    protected = [one.name for one in review.changes if one.protected and one.op in (Op.DELETE, Op.REPLACE)]
    found = [f"**blocked** by {names(rules)}"] if rules else []
    return [*found, *([f"**blocked**: {names(protected)} must not go (`protect`)"] if protected else [])]


def _lost(review: StackReview) -> list[str]:
    lost = sorted((one for one in review.changes if one.loses_data), key=lambda one: (one.weight, one.name))
    if not lost:
        return []
    verb = "goes" if len(lost) == 1 else "go"
    return [f"**data is lost**: {names([f'`{one.name}`' for one in lost])} {verb} with what is in there"]


def _attention(review: StackReview) -> list[str]:
    wide = sum(one.serious and one.widens for one in review.access)
    found = [f"access opens in {count(wide, 'place')}"] if wide else []
    found += [f"a gate's floor is lowered ({', '.join(review.lowered[:MOST])})"] if review.lowered else []
    return found + _rehearsed(review)


def _rehearsed(review: StackReview) -> list[str]:
    if review.rehearsal is not None and review.rehearsal.base_problem:
        return ["it could not be rehearsed"]
    kept = review.rehearsal.kept if review.rehearsal else []
    return [f"the champion of {names(kept)} stays: the new model does not surely beat it (rehearsed)"] if kept else []


def _plain(review: StackReview) -> list[str]:
    words = {Op.DELETE: "deleted", Op.REPLACE: "replaced", Op.CREATE: "created", Op.UPDATE: "updated"}
    found = [f"{number} {words[op]}" for op in words if (number := review.count(op))]
    return [", ".join(found)] if found else ["no resource changes"]


def money(cost: Cost | None) -> str:
    """`+$74 a month ($412 → $486)`; what cannot be said comes first, and is never counted as nothing."""
    if cost is None:
        return "cost not known"
    hidden = [f"`{one.name}`" for one in cost.lines if one.unknown]
    told = "cost unchanged" if abs(cost.delta) < CENT else f"{signed(cost.delta)} a month"
    span = f"({dollars(cost.before.expected)} → {dollars(cost.after.expected)})"
    if hidden:
        return f"cost of {names(hidden)} **not known**, the rest {told} {span}"
    return f"{told} ({dollars(cost.after.expected)} a month)" if abs(cost.delta) < CENT else f"{told} {span}"


def _models(review: StackReview) -> list[str]:
    found = []
    for system in review.systems[:MOST]:
        why = f" ({names([one.rsplit('/', 1)[-1] for one in system.because])})" if system.because else ""
        found.append(f"{system.name} {system.what}{why}")
    more = len(review.systems) - MOST
    return [*found, *([f"and {count(more, 'more system')}"] if more > 0 else [])] or ["no model changes"]


def dollars(amount: float) -> str:
    """`$412`, and cents below ten dollars."""
    return f"${amount:,.0f}" if abs(amount) >= 10 or abs(amount) < CENT else f"${amount:,.2f}"


def signed(amount: float) -> str:
    """`+$74`, `−$3.10`."""
    return f"{'+' if amount >= 0 else '−'}{dollars(abs(amount))}"


def names(found: Sequence[str]) -> str:
    """Up to three, then how many more."""
    more = len(found) - MOST
    return ", ".join(found[:MOST]) + (f" and {more} more" if more > 0 else "")


def count(number: int, noun: str) -> str:
    """`1 resource`, `2 resources`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

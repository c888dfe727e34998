"""Small plans in the engine's own form, and reviews of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from review import assemble
from review.plan import read
from review.redact import Redactor
from review.report import Freshness, StackReview

GROUP = "/subscriptions/0a0a0a0a-0000-4000-8000-000000000000/resourceGroups/rg"
FRESH = Freshness(base="0123456789 (origin/main)", head="abcdef0123")


def urn(kind: str, name: str) -> str:
    """A resource's URN in stack dev."""
    return f"urn:pulumi:dev::mlops::{kind}::{name}"


def step(
    op: str,
    kind: str,
    name: str,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One step of `preview --json`. `more` goes into both states, but reasons into the step."""
    identity: dict[str, Any] = {"urn": urn(kind, name), "type": kind, "custom": True}
    reasons: dict[str, Any] = {key: more.pop(key) for key in ("replaceReasons", "detailedDiff") if key in more}
    found = {"op": op, "urn": identity["urn"], **reasons}
    for key, inputs in (("oldState", old), ("newState", new)):
        if inputs is not None:
            found[key] = {**identity, **more, "inputs": inputs}
    return found


def review(*steps: Mapping[str, Any], **more: Any) -> StackReview:
    """The review of a plan whose state is what the steps began with."""
    state: Sequence[Mapping[str, Any]] = [one["oldState"] for one in steps if "oldState" in one]
    public = more.pop("public", False)
    found = assemble.Found(
        project="mlops", stack="dev", freshness=FRESH, plan=read({"steps": list(steps)}, state), **more
    )
    return assemble.review(found, Redactor(public=public))

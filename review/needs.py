"""What a change takes besides money: time that is waited for, and quota that has to be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from review.plan import Op, Plan

MADE = (Op.CREATE, Op.UPDATE, Op.REPLACE)


def needs(plan: Plan) -> list[str]:
    """One sentence each, from limits and stages that the program itself declares; no guess of how long Azure takes."""
    return [*_jobs(plan), *_rollouts(plan), *_quota(plan)]


def _jobs(plan: Plan) -> Iterator[str]:
    for step in plan.of(Op.CREATE, Op.REPLACE):
        if step.kind in ("TrainingJob", "QualityGate") and (minutes := step.new.get("timeoutMinutes")):
            verb = "trains" if step.kind == "TrainingJob" else "evaluates"
            yield f"{step.new.get('system')} {verb} for {minutes:g} minutes at most"


def _rollouts(plan: Plan) -> Iterator[str]:
    for step in plan.of(*MADE):
        if step.kind == "Rollout":
            stages, seconds = step.new.get("stages") or (), step.new.get("stageSeconds") or 0
            if stages and seconds:
                minutes = len(stages) * seconds / 60
                yield f"{step.new.get('system')} is rolled out in {len(stages)} stages: {minutes:g} minutes at least"


def _quota(plan: Plan) -> Iterator[str]:
    for step in plan.of(*MADE):
        for size, nodes in _sizes(step.new).items():
            if _sizes(step.old).get(size, 0) < nodes or step.op is Op.REPLACE:
                yield f"quota for up to {nodes} × {size} in `{step.new.get('location', 'the region')}` (`{step.name}`)"


def _sizes(inputs: Mapping[str, Any]) -> dict[str, int]:
    """Sizes of machines and how many of them there may be."""
    properties = _inner(_inner(inputs.get("properties")).get("properties"))
    found: dict[str, int] = {}
    if size := properties.get("vmSize"):
        found[str(size)] = int(_inner(properties.get("scaleSettings")).get("maxNodeCount") or 1)
    for pool in inputs.get("agentPoolProfiles") or ():
        if size := _inner(pool).get("vmSize"):
            found[str(size)] = found.get(str(size), 0) + _nodes(pool)
    if "agentPoolProfiles" not in inputs and (size := inputs.get("vmSize")):
        found[str(size)] = _nodes(inputs)
    return found


def _nodes(pool: Mapping[str, Any]) -> int:
    return int(pool.get("maxCount") or pool.get("count") or 1)


def _inner(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""What the change does to models: which systems train again and why, what each must beat, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.resource import is_unknown
from review.plan import Op, Plan, Step

Reasons = Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[str]]
"""What makes a training job another one, from its inputs before and after."""
JUDGED_AGAIN, PROMOTED = "is judged again", "is promoted from stack"
FOLLOWING = {
    "ModelVersion": "model version",
    "ContainerImage": "image",
    "ImportedImage": "image",
    "Rollout": "rollout",
    "EdgeDeployment": "devices",
}


@dataclass(frozen=True, kw_only=True)
class System:
    """One system that changes."""

    name: str
    what: str
    """`trains again`, `trains for the first time`, `is judged again`, `is promoted from stack dev`, `is removed`, …"""
    because: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    """What a model must reach: `auc >= 0.8`."""
    champion: tuple[str, ...] = ()
    """Figures of the model that serves: `auc 0.861`; none where they are not known."""
    follows: tuple[str, ...] = ()
    limit: str = ""
    """What the job may take at most: `60 min of cpu (Standard_DS3_v2), at most $0.27`."""
    lowered: tuple[str, ...] = ()
    """Floors that are lower than before: `auc 0.8 -> 0.5`."""
    minutes: float = 0.0

    @property
    def trains(self) -> bool:
        """Whether a job runs."""
        return self.what.startswith("trains")

    @property
    def is_judged(self) -> bool:
        """Whether the gate decides anew what serves."""
        return self.trains or self.what.startswith((JUDGED_AGAIN, PROMOTED))


def systems(plan: Plan, reasons: Reasons, price: Callable[[str, float], str]) -> list[System]:
    """Every system that changes, by name.

    Args:
        reasons: what makes a training job another one.
        price: what some minutes of a compute cost at most, as text with a leading comma; "" where it is not known.
    """
    kinds: dict[str, dict[str, Step]] = {}
    for step in plan.steps:
        system = step.new.get("system") or step.old.get("system")
        if step.own and isinstance(system, str):
            kinds.setdefault(system, {})[step.kind] = step
    gates = {str(one.inputs.get("system")): one.inputs for one in plan.after if one.kind == "QualityGate"}
    return [_system(name, found, gates.get(name, {}), reasons, price) for name, found in sorted(kinds.items())]


def _system(
    name: str,
    kinds: Mapping[str, Step],
    gate: Mapping[str, Any],
    reasons: Reasons,
    price: Callable[[str, float], str],
) -> System:
    what, because, limit, minutes = "changes", tuple(sorted(kinds)), "", 0.0
    judged = kinds.get("QualityGate")
    if all(step.op is Op.DELETE for step in kinds.values()):
        what, because = "is removed", ()
    elif (job := kinds.get("TrainingJob")) and job.op is not Op.DELETE:
        first = job.op is Op.CREATE
        what = "trains for the first time" if first else "trains again"
        because = () if first else tuple(reasons(job.old, job.new))
        limit, minutes = _limit(job, price), float(job.new.get("timeoutMinutes", 0))
    elif (copy := kinds.get("PromotedModel")) and copy.op is not Op.DELETE:
        what, because = f"{PROMOTED} {(copy.new.get('source') or {}).get('stack')}", ()
    elif judged is not None:
        what, because = JUDGED_AGAIN, _differing(judged, ("floors", "metric", "margin", "code", "dataDigest"))
    elif image := kinds.get("ContainerImage") or kinds.get("ImportedImage"):
        what, because = "gets another image of the same model", _image(image)
    elif "Rollout" in kinds:
        what, because = "is rolled out anew", tuple(kinds["Rollout"].changed)
    return System(
        name=name,
        what=what,
        because=because,
        floors=tuple(f"{metric} ≥ {value:g}" for metric, value in sorted((gate.get("floors") or {}).items())),
        champion=_figures(judged),
        follows=_follows(kinds),
        limit=limit,
        lowered=_lowered(judged),
        minutes=minutes,
    )


def _follows(kinds: Mapping[str, Step]) -> tuple[str, ...]:
    """What is made of the model, without what goes because something else takes its place."""
    found = (word for kind, word in FOLLOWING.items() if kind in kinds and kinds[kind].op is not Op.DELETE)
    return tuple(dict.fromkeys(found))


def _limit(job: Step, price: Callable[[str, float], str]) -> str:
    minutes, compute = float(job.new.get("timeoutMinutes", 0)), job.new.get("compute")
    named = f" of `{compute}`" if isinstance(compute, str) and not is_unknown(compute) else ""
    cost = price(compute, minutes) if isinstance(compute, str) and named else ""
    return f"{minutes:.0f} min{named}{cost}"


def _figures(judged: Step | None) -> tuple[str, ...]:
    metrics = judged.old_outputs.get("metrics") if judged is not None else None
    if not isinstance(metrics, Mapping):
        return ()
    return tuple(f"{name} {value:.4g}" for name, value in sorted(metrics.items()) if isinstance(value, int | float))


def _lowered(judged: Step | None) -> tuple[str, ...]:
    if judged is None or judged.op is Op.CREATE:
        return ()
    old, new = judged.old.get("floors") or {}, judged.new.get("floors") or {}
    return tuple(
        f"{metric} {was:g} → {f'{new[metric]:g}' if metric in new else 'none'}"
        for metric, was in sorted(old.items())
        if metric not in new or new[metric] < was
    )


def _differing(step: Step, names: Sequence[str]) -> tuple[str, ...]:
    words = {"code": "its code", "dataDigest": "data"}
    return tuple(words.get(name, name) for name in names if step.old.get(name) != step.new.get(name))


def _image(step: Step) -> tuple[str, ...]:
    words = {"code": "scoring server", "environmentTag": "packages", "tag": "its digest"}
    return tuple(words.get(name, name) for name in step.replaced_by)

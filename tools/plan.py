"""What a plan of Pulumi's comes to, in one sentence: how much changes, which system trains again and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from policies.resource import UNKNOWN
from tools.words import count

HIDDEN = ("create-replacement", "delete-replaced", "same", "discard", "remove-pending-replace")
NO_CHANGE = ("same", "read", "refresh")
OURS = "pulumi-python:dynamic/ml:"
FOLLOWING = {"ModelVersion": "model", "ContainerImage": "image", "ImportedImage": "image", "Rollout": "rollout"}
"""What is made of a model that won, in this order."""
MOST_NAMES = 3

Step = Mapping[str, Any]
Jobs = Mapping[str, str]
"""By system, the earlier job that is taken up instead of a new one, with its status."""


def after(step: Step) -> Mapping[str, Any]:
    """A step's inputs in the program; those in the state when the program has none any more."""
    state = step.get("newState") or step.get("oldState") or {}
    found: Mapping[str, Any] = state.get("inputs") or {}
    return found


def before(step: Step) -> Mapping[str, Any]:
    """A step's inputs in the state."""
    found: Mapping[str, Any] = (step.get("oldState") or {}).get("inputs") or {}
    return found


def kind(step: Step) -> str:
    """`TrainingJob`; "" for a resource that is none of ours."""
    name = str(step["urn"]).split("::")[2].rsplit("$", 1)[-1]
    return name.removeprefix(OURS) if name.startswith(OURS) else ""


def by_system(steps: Sequence[Step]) -> dict[str, dict[str, Step]]:
    """The steps of each system by their kind, systems in order."""
    found: dict[str, dict[str, Step]] = {}
    for step in steps:
        system = after(step).get("system")
        if kind(step) and isinstance(system, str):
            found.setdefault(system, {})[kind(step)] = step
    return dict(sorted(found.items()))


def shown_steps(document: Mapping[str, Any]) -> list[Step]:
    """Steps that change something, sorted."""
    steps = sorted(document.get("steps") or [], key=lambda step: (step["urn"], step["op"]))
    return [step for step in steps if step["op"] not in (*HIDDEN, *NO_CHANGE) and not is_noise(step)]


def is_noise(step: Step) -> bool:
    """Whether a step is about the stack or a provider, which are nobody's work."""
    return "pulumi:pulumi:Stack::" in step["urn"] or "::pulumi:providers:" in step["urn"]


def sentence(document: Mapping[str, Any], adopted: Jobs) -> str:
    """`5 changes: bike_buyer trains again (hyperparameters.py), at most 60 min of cpu; …`, as the engine counts."""
    counts = document.get("changeSummary") or {}
    changed = sum(number for operation, number in counts.items() if operation not in NO_CHANGE)
    unchanged = counts.get("same", 0)
    if not changed:
        return f"Nothing changes: {unchanged} unchanged."
    steps = shown_steps(document)
    systems = by_system(steps)
    said = [clause(system, kinds, adopted.get(system, "")) for system, kinds in systems.items()]
    others = [step for step in steps if not any(step in kinds.values() for kinds in systems.values())]
    said += platform(others)
    rest = f"; {unchanged} unchanged" if unchanged else ""
    return f"{changed} change{'' if changed != 1 else 's'}: {'. '.join(said)}{rest}."


def clause(system: str, kinds: Mapping[str, Step], adopted: str) -> str:
    """What happens to one system."""
    if all(step["op"] == "delete" for step in kinds.values()):
        return f"{system} is removed: {names(list(kinds.values()))}"
    kinds = without_ends(kinds)
    if job := kinds.get("TrainingJob"):
        return f"{system} {training(job, adopted)}{following(kinds, first=job['op'] == 'create')}"
    if copy := kinds.get("PromotedModel"):
        return f"{system} {promotion(copy)}{following(kinds, first=copy['op'] == 'create')}"
    if gate := kinds.get("QualityGate"):
        why = differing(gate, {"floors": "floors", "metric": "metric", "code": "evaluation", "dataDigest": "data"})
        return f"{system} is judged again{why}{following(kinds, first=gate['op'] == 'create')}"
    if kinds.keys() & {"ContainerImage", "ImportedImage"}:
        return f"{system} gets another image of the same model, and it is rolled out"
    if "Rollout" in kinds:
        return f"{system} is rolled out again"
    return f"{system} changes: {names(list(kinds.values()))}"


def without_ends(kinds: Mapping[str, Step]) -> dict[str, Step]:
    """Without what goes because another kind takes its place: a training job where the stack promotes from now on."""
    return {name: step for name, step in kinds.items() if step["op"] != "delete"}


def promotion(copy: Step) -> str:
    """Which model of another stack is promoted, as far as it is known."""
    source = after(copy)["source"]
    if source.get("problem"):
        return f"promotes what serves in stack {source['stack']}, which is not known ({source['problem']})"
    return f"promotes version {source['version']:.0f} of stack {source['stack']}"


def training(job: Step, adopted: str) -> str:
    """What becomes of a training job: trained, tried again, or an earlier one taken up."""
    inputs, old = after(job), before(job)
    if adopted:
        return f"takes up its earlier job {adopted} instead of a new one{why(old, inputs)}"
    compute = "" if UNKNOWN in str(inputs["compute"]) else f" of {inputs['compute']}"
    at_most = f", at most {inputs['timeoutMinutes']:.0f} min{compute}"
    if job["op"] == "create":
        return f"trains for the first time{at_most}"
    if job["op"] == "update":
        return f"tries its failed job again{at_most}"
    return f"trains again{why(old, inputs)}{at_most}"


def why(old: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """` (hyperparameters.py, data)`: what makes a job another one."""
    from ml.resources.training_job import reasons

    found = [PurePosixPath(reason).name for reason in reasons(old, inputs)]
    more = [f"and {len(found) - MOST_NAMES} more"] if len(found) > MOST_NAMES else []
    return f" ({', '.join([*found[:MOST_NAMES], *more])})" if found else ""


def differing(step: Step, words: Mapping[str, str]) -> str:
    """Which of these inputs differ, in words."""
    old, new = before(step), after(step)
    found = [word for key, word in words.items() if old and old.get(key) != new.get(key)]
    return f" ({', '.join(found)})" if found else ""


def following(kinds: Mapping[str, Step], *, first: bool) -> str:
    """What comes after the gate: if the model gets through, or in any case where the image is another one anyway."""
    server = "" if "ContainerImage" not in kinds else differing(kinds["ContainerImage"], {"code": "scoring server"})
    found = [word for name, word in FOLLOWING.items() if name in kinds and not (server and name != "ModelVersion")]
    said = ""
    if found:
        listed = f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else found[0]
        follow = "follow" if len(found) > 1 else "follows"
        said = f"; {listed} {follow} if it {'reaches its floors' if first else 'wins'}"
    return f"{said}; what serves then gets another image in any case{server}" if server else said


def platform(steps: Sequence[Step]) -> list[str]:
    """What happens to everything that is no step of a system's: deletions are named first."""
    said = []
    for operation, word in (("delete", "deleted"), ("replace", "replaced"), ("create", "made"), ("update", "changed")):
        if found := [step for step in steps if step["op"] == operation]:
            verb = "is" if len(found) == 1 else "are"
            said.append(f"{names(found)} {verb} {word}")
    return said


def names(steps: Sequence[Step]) -> str:
    """Up to three names; else how many there are."""
    found = [step["urn"].rpartition("::")[2] for step in steps]
    return ", ".join(found) if len(found) <= MOST_NAMES else count(len(found), "resource")


def known(value: Any, instead: str) -> Any:
    """A value with words in place of what the engine writes for unknown parts."""
    if isinstance(value, str):
        return value.replace(UNKNOWN, instead)
    if isinstance(value, Mapping):
        return {name: known(inner, instead) for name, inner in value.items()}
    return [known(inner, instead) for inner in value] if isinstance(value, list) else value

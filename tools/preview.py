"""What an `up` would do, printed so that the same program gives the same bytes: no times, no order of chance.

A stack on Azure is previewed without an account: on an empty state in a temporary folder, with the stand-in plugin, and
with every encrypted value replaced. What is printed is then what `up` would make from nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from policies.resource import UNKNOWN
from review.plan import messages
from tools import plan, shell
from tools.data_origin import data_origin
from tools.deployed_system import require_emulator
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.recover import short_name
from tools.stacks import PROJECT, Stack

SYMBOLS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "same": " ", "read": ">"}
LATER = {True: "known after training", False: "known once it is made"}
"""What stands for a value that is not known yet, of a system's step and of the platform's."""
OWN_KEYS = ("encryptionsalt", "secretsprovider", "encryptedkey")
PLACEHOLDER = "not-known-in-this-preview"
ABSENT = "(none)"
LONGEST_VALUE = 60


def without_secrets(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration with a plain placeholder for each encrypted value, and without its keys."""

    def replace(value: Any) -> Any:
        if isinstance(value, Mapping):
            return PLACEHOLDER if set(value) == {"secure"} else {key: replace(inner) for key, inner in value.items()}
        return [replace(inner) for inner in value] if isinstance(value, list) else value

    return {key: replace(value) for key, value in configuration.items() if key not in OWN_KEYS}


def from_nothing(configuration: dict[str, Any]) -> dict[str, Any]:
    """A stack's configuration without what it takes over: to import that, the cloud would have to be asked."""
    config = {key: value for key, value in configuration["config"].items() if key != f"{PROJECT}:existing"}
    return {**configuration, "config": config}


PROFILES = ("open", "hybrid", "private")


def with_profile(configuration: dict[str, Any], profile: str) -> dict[str, Any]:
    """A stack's configuration in another network profile; its own when none is named.

    Raises:
        SetupError: there is no such profile.
    """
    if not profile:
        return configuration
    if profile not in PROFILES:
        raise SetupError(f"PROFILE={profile}: the network profiles are {', '.join(PROFILES)}")
    config = {**configuration["config"], f"{PROJECT}:networkProfile": profile}
    if profile != "hybrid":  # where addresses that are let in would have no effect
        config.pop(f"{PROJECT}:allowedAddresses", None)
    return {**configuration, "config": config}


@contextmanager
def offline(stack: Stack, profile: str = "") -> Iterator[tuple[Pulumi, list[str]]]:
    """A CLI on an empty state of its own, and the arguments that name the copied configuration."""
    with tempfile.TemporaryDirectory(prefix="preview-") as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        configuration = folder / f"Pulumi.{stack.name}.yaml"
        configuration.write_text(
            yaml.safe_dump(from_nothing(with_profile(without_secrets(stack.configuration()), profile)))
        )
        environment = {**shell.environment(stack), **shell.contained(folder / "state")}
        for variable in shell.EMULATOR:
            environment.pop(variable, None)
        Pulumi(stack, environment, folder).create()
        yield Pulumi(stack, environment), ["--config-file", str(configuration)]
        shutil.rmtree(folder / "state", ignore_errors=True)


@contextmanager
def on_state(stack: Stack) -> Iterator[tuple[Pulumi, list[str]]]:
    """A CLI on what there is of an emulator stack; offline while there is nothing yet."""
    pulumi = Pulumi(stack, shell.environment(stack))
    if pulumi.exists():
        pulumi.require_state()
        yield pulumi, []
    else:
        with offline(stack) as prepared:
            yield prepared


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Every property that differs, sorted, with its values: `settings.rate: 0.1 -> 0.2`. `__` ones are Pulumi's."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if not key.startswith("__"):
                yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif old != new:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def changes(step: Mapping[str, Any]) -> list[str]:
    """What differs between the resource's inputs in the state and in the program."""
    old, new = ((step.get(state) or {}).get("inputs") for state in ("oldState", "newState"))
    later = LATER[bool(plan.kind(step))]
    return list(differences(old, plan.known(new, later))) if old is not None and new is not None else []


def lines(document: Mapping[str, Any]) -> list[str]:
    """The plan, one line a resource that changes, sorted by URN; then the counts, as the engine counts."""
    said = []
    for step in plan.shown_steps(document):
        said.append(f"{SYMBOLS.get(step['op'], '?')} {step['op']:<8} {short_name(step['urn'])}")
        said += [f"           {path}" for path in changes(step)]
    counts = document.get("changeSummary") or {}
    words = [f"{count} to {op}" if op != "same" else f"{count} unchanged" for op, count in sorted(counts.items())]
    return [*said, "", ", ".join(words)] if said else []


def preview(stack: Stack, profile: str = "") -> list[str]:
    """What `up` would do, in lines; of a stack that is there, also what serves now. In another network profile than the
    stack's own it is what `up` would make from nothing.

    Raises:
        SetupError: the program or a check failed; the message carries what they said.
    """
    with on_state(stack) if stack.emulated and not profile else offline(stack, profile) as (pulumi, words):
        there = stack.emulated and not words
        data = data_origin(pulumi).line
        found = planned(pulumi, words, looking=there)
        now = serving(stack, pulumi) if there else []
    basis = "from its present state" if there else "from nothing, without an account"
    where = f"{stack.cloud}, network profile {profile}" if profile else stack.cloud
    return [f"Preview of stack {stack.name} ({where}), {basis}", "", *found, *now, "", data]


def planned(pulumi: Pulumi, words: Sequence[str], *, looking: bool = True) -> list[str]:
    """What `up` with these arguments would change, in lines; the first one says it in a sentence.

    Args:
        looking: whether the cloud may be asked for jobs that would be taken up.

    Raises:
        SetupError: the program or a check failed; the message carries what they said.
    """
    document = plan_of(pulumi, words)
    adopted = earlier_jobs(pulumi.stack, document) if looking else {}
    rest = [*messages(document), *lines(document)]
    return [plan.sentence(document, adopted), *(["", *rest] if rest else [])]


def plan_of(pulumi: Pulumi, words: Sequence[str]) -> dict[str, Any]:
    """The engine's own document of what `up` with these arguments would do.

    Raises:
        SetupError: the program or a check failed; the message carries what they said.
    """
    document, problem = document_of(pulumi, pulumi.command("preview", "--json", *words))
    if problem:
        said = messages(document) or [problem]
        raise SetupError("\n".join([f"The preview of {pulumi.stack.name} failed:", *said]))
    return document


def earlier_jobs(stack: Stack, document: Mapping[str, Any]) -> dict[str, str]:
    """By system, the job of an earlier `up` that is taken up: `bike-buyer-0123456789ab-1 (completed)`."""
    from ml.clients.jobs import Jobs
    from ml.clients.workspace import Workspace
    from ml.jobs.attempts import earlier

    found = {}
    for system, kinds in plan.by_system(plan.shown_steps(document)).items():
        inputs = plan.after(kinds["TrainingJob"]) if "TrainingJob" in kinds else {}
        if inputs and kinds["TrainingJob"]["op"] != "delete" and UNKNOWN not in json.dumps(inputs["workspace"]):
            shell.enter(stack)
            job = earlier(Jobs(Workspace.from_inputs(inputs["workspace"])), system, str(inputs["digest"]))
            found.update({system: f"{job.name} ({job.status.lower()})"} if job else {})
    return found


def serving(stack: Stack, pulumi: Pulumi) -> list[str]:
    """What every system serves now, and where that is not what the stack knows."""
    from tools.standing import systems_now
    from tools.summary import serves

    try:
        require_emulator(stack)
    except SetupError as error:
        return ["", f"What serves now is not known: {error}."]
    shell.enter(stack)
    said = [""]
    for one in systems_now(stack, pulumi.resources(), asking=False):
        first, *more = [*serves(one.live, one.output), *one.differs, *([one.live.problem] if one.live.problem else [])]
        said += [f"{one.name} serves now: {first}", *(f"  {line}" for line in more)]
    return said


def document_of(pulumi: Pulumi, command: list[str]) -> tuple[dict[str, Any], str]:
    """What `preview --json` printed, and what the CLI said if it failed; "" if not."""
    done = subprocess.run(
        command, cwd=pulumi.project, env=pulumi.environment, capture_output=True, text=True, check=False
    )
    try:
        document = dict(json.loads(done.stdout or "{}"))
    except ValueError:
        document = {}
    return document, ((done.stderr or done.stdout).strip() or "no reason given") if done.returncode else ""

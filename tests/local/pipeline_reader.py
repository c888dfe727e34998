"""The workflows of GitHub and the pipelines of Azure DevOps as what a runner does: jobs, and their steps in order.

Only what these files use is known: a template is put in where it stands, an expression is a name that the service
knows. What is not known fails, so that no step is read as less than it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.versions import ROOT

GITHUB, DEVOPS = ROOT / ".github" / "workflows", ROOT / "azure-pipelines"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
MACRO = re.compile(r"\$\(([A-Za-z]+(?:\.[A-Za-z]+)*)\)")
PARAMETER = re.compile(r"\$\{\{ parameters\.(\w+) \}\}")


@dataclass(frozen=True)
class Step:
    """One step: a `script`, or what is used (`uses`: an action or task, without its version), or both of a task that
    runs a script. `condition` and `environment` are as they are written.
    """

    file: Path
    script: str = ""
    uses: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    condition: str = ""
    goes_on: bool = False
    """Whether the job goes on when it fails."""

    @property
    def lines(self) -> list[str]:
        """Its command lines, without comments, as they are written."""
        found = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in self.script.splitlines())
        return [line for line in found if line]

    def known(self, given: Mapping[str, str]) -> Step:
        """With what the service puts in for its names.

        Raises:
            KeyError: a name that the service does not know.
        """

        def put(text: str) -> str:
            text = EXPRESSION.sub(lambda found: given[found[1]], text)
            return MACRO.sub(lambda found: given[found[1]], text)

        environment = {name: put(str(value)) for name, value in self.environment.items()}
        return Step(self.file, put(self.script), self.uses, self.inputs, environment, self.condition, self.goes_on)


@dataclass(frozen=True)
class Job:
    """Steps on one machine. `environment`: the one that it deploys to; "" for what signs in to nothing."""

    file: Path
    name: str
    steps: tuple[Step, ...]
    environment: str = ""
    needs: tuple[str, ...] = ()


def jobs_of(file: Path) -> list[Job]:
    """The jobs of a file, those that others need first."""
    document = dict(yaml.safe_load(file.read_text()))
    found = list(_github(file, document) if file.parent == GITHUB else _devops(file, document))
    done: list[Job] = []
    while found:
        ready = [job for job in found if set(job.needs) <= {one.name for one in done}]
        assert ready, f"{file.name}: jobs need each other"
        done += ready
        found = [job for job in found if job not in ready]
    return done


def files() -> list[Path]:
    """Every file that a service starts."""
    return [*sorted(GITHUB.glob("*.yml")), *sorted(DEVOPS.glob("*.yml"))]


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _github(file: Path, document: Mapping[str, Any]) -> Iterator[Job]:
    for name, job in document["jobs"].items():
        common = job.get("env", {})
        steps = tuple(_github_step(file, step, common) for step in job["steps"])
        yield Job(file, name, steps, job.get("environment", ""), _names(job.get("needs")))


def _github_step(file: Path, step: Mapping[str, Any], common: Mapping[str, str]) -> Step:
    taken = {"name", "id", "run", "uses", "with", "env", "if", "continue-on-error"}
    assert step.keys() <= taken, f"{file.name}: say here what {step.keys() - taken} does"
    return Step(
        file,
        step.get("run", ""),
        str(step.get("uses", "")).partition("@")[0],
        step.get("with", {}),
        {**common, **step.get("env", {})},
        step.get("if", ""),
        bool(step.get("continue-on-error")),
    )


def _devops(file: Path, document: Mapping[str, Any]) -> Iterator[Job]:
    for stage in document.get("stages") or [{"stage": "", "jobs": document.get("jobs", [])}]:
        for job in stage["jobs"]:
            deployed = job.get("strategy", {}).get("runOnce", {}).get("deploy", job)
            steps = tuple(_devops_steps(file, deployed["steps"]))
            name = stage["stage"] or job["job"]
            yield Job(file, name, steps, job.get("environment", ""), _names(stage.get("dependsOn")))


def _devops_steps(file: Path, steps: list[Mapping[str, Any]]) -> Iterator[Step]:
    for step in steps:
        if "template" in step:
            yield from _devops_steps(file, _template(file.parent / step["template"], step.get("parameters", {})))
            continue
        taken = {"script", "task", "checkout", "displayName", "inputs", "env", "condition", "continueOnError"}
        taken |= {"fetchDepth", "persistCredentials"} if "checkout" in step else set()
        assert step.keys() <= taken, f"{file.name}: say here what {step.keys() - taken} does"
        inputs = step.get("inputs", step)
        yield Step(
            file,
            step.get("script", inputs.get("inlineScript", "")),
            "checkout" if "checkout" in step else str(step.get("task", "")).partition("@")[0],
            inputs,
            step.get("env", {}),
            step.get("condition", ""),
            step.get("continueOnError") == "true",
        )


def _template(file: Path, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of a template with its parameters put in."""
    document = dict(yaml.safe_load(file.read_text()))
    defaults = {one["name"]: one.get("default") for one in document["parameters"]}
    assert given.keys() <= defaults.keys(), f"{file.name} has no parameter {given.keys() - defaults.keys()}"
    values = {**defaults, **given}
    assert None not in values.values(), f"{file.name} is called without {[name for name in values if not values[name]]}"

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return PARAMETER.sub(lambda found: str(values[found[1]]), value)
        if isinstance(value, dict):
            return {key: put(inner) for key, inner in value.items()}
        return [put(inner) for inner in value] if isinstance(value, list) else value

    return list(put(document["steps"]))

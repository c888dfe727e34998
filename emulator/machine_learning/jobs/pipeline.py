"""Pipeline jobs: what binds their steps together."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.identifiers import job_id, workspace_id
from emulator.machine_learning.jobs.outputs import plan
from emulator.machine_learning.jobs.records import FINAL
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.store import Document

PARENT_INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.([\w\-]+)\s*\}\}")
PARENT_OUTPUT = re.compile(r"\$\{\{\s*parent\.outputs\.([\w\-]+)\s*\}\}")
STEP_OUTPUT = re.compile(r"\$\{\{\s*parent\.jobs\.([\w\-]+)\.outputs\.([\w\-]+)\s*\}\}")
COMMAND = "command"


def validate_pipeline(workspace: str, properties: dict[str, Any], references: References) -> None:
    """Refuses a pipeline that cannot run.

    Raises:
        ServiceError: 400 for unknown components, bindings to nothing and circles; 501 for steps that are no commands.
    """
    steps = properties.get("jobs") or {}
    if not steps:
        raise ServiceError(400, "UserError", "A pipeline job needs at least one step in 'jobs'.", target="jobs")
    components = {name: component_of(workspace, name, step, references) for name, step in steps.items()}
    outputs = {name: set(component.get("outputs") or {}) for name, component in components.items()}
    for name, step in steps.items():
        check_bindings(name, step, properties, outputs)
    order(steps)


def component_of(workspace: str, name: str, step: dict[str, Any], references: References) -> dict[str, Any]:
    """The specification of a step's component; 400 when there is none, 501 when the step is no command."""
    if step.get("type", COMMAND) != COMMAND:
        raise unsupported(f"A pipeline step of type '{step['type']}' (step '{name}')")
    try:
        found = references.asset(workspace, "components", step.get("componentId") or "")
    except UnresolvedReference as error:
        raise ServiceError(400, "UserError", f"Step '{name}': {error}.", target=f"jobs.{name}") from None
    specification: dict[str, Any] = found.properties["componentSpec"]
    try:
        references.asset(workspace, "environments", step.get("environment") or specification["environment"])
    except UnresolvedReference as error:
        raise ServiceError(400, "UserError", f"Step '{name}': {error}.", target=f"jobs.{name}.environment") from None
    return specification


def check_bindings(name: str, step: dict[str, Any], properties: dict[str, Any], outputs: dict[str, set[str]]) -> None:
    """400 when a step is bound to an input, a step or an output that the pipeline does not have.

    Args:
        outputs: what the component of each step declares.
    """
    for (kind, own), text in bindings(step).items():
        target = f"jobs.{name}.{kind}s.{own}"
        if kind == "output" and own not in outputs[name]:
            message = f"Step '{name}' has the output '{own}', which its component does not declare."
            raise ServiceError(400, "UserError", message, target=target)
        for missing in unbound(text, properties, outputs):
            message = f"Step '{name}' binds its {kind} '{own}' to '{missing}', which the pipeline does not have."
            raise ServiceError(400, "UserError", message, target=target)


def bindings(step: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What a step's inputs and outputs are bound to, by `input` or `output` and their names."""
    inputs = {("input", name): normal(given) for name, given in (step.get("inputs") or {}).items()}
    outputs = {("output", name): normal_output(given) for name, given in (step.get("outputs") or {}).items()}
    return {key: str(given.get("value", "")) for key, given in {**inputs, **outputs}.items()}


def unbound(text: str, properties: dict[str, Any], outputs: dict[str, set[str]]) -> Iterator[str]:
    """What a binding names and the pipeline does not have."""
    yield from (name for name in PARENT_INPUT.findall(text) if name not in (properties.get("inputs") or {}))
    yield from (name for name in PARENT_OUTPUT.findall(text) if name not in (properties.get("outputs") or {}))
    for step, output in STEP_OUTPUT.findall(text):
        if step not in outputs:
            yield step
        elif output not in outputs[step]:
            yield f"{step}.outputs.{output}"


def needs(step: dict[str, Any]) -> set[str]:
    """Names of the steps that a step waits for."""
    texts = bindings(step).values()
    return {found for text in texts for found, _ in STEP_OUTPUT.findall(text)}


def order(steps: dict[str, Any]) -> list[str]:
    """Step names, each after what it waits for.

    Raises:
        ServiceError: 400, they wait for each other.
    """
    done: list[str] = []
    while len(done) < len(steps):
        ready = [name for name, step in steps.items() if name not in done and needs(step) <= set(done)]
        if not ready:
            left = ", ".join(name for name in steps if name not in done)
            raise ServiceError(400, "UserError", f"The steps {left} wait for each other.", target="jobs")
        done += ready
    return done


def child_name(parent: Document, step: str) -> str:
    """The job name of a step: a GUID, as on Azure; it follows from the pipeline's, so a restart makes no second one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{parent.key}/{step}"))


def is_stopped(parent: Document, children: dict[str, Document]) -> bool:
    """Whether the failure of a step ends all others.

    By default those go on that do not depend on it:
    https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-pipeline#attributes-of-the-settings-key.
    """
    go_on = (parent.properties.get("settings") or {}).get("continue_on_step_failure")
    return go_on is False and any(child.properties["status"] == "Failed" for child in children.values())


def ready_steps(parent: Document, children: dict[str, Document]) -> list[str]:
    """Steps that were not started and may be: their predecessors have completed."""
    if parent.private.get("cancel") or is_stopped(parent, children):
        return []
    completed = {name for name, child in children.items() if child.properties["status"] == "Completed"}
    steps = parent.properties["jobs"]
    return [name for name in order(steps) if name not in children and needs(steps[name]) <= completed]


def outcome(parent: Document, children: dict[str, Document]) -> str | None:
    """The pipeline's final status, None while steps run or can still start."""
    states = [child.properties["status"] for child in children.values()]
    if any(state not in FINAL for state in states) or ready_steps(parent, children):
        return None
    if "Failed" in states:
        return "Failed"
    return "Canceled" if "Canceled" in states or parent.private.get("cancel") else "Completed"


class StepJobs:
    """Turns steps into command jobs."""

    def __init__(self, references: References) -> None:
        self.references = references

    def child(self, parent: Document, name: str, children: dict[str, Document]) -> Document:
        """The job of a step whose predecessors have ended.

        Raises:
            UnresolvedReference: its component is gone.
        """
        step, workspace = parent.properties["jobs"][name], workspace_id(parent.id)
        component = self.references.asset(workspace, "components", step["componentId"]).properties["componentSpec"]
        settings = parent.properties.get("settings") or {}
        outputs = self._outputs(parent, name, step, component)
        variables = {**(component.get("environment_variables") or {}), **(step.get("environment_variables") or {})}
        properties: dict[str, Any] = {
            "jobType": "Command",
            "displayName": step.get("display_name") or name,
            "experimentName": parent.properties["experimentName"],
            "command": component["command"],
            "environmentId": step.get("environment") or component["environment"],
            "codeId": component.get("code"),
            "computeId": step.get("computeId") or parent.properties.get("computeId") or settings.get("default_compute"),
            "inputs": self._inputs(parent, step, component, children),
            "outputs": {key: {"jobOutputType": output["type"]} for key, output in outputs.items()},
            "environmentVariables": variables,
            "limits": {"timeout": timeout(step.get("limits") or component.get("limits") or {})},
            "tags": step.get("tags") or {},
            "properties": {"azureml.isreused": "false", "azureml.moduleName": component.get("name", name)},
            "isArchived": False,
            "status": "NotStarted",
        }
        child = child_name(parent, name)
        return Document(
            job_id(workspace, child),
            {"properties": properties},
            {"parent": parent.name, "step": name, "outputs": outputs, "submitted": {}},
        )

    def _inputs(
        self, parent: Document, step: dict[str, Any], component: dict[str, Any], children: dict[str, Document]
    ) -> dict[str, Any]:
        """A step's inputs, bindings replaced by what they stand for, and the component's defaults."""
        declared = component.get("inputs") or {}
        inputs: dict[str, Any] = {}
        for name, declaration in declared.items():
            if declaration.get("default") is not None:
                inputs[name] = {"jobInputType": "literal", "value": str(declaration["default"])}
        for name, given in (step.get("inputs") or {}).items():
            kind = (declared.get(name) or {}).get("type")
            bound = self._bound(parent, normal(given), kind, children)
            if bound is not None:
                inputs[name] = bound
        return inputs

    def _bound(
        self, parent: Document, given: dict[str, Any], kind: str | None, children: dict[str, Document]
    ) -> dict[str, Any] | None:
        text = str(given.get("value", "")).strip()
        if found := STEP_OUTPUT.fullmatch(text):
            output = children[found[1]].private["outputs"][found[2]]
            return {"jobInputType": kind or output["type"], "uri": output["uri"], "mode": given.get("mode")}
        if found := PARENT_INPUT.fullmatch(text):
            value = (parent.properties.get("inputs") or {}).get(found[1])
            return {**deepcopy(value), **({"mode": given["mode"]} if given.get("mode") else {})} if value else None
        if text:
            given = {**given, "value": PARENT_INPUT.sub(lambda match: self._literal(parent, match[1]), text)}
        return given

    def _literal(self, parent: Document, name: str) -> str:
        return str(((parent.properties.get("inputs") or {}).get(name) or {}).get("value", ""))

    def _outputs(
        self, parent: Document, name: str, step: dict[str, Any], component: dict[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Where a step's outputs go: the pipeline's own output where it is bound to one."""
        given = {key: normal_output(value) for key, value in (step.get("outputs") or {}).items()}
        wanted = {
            key: {"jobOutputType": declared.get("type")} for key, declared in (component.get("outputs") or {}).items()
        }
        for key, output in given.items():
            wanted[key] = {
                **wanted.get(key, {}),
                **{field: value for field, value in output.items() if field != "value"},
            }
        planned = plan(child_name(parent, name), wanted)
        for key, output in given.items():
            if found := PARENT_OUTPUT.fullmatch(str(output.get("value", "")).strip()):
                planned[key].update(parent.private["outputs"].get(found[1], {}), type=planned[key]["type"])
        return planned


def normal(given: Any) -> dict[str, Any]:
    """A step's input in the spelling of a job's input: clients send `job_input_type`."""
    if not isinstance(given, dict):
        return {"jobInputType": "literal", "value": "" if given is None else str(given)}
    kind = given.get("job_input_type") or given.get("jobInputType") or given.get("type") or "literal"
    return {
        **{key: value for key, value in given.items() if key not in ("job_input_type", "type")},
        "jobInputType": kind,
    }


def normal_output(given: Any) -> dict[str, Any]:
    """A step's output in the spelling of a job's output."""
    if not isinstance(given, dict):
        return {"value": str(given or "")}
    kind = given.get("job_output_type") or given.get("jobOutputType")
    kept = {key: value for key, value in given.items() if key not in ("job_output_type", "type")}
    return {**kept, **({"jobOutputType": kind} if kind and kind != "literal" else {})}


def timeout(limits: dict[str, Any]) -> str | None:
    """A step's time limit as a duration; components give seconds."""
    value = limits.get("timeout")
    return f"PT{value}S" if isinstance(value, int | float) else value

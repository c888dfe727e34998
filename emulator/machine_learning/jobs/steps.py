"""The jobs of a pipeline's steps: bindings replaced by what they stand for."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from emulator.machine_learning.automl import specification as automl
from emulator.machine_learning.identifiers import job_id, workspace_id
from emulator.machine_learning.jobs.outputs import DEFAULT_TYPE, plan
from emulator.machine_learning.jobs.parallel import specification as parallel
from emulator.machine_learning.jobs.pipeline import (
    AUTOML,
    COMMAND,
    PARALLEL,
    PARENT_INPUT,
    PARENT_OUTPUT,
    PIPELINE,
    STEP_OUTPUT,
    SWEEP,
    child_name,
    component_id,
    environment_of,
    inputs_of,
    normal,
    normal_output,
)
from emulator.machine_learning.locations import References
from emulator.machine_learning.sweeps.specification import from_step
from emulator.store import Document


class StepJobs:
    """Turns steps into jobs."""

    def __init__(self, references: References) -> None:
        self.references = references

    def child(self, parent: Document, name: str, children: dict[str, Document]) -> Document:
        """The job of a step whose predecessors have ended; a step that is a pipeline becomes a pipeline of its own.

        Raises:
            UnresolvedReference: its component is gone.
        """
        step, workspace = parent.properties["jobs"][name], workspace_id(parent.id)
        component = self._component(workspace, step)
        outputs = self._outputs(parent, name, step, component)
        private = {
            "parent": parent.name,
            "root": parent.private.get("root") or parent.name,
            "step": name,
            "outputs": outputs,
            "submitted": {},
        }
        properties: dict[str, Any] = {
            "displayName": step.get("display_name") or name,
            "experimentName": parent.properties["experimentName"],
            "computeId": self._compute(parent, step),
            "inputs": self._inputs(parent, step, component, children),
            "outputs": {key: {"jobOutputType": output["type"]} for key, output in outputs.items()},
            "tags": step.get("tags") or {},
            "properties": {"azureml.isreused": "false", "azureml.moduleName": component.get("name", name)},
            "isArchived": False,
            "status": "NotStarted",
        }
        kind = component.get("type", COMMAND)
        if kind == PIPELINE:
            settings = {**(parent.properties.get("settings") or {}), **(step.get("settings") or {})}
            properties.update(jobType="Pipeline", jobs=component["jobs"], settings=settings)
        elif kind == AUTOML:
            properties.update(jobType="AutoML", taskDetails=automl.from_step(step, properties.pop("inputs")))
        else:
            properties.update(self._command(step, component))
        if step.get("type") == SWEEP:
            properties = as_sweep(properties, step)
        if kind == PARALLEL:
            private["parallel"] = told = parallel.settings_of(step, component)
            # Its files are copied whatever the script does with them: the driver hands them out.
            properties["inputs"][told["input"]]["mode"] = "Download"
        return Document(job_id(workspace, child_name(parent, name)), {"properties": properties}, private)

    def _component(self, workspace: str, step: dict[str, Any]) -> dict[str, Any]:
        if step.get("type") == AUTOML:
            return automl.COMPONENT
        found: dict[str, Any] = self.references.asset(workspace, "components", component_id(step)).properties
        return dict(found["componentSpec"])

    def _command(self, step: dict[str, Any], component: dict[str, Any]) -> dict[str, Any]:
        """What a step runs; of a parallel one the arguments of its script."""
        task = {
            **(component.get("task") or {}),
            **{key: value for key, value in (step.get("task") or {}).items() if value},
        }
        return {
            "jobType": "Command",
            "command": component.get("command") or task.get("program_arguments") or "",
            "environmentId": environment_of(step, component),
            "codeId": component.get("code") or task.get("code"),
            "environmentVariables": {
                **(component.get("environment_variables") or {}),
                **(step.get("environment_variables") or {}),
            },
            "limits": {"timeout": timeout(step.get("limits") or component.get("limits") or {})},
        }

    def _compute(self, parent: Document, step: dict[str, Any]) -> str | None:
        """Where a step runs: its own compute, which may be an input of the pipeline, else the pipeline's."""
        settings = parent.properties.get("settings") or {}
        given = (
            step.get("computeId")
            or step.get("compute")
            or parent.properties.get("computeId")
            or settings.get("default_compute")
        )
        if not given:
            return None
        name = PARENT_INPUT.sub(lambda match: self._literal(parent, match[1]), given).removeprefix("azureml:")
        return name if name.startswith("/") else f"{workspace_id(parent.id)}/computes/{name}"

    def _inputs(
        self, parent: Document, step: dict[str, Any], component: dict[str, Any], children: dict[str, Document]
    ) -> dict[str, Any]:
        """A step's inputs, bindings replaced by what they stand for, and the component's defaults."""
        declared = component.get("inputs") or {}
        inputs: dict[str, Any] = {}
        for name, declaration in declared.items():
            if declaration.get("default") is not None:
                inputs[name] = {"jobInputType": "literal", "value": str(declaration["default"])}
        for name, given in inputs_of(step).items():
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
                outer = parent.private["outputs"].get(found[1], {})
                said = outer.get("type", DEFAULT_TYPE)  # a pipeline that says nothing leaves it to the step
                planned[key].update(outer, type=planned[key]["type"] if said == DEFAULT_TYPE else said)
        return planned


def as_sweep(command: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
    """The sweep over a step's command."""
    ours = ("command", "environmentId", "codeId", "environmentVariables")
    kept = {key: value for key, value in command.items() if key not in ours}
    return {**kept, "jobType": "Sweep", "trial": {key: command[key] for key in ours}, **from_step(step)}


def timeout(limits: dict[str, Any]) -> str | None:
    """A step's time limit as a duration; components give seconds."""
    value = limits.get("timeout")
    return f"PT{value}S" if isinstance(value, int | float) else value

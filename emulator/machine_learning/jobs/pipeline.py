"""Pipeline jobs: what binds their steps together."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.automl import specification as automl
from emulator.machine_learning.jobs.parallel.specification import check_parallel
from emulator.machine_learning.jobs.records import FINAL
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.machine_learning.sweeps.specification import from_step, read_sweep
from emulator.store import Document

PARENT_INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.([\w\-]+)\s*\}\}")
PARENT_OUTPUT = re.compile(r"\$\{\{\s*parent\.outputs\.([\w\-]+)\s*\}\}")
STEP_OUTPUT = re.compile(r"\$\{\{\s*parent\.jobs\.([\w\-]+)\.outputs\.([\w\-]+)\s*\}\}")
COMMAND, PIPELINE, PARALLEL, SWEEP, AUTOML = "command", "pipeline", "parallel", "sweep", "automl"
KINDS = (COMMAND, PIPELINE, PARALLEL, SWEEP, AUTOML)


def validate_pipeline(workspace: str, properties: dict[str, Any], references: References) -> None:
    """Refuses a pipeline that cannot run.

    Raises:
        ServiceError: 400 for unknown components or environments, bindings to nothing and circles; 501 for steps that
            this machine cannot run.
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
    """The specification of a step's component; 400 when there is none, 501 when the step cannot run here."""
    if step.get("type", COMMAND) not in KINDS:
        raise unsupported(f"A pipeline step of type '{step['type']}' (step '{name}')")
    if step.get("type") == AUTOML:
        check_automl(name, step)
        return automl.COMPONENT
    try:
        found = references.asset(workspace, "components", component_id(step))
    except UnresolvedReference as error:
        raise ServiceError(400, "UserError", f"Step '{name}': {error}.", target=f"jobs.{name}") from None
    specification: dict[str, Any] = found.properties["componentSpec"]
    if step.get("type") == SWEEP:
        read_sweep(from_step(step))
    if specification.get("type") == PIPELINE:
        try:
            validate_pipeline(workspace, specification, references)
        except ServiceError as error:
            raise ServiceError(error.status, error.code, f"Inside step '{name}': {error.message}") from None
        return specification
    if specification.get("type") == PARALLEL:
        check_parallel(name, specification)
    else:
        require_one_node(name, step, specification)
    try:
        references.asset(workspace, "environments", environment_of(step, specification))
    except UnresolvedReference as error:
        raise ServiceError(400, "UserError", f"Step '{name}': {error}.", target=f"jobs.{name}.environment") from None
    return specification


def check_automl(name: str, step: dict[str, Any]) -> None:
    """Refuses an AutoML step that cannot work; of a table of its own azure-ai-ml sends no address that can be used."""
    tables = {table: {"uri": str(given)} for table, given in automl.tables_of(step).items()}
    for table, given in tables.items():
        if not PARENT_INPUT.fullmatch(given["uri"]) and not STEP_OUTPUT.fullmatch(given["uri"]):
            message = f"Step '{name}': '{table}' must be an input of the pipeline or an output of a step."
            raise ServiceError(400, "UserError", message, target=f"jobs.{name}")
    automl.read_automl({"taskDetails": automl.from_step(step, tables)})


def component_id(step: dict[str, Any]) -> str:
    """The component of a step; that of a sweep is its trial."""
    named = (step.get("trial") or {}).get("componentId") if step.get("type") == SWEEP else step.get("componentId")
    return str(named or "")


def environment_of(step: dict[str, Any], specification: dict[str, Any]) -> str:
    """What a step's command, or each of its parallel runs, finds installed."""
    own = (step.get("task") or {}).get("environment") if specification.get("type") == PARALLEL else None
    given = step.get("environment") or own
    declared = specification.get("environment") or (specification.get("task") or {}).get("environment") or ""
    return str(given if isinstance(given, str) else declared)


def require_one_node(name: str, step: dict[str, Any], specification: dict[str, Any]) -> None:
    """501 for a step on several nodes, as for such a job alone."""
    for given in (step, specification):
        if distribution := given.get("distribution"):
            kind = distribution.get("type") or distribution.get("distribution_type")
            raise unsupported(f"A distributed step ({kind}, step '{name}')")
        if int((given.get("resources") or {}).get("instance_count") or 1) > 1:
            raise unsupported(f"A step on more than one node (resources.instance_count > 1, step '{name}')")


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
    inputs = {("input", name): normal(given) for name, given in inputs_of(step).items()}
    outputs = {("output", name): normal_output(given) for name, given in (step.get("outputs") or {}).items()}
    return {key: str(given.get("value", "")) for key, given in {**inputs, **outputs}.items()}


def inputs_of(step: dict[str, Any]) -> dict[str, Any]:
    """What a step is given; AutoML's tables have places of their own."""
    return automl.tables_of(step) if step.get("type") == AUTOML else step.get("inputs") or {}


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

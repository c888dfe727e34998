"""The jobs of a sweep's trials."""

from __future__ import annotations

import json
import time
from typing import Any

from emulator.machine_learning.identifiers import job_id, workspace_id
from emulator.machine_learning.jobs.outputs import plan
from emulator.machine_learning.sweeps.specification import Sweep
from emulator.store import Document


def trial_of(sweep: Sweep, job: Document, number: int, values: dict[str, Any]) -> Document:
    """The job of one trial."""
    properties, trial = job.properties, job.properties["trial"]
    name = f"{job.name}_{number}"
    given = {key: {"jobInputType": "literal", "value": text(value)} for key, value in values.items()}
    outputs = {
        key: {"jobOutputType": output.get("jobOutputType")}
        for key, output in (properties.get("outputs") or {}).items()
        if output is not None
    }
    found = {
        "jobType": "Command",
        "displayName": name,
        "experimentName": properties["experimentName"],
        "command": trial["command"].replace("${{search_space.", "${{inputs."),
        "environmentId": trial["environmentId"],
        "codeId": trial.get("codeId"),
        "computeId": properties.get("computeId"),
        "inputs": {**(properties.get("inputs") or {}), **given},
        "outputs": outputs,
        "environmentVariables": trial.get("environmentVariables") or {},
        "limits": {"timeout": sweep.trial_timeout},
        "tags": {**(properties.get("tags") or {}), "hyperparameters": json.dumps(values)},
        "properties": {},
        "isArchived": False,
        "status": "NotStarted",
    }
    private = {
        "parent": job.name,
        "root": job.private.get("root") or job.name,
        "step": str(number),
        "values": values,
        "outputs": plan(name, outputs),
        "submitted": {},
        "created": time.time(),
    }
    return Document(job_id(workspace_id(job.id), name), {"properties": found}, private)


def text(value: Any) -> str:
    """A value as it stands in a command line."""
    return repr(value) if isinstance(value, float) else str(value)

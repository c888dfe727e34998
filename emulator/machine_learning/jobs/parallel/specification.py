"""What a parallel step says, from a component to what its driver reads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from emulator.errors import ServiceError, unsupported
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.machine_learning.jobs.inputs import JobFailure
from emulator.machine_learning.jobs.parallel.mini_batches import TRANSFORMATIONS
from emulator.machine_learning.jobs.runner import files

DRIVER = Path(__file__).with_name("driver.py")
RUN_FUNCTION = "run_function"
FILES, TABLE_BYTES = 10, 1024 * 1024
"""How large a mini-batch is that says nothing else: files of a folder, bytes of a table."""
DEFAULTS = {"error_threshold": -1, "mini_batch_error_threshold": -1, "max_concurrency_per_instance": 1}
RETRY = {"max_retries": 3, "timeout": 60}
Bind = Callable[[str], str]


def check_parallel(name: str, specification: Mapping[str, Any]) -> None:
    """Refuses a parallel component that cannot run: 400, or 501 for a task of another kind than a function."""
    task = specification.get("task") or {}
    if task.get("type", RUN_FUNCTION) != RUN_FUNCTION:
        raise unsupported(f"A parallel task of type '{task['type']}' (step '{name}')")
    for needed in ("entry_script", "environment"):
        if not task.get(needed):
            raise ServiceError(400, "UserError", f"Step '{name}' needs 'task.{needed}'.", target=f"jobs.{name}.task")
    if input_name(specification) not in (specification.get("inputs") or {}):
        message = f"Step '{name}': 'input_data' must be one of its inputs, as in ${{{{inputs.rows}}}}."
        raise ServiceError(400, "UserError", message, target=f"jobs.{name}.input_data")


def input_name(specification: Mapping[str, Any]) -> str:
    """Which input is handed out in mini-batches."""
    return str(specification.get("input_data") or "").removeprefix("${{inputs.").removesuffix("}}").strip()


def settings_of(step: Mapping[str, Any], specification: Mapping[str, Any]) -> dict[str, Any]:
    """What the step says, over what its component says, over Azure's defaults."""

    def said(name: str) -> Any:
        return next((one[name] for one in (step, specification) if one.get(name) not in (None, "")), None)

    task = {
        **(specification.get("task") or {}),
        **{key: value for key, value in (step.get("task") or {}).items() if value},
    }
    retry = {**RETRY, **(specification.get("retry_settings") or {}), **(step.get("retry_settings") or {})}
    keys, size = said("partition_keys"), int(said("mini_batch_size") or 0)
    instances = int((said("resources") or {}).get("instance_count") or 1)
    numbers = {name: int(default if said(name) is None else said(name)) for name, default in DEFAULTS.items()}
    return {
        "input": input_name(specification),
        "entry_script": task["entry_script"],
        "append_row_to": task.get("append_row_to") or "",
        "partition_keys": json.loads(keys) if isinstance(keys, str) else list(keys or []),
        "mini_batch_size": size,
        "workers": max(1, instances * numbers["max_concurrency_per_instance"]),
        "retry": {name: int(value) for name, value in retry.items()},
        **numbers,
    }


def command(
    settings: Mapping[str, Any], arguments: str, values: Mapping[str, str], folder: JobFolder, bind: Bind
) -> str:
    """Writes what the driver reads into the job's folder and gives the command line that starts it.

    Raises:
        JobFailure: the table's description asks for what is not done here.
    """
    source = Path(values[f"inputs.{settings['input']}"])
    table = read_table(source) if (source / "MLTable").is_file() else None
    rows = table is not None and table["transformations"]
    if settings["partition_keys"] and not rows:
        raise JobFailure("'partition_keys' need an input of type mltable that says how its files are read.")
    size = settings["mini_batch_size"] or (TABLE_BYTES if rows else FILES)
    told = {
        **settings,
        "source": str(source),
        "table": table,
        "mini_batch_size": size,
        "append_row_to": bind(settings["append_row_to"]),
    }
    file = folder.path / "parallel.json"
    files.write_json(file, told)
    return f"python {shlex.quote(str(DRIVER))} {shlex.quote(str(file))} {bind(arguments)}"


def read_table(folder: Path) -> dict[str, Any]:
    """An MLTable file: the paths it names, and its transformations in order.

    Raises:
        JobFailure: it names files elsewhere, or a transformation that is not done here.
    """
    try:
        content = yaml.safe_load((folder / "MLTable").read_text())
        paths = [str(value) for one in content["paths"] for value in one.values()]
        steps = [
            next(iter(one.items())) if isinstance(one, dict) else (one, {})
            for one in content.get("transformations") or []
        ]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise JobFailure(f"The file MLTable cannot be read: {type(error).__name__}: {error}.") from None
    if elsewhere := [path for path in paths if ":" in path or path.startswith("/")]:
        raise JobFailure(
            f"The file MLTable names {elsewhere[0]}; here its paths lead to files beside it, as ./rows.csv."
        )
    if unknown := [name for name, _ in steps if name not in TRANSFORMATIONS]:
        known = ", ".join(sorted(TRANSFORMATIONS))
        raise JobFailure(f"The file MLTable has the transformation '{unknown[0]}'; those done here are {known}.")
    return {"paths": paths, "transformations": [[name, given] for name, given in steps]}

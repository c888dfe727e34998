"""AutoML jobs as runs: a process like a command's, whose command is the driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emulator.machine_learning.assets.packages import Packages
from emulator.machine_learning.automl.specification import MODEL_OUTPUT, SHOWN, TABLES, read_automl
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.jobs.command import INHERITED, INSTALLERS, PROXIES, CommandPreparation
from emulator.machine_learning.jobs.command_run import CommandRun
from emulator.machine_learning.jobs.environments import build_plan
from emulator.machine_learning.jobs.folder import JobFolder
from emulator.machine_learning.jobs.outputs import local_path
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.tracking.api import Api
from emulator.store import Document

HERE = Path(__file__).resolve().parent
BEST_TAG = "automl_best_child_run_id"


class AutoMLPreparation(CommandPreparation):
    """Prepares the folder of an AutoML job."""

    def prepare(self, job: Document, folder: JobFolder) -> dict[str, Any]:
        settings, workspace = read_automl(job.properties), workspace_id(job.id)
        details = job.properties["taskDetails"]
        folder.report(f"preparing job {job.name}")
        tables = {name: details[name] for name in TABLES if (details.get(name) or {}).get("uri")}
        self._require_places(workspace, job, tables)
        data = {
            name: self.inputs.stage(workspace, name, {**one, "mode": "Download"}, folder.inputs)
            for name, one in tables.items()
        }
        outputs = {
            name: str(local_path(folder, name, output["type"]))
            for name, output in (job.private.get("outputs") or {}).items()
            if name == MODEL_OUTPUT
        }
        told = folder.path / "automl.json"
        files.write_json(told, {**settings, "shown": SHOWN[settings["metric"]], "data": data, "outputs": outputs})
        requirements = tuple((HERE / "packages.lock.txt").read_text().splitlines())
        return {
            "name": job.name,
            "command": f"python '{HERE / 'driver.py'}' '{told}'",
            "directory": str(folder.working_directory),
            "environment": self._environment(job, {}),
            "inherit": [*INHERITED, *INSTALLERS, *PROXIES],
            "packages": build_plan(Packages(requirements=requirements)),
            "hint": "",
            "timeout": None,
        }


class AutoMLRun(CommandRun):
    """The way of an AutoML job: its trials are child runs that the driver makes."""

    def finish(self, run_id: str, *, canceled: bool) -> None:
        job = self._records.get(run_id)
        run = Api(self._tracking).run(job.name) if job is not None and job.private.get("began") else None
        tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])} if run else {}
        if best := tags.get(BEST_TAG):
            store = self._records.store
            with store.transaction():
                found = store.get(run_id)
                if found is not None:
                    engine = tags.get("automl_engine", "FLAML")
                    shown = {"best_child_run_id": best, "automl_engine": engine}
                    found.properties["properties"] = {**(found.properties.get("properties") or {}), **shown}
                    found.properties["tags"] = {**(found.properties.get("tags") or {}), BEST_TAG: best}
                    store.put(found)
        super().finish(run_id, canceled=canceled)

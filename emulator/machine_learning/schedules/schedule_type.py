"""Schedules as ARM sees them: a trigger, and the job that each firing submits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.http import Request, Response
from emulator.machine_learning.assets.asset import fill
from emulator.machine_learning.identifiers import ASSET_NAME, JOB, SCHEDULE, job_id, workspace_id
from emulator.machine_learning.schedules.triggers import next_time, read_trigger
from emulator.service import Action, Emulator, ResourceType
from emulator.store import Document

COMMON: dict[str, Any] = {"tags": {}, "properties": {}, "isEnabled": True}
VIEWS: dict[str, tuple[bool, ...]] = {"enabledonly": (True,), "disabledonly": (False,), "all": (True, False)}
CREATE_JOB = "CreateJob"
NAME = "${{name}}"
TRIGGER_TIME = "${{creation_context.trigger_time}}"


class Schedule(ResourceType):
    """A schedule that creates jobs. Its next time is on disk, so no firing is done twice."""

    type = SCHEDULE

    def __init__(self, emulator: Emulator, changed: Callable[[], object]) -> None:
        self.emulator = emulator
        self._changed = changed

    def prepare(self, document: Document, old: Document | None) -> None:
        if not ASSET_NAME.fullmatch(document.name):
            raise ServiceError(400, "UserError", f"'{document.name}' is no name of a schedule: letters, digits, '-_.'.")
        properties = document.properties
        for name in [name for name, value in properties.items() if value is None]:
            del properties[name]
        fill(properties, {**COMMON, "displayName": document.name})
        action = properties.get("action") or {}
        if action.get("actionType") != CREATE_JOB:
            raise unsupported(f"A schedule whose action is '{action.get('actionType')}' (known: {CREATE_JOB})")
        now = time.time()
        document.private["created"] = old.private["created"] if old else now
        trigger = read_trigger(properties.get("trigger") or {}, document.private["created"])
        self._job(document, now)
        properties["provisioningState"] = "Succeeded"
        document.private["due"] = next_time(trigger, now) if properties["isEnabled"] else None

    def apply(self, document: Document) -> None:
        self._changed()

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        view = request.query.get("listviewtype", "EnabledOnly")
        shown = VIEWS.get(view.lower())
        if shown is None:
            message = f"'listViewType' must be EnabledOnly, DisabledOnly or All, not '{view}'."
            raise ServiceError(400, "InvalidQueryParameter", message)
        return [document for document in documents if bool(document.properties["isEnabled"]) in shown]

    def actions(self) -> Mapping[str, Action]:
        return {"trigger": self.trigger}

    def trigger(self, document: Document, request: Request) -> Response:
        """Submits the job once, now."""
        if not document.properties["isEnabled"]:
            message = f"The schedule '{document.name}' is disabled: enable it before it is triggered."
            raise ServiceError(400, "UserError", message)
        job = self.fire(document, time.time())
        return Response.json({"submissionId": job.name, "scheduleActionType": CREATE_JOB})

    def fire(self, document: Document, moment: float) -> Document:
        """Submits the job of one moment; the same moment again gives the job there is."""
        store = self.emulator.store
        job = self._job(document, moment)
        present = store.get(job.id)
        if present is not None:
            return present
        behaviour = self.emulator.behaviour(JOB)
        store.put(job)
        behaviour.apply(job)
        return job

    def _job(self, document: Document, moment: float) -> Document:
        """The job of a schedule's moment, as if a person had submitted it now.

        Raises:
            ServiceError: it cannot run.
        """
        workspace = workspace_id(document.id)
        properties = deepcopy(document.properties["action"].get("jobDefinition") or {})
        if source := properties.get("sourceJobId"):
            found = self.emulator.store.get(str(source).removeprefix("azureml:"))
            if found is None:
                raise ServiceError(400, "UserError", f"The job '{source}' of the schedule does not exist.")
            own = {key: value for key, value in properties.items() if value not in (None, "", {}, [])}
            properties = {**deepcopy(found.private["submitted"]), **own}
        fired = datetime.fromtimestamp(moment, UTC)
        name = f"{document.name}-{fired:%Y%m%dT%H%M%S}{fired.microsecond // 1000:03}".replace(".", "-")
        resolve(properties, {NAME: name, TRIGGER_TIME: f"{fired:%Y-%m-%dT%H:%M:%SZ}"})
        job = Document(job_id(workspace, name), {"properties": properties})
        job.properties.pop("sourceJobId", None)
        behaviour = self.emulator.behaviour(JOB)
        behaviour.prepare(job, None)
        job.private["schedule"] = document.name
        job.properties["properties"] = {
            **(job.properties.get("properties") or {}),
            "azureml.scheduleName": document.name,
        }
        return job


def resolve(properties: dict[str, Any], values: Mapping[str, str]) -> None:
    """Writes what the expressions of schedules stand for into a job's literal inputs and the paths of its outputs."""
    for place, key in (("inputs", "value"), ("outputs", "uri")):
        for one in (properties.get(place) or {}).values():
            for expression, value in values.items():
                if one and isinstance(one.get(key), str):
                    one[key] = one[key].replace(expression, value)

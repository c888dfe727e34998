"""Schedules through azure-ai-ml: they fire by themselves, can be switched off, changed and triggered by hand."""

# No `from __future__ import annotations`: azure-ai-ml reads the annotations of pipeline functions as types.

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.contract.azureml_sdk import (
    CronTrigger,
    Environment,
    JobSchedule,
    Output,
    RecurrenceTrigger,
    ScheduleListViewType,
    command,
    dsl,
)
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace, until

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


@pytest.fixture(name="pipeline")
def fixture_pipeline(workspace: Workspace, tmp_path: Path) -> Any:
    """A pipeline of one short step, with an input and an output that only a schedule can say."""
    workspace.client.environments.create_or_update(Environment(name="plain", version="1", image=IMAGE))
    step = command(
        name="step",
        command="echo '${{inputs.said}}' > ${{outputs.note}}/said.txt",
        inputs={"said": ""},
        outputs={"note": Output(type="uri_folder")},
        environment="plain:1",
    )

    @dsl.pipeline(default_compute="cpu", experiment_name="scheduled")  # type: ignore[untyped-decorator]
    def nightly(said: str) -> Any:
        return {"note": step(said=said).outputs.note}

    made = nightly(said="${{name}} at ${{creation_context.trigger_time}}")
    made.outputs.note.path = "azureml://datastores/workspaceblobstore/paths/notes/${{name}}/"
    return made


def jobs_of(workspace: Workspace, schedule: str) -> list[str]:
    """Names of the jobs that a schedule has submitted."""
    return [job.name for job in workspace.client.jobs.list(scheduled_job_name=schedule)]


def test_recurrence_fires_by_itself(workspace: Workspace, pipeline: Any) -> None:
    name = f"soon-{uuid.uuid4().hex[:8]}"
    start = datetime.now(UTC) + timedelta(seconds=2)
    trigger = RecurrenceTrigger(frequency="hour", interval=1, start_time=start.replace(tzinfo=None).isoformat())
    schedules = workspace.client.schedules
    schedules.begin_create_or_update(JobSchedule(name=name, trigger=trigger, create_job=pipeline)).result()
    assert jobs_of(workspace, name) == []
    (job,) = until(lambda: jobs_of(workspace, name), seconds=30)
    assert workspace.end(job).status == "Completed", workspace.details(job)
    assert jobs_of(workspace, name) == [job], "the next one is an hour away"
    schedules.begin_disable(name).result()
    schedules.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        schedules.get(name)


def test_schedule_is_switched_triggered_and_listed(workspace: Workspace, pipeline: Any) -> None:
    name, schedules = f"nightly-{uuid.uuid4().hex[:8]}", workspace.client.schedules
    trigger = CronTrigger(expression="0 3 * * 1-5", time_zone="W. Europe Standard Time")
    made = schedules.begin_create_or_update(JobSchedule(name=name, trigger=trigger, create_job=pipeline)).result()
    assert (made.is_enabled, made.provisioning_state, made.trigger.expression) == (True, "Succeeded", "0 3 * * 1-5")
    result = schedules.trigger(name)
    assert jobs_of(workspace, name) == [result.job_name]
    ended = workspace.end(result.job_name)
    assert ended.status == "Completed", workspace.details(result.job_name)
    moment = datetime.strptime(result.job_name.rpartition("-")[2], "%Y%m%dT%H%M%S%f")
    assert ended.inputs["said"]._data == f"{result.job_name} at {moment:%Y-%m-%dT%H:%M:%SZ}"
    assert ended.outputs["note"].path.endswith(f"/paths/notes/{result.job_name}/")
    assert schedules.begin_disable(name).result().is_enabled is False
    assert name not in [one.name for one in schedules.list()]
    assert name in [one.name for one in schedules.list(list_view_type=ScheduleListViewType.ALL)]
    with pytest.raises(HttpResponseError, match="is disabled"):
        schedules.trigger(name)
    assert schedules.begin_enable(name).result().is_enabled is True
    schedules.begin_disable(name).result()
    schedules.begin_delete(name).result()


def test_schedule_that_cannot_work_is_refused(workspace: Workspace, pipeline: Any) -> None:
    trigger = CronTrigger(expression="0 3 * *")
    with pytest.raises(HttpResponseError, match="five fields"):
        workspace.client.schedules.begin_create_or_update(
            JobSchedule(name="wrong", trigger=trigger, create_job=pipeline)
        ).result()

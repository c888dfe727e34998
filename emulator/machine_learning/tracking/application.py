"""The MLflow server's process: the real server; jobs' runs bear the jobs' names, and a workspace can be forgotten.

On Azure a job's run id is the job's name. MLflow makes ids up itself, so the SQL store is extended by one thing: a run
created with the tag `mlflow.azureml.jobName` gets that name as its id. What the emulator tells it comes below
`/emulator`. Started by `tracking.server` as `uvicorn emulator.machine_learning.tracking.application:application`.
"""

# ruff: noqa: E402 - MLflow looks for its plugins when it is imported.
from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
from pathlib import Path
from typing import Any

entry_points: Any = importlib.metadata.entry_points


def no_plugins(**parameters: Any) -> Any:
    """MLflow's plugins are for clients: loading azureml-mlflow takes the server seconds and 40 MB for nothing."""
    group = str(parameters.get("group", ""))
    return importlib.metadata.EntryPoints() if group.startswith("mlflow.") else entry_points(**parameters)


importlib.metadata.entry_points = no_plugins

from mlflow.entities import LifecycleStage, Run, RunStatus, RunTag, SourceType, ViewType
from mlflow.exceptions import MlflowException
from mlflow.server import app as flask
from mlflow.server import handlers
from mlflow.server.constants import ARTIFACTS_DESTINATION_ENV_VAR
from mlflow.server.fastapi_app import app
from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.uri import append_to_uri_path
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route

from emulator.machine_learning.tracking import pages
from emulator.machine_learning.tracking.registry import write_models

JOB_TAG = "mlflow.azureml.jobName"
WORKSPACE_TAG = "mlflow.azureml.workspaceId"
SUBMITTED_TAG = "mlflow.azureml.submitted"
PAGE = 1000
logger = logging.getLogger(__name__)


class JobStore(SqlAlchemyStore):  # type: ignore[misc]
    """MLflow's SQL store; runs of jobs carry the job's name as their id."""

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: list[RunTag], run_name: str | None
    ) -> Run:
        """Creates a run; creating the run of a job again gives the one there is."""
        job = next((tag.value for tag in tags or [] if tag.key == JOB_TAG), None)
        if job is None:
            return super().create_run(experiment_id, user_id, start_time, tags, run_name)
        named = {tag.key: tag.value for tag in tags}
        if self.has_run(job) and self.get_run(job).data.tags.get(SUBMITTED_TAG) != named.get(SUBMITTED_TAG):
            self.forget_run(job)
        if not self.has_run(job):
            self._insert(job, experiment_id, user_id, start_time, named, run_name or job)
        return self.get_run(job)

    def has_run(self, run_id: str) -> bool:
        """Whether there is such a run, deleted softly or not."""
        try:
            self.get_run(run_id)
        except MlflowException:
            return False
        return True

    def forget_run(self, run_id: str) -> None:
        """Removes a run with its artefacts for good."""
        if not self.has_run(run_id):
            return
        experiment = self.get_run(run_id).info.experiment_id
        self._hard_delete_run(run_id)
        folder = Path(os.environ[ARTIFACTS_DESTINATION_ENV_VAR]) / experiment / run_id
        shutil.rmtree(folder, ignore_errors=True)

    def tag(self, run_id: str, tags: dict[str, str]) -> bool:
        """Gives a run these tags besides its others; False when there is no such run."""
        if not self.has_run(run_id):
            return False
        present = self.get_run(run_id).data.tags
        for key, value in tags.items():
            if present.get(key) != value:
                try:
                    self.set_tag(run_id, RunTag(key, value))
                except MlflowException as error:  # the run was deleted here, or MLflow does not take such a tag
                    logger.warning("the tag %s of %s is not shown: %s", key, run_id, error)
        return True

    def _insert(
        self, job: str, experiment_id: str, user_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> None:
        experiment = self.get_experiment(experiment_id)
        self._check_experiment_is_active(experiment)
        run = SqlRun(
            name=run_name,
            run_uuid=job,
            artifact_uri=append_to_uri_path(experiment.artifact_location, job, self.ARTIFACTS_FOLDER_NAME),
            experiment_id=experiment_id,
            source_type=SourceType.to_string(SourceType.JOB),
            source_name="",
            entry_point_name="",
            source_version="",
            user_id=user_id,
            status=RunStatus.to_string(RunStatus.SCHEDULED),
            start_time=start_time,
            lifecycle_stage=LifecycleStage.ACTIVE,
        )
        run.tags = [SqlTag(key=key, value=value) for key, value in {**tags, "mlflow.runName": run_name}.items()]
        with self.ManagedSessionMaker(read_only=False) as session:
            session.add(run)

    def forget(self, experiment_id: str, workspace: str) -> list[str]:
        """Removes a workspace's runs of an experiment for good, and the experiment if empty; gives the runs' ids."""
        text = f"tags.`{WORKSPACE_TAG}` = '{workspace}'"
        forgotten: list[str] = []
        while runs := self.search_runs([experiment_id], text, ViewType.ALL, max_results=PAGE):
            for run in runs:
                self.forget_run(run.info.run_id)
            forgotten += [run.info.run_id for run in runs]
        # An experiment that a program made without a job has no mark and stays, like what was logged to it.
        experiment = self.get_experiment(experiment_id)
        left = self.search_runs([experiment_id], None, ViewType.ALL, max_results=1)
        if WORKSPACE_TAG in experiment.tags and not left:
            if experiment.lifecycle_stage == LifecycleStage.ACTIVE:
                self.delete_experiment(experiment_id)
            self._hard_delete_experiment(experiment_id)
        return forgotten


def build_store(store_uri: str, artifact_uri: str) -> JobStore:
    """What MLflow's registry of stores calls for `sqlite://`."""
    return JobStore(store_uri, artifact_uri)


def forget_workspace(workspace: str) -> dict[str, Any]:
    """Removes a workspace's runs and artefacts, experiments left empty, and models registered from lost runs only."""
    store: JobStore = handlers._get_tracking_store()
    forgotten: list[str] = []
    for experiment in store.search_experiments(ViewType.ALL, max_results=PAGE):
        forgotten += store.forget(experiment.experiment_id, workspace)
    return {"runs": forgotten, "models": forget_models()}


def forget_models() -> list[str]:
    """Removes registered models all of whose versions came from runs that are gone."""
    store: JobStore = handlers._get_tracking_store()
    registry: RegistryStore = handlers._get_model_registry_store()
    gone = []
    for model in registry.search_registered_models(max_results=PAGE):
        versions = registry.search_model_versions(f"name = '{model.name}'", max_results=PAGE)
        if versions and all(version.run_id and not store.has_run(version.run_id) for version in versions):
            registry.delete_registered_model(model.name)
            gone.append(model.name)
    return gone


async def forget(request: Request) -> JSONResponse:
    """`DELETE /emulator/workspaces/{workspace}`, for the emulator only."""
    return JSONResponse(await run_in_threadpool(forget_workspace, request.path_params["workspace"]))


async def forget_run(request: Request) -> JSONResponse:
    """`DELETE /emulator/runs/{run}`, for the emulator only."""
    await run_in_threadpool(handlers._get_tracking_store().forget_run, request.path_params["run"])
    return JSONResponse({})


def write(state: dict[str, Any]) -> list[str]:
    """Takes over models and tags of runs, by the run's id; gives the runs that are not there."""
    if "models" in state:
        write_models(handlers._get_model_registry_store(), state["models"])
    store: JobStore = handlers._get_tracking_store()
    return [run for run, tags in state.get("tags", {}).items() if not store.tag(run, tags)]


async def mirror(request: Request) -> JSONResponse:
    """`PUT /emulator/mirror`, for the emulator only."""
    return JSONResponse({"missing": await run_in_threadpool(write, await request.json())})


async def index(request: Request) -> HTMLResponse:
    """The page that all of MLflow's pages are."""
    return HTMLResponse(pages.index(Path(flask.static_folder)), headers={"cache-control": "no-cache"})


handlers._tracking_store_registry.register("sqlite", build_store)
application = Starlette(
    routes=[
        Route("/emulator/workspaces/{workspace}", forget, methods=["DELETE"]),
        Route("/emulator/runs/{run}", forget_run, methods=["DELETE"]),
        Route("/emulator/mirror", mirror, methods=["PUT"]),
        Route(f"{os.environ[STATIC_PREFIX_ENV_VAR]}/", index, methods=["GET"]),
        Mount("/", app),
    ]
)

# A server that answers is a server whose database is there.
handlers._get_tracking_store()

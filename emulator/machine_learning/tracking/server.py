"""Tracking: a real MLflow server, started at first use, behind `/mlflow` of the plain-http listener."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.runtime import ProcessHandle
from emulator.service import Emulator
from emulator.settings import free_port

START_SECONDS = 110.0
STARTS = 3
TAIL_CHARACTERS = 2000
POLL_SECONDS = 0.1
PREFIX = "/mlflow"
HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"})
CHUNK_BYTES = 1024 * 1024
FINAL = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
WORKSPACE_TAG = "mlflow.azureml.workspaceId"
KIND_TAG, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""For pages of MLflow that ask an experiment, not the browser, whether it is about training."""
logger = logging.getLogger(__name__)


class TrackingServer:
    """The MLflow server's process and what the emulator asks of it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.folder = emulator.settings.state / "mlflow"
        self._lock = threading.Lock()
        self._handle: ProcessHandle | None = None
        self._address = ""
        self._ready = False
        self._closing = False
        self._client = httpx.Client(timeout=httpx.Timeout(600.0, connect=5.0), trust_env=False)

    @property
    def uri(self) -> str:
        """What clients set as their tracking URI."""
        return f"{self.emulator.settings.http_url}{PREFIX}"

    @property
    def is_ready(self) -> bool:
        """Whether it answered when it was asked last; asking it then does not wait."""
        return self._ready

    def start(self) -> bool:
        """Starts the server unless it runs, and does not wait for it; True when it was started now."""
        with self._lock:
            if self._closing or (self._handle and self.emulator.runtime.alive(self._handle)):
                return False
            self.folder.mkdir(parents=True, exist_ok=True)
            port = free_port(0)
            self._address, self._ready = f"http://127.0.0.1:{port}", False
            application = "emulator.machine_learning.tracking.application:application"
            options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning"]
            self._handle = self.emulator.runtime.start(
                [sys.executable, "-m", "uvicorn", application, *options],
                environment=self._environment(),
                directory=self.folder,
                log=self.folder / "server.log",
            )
        return True

    def wait(self) -> str:
        """The server's own address, once it answers.

        Raises:
            ServiceError: 503, it did not come up; the message names its log.
        """
        deadline, starts = time.monotonic() + START_SECONDS, int(self.start())
        while not self._ready:
            if self._closing:
                raise ServiceError(503, "ServiceUnavailable", "The emulator is stopping.")
            try:
                self._ready = self._client.get(f"{self._address}{PREFIX}/health", timeout=2.0).is_success
            except httpx.HTTPError:
                if starts > STARTS or time.monotonic() > deadline:
                    raise self._unavailable() from None
                time.sleep(POLL_SECONDS)
                starts += self.start()
        return self._address

    def _unavailable(self) -> ServiceError:
        log = self.folder / "server.log"
        said = log.read_text(errors="replace")[-TAIL_CHARACTERS:] if log.exists() else ""
        return ServiceError(503, "ServiceUnavailable", f"The MLflow server did not start; the end of {log}:\n{said}")

    def close(self) -> None:
        """Starts nothing any more and lets nobody wait; a server that runs goes on answering."""
        self._closing = True

    def stop(self) -> None:
        """Ends the server."""
        with self._lock:
            if self._handle:
                self.emulator.runtime.stop(self._handle)
        self._client.close()

    def proxy(self, request: Request) -> Response:
        """Passes a request of `/mlflow/...` on; while the server starts it waits."""
        address = self.wait()
        headers = {name: value for name, value in request.headers.items() if name not in HOP_HEADERS}
        query = f"?{request.raw_query}" if request.raw_query else ""
        outgoing = self._client.build_request(
            request.method, f"{address}{request.raw_path}{query}", headers=headers, content=chunks(request)
        )
        try:
            answer = self._client.send(outgoing, stream=True)
        except httpx.HTTPError as error:
            self._ready = False
            raise ServiceError(502, "BadGateway", f"The MLflow server did not answer: {error}") from None
        kept = {name: value for name, value in answer.headers.items() if name not in HOP_HEADERS}
        return Response(answer.status_code, raw_chunks(answer), kept)

    def send(self, request: Request) -> httpx.Response:
        """Passes a call of the REST interface on and waits for the whole answer."""
        headers = {name: value for name, value in request.headers.items() if name not in HOP_HEADERS}
        query = f"?{request.raw_query}" if request.raw_query else ""
        where = f"{self.wait()}{request.raw_path}{query}"
        try:
            return self._client.request(request.method, where, headers=headers, content=request.read())
        except httpx.HTTPError as error:
            self._ready = False
            raise ServiceError(502, "BadGateway", f"The MLflow server did not answer: {error}") from None

    # -- runs of jobs

    def create_run(self, job: str, display_name: str, experiment: str, tags: dict[str, str]) -> str:
        """Makes the run of a job, whose id is the job's name, unless it is there; gives the experiment's id.

        The tag `mlflow.azureml.submitted` tells a job from an earlier one of the same name: that one's run is replaced.
        """
        experiment_id = self._experiment(experiment, tags)
        body = {
            "experiment_id": experiment_id,
            "run_name": display_name,
            "start_time": int(time.time() * 1000),
            "tags": [{"key": key, "value": value} for key, value in {**tags, "mlflow.azureml.jobName": job}.items()],
        }
        self.call("POST", "runs/create", json=body)
        return experiment_id

    def end_run(self, job: str, status: str) -> None:
        """Ends the run of a job as the job ended, whatever its own code made of it."""
        body = {"run_id": job, "status": FINAL[status], "end_time": int(time.time() * 1000)}
        self.call("POST", "runs/update", json=body)

    def has_curves(self, job: str) -> bool:
        """Whether a job's run has logged a figure at several steps, or has begun to."""
        found = self.call("GET", "runs/get", params={"run_id": job}, missing=True) or {}
        metrics = found.get("run", {}).get("data", {}).get("metrics", [])
        return any(int(metric.get("step", 0)) > 0 for metric in metrics)

    def artifacts(self, job: str) -> Path | None:
        """The folder of what a job's run logged as artefacts, None when there is none."""
        found = list((self.folder / "artifacts").glob(f"*/{job}/artifacts"))
        return found[0] if found else None

    def forget_run(self, job: str) -> None:
        """Removes the run of a deleted job; while the server is down it stays until the workspace goes."""
        if self._ready:
            self._client.delete(f"{self._address}/emulator/runs/{job}")

    def forget(self, workspace: str) -> None:
        """Removes everything that a workspace's jobs left, when the server was ever used."""
        if not (self.folder / "mlflow.db").exists():
            return
        answer = self._client.delete(f"{self.wait()}/emulator/workspaces/{workspace}")
        answer.raise_for_status()

    def mirror(self, state: dict[str, Any]) -> list[str]:
        """Tells the server what it shows of models and tags, see `tracking.application.write`; gives the runs that it
        does not have (yet).
        """
        answer = self._client.put(f"{self.wait()}/emulator/mirror", json=state).raise_for_status()
        missing: list[str] = answer.json()["missing"]
        return missing

    def _experiment(self, name: str, tags: dict[str, str]) -> str:
        found = self.call("GET", "experiments/get-by-name", params={"experiment_name": name}, missing=True)
        if found is None:
            given = {WORKSPACE_TAG: tags[WORKSPACE_TAG], KIND_TAG: TRAINING}
            marked = [{"key": key, "value": value} for key, value in given.items()]
            created = self.call("POST", "experiments/create", json={"name": name, "tags": marked}, missing=True)
            if created is not None:
                return str(created["experiment_id"])
            found = self.call("GET", "experiments/get-by-name", params={"experiment_name": name})
        experiment = (found or {})["experiment"]
        if experiment["lifecycle_stage"] == "deleted":
            self.call("POST", "experiments/restore", json={"experiment_id": experiment["experiment_id"]})
        return str(experiment["experiment_id"])

    def call(self, method: str, path: str, *, missing: bool = False, **options: Any) -> dict[str, Any] | None:
        """One REST call; with `missing`, None when the server says that it does not exist, or exists already."""
        answer = self._client.request(method, f"{self.wait()}{PREFIX}/api/2.0/mlflow/{path}", **options)
        if missing and answer.status_code in (400, 404):
            return None
        if answer.is_error:
            raise ServiceError(502, "TrackingFailed", f"MLflow refused {path}: {answer.text}")
        body: dict[str, Any] = answer.json()
        return body

    def _environment(self) -> dict[str, str]:
        """A server that keeps everything in its folder and talks to nobody else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
        return {
            **kept,
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{self.folder / 'mlflow.db'}",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(self.folder / "artifacts"),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_STATIC_PREFIX": PREFIX,
            "_MLFLOW_SGI_NAME": "uvicorn",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }


def response(answer: httpx.Response) -> Response:
    """An answer of the REST interface as ours."""
    dropped = {*HOP_HEADERS, "content-encoding", "content-length"}
    return Response(
        answer.status_code,
        answer.content,
        {name: value for name, value in answer.headers.items() if name not in dropped},
    )


def chunks(request: Request) -> Iterator[bytes]:
    """The body of a request, a piece at a time: artefacts may be large."""
    request.body.seek(0)
    while piece := request.body.read(CHUNK_BYTES):
        yield piece


def raw_chunks(answer: httpx.Response) -> Iterator[bytes]:
    """The body as it came, still compressed when it was."""
    try:
        yield from answer.iter_raw()
    finally:
        answer.close()

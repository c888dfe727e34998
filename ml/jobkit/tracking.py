"""What a job tells MLflow: parameters, metrics while it trains, files.

Azure ML sets `MLFLOW_TRACKING_URI`, `MLFLOW_RUN_ID` and `MLFLOW_EXPERIMENT_NAME`; then everything lands in that run.
Without `MLFLOW_TRACKING_URI` nothing is tracked and the job works the same, so it runs in a debugger with no server.

A server that is slow, or away while it restarts, costs nothing but the wait: metrics go out from threads of their own,
and every request is tried again for two minutes. What cannot be delivered by then fails the job, after its outputs are
written. A wrong address, run or credential fails it before it trains. Nothing is dropped silently: what a server does
not take and a run can do without (datasets, on Azure ML's) is said in the log, and the job goes on.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from ml.jobkit import provenance
from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ml.jobkit.dataset import Dataset

DEFAULTS = {
    "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS": "1",  # one request a second carries all metrics of that second
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "6",  # waits of 0, 4, 8, 16, 32 and 64 s
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

LONGEST_REASON = 500
DESCRIPTION = "mlflow.note.content"
CONTEXT = "mlflow.data.context"
SOURCE = "azureml"
"""The kind of place a dataset lies in."""


class Tracker(Protocol):
    """Where a job's figures and files go."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Settings of the run; each may be given once."""

    def tags(self, values: Mapping[str, str]) -> None:
        """What the run should be found by."""

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Figures at `step`. Returns at once; delivered within about a second."""

    def artifacts(self, folder: Path) -> None:
        """All files of a folder, with its sub-folders."""

    def dataset(self, data: Dataset, context: str) -> None:
        """The data that was read, and what for: `training` or `evaluation`."""

    def describe(self, text: str) -> None:
        """The run in a few words, in Markdown."""


class Untracked:
    """No tracking: the job's own log and outputs are all there is."""

    def parameters(self, values: Mapping[str, object]) -> None:
        pass

    def tags(self, values: Mapping[str, str]) -> None:
        pass

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        pass

    def artifacts(self, folder: Path) -> None:
        pass

    def dataset(self, data: Dataset, context: str) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class MlflowRun:
    """The active MLflow run of the server at `address`."""

    def __init__(self, address: str, experiment: str) -> None:
        import mlflow

        self._mlflow: Any = mlflow
        self._client: Any = mlflow.MlflowClient()
        self._address = address
        self._sent: list[Any] = []
        with self._explained():
            if experiment:
                mlflow.set_experiment(experiment)
            self._run_id: str = mlflow.start_run().info.run_id
        with self._optional("commit and author"):
            mlflow.set_tags(origin())

    def parameters(self, values: Mapping[str, object]) -> None:
        with self._explained():
            self._mlflow.log_params(dict(values))

    def tags(self, values: Mapping[str, str]) -> None:
        with self._explained():
            self._mlflow.set_tags(dict(values))

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        self._sent.append(self._mlflow.log_metrics(dict(values), step=step, synchronous=False))

    def artifacts(self, folder: Path) -> None:
        with self._explained():
            self._mlflow.log_artifacts(str(folder))

    def dataset(self, data: Dataset, context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        given = Dataset(data.name, data.digest, SOURCE, json.dumps({"uri": data.uri}), data.schema, data.profile)
        with self._optional("the dataset"):
            self._client.log_inputs(self._run_id, [DatasetInput(given, [InputTag(CONTEXT, context)])])

    def describe(self, text: str) -> None:
        with self._optional("the description"):
            self._mlflow.set_tag(DESCRIPTION, text)

    def finish(self) -> None:
        """Wait until every metric has arrived, then end the run."""
        with self._explained():
            for operation in self._sent:
                operation.wait()
            self._mlflow.end_run()

    def fail(self) -> None:
        """End the run as failed."""
        with self._explained():
            self._mlflow.end_run("FAILED")

    @contextmanager
    def _optional(self, what: str) -> Iterator[None]:
        """For what a run is worth something without: tells why the server does not take it."""
        try:
            yield
        except Exception as error:  # a server's own client, such as Azure ML's, has errors of its own
            print(f"MLflow does not keep {what}: {_reason(error)}", flush=True)  # noqa: T201

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            raise JobError(
                f"MLflow at {self._address}: {_reason(error)}\n  check MLFLOW_TRACKING_URI and MLFLOW_RUN_ID, "
                "or unset them to train without a tracking server"
            ) from None


@contextmanager
def run(system: str) -> Iterator[Tracker]:
    """The run of this job, for the length of a `with`; a run of the experiment `system` if the environment names none.

    Raises:
        JobError: the tracking server refuses, or does not answer for two minutes.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        yield _without_server()
        return
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    named = os.environ.get("MLFLOW_RUN_ID") or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    address = without_password(uri)
    print(f"MLflow: {address}", flush=True)  # noqa: T201
    tracked = MlflowRun(address, experiment="" if named else system)
    try:
        yield tracked
    except BaseException:
        with suppress(JobError):  # the job's own error says more
            tracked.fail()
        raise
    tracked.finish()


def origin() -> dict[str, str]:
    """Which code ran at which commit, and on whose behalf, by MLflow's own names."""
    main = getattr(sys.modules["__main__"], "__spec__", None)
    commit = provenance.commit() or ""
    found = {
        "mlflow.source.git.commit": "" if commit == "unknown" else commit,
        "mlflow.source.name": main.name if main else "",
        "mlflow.user": os.environ.get("MLOPS_AUTHOR", ""),
        "uncommitted_changes": os.environ.get("MLOPS_GIT_CHANGES", ""),
    }
    return {name: value for name, value in found.items() if value}


def _reason(error: Exception) -> str:
    return without_password(str(error).strip())[:LONGEST_REASON]


def without_password(text: str) -> str:
    """A text whose addresses carry no user name and password."""
    return re.sub("//[^/@ ]*@", "//", text)


def _without_server() -> Untracked:
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if run_id:
        raise JobError(f"MLFLOW_RUN_ID is {run_id!r} but MLFLOW_TRACKING_URI is not set; set both or neither")
    print("MLFLOW_TRACKING_URI is not set: nothing is sent to MLflow", flush=True)  # noqa: T201
    return Untracked()

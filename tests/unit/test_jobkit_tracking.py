"""Against MLflow itself, with a database instead of a server; a server's faults are made by a closed port."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from ml.jobkit import tracking
from ml.jobkit.dataset import Dataset
from ml.jobkit.errors import JobError

DATA = Dataset("customers", "0123456789ab", "azureml:customers:0123456789ab", "real", 100, {"Age": "long"})

# MLflow's own store uses an option that SQLAlchemy 2.1 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in tracking.DEFAULTS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """A store with an experiment, whose artifacts lie in a folder."""
    folder = tmp_path_factory.mktemp("mlflow")
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("job", artifact_location=str(folder / "artifacts"))
    return client


@pytest.fixture
def experiment(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the store's experiment; the environment names the store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    return str(client.get_experiment_by_name("job").experiment_id)


def test_everything_lands_in_the_run_that_is_named(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_id = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "roc.png").write_bytes(b"picture")
    with tracking.run("system") as tracker:
        tracker.parameters({"rounds": 200})
        tracker.tags({"data_source": "real"})
        for step in range(1, 301):
            tracker.metrics({"cv_auc": step / 1000}, step=step)
        tracker.metrics({"holdout_auc": 0.9})
        tracker.artifacts(tmp_path)
    found = client.get_run(run_id)
    assert (found.data.params, found.data.tags["data_source"]) == ({"rounds": "200"}, "real")
    assert found.data.metrics == {"cv_auc": 0.3, "holdout_auc": 0.9}
    history = client.get_metric_history(run_id, "cv_auc")
    assert sorted(point.step for point in history) == list(range(1, 301))
    assert [file.path for file in client.list_artifacts(run_id, "plots")] == ["plots/roc.png"]
    assert found.info.status == "FINISHED"


def test_a_run_says_where_it_comes_from(client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "job")
    monkeypatch.setenv("MLOPS_GIT_COMMIT", "c" * 40)
    monkeypatch.setenv("MLOPS_AUTHOR", "Ada")
    with tracking.run("system") as tracker:
        tracker.tags({"found": "by this"})
        tracker.dataset(DATA, "training")
        tracker.describe("On **real** data.")
    [found] = client.search_runs([experiment], "tags.found = 'by this'")
    expected = {"mlflow.source.git.commit": "c" * 40, "mlflow.user": "Ada", "mlflow.note.content": "On **real** data."}
    assert expected.items() <= found.data.tags.items()
    [given] = found.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("customers", "0123456789ab")
    assert json.loads(given.dataset.source) == {"uri": DATA.uri}
    assert json.loads(given.dataset.profile)["num_rows"] == 100
    assert [column["name"] for column in json.loads(given.dataset.schema)["mlflow_colspec"]] == ["Age"]
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]


def test_a_server_without_datasets_fails_no_job(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Azure ML documents no such call; the tags name the data there."""

    def refuse(*_: object) -> None:
        raise MlflowException("API request to //user:secret@host/runs/log-inputs failed with error code 404")

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "job")
    monkeypatch.setattr(MlflowClient, "log_inputs", refuse)
    with tracking.run("system") as tracker:
        tracker.tags({"without": "datasets"})
        tracker.dataset(DATA, "training")
        tracker.metrics({"auc": 0.5})
    [found] = client.search_runs([experiment], "tags.without = 'datasets'")
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"auc": 0.5})
    said = capsys.readouterr().out
    assert "MLflow does not keep the dataset" in said
    assert "secret" not in said


def test_a_failing_job_is_a_failed_run_and_keeps_its_error(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        with tracking.run("system") as tracker:
            tracker.metrics({"before": 1.0})
            raise ZeroDivisionError

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "job")
    with pytest.raises(ZeroDivisionError):
        fails()
    found = client.search_runs([experiment], "status = 'FAILED'")
    assert [run.data.metrics for run in found] == [{"before": 1.0}]


def test_a_run_that_does_not_exist_fails_at_the_start(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(JobError, match=r"MLflow at sqlite.*0000.*\n.*check MLFLOW_TRACKING_URI"), tracking.run("s"):
        pytest.fail("the job must not start")


def test_a_server_that_stays_away_fails_the_job_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(JobError, match=uri), tracking.run("system"):
            pytest.fail("the job must not start")


def test_retries_last_for_two_minutes() -> None:
    """urllib3 waits factor * 2^(n-1) seconds before retry n, and nothing before the first; MLflow's factor is 2."""
    retries = int(tracking.DEFAULTS["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])
    assert sum(2 * 2 ** (retry - 1) for retry in range(2, retries + 1)) >= 120


def test_a_password_in_the_address_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://name:secret@127.0.0.1:1/mlflow")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(JobError) as raised, tracking.run("system"):
        pytest.fail("the job must not start")
    assert "secret" not in str(raised.value) + capsys.readouterr().out


def test_without_a_server_the_job_just_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking.run("system") as tracker:
        tracker.parameters({"rounds": 1})
        tracker.tags({"data_source": "real"})
        tracker.metrics({"auc": 0.5}, step=3)
        tracker.artifacts(tmp_path)
    assert "nothing is sent to MLflow" in capsys.readouterr().out


def test_a_run_without_an_address_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    with (
        pytest.raises(JobError, match="MLFLOW_RUN_ID is 'abc' but MLFLOW_TRACKING_URI is not set"),
        tracking.run("system"),
    ):
        pytest.fail("the job must not start")

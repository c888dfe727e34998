"""Deployments from images: they run, scale, change under load, and say why when they do not get ready."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.clients.endpoints import DeploymentFailure, OnlineEndpoints, Probing
from ml.clients.errors import CloudError
from ml.clients.metrics import EndpointMetrics, Requests
from tests.contract.azureml_sdk import Model
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace, until
from tests.contract.container_groups import make_identity
from tests.contract.online_endpoint import Serving, make_serving

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED
BRIEF = Probing(initial_delay=1, period=1, failures=2)


@pytest.fixture(name="serving", scope="module")
def fixture_serving(workspace: Workspace) -> Iterator[Serving]:
    """An image to deploy."""
    made = make_serving(workspace)
    yield made
    made.http.close()


@pytest.fixture(name="endpoint")
def fixture_endpoint(serving: Serving) -> Iterator[OnlineEndpoints]:
    """An endpoint that goes with the test."""
    made = serving.endpoint("deploy")
    yield made
    serving.workspace.delete(made.path)


def test_deployment_serves_and_shows_what_it_prints(serving: Serving, endpoint: OnlineEndpoints) -> None:
    said: list[str] = []
    made = endpoint.deploy(serving.deployment("blue", tags={"version": "3"}), said.append)
    assert (made.state, made.image, made.instances, made.tags) == ("Succeeded", serving.image, 1, {"version": "3"})
    assert said[0].startswith("InProgress")
    endpoint.set_traffic({"blue": 100})
    answer = serving.post(endpoint)
    assert (answer.status_code, answer.json()["name"]) == (200, "blue")
    assert answer.headers["azureml-model-deployment"] == "blue"
    log = endpoint.logs("blue")
    assert "serving blue" in log
    assert "UserContainerStart: Succeeded" in log
    assert endpoint.deploy(serving.deployment("blue", tags={"version": "3"})) == made
    assert endpoint.deployments() == [made]


def test_header_reaches_a_deployment_before_it_has_traffic(serving: Serving, endpoint: OnlineEndpoints) -> None:
    for name in ("blue", "green"):
        endpoint.deploy(serving.deployment(name))
    endpoint.set_traffic({"blue": 100})
    assert serving.post(endpoint, headers={"azureml-model-deployment": "green"}).json()["name"] == "green"
    assert serving.post(endpoint, headers={"azureml-model-deployment": "red"}).status_code == 404


def test_crash_at_start_fails_with_the_reason_and_the_log(serving: Serving, endpoint: OnlineEndpoints) -> None:
    with pytest.raises(DeploymentFailure, match="User container has crashed or terminated: exit code 1") as failure:
        endpoint.deploy(serving.deployment("blue", {"CRASH": "1"}))
    assert failure.value.code == "BadArgument"
    assert "error-resourcenotready\nValueError: the model cannot be read" in str(failure.value)
    assert "ValueError: the model cannot be read" in failure.value.log
    found = endpoint.deployment("blue")
    assert found is not None
    assert found.state == "Failed"
    # The same name works once the image does.
    assert endpoint.deploy(serving.deployment("blue")).state == "Succeeded"
    assert "ValueError" not in endpoint.logs("blue")


def test_readiness_that_never_comes_fails_in_its_time(serving: Serving, endpoint: OnlineEndpoints) -> None:
    began = time.monotonic()
    with pytest.raises(DeploymentFailure, match="not ready within 5 s") as failure:
        endpoint.deploy(serving.deployment("blue", {"UNREADY": "1"}, readiness=BRIEF))
    assert failure.value.code == "ResourceNotReady"
    assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in str(failure.value)
    assert time.monotonic() - began < 15


def test_liveness_that_fails_is_a_crash_in_azures_words(serving: Serving, endpoint: OnlineEndpoints) -> None:
    ill = serving.deployment(
        "blue", {"UNREADY": "1"}, liveness=BRIEF, liveness_path="/ready", environment_version="ill"
    )
    said = "has crashed or terminated: Liveness probe failed: HTTP probe failed with statuscode: 503"
    with pytest.raises(DeploymentFailure, match=said) as failure:
        endpoint.deploy(ill)
    assert failure.value.code == "BadArgument"


def test_missing_image_is_named(serving: Serving, endpoint: OnlineEndpoints) -> None:
    absent = serving.registry.reference("greeter", "no-such-tag")
    with pytest.raises(DeploymentFailure, match=f"Unable to download user container image '{absent}'") as failure:
        endpoint.deploy(serving.deployment("blue", image=absent, environment_version="absent"))
    assert failure.value.code == "BadArgument"


def test_identity_must_be_allowed_to_pull(serving: Serving) -> None:
    stranger = {"type": "UserAssigned", "userAssignedIdentities": {make_identity("nobody")["id"]: {}}}
    endpoint = serving.endpoint("pull", identity=stranger)
    with pytest.raises(DeploymentFailure, match=r"authorization error.*AcrPull"):
        endpoint.deploy(serving.deployment("blue"))
    serving.workspace.delete(endpoint.path)


def test_wrong_settings_are_refused_at_once(serving: Serving, endpoint: OnlineEndpoints) -> None:
    wanted = serving.deployment("blue")
    wrong = [
        (replace(wanted, timeout=181), "at most 180 s"),
        (replace(wanted, concurrency=0), "at least 1"),
        (replace(wanted, instances=0), "from 1 to 50"),
        (replace(wanted, instance_type=""), "'instanceType'"),
        (replace(wanted, name="a_b"), "is invalid"),
        (replace(wanted, readiness=Probing(failures=0)), "failureThreshold"),
    ]
    for each, said in wrong:
        with pytest.raises(CloudError, match=said) as failure:
            endpoint.deploy(each)
        assert failure.value.status == 400
    assert endpoint.deployments() == []


def test_model_is_mounted_where_azure_mounts_it(serving: Serving, endpoint: OnlineEndpoints, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "weights.txt").write_text("1.5")
    model = serving.workspace.client.models.create_or_update(
        Model(name="mounted", version="7", path=str(tmp_path / "net"), type="custom_model")
    )
    endpoint.deploy(serving.deployment("blue"))
    path = f"{endpoint.path}/deployments/blue"
    document = serving.workspace.request("GET", path).json()
    document["properties"].update(model=model.id, modelMountPath="/var/models")
    serving.workspace.put(path, document)
    endpoint.set_traffic({"blue": 100})
    headers = {"authorization": f"Bearer {endpoint.key()}"}
    assert serving.http.get(endpoint.get().scoring_uri, headers=headers).json()["model"] == ["net/weights.txt"]


def test_slow_and_failing_models_are_reported_as_azure_reports_them(
    serving: Serving, endpoint: OnlineEndpoints
) -> None:
    endpoint.deploy(serving.deployment("slow", {"DELAY": "3"}, timeout=1))
    endpoint.deploy(serving.deployment("strict", {"STATUS": "422"}))
    late = serving.post(endpoint, headers={"azureml-model-deployment": "slow"})
    assert (late.status_code, late.text) == (408, "upstream request timeout")
    strict = serving.post(endpoint, headers={"azureml-model-deployment": "strict"})
    assert (strict.status_code, strict.json()["name"]) == (424, "strict")
    assert strict.headers["ms-azureml-model-error-statuscode"] == "422"


def test_changes_and_scaling_lose_no_request(serving: Serving, endpoint: OnlineEndpoints) -> None:
    path = f"{endpoint.path}/deployments/blue"
    endpoint.deploy(serving.deployment("blue", {"DELAY": "0.02"}))
    endpoint.set_traffic({"blue": 100})
    document = serving.workspace.request("GET", path).json()
    with load(serving, endpoint) as counted:
        for count in (3, 1):
            document["sku"]["capacity"] = count
            serving.workspace.put(path, document)
            assert len(instances(serving, endpoint)) == count
        document["properties"]["environmentVariables"]["NAME"] = "azure"
        serving.workspace.put(path, document)
        assert next_requests(counted, 40)[200, "azure"] > 20
        # An update that fails leaves what serves alone.
        document["properties"]["environmentVariables"]["CRASH"] = "1"
        answer = serving.workspace.request("PUT", path, json=document)
        until(lambda: serving.workspace.http.get(answer.headers["azure-asyncoperation"]).json()["status"] == "Failed")
        assert set(next_requests(counted, 40)) == {(200, "azure")}
    assert {status for status, _ in counted} == {200}


def test_traffic_shifts_and_deletion_lose_no_request(serving: Serving, endpoint: OnlineEndpoints) -> None:
    for name in ("blue", "green"):
        endpoint.deploy(serving.deployment(name))
    endpoint.set_traffic({"blue": 100})
    with load(serving, endpoint) as counted:
        for share in (10, 50):
            endpoint.set_traffic({"blue": 100 - share, "green": share})
            new = next_requests(counted, 400)
            found = 100 * new[200, "green"] / sum(new.values())
            assert share - 4 <= found <= share + 4
        endpoint.set_traffic({"green": 100})
        endpoint.remove("blue")
        assert set(next_requests(counted, 100)) == {(200, "green")}
    assert {status for status, _ in counted} == {200}


def test_metrics_count_by_deployment_and_status(serving: Serving, endpoint: OnlineEndpoints) -> None:
    for name, status in (("blue", "200"), ("green", "500")):
        endpoint.deploy(serving.deployment(name, {"STATUS": status}))
    for name, count in (("blue", 5), ("green", 3)):
        for _ in range(count):
            serving.post(endpoint, headers={"azureml-model-deployment": name})
    minutes = EndpointMetrics(endpoint.path).requests(since(minutes=1))
    found = {name: sum(counts.values(), Requests()) for name, counts in minutes.items()}
    assert (found["blue"].total, found["blue"].failed) == (5, 0)
    assert (found["green"].total, found["green"].failed) == (3, 3)
    split = metrics(serving, endpoint, "RequestsPerMinute", "deployment eq 'green' and modelStatusCode eq '*'")
    assert [label(series) for series in split] == [{"deployment": "green", "modelstatuscode": "500"}]
    (latency,) = metrics(serving, endpoint, "RequestLatency_P95", "")
    assert 0 < max(values(latency)) < 5000
    definitions = serving.workspace.request("GET", f"{endpoint.path}/providers/microsoft.insights/metricDefinitions")
    assert "RequestLatency_P50" in {one["name"]["value"] for one in definitions.json()["value"]}
    for query in (
        {"metricnames": "Nothing"},
        {"aggregation": "Total"},
        {"$filter": "colour eq 'red'"},
        {"interval": "PT7M"},
    ):
        assert ask(serving, endpoint, query).status_code == 400, query


# -- load


@contextmanager
def load(serving: Serving, endpoint: OnlineEndpoints) -> Iterator[Counter[tuple[int, str]]]:
    """Requests without a pause from clients that keep their connections and from clients that do not, retries off;
    counts them by status and by the name that answered.
    """
    counted: Counter[tuple[int, str]] = Counter()
    lock, stop = threading.Lock(), threading.Event()
    uri, headers = endpoint.get().scoring_uri, {"authorization": f"Bearer {endpoint.key()}"}

    def ask(client: httpx.Client) -> None:
        answer = client.post(uri, content=b"{}", headers=headers)
        with lock:
            counted[answer.status_code, answer.json()["name"] if answer.status_code == 200 else answer.text] += 1

    def keep() -> None:
        with httpx.Client(verify=serving.workspace.trust, trust_env=False) as client:
            while not stop.is_set():
                ask(client)

    def renew() -> None:
        trust = serving.workspace.trust
        while not stop.is_set():
            with httpx.Client(verify=trust, trust_env=False) as client:
                ask(client)

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work) for work in (*[keep] * 4, *[renew] * 4)]
        try:
            until(lambda: sum(counted.values()) > 20)
            yield counted
        finally:
            stop.set()
        for one in running:
            one.result()


def next_requests(counted: Counter[tuple[int, str]], number: int) -> Counter[tuple[int, str]]:
    """Waits for so many more requests and gives their counts."""
    before = Counter(counted)
    until(lambda: sum((Counter(counted) - before).values()) >= number)
    return Counter(counted) - before


# -- reading


def instances(serving: Serving, endpoint: OnlineEndpoints) -> list[str]:
    """The instances of `blue` that print."""
    return [line for line in endpoint.logs("blue", 1000).splitlines() if line.startswith("Instance status")]


def since(*, minutes: int) -> Any:
    """A moment so many minutes ago."""
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) - timedelta(minutes=minutes)


def ask(serving: Serving, endpoint: OnlineEndpoints, query: Mapping[str, str]) -> httpx.Response:
    """A metrics query."""
    return serving.workspace.request("GET", f"{endpoint.path}/providers/microsoft.insights/metrics", params=query)


def metrics(serving: Serving, endpoint: OnlineEndpoints, name: str, chosen: str) -> list[dict[str, Any]]:
    """The series of a metric over the last hour."""
    found = ask(serving, endpoint, {"metricnames": name, "interval": "PT1M", "$filter": chosen})
    series: list[dict[str, Any]] = found.json()["value"][0]["timeseries"]
    return series


def label(series: Mapping[str, Any]) -> dict[str, str]:
    """What tells a series from the others."""
    return {one["name"]["value"]: one["value"] for one in series["metadatavalues"]}


def values(series: Mapping[str, Any]) -> list[float]:
    """The values of a series."""
    return [point["average"] for point in series["data"] if "average" in point]

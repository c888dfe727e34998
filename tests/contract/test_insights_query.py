"""The query API through the unmodified azure-monitor-query client, through ours, and by hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.monitor.query import LogsQueryClient, LogsQueryResult, LogsTable

from ml.clients import insights as client
from ml.clients.cloud import load_cloud, trust
from ml.clients.errors import CloudError
from tests.conftest import RunningEmulator
from tests.contract.insights_component import Insights, envelope

HOUR = timedelta(hours=1)


@pytest.fixture(name="insights", scope="module")
def fixture_insights(emulator: RunningEmulator) -> Iterator[Insights]:
    load_cloud.cache_clear()
    insights = Insights(emulator, "query-tests")
    items = [envelope(insights, name=name) for name in ("POST /score", "POST /score", "GET /version")]
    assert insights.track(json.dumps(items).encode()).status_code == 200
    yield insights
    insights.close()


@pytest.fixture(name="logs", scope="module")
def fixture_logs(emulator: RunningEmulator) -> Iterator[LogsQueryClient]:
    with (
        DefaultAzureCredential() as credential,
        LogsQueryClient(credential, endpoint=emulator.settings.base_url) as logs,
    ):
        yield logs


def table(answer: Any) -> LogsTable:
    assert isinstance(answer, LogsQueryResult)
    return answer.tables[0]


def test_the_sdk_queries_a_component(insights: Insights, logs: LogsQueryClient) -> None:
    text = "requests | project timestamp, name, duration, success, version = tostring(customDimensions.version)"
    found = table(logs.query_resource(insights.component, text, timespan=HOUR))
    assert found.columns == ["timestamp", "name", "duration", "success", "version"]
    assert found.columns_types == ["datetime", "string", "real", "string", "string"]
    assert len(found.rows) == 3
    row = found.rows[0]
    assert row["timestamp"].tzinfo is not None
    assert (row["duration"], row["success"], row["version"]) == (12.5, "True", "3")


def test_the_sdk_queries_a_workspace(insights: Insights, logs: LogsQueryClient) -> None:
    text = "AppRequests | summarize n = count() by Name, Success | sort by n desc"
    found = table(logs.query_workspace(insights.customer_id, text, timespan=HOUR))
    assert [list(row) for row in found.rows] == [["POST /score", True, 2], ["GET /version", True, 1]]
    by_resource = table(logs.query_resource(insights.workspace, text, timespan=HOUR))
    assert [list(row) for row in by_resource.rows] == [list(row) for row in found.rows]


def test_a_time_range_holds(insights: Insights, logs: LogsQueryClient) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    for span in ((past, HOUR), (past, past + HOUR)):
        found = table(logs.query_resource(insights.component, "requests | count", timespan=span))
        assert list(found.rows[0]) == [0]
    found = table(logs.query_resource(insights.component, "requests | count", timespan=None))
    assert list(found.rows[0]) == [3]


def test_the_sdk_shows_what_is_wrong_with_a_query(insights: Insights, logs: LogsQueryClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        logs.query_resource(insights.component, "requests | where colour == 'red'", timespan=HOUR)
    assert refused.value.status_code == 400
    assert refused.value.error is not None
    assert refused.value.error.code == "BadArgumentError"
    assert "colour" in str(refused.value)


def test_unknown_places_are_named(insights: Insights, logs: LogsQueryClient) -> None:
    with pytest.raises(HttpResponseError, match=r"PathNotFoundError.*elsewhere"):
        logs.query_resource(insights.component + "elsewhere", "requests", timespan=HOUR)
    with pytest.raises(HttpResponseError, match="WorkspaceNotFoundError"):
        logs.query_workspace(str(uuid.uuid4()), "AppRequests", timespan=HOUR)
    with pytest.raises(HttpResponseError, match="resourceGroups"):
        logs.query_resource(insights.group, "requests", timespan=HOUR)


def test_a_token_for_another_service_is_refused(insights: Insights, emulator: RunningEmulator) -> None:
    url = emulator.settings.base_url
    with (
        DefaultAzureCredential() as credential,
        LogsQueryClient(credential, endpoint=url, audience="https://vault.azure.net") as logs,
        pytest.raises(HttpResponseError, match="InvalidTokenError") as refused,
    ):
        logs.query_resource(insights.component, "requests", timespan=HOUR)
    assert refused.value.status_code == 403


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer nonsense"}], ids=["none", "nonsense"])
def test_without_a_token_nothing_is_answered(
    insights: Insights, emulator: RunningEmulator, header: dict[str, str]
) -> None:
    url = f"{emulator.settings.base_url}/v1{insights.component}/query"
    answer = httpx.post(url, json={"query": "requests | count"}, headers=header, verify=trust())
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthorizationRequiredError")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_applications_are_queried_by_their_id(insights: Insights, emulator: RunningEmulator, method: str) -> None:
    url = f"{emulator.settings.base_url}/v1/apps/{insights.app_id}/query"
    headers = {"authorization": insights.bearer("https://api.applicationinsights.io")}
    values = {"query": "requests | count", "timespan": "PT1H"}
    sent = {"params": values} if method == "GET" else {"json": values}
    answer = httpx.request(method, url, headers=headers, verify=trust(), **sent)  # type: ignore[arg-type]
    assert answer.json()["tables"] == [
        {"name": "PrimaryResult", "columns": [{"name": "Count", "type": "long"}], "rows": [[3]]}
    ]


@pytest.mark.parametrize("values", [{}, {"query": ""}, {"query": 5}, {"query": "requests", "timespan": "soon"}])
def test_a_question_that_is_none_is_a_400(
    insights: Insights, emulator: RunningEmulator, values: dict[str, object]
) -> None:
    headers = {"authorization": insights.bearer("https://api.loganalytics.io")}
    url = f"{emulator.settings.base_url}/v1{insights.component}/query"
    answer = httpx.post(url, json=values, headers=headers, verify=trust())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadArgumentError")


def test_our_client_gives_rows_by_column(insights: Insights) -> None:
    rows = client.query(insights.component, "requests | top 1 by timestamp | project timestamp, name, itemCount")
    assert len(rows) == 1
    assert isinstance(rows[0].pop("timestamp"), datetime)
    assert set(rows[0]) == {"name", "itemCount"}
    past = datetime.now(UTC) - timedelta(days=2)
    assert client.query(insights.component, "requests | count", (past, past + HOUR)) == [{"Count": 0}]
    assert client.query(insights.component, "requests | count", None) == [{"Count": 3}]


def test_our_client_names_the_mistake(insights: Insights) -> None:
    with pytest.raises(CloudError, match=r"400 SEM0100.*colour.*\[1,17\]") as refused:
        client.query(insights.component, "requests | where colour == 'red'")
    assert (refused.value.status, refused.value.code) == (400, "BadArgumentError")
    with pytest.raises(CloudError, match="404 PathNotFoundError"):
        client.query(insights.component + "2", "requests")
    with pytest.raises(ValueError, match="time zone"):
        client.query(insights.component, "requests", (datetime(2030, 1, 1), datetime(2030, 1, 2)))

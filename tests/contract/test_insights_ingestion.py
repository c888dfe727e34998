"""Ingestion over HTTP: bodies, tokens, refusals, and a kill in the middle."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from emulator.containers.identity import ContainerIdentities
from emulator.entra.principal import Principal
from emulator.entra.tokens import Tokens
from emulator.service import Emulator
from emulator.settings import SUBSCRIPTION_ID
from ml.clients.cloud import trust
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import IGNORED, Workspace
from tests.contract.insights_component import Insights, envelope

SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION_ID}"


@pytest.fixture(name="insights", scope="module")
def fixture_insights(emulator: RunningEmulator) -> Iterator[Insights]:
    insights = Insights(emulator, "ingestion-tests")
    yield insights
    insights.close()


def test_a_connection_string_points_at_this_emulator(insights: Insights, emulator: RunningEmulator) -> None:
    values = dict(part.split("=", 1) for part in insights.connection_string.split(";"))
    assert values["IngestionEndpoint"] == f"{emulator.settings.base_url}/applicationinsights/"
    assert values["InstrumentationKey"] == insights.instrumentation_key


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("lines", [False, True], ids=["array", "lines"])
def test_items_come_as_an_array_or_in_lines_packed_or_not(insights: Insights, packed: bool, lines: bool) -> None:
    name = f"GET /{uuid.uuid4().hex}"
    items = [envelope(insights, name=name) for _ in range(3)]
    text = "\n".join(json.dumps(item) for item in items) if lines else json.dumps(items)
    headers = {"content-encoding": "gzip"} if packed else {}
    answer = insights.track(gzip.compress(text.encode()) if packed else text.encode(), headers)
    body = answer.json()
    assert (answer.status_code, body["itemsReceived"], body["itemsAccepted"], body["errors"]) == (200, 3, 3, [])
    assert insights.ask(f"requests | where name == '{name}' | count") == [{"Count": 3}]


def test_one_pretty_printed_object_is_an_item(insights: Insights) -> None:
    assert insights.track(json.dumps(envelope(insights), indent=2).encode()).status_code == 200


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"iKey": str(uuid.uuid4())}, "Invalid instrumentation key"),
    ({"time": "yesterday"}, "'time'"),
    ({"time": "2020-01-01T00:00:00Z"}, "older than the allowed min date"),
    ({"data": None}, "'data'"),
    ({"data": {"baseType": "Surprise", "baseData": {}}}, "Surprise"),
    ({"data": {"baseType": "RequestData", "baseData": {"id": "1", "responseCode": "200"}}}, "'duration'"),
    (
        {"data": {"baseType": "RequestData", "baseData": {"id": "1", "responseCode": "200", "duration": "soon"}}},
        "time span",
    ),
    ({"data": {"baseType": "MetricData", "baseData": {"metrics": []}}}, "'metrics'"),
    ({"data": {"baseType": "ExceptionData", "baseData": {"exceptions": []}}}, "'exceptions'"),
    (
        {"data": {"baseType": "ExceptionData", "baseData": {"exceptions": [{"parsedStack": {"method": "m"}}]}}},
        "'parsedStack'",
    ),
    ({"data": {"baseType": "MessageData", "baseData": {"message": 5}}}, "incorrect type"),
    ({"tags": [1]}, "'tags'"),
    ({"sampleRate": "often"}, "cannot be read"),
    ({"data": {"baseType": "MessageData", "baseData": {"message": "\ud800"}}}, "Invalid JSON"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_broken_item_is_named_and_its_neighbours_are_taken(
    insights: Insights, change: dict[str, Any], message: str
) -> None:
    good = f"GET /{uuid.uuid4().hex}"
    items = [envelope(insights, name=good), {**envelope(insights), **change}, envelope(insights, name=good)]
    answer = insights.track("\n".join(json.dumps(item) for item in items).encode())
    body = answer.json()
    assert (answer.status_code, body["itemsReceived"], body["itemsAccepted"]) == (206, 3, 2)
    [error] = body["errors"]
    assert (error["index"], error["statusCode"]) == (1, 400)
    assert message in error["message"]
    assert insights.ask(f"requests | where name == '{good}' | count") == [{"Count": 2}]


def test_a_line_that_is_no_text_is_named_and_its_neighbours_are_taken(insights: Insights) -> None:
    item = json.dumps(envelope(insights, name="NAME")).encode()
    half_a_pair = item.replace(b"NAME", b"\xed\xa0\x80")
    answer = insights.track(b"\n".join([item, half_a_pair, item]))
    assert (answer.status_code, answer.json()["itemsAccepted"]) == (206, 2)
    assert [error["index"] for error in answer.json()["errors"]] == [1]


def test_nothing_but_broken_items_is_a_400(insights: Insights) -> None:
    answer = insights.track(json.dumps([{**envelope(insights), "iKey": str(uuid.uuid4())}]).encode())
    assert (answer.status_code, answer.json()["itemsAccepted"]) == (400, 0)


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"", {}), (b"[{", {}), (b"not gzip", {"content-encoding": "gzip"})],
    ids=["empty", "truncated", "not gzip"],
)
def test_a_body_that_cannot_be_read_is_a_400(insights: Insights, body: bytes, headers: dict[str, str]) -> None:
    assert insights.track(body, headers).status_code == 400


def test_a_body_that_unpacks_to_too_much_is_refused(insights: Insights) -> None:
    assert insights.track(gzip.compress(bytes(70 << 20), 1), {"content-encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize(
    ("authorization", "path", "status"),
    [
        (None, "v2.1/track", 401),
        ("Bearer nonsense", "v2.1/track", 401),
        ("another audience", "v2.1/track", 401),
        ("right", "v2.1/track", 200),
        ("right", "/v2.1/track", 200),
        ("right", "v2/track", 400),
    ],
)
def test_without_local_authentication_only_tokens_open(
    insights: Insights, authorization: str | None, path: str, status: int
) -> None:
    given = {"another audience": insights.bearer("https://vault.azure.net"), "right": insights.bearer()}
    headers = {"authorization": given.get(authorization, authorization)} if authorization else {"authorization": ""}
    answer = insights.track(json.dumps([envelope(insights)]).encode(), headers, path)
    assert answer.status_code == status
    assert answer.json()["itemsAccepted"] == (1 if status == 200 else 0)


def test_an_identity_needs_the_role_on_the_component_or_above(insights: Insights) -> None:
    identity = f"{insights.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sender"
    principal = str(insights.put(identity, {})["principalId"])
    tokens = Tokens(insights.emulator.settings.state, insights.emulator.settings.base_url)
    token, _ = tokens.issue("https://monitor.azure.com/", Principal(principal, str(uuid.uuid4()), ""))
    headers = {"authorization": f"Bearer {token}"}
    body = json.dumps([envelope(insights)]).encode()
    refused = insights.track(body, headers)
    assert refused.status_code == 403
    assert "Monitoring Metrics Publisher" in refused.json()["errors"][0]["message"]
    allow(insights, principal)
    assert insights.track(body, headers).status_code == 200


def allow(insights: Insights, principal: str) -> None:
    """Makes a principal a Monitoring Metrics Publisher in the component's resource group."""
    definition = (
        f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/3913510d-42f4-4e42-8a64-420c390055eb"
    )
    properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    assignment = f"{insights.group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    insights.put(assignment, {"properties": properties}, located=False)


@IGNORED
def test_a_system_assigned_endpoint_needs_the_role_too(insights: Insights, emulator: RunningEmulator) -> None:
    workspace = Workspace(emulator, "ingestendpoint").create()
    path = f"{workspace.id}/onlineEndpoints/ingestion-sender"
    endpoint = workspace.put(path, {"location": "westeurope", "properties": {"authMode": "Key"}})
    identities = ContainerIdentities(cast(Emulator, SimpleNamespace(settings=emulator.settings)))
    given = identities.variables("a-container", [endpoint["id"]])
    asked = {"api-version": "2019-08-01", "resource": "https://monitor.azure.com/"}
    header = {"x-identity-header": given["IDENTITY_HEADER"]}
    token = httpx.get(given["IDENTITY_ENDPOINT"], params=asked, headers=header).json()["access_token"]
    body, headers = json.dumps([envelope(insights)]).encode(), {"authorization": f"Bearer {token}"}
    refused = insights.track(body, headers)
    assert refused.status_code == 403
    assert endpoint["identity"]["principalId"] in refused.json()["errors"][0]["message"]
    allow(insights, endpoint["identity"]["principalId"])
    assert insights.track(body, headers).status_code == 200
    workspace.delete(workspace.group)
    workspace.close()


def test_with_local_authentication_the_key_is_enough(emulator: RunningEmulator) -> None:
    insights = Insights(emulator, "ingestion-keys", local_authentication=True)
    body = json.dumps([envelope(insights)]).encode()
    for path in ("v2/track", "v2.1/track"):
        assert insights.track(body, {"authorization": ""}, path).status_code == 200
    insights.close()


def test_live_metrics_are_told_that_nobody_watches(insights: Insights) -> None:
    url = f"{insights.endpoint}QuickPulseService.svc/ping?ikey={insights.instrumentation_key}"
    answer = httpx.post(url, json={}, verify=trust())
    assert (answer.status_code, answer.headers["x-ms-qps-subscribed"]) == (200, "false")


KINDS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "RemoteDependencyData",
        "dependencies",
        {"id": "d", "name": "GET /token", "duration": "0.00:00:01.500000", "resultCode": "503", "success": False},
        {"name": "GET /token", "duration": 1500.0, "resultCode": "503", "success": "False"},
    ),
    (
        "ExceptionData",
        "exceptions",
        {
            "severityLevel": "Error",
            "exceptions": [
                {"typeName": "ValueError", "message": "bad row", "parsedStack": [{"level": 0, "method": "score"}]},
                {"typeName": "KeyError", "message": "age"},
            ],
        },
        {"type": "ValueError", "problemId": "ValueError at score", "innermostType": "KeyError", "severityLevel": 3},
    ),
    (
        "MessageData",
        "traces",
        {"message": "model loaded", "severityLevel": "Warning", "properties": {"a": "b"}},
        {"message": "model loaded", "severityLevel": 2, "customDimensions": '{"a":"b"}'},
    ),
    ("EventData", "customEvents", {"name": "promoted", "measurements": {"auc": 0.86}}, {"name": "promoted"}),
    (
        "MetricData",
        "customMetrics",
        {"metrics": [{"name": "queue", "value": 7.5, "count": 3, "min": 1, "max": 4}]},
        {"name": "queue", "value": 7.5, "valueCount": 3, "valueMin": 1.0, "valueMax": 4.0},
    ),
    (
        "MetricData",
        "customMetrics",
        {"metrics": [{"name": "queue", "value": 7.5, "count": -(10**30)}]},
        {"name": "queue", "valueCount": 1},
    ),
    (
        "AvailabilityData",
        "availabilityResults",
        {"id": "a", "name": "ping", "duration": "00:00:00.020", "success": True, "runLocation": "here"},
        {"name": "ping", "location": "here", "success": "True", "duration": 20.0},
    ),
]


@pytest.mark.parametrize(("kind", "table", "base", "expected"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_each_kind_has_its_table(
    insights: Insights, kind: str, table: str, base: dict[str, Any], expected: dict[str, Any]
) -> None:
    mark = uuid.uuid4().hex
    item = {**envelope(insights), "data": {"baseType": kind, "baseData": {"ver": 2, **base}}}
    item["tags"] = {"ai.operation.id": mark, "ai.cloud.role": "tests"}
    assert insights.track(json.dumps([item]).encode()).status_code == 200
    [row] = insights.ask(f"{table} | where operation_Id == '{mark}'")
    assert {key: row[key] for key in expected} == expected
    assert row["cloud_RoleName"] == "tests"
    assert abs(row["timestamp"].timestamp() - time.time()) < 60


def test_deleting_a_component_deletes_its_telemetry(emulator: RunningEmulator) -> None:
    insights = Insights(emulator, "ingestion-deleted")
    assert insights.track(json.dumps([envelope(insights)]).encode()).status_code == 200
    insights.delete_component()
    assert insights.track(json.dumps([envelope(insights)]).encode()).status_code == 400
    insights.create_component()
    assert insights.ask("requests | count") == [{"Count": 0}]
    insights.close()

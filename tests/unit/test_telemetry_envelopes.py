"""Envelopes as the ingestion API's schema has them, and the connection string."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry.connection import AUDIENCE, Connection, ConnectionStringError
from ml.scoring.telemetry.envelopes import Envelopes, duration
from ml.scoring.telemetry.sender import Telemetry

KEY = "00000000-0000-0000-0000-00000000abcd"
MODEL = ModelIdentity('bike "buyer" %b', 7, "ab" * 32, "bike_buyer")


def envelope(**change: Any) -> dict[str, Any]:
    record = RequestRecord(1_900_000_000.25, 0.0123456, 200, "/score", 3, "abc")._replace(**change)
    line = Envelopes(MODEL, KEY).request(record)
    assert b"\n" not in line
    value: dict[str, Any] = json.loads(line)
    return value


def test_a_request_has_the_fields_of_the_schema() -> None:
    found = envelope()
    assert found["tags"].pop("ai.cloud.roleInstance")
    assert found == {
        "ver": 1,
        "name": "Microsoft.ApplicationInsights.Request",
        "time": "2030-03-17T17:46:40.250000Z",
        "sampleRate": 100.0,
        "iKey": KEY,
        "tags": {
            "ai.cloud.role": MODEL.name,
            "ai.application.ver": "7",
            "ai.internal.sdkVersion": "mlops-scoring:1",
            "ai.operation.id": "abc",
            "ai.operation.name": "POST /score",
        },
        "data": {
            "baseType": "RequestData",
            "baseData": {
                "ver": 2,
                "id": "abc",
                "name": "POST /score",
                "url": "/score",
                "duration": "0.00:00:00.012346",
                "responseCode": "200",
                "success": True,
                "properties": {"model": MODEL.name, "version": "7", "sha256": "ab" * 32, "rows": "3"},
                "measurements": {"rows": 3.0},
            },
        },
    }


@pytest.mark.parametrize(("status", "success"), [(200, True), (304, True), (400, False), (424, False), (500, False)])
def test_success_is_what_is_below_400(status: int, success: bool) -> None:
    base = envelope(status=status)["data"]["baseData"]
    assert (base["responseCode"], base["success"]) == (str(status), success)


def test_other_paths_are_named_as_they_are_and_kept_within_limits() -> None:
    base = envelope(path="/" + 'é"\n' * 1000, request_id="x" * 500)["data"]["baseData"]
    assert base["name"] == ("/" + 'é"\n' * 1000)[:1024]
    assert base["id"] == "x" * 128


def test_a_request_without_an_id_gets_one() -> None:
    first, second = envelope(request_id=""), envelope(request_id="")
    assert len(first["data"]["baseData"]["id"]) == 32
    assert first["data"]["baseData"]["id"] != second["data"]["baseData"]["id"]


def test_drops_are_a_metric() -> None:
    found = json.loads(Envelopes(MODEL, KEY).drops(12))
    assert found["name"] == "Microsoft.ApplicationInsights.Metric"
    assert found["data"]["baseType"] == "MetricData"
    assert found["data"]["baseData"]["metrics"] == [{"name": "Telemetry records dropped", "value": 12, "count": 1}]
    assert found["data"]["baseData"]["properties"]["version"] == "7"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00:00:00.000000"),
        (0.0000004, "0.00:00:00.000000"),
        (0.9999999, "0.00:00:01.000000"),
        (61.5, "0.00:01:01.500000"),
        (90_061.000001, "1.01:01:01.000001"),
        (-1, "0.00:00:00.000000"),
        (1e12, "999.23:59:59.999999"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "endpoint", "audience"),
    [
        (f"InstrumentationKey={KEY}", "https://dc.services.visualstudio.com", AUDIENCE),
        (f"instrumentationkey={KEY.upper()};ingestionendpoint=https://x.test//", "https://x.test", AUDIENCE),
        (f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:81/applicationinsights/;LiveEndpoint=http://x/;",
         "http://127.0.0.1:81/applicationinsights", AUDIENCE),
        (f"Authorization=ikey;InstrumentationKey={KEY};EndpointSuffix=azure.cn;Location=north",
         "https://north.dc.azure.cn", AUDIENCE),
        (f"InstrumentationKey={KEY};AADAudience=https://monitor.azure.cn/", "https://dc.services.visualstudio.com",
         "https://monitor.azure.cn/"),
    ],
)  # fmt: skip
def test_connection_strings(text: str, endpoint: str, audience: str) -> None:
    assert Connection.parse(text) == Connection(KEY, endpoint, audience)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("IngestionEndpoint=https://x/", "names no InstrumentationKey"),
        ("InstrumentationKey=secret-thing", "must be a GUID"),
        (f"InstrumentationKey={KEY};what", "without '='"),
        (f"InstrumentationKey={KEY};IngestionEndpoint=ftp://x", "must be an http"),
        (f"InstrumentationKey={KEY};Authorization=basic", "Authorization"),
    ],
)
def test_a_connection_string_that_is_none_is_named_without_its_value(text: str, fault: str) -> None:
    with pytest.raises(ConnectionStringError, match=fault) as refused:
        Telemetry.from_environment(MODEL, {"APPLICATIONINSIGHTS_CONNECTION_STRING": text})
    assert "secret-thing" not in str(refused.value)
    assert "APPLICATIONINSIGHTS_CONNECTION_STRING" in str(refused.value)


def test_without_a_connection_string_there_is_no_telemetry() -> None:
    assert Telemetry.from_environment(MODEL, {}) is None
    assert Telemetry.from_environment(MODEL, {"APPLICATIONINSIGHTS_CONNECTION_STRING": " "}) is None

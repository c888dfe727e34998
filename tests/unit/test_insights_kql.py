"""Kusto queries over rows in a real database: what they answer, and how they are refused."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.monitor.components import Component
from emulator.monitor.envelopes import rows
from emulator.monitor.kql.errors import QueryError
from emulator.monitor.kql.lexer import microseconds
from emulator.monitor.kql.parser import parse
from emulator.monitor.kql.pipeline import translate
from emulator.monitor.kql.sql_functions import shown
from emulator.monitor.sources import Scope
from emulator.monitor.telemetry_database import QueryTimeout, TelemetryDatabase
from emulator.monitor.timespan import TimeRange, read

COMPONENT = Component("/subscriptions/s/x", "insights", str(uuid.uuid4()), str(uuid.uuid4()), None, True, 30)
NOW = int(time.time()) // 3600 * 3600 - 60
"""A minute before the hour began: two neighbouring minutes of rows are in two hours."""
DAY = 86_400


def request(at: float, name: str, version: str, milliseconds: int, status: int, **more: str) -> dict[str, Any]:
    """An item as an exporter sends it."""
    duration = f"0.00:00:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}000"
    base = {"ver": 2, "id": uuid.uuid4().hex, "name": name, "duration": duration, "responseCode": str(status)}
    properties = {"version": version, "rows": str(milliseconds // 100), **more}
    return {
        "name": "Microsoft.ApplicationInsights.Request",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "iKey": COMPONENT.instrumentation_key,
        "tags": {"ai.cloud.role": "bike-buyer"},
        "data": {
            "baseType": "RequestData",
            "baseData": {**base, "success": status < 400, "properties": properties, "measurements": {"rows": 2.5}},
        },
    }


ITEMS = [
    request(NOW, "POST /score", "1", 100, 200, note="It's a-b test"),
    request(NOW + 20, "POST /score", "1", 200, 200),
    request(NOW + 40, "POST /score", "2", 300, 500, flag="true"),
    request(NOW + 61, "GET /version", "2", 400, 404),
    request(NOW + 62, "POST /score", "2", 1500, 200, moment="2030-01-31T12:00:00Z"),
]


@pytest.fixture(name="database", scope="module")
def fixture_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelemetryDatabase]:
    database = TelemetryDatabase(tmp_path_factory.mktemp("telemetry") / "telemetry.db")
    database.insert([(COMPONENT, table, row) for item in ITEMS for table, row in rows(item)])
    yield database
    database.close()


def ask(database: TelemetryDatabase, text: str, scope: Scope | None = None) -> list[list[Any]]:
    """The rows of an answer."""
    found = scope or Scope([COMPONENT], TimeRange())
    statement = translate(parse(text), found.find, (NOW + 120) * 1_000_000, 1000)
    kinds = [kind for _, kind in statement.columns]
    answer = database.query(statement.sql, statement.parameters, 10)
    return [[shown(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in answer]


def columns(text: str) -> list[tuple[str, str]]:
    """Names and types of an answer."""
    statement = translate(parse(text), Scope([COMPONENT], TimeRange()).find, 0, 1000)
    return [(name, kind.name) for name, kind in statement.columns]


def answers(database: TelemetryDatabase, predicate: str) -> int:
    """How many rows a predicate keeps."""
    [[count]] = ask(database, f"requests | where {predicate} | count")
    assert isinstance(count, int)
    return count


PREDICATES = [
    ("true", 5),
    ('name == "POST /score"', 4),
    ("name == 'post /score'", 0),
    ("name =~ 'post /score'", 4),
    ("name !~ 'post /score'", 1),
    ("name != 'POST /score'", 1),
    ("duration > 250 and duration <= 400", 2),
    ("duration < 150 or duration >= 1500.0", 2),
    ("not(duration < 150 or duration >= 1500)", 3),
    ("duration between (200 .. 400)", 3),
    ("duration !between (200 .. 400)", 2),
    ("resultCode in ('404', '500')", 2),
    ("resultCode !in ('404', '500')", 3),
    ("name in~ ('get /VERSION')", 1),
    ("duration in (100, 200, 7)", 2),
    ("customDimensions.version !in ('1')", 3),
    ("resultCode in ('404'" + ", '5'" * 2000 + ")", 1),
    ("name contains 'SCORE'", 4),
    ("name contains_cs 'SCORE'", 0),
    ("name !contains 'score'", 1),
    ("name startswith 'post'", 4),
    ("name !startswith_cs 'POST'", 1),
    ("name endswith '/SCORE'", 4),
    ("name has 'score'", 4),
    ("name has 'scor'", 0),
    ("customDimensions.note has 'a'", 1),
    ('customDimensions.note contains "It\'s"', 1),
    ("name !has 'post'", 1),
    ("success == 'True'", 3),
    ("success == false", 2),
    ("toint(resultCode) >= 500", 1),
    ('customDimensions.version == "2"', 3),
    ("customDimensions['version'] == '2'", 3),
    ("tostring(customDimensions.version) == '2'", 3),
    ("customDimensions.version != '1'", 3),
    ("toint(customDimensions.rows) between (2 .. 4)", 3),
    ("todouble(customMeasurements.rows) == 2.5", 5),
    ("customMeasurements.rows == 2.5", 5),
    ("isnotempty(customDimensions.note)", 1),
    ("isempty(customDimensions.note)", 4),
    ("isnull(toint(customDimensions.note))", 5),
    ("tobool(customDimensions.flag)", 1),
    ("todatetime(customDimensions.moment) > datetime(2030-01-31)", 1),
    ("timestamp > ago(1m)", 2),
    ("timestamp > now() - 1m", 2),
    ("timestamp >= now(-1m) and timestamp < now()", 2),
    ("timestamp < datetime(2020-01-01T00:00:00Z)", 0),
    ("timestamp between (ago(2m) .. 1m)", 3),
    ("now() - timestamp > 90s", 2),
    ("strlen(strcat(name, '-', customDimensions.version)) == 13", 4),
    ("toupper(name) == 'POST /SCORE' and tolower(name) == 'post /score'", 4),
    ("iff(duration > 300, 'slow', 'fast') == 'slow'", 2),
    ("case(duration > 1000, 3, duration > 250, 2, 1) == 2", 2),
    ("coalesce(toint(customDimensions.nothing), toint(resultCode)) == 200", 3),
    ("duration % 200 == 100 and -duration < 0 and abs(-1) == 1", 3),
    ("round(duration / 1000, 1) == 0.1", 1),
    ("itemType == 'request' and itemCount == 1 and cloud_RoleName == 'bike-buyer'", 5),
    ("tostring(parse_json('{\"a\": [1, 2]}').a[1]) == '2'", 5),
    ("performanceBucket == '<250ms' // the fast ones\n", 2),
]


@pytest.mark.parametrize(("predicate", "count"), PREDICATES, ids=[predicate[:60] for predicate, _ in PREDICATES])
def test_where(database: TelemetryDatabase, predicate: str, count: int) -> None:
    assert answers(database, predicate) == count


TABULAR: list[tuple[str, list[list[Any]]]] = [
    ("requests | count", [[5]]),
    ("requests | where duration > 9999 | count", [[0]]),
    ("requests | project duration | sort by duration asc | take 2", [[100.0], [200.0]]),
    ("requests | top 2 by duration | project duration", [[1500.0], [400.0]]),
    ("requests | sort by duration | project-away duration | project resultCode | limit 1", [["200"]]),
    (
        "requests | order by name asc, duration desc | project name, duration | take 2",
        [["GET /version", 400.0], ["POST /score", 1500.0]],
    ),
    ("requests | distinct name | sort by name asc", [["GET /version"], ["POST /score"]]),
    (
        "requests | extend slow = duration > 250 | summarize n = count() by slow | sort by slow asc",
        [[False, 2], [True, 3]],
    ),
    (
        "requests | summarize count(), countif(success == 'False'), sum(duration), avg(duration), min(duration), "
        "max(duration), dcount(name)",
        [[5, 2, 2500.0, 500.0, 100.0, 1500.0, 2]],
    ),
    ("requests | summarize percentile(duration, 50), p = percentile(duration, 95)", [[300.0, 1500.0]]),
    ("requests | summarize percentiles(duration, 0, 50, 90)", [[100.0, 300.0, 1500.0]]),
    ("requests | summarize failed = countif(success == false) * 100.0 / count()", [[40.0]]),
    (
        "requests | summarize rows = sum(toint(customDimensions.rows)) by version = tostring(customDimensions.version)"
        " | sort by version asc",
        [["1", 3], ["2", 22]],
    ),
    ("requests | summarize n = count() by bin(timestamp, 1h) | sort by timestamp asc | project n", [[3], [2]]),
    ("requests | summarize by tostring(customDimensions.version) | count", [[2]]),
    ("requests | where duration > 9999 | summarize count(), sum(duration), avg(duration)", [[0, 0.0, None]]),
    ("requests | where duration > 9999 | summarize count() by name", []),
    ("requests | take 1 | project bin(7, 5), bin(-7, 5), bin(7.5, 2), 7 / 2, 7 / 2.0", [[5, -10, 6.0, 3, 3.5]]),
    (
        "requests | take 1 | project 1h + 30m, 1h / 2, 90s / 1m, datetime(2030-01-02) - datetime(2030-01-01T12:00)",
        [["01:30:00", "00:30:00", 1.5, "12:00:00"]],
    ),
    (
        "requests | take 1 | project datetime(2030-01-31T12:00:00.25+02:00), true, 'a\\tb', @'a\\b', \"it's\"",
        [["2030-01-31T10:00:00.25Z", True, "a\tb", "a\\b", "it's"]],
    ),
    (
        "let slow = 250; let what = 'POST /score';\nrequests // all\n| where duration > slow and name == what | count",
        [[2]],
    ),
    ("let from = ago(1m); requests | where timestamp > from | count;", [[2]]),
    ("traces | count", [[0]]),
    (
        "AppRequests | where Success == false and DurationMs < 350 | project Name, ResultCode, Success",
        [["POST /score", "500", False]],
    ),
    (
        "requests | where customDimensions.flag == true | project customDimensions",
        [[json.dumps({"version": "2", "rows": "3", "flag": "true"}, separators=(",", ":"))]],
    ),
]


@pytest.mark.parametrize(("text", "expected"), TABULAR, ids=[text for text, _ in TABULAR])
def test_operators(database: TelemetryDatabase, text: str, expected: list[list[Any]]) -> None:
    assert ask(database, text) == expected


def test_columns_get_the_names_and_types_that_kusto_gives() -> None:
    text = (
        "requests | summarize count(), avg(duration), percentiles(duration, 50, 99.9), dcount(name) "
        "by bin(timestamp, 1m), tostring(customDimensions.version), success"
    )
    assert columns(text) == [
        ("timestamp", "datetime"),
        ("customDimensions_version", "string"),
        ("success", "string"),
        ("count_", "long"),
        ("avg_duration", "real"),
        ("percentile_duration_50", "real"),
        ("percentile_duration_99_9", "real"),
        ("dcount_name", "long"),
    ]
    assert columns("requests | project duration, duration * 2, customDimensions.rows | count") == [("Count", "long")]
    assert [name for name, _ in columns("requests | project duration, duration * 2, customDimensions.rows")] == [
        "duration",
        "Column2",
        "customDimensions_rows",
    ]


REFUSED = [
    ("", "SyntaxError", "<end>"),
    ("requests | where", "SyntaxError", "<end>"),
    ("requests | where duration >", "SyntaxError", "<end>"),
    ("requests where duration > 1", "SyntaxError", "where"),
    ("requests | where name == 'open", "SyntaxError", "'"),
    ("requests | where duration > 5parsecs", "SyntaxError", "5parsecs"),
    ("requests | where timestamp > datetime(2030-13-01)", "SyntaxError", "datetime(2030-13-01)"),
    ("requests | take many", "SyntaxError", "many"),
    ("requests | take 5; drop table requests", "SyntaxError", "drop"),
    ("requests | where " + "(" * 500 + "true", "SyntaxError", "("),
    ("requests" + " | take 5" * 101, "SyntaxError", "<end>"),
    ("requests | where " + " or ".join(["true"] * 5000), "SemanticError", ""),
    ("nothing | count", "SemanticError", "nothing"),
    ("requests | where colour == 'red'", "SemanticError", "colour"),
    ("requests | project duration | where name == ''", "SemanticError", "name"),
    ("requests | join traces on operation_Id", "SemanticError", "join"),
    ("requests | mv-expand customDimensions", "SemanticError", "mv-expand"),
    ("union requests, traces", "SemanticError", "union"),
    ("requests | where name matches regex '.*'", "SemanticError", "matches"),
    ("requests | where geo_distance(1, 2) > 3", "SemanticError", "geo_distance"),
    ("requests | summarize make_list(name)", "SemanticError", "make_list"),
    ("requests | where resultCode == 200", "SemanticError", "=="),
    ("requests | where duration", "SemanticError", "where"),
    ("requests | where duration and true", "SemanticError", "and"),
    ("requests | where name.first == ''", "SemanticError", "first"),
    ("requests | where customDimensions.rows > 5", "SemanticError", ">"),
    ("requests | extend x = name + 1", "SemanticError", "+"),
    ("requests | where count() > 5", "SemanticError", "count"),
    ("requests | summarize duration by name", "SemanticError", "duration"),
    ("requests | summarize count() by customDimensions.version", "SemanticError", "customDimensions_version"),
    ("requests | sort by customDimensions.version", "SemanticError", "sort"),
    ("requests | summarize percentile(duration, 101)", "SemanticError", "percentile"),
    ("requests | summarize sum(name)", "SemanticError", "sum"),
    ("requests | project a = 1, a = 2", "SemanticError", "a"),
    ("requests | project ago(1)", "SemanticError", "ago"),
    ("let t = requests | take 1; t | count", "SemanticError", "t"),
]


@pytest.mark.parametrize(("text", "kind", "token"), REFUSED, ids=[text[:60] for text, _, _ in REFUSED])
def test_what_is_refused_names_kind_and_place(database: TelemetryDatabase, text: str, kind: str, token: str) -> None:
    with pytest.raises(QueryError) as refused:
        ask(database, text)
    inner = refused.value.body()
    assert (inner["code"], inner["innererror"]["token"]) == (kind, token)
    assert inner["innererror"]["message"]


def test_an_error_names_line_and_column(database: TelemetryDatabase) -> None:
    with pytest.raises(QueryError) as refused:
        ask(database, "requests // all\n| where duration > 1\n| where colour == 'red'")
    assert (refused.value.position.line, refused.value.position.column) == (3, 8)
    assert "colour" in refused.value.message


INJECTIONS = [
    "x'; drop table requests; --",
    'x"; drop table requests; --',
    "') union select sql from sqlite_master --",
    "%' or 1=1 --",
    ":p0 ?1 @a $b",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_of_a_query_reaches_the_sql(database: TelemetryDatabase, text: str) -> None:
    literal = json.dumps(text)
    assert (
        answers(database, f"name == {literal} or customDimensions[{json.dumps(text.replace(chr(34), ''))}] == 'x'") == 0
    )
    assert ask(database, f"requests | take 1 | project x = {literal}") == [[text]]
    statement = translate(parse(f"requests | where name == {literal}"), Scope([COMPONENT], TimeRange()).find, 0, 9)
    assert text not in statement.sql
    assert answers(database, "true") == len(ITEMS)


def test_names_of_a_query_stay_out_of_the_sql() -> None:
    text = "requests | extend sqlite_master_evil = 1 | project sqlite_master_evil"
    assert "evil" not in translate(parse(text), Scope([COMPONENT], TimeRange()).find, 0, 9).sql


def test_a_workspace_has_only_its_own_names(database: TelemetryDatabase) -> None:
    scope = Scope([COMPONENT], TimeRange(), workspace_only=True)
    assert ask(database, "AppRequests | where Type == 'AppRequests' | count", scope) == [[5]]
    with pytest.raises(QueryError, match="requests"):
        ask(database, "requests | count", scope)


def test_rows_of_other_components_are_not_seen(database: TelemetryDatabase) -> None:
    other = Component("/subscriptions/s/y", "other", str(uuid.uuid4()), str(uuid.uuid4()), None, True, 30)
    assert ask(database, "requests | count", Scope([other], TimeRange())) == [[0]]
    assert ask(database, "requests | count", Scope([], TimeRange())) == [[0]]


TIMESPANS = [
    ("PT1M", 2),
    ("PT90.5S", 3),
    ("P1D", 5),
    ("P1DT1H", 5),
    (f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW + 10))}/PT50S", 2),
    (f"PT1M/{time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime(NOW + 30))}", 2),
    (None, 5),
]


@pytest.mark.parametrize(("text", "count"), TIMESPANS)
def test_a_timespan_bounds_the_rows(database: TelemetryDatabase, text: str | None, count: int) -> None:
    scope = Scope([COMPONENT], read(text, (NOW + 120) * 1_000_000))
    assert ask(database, "requests | count", scope) == [[count]]


def test_a_query_that_takes_too_long_is_stopped(database: TelemetryDatabase) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    with pytest.raises(QueryTimeout):
        database.query(endless, {}, 0.05)


def test_what_is_older_than_its_retention_goes(tmp_path: Path) -> None:
    database = TelemetryDatabase(tmp_path / "telemetry.db")
    old = rows(ITEMS[0])[0]
    old[1]["timestamp"] = microseconds("2020-01-01")
    database.insert([(COMPONENT, *old), (COMPONENT, *rows(ITEMS[1])[0])])
    assert answers(database, "true") == 2
    database.sweep([COMPONENT], force=True)
    assert answers(database, "true") == 1
    database.forget(COMPONENT.key)
    assert answers(database, "true") == 0
    database.close()

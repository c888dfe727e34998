"""The part `operations`: who is told of what, and where every service logs."""

from __future__ import annotations

import json
import re
import time
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from emulator.monitor.components import Component
from emulator.monitor.envelopes import rows
from emulator.monitor.kql.parser import parse
from emulator.monitor.kql.pipeline import translate
from emulator.monitor.sources import Scope
from emulator.monitor.telemetry_database import TelemetryDatabase
from emulator.monitor.timespan import TimeRange
from infra.alerts import SYSTEM, query_alerts
from infra.diagnostics import LOGGED, NOT_LOGGED
from infra.operations_settings import OperationsSettings
from infra.parts import Part
from infra.platform import PARTS, Platform
from infra.settings import Settings
from infra.workbook import DEFINITION
from ml.recipes.soft_delete import guard
from ml.scoring.records import ModelIdentity, RequestRecord
from ml.scoring.telemetry.envelopes import Envelopes
from tests.program.recorder import Recording, Registered, run, stack_config

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "11111111-2222-3333-4444-555555555555"
IDS = {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID}
OPERATIONS = {"alertEmails": ["a@example.com", "b@example.com"], "monthlyBudget": 500, "budgetStart": "2026-12-01"}
CONFIGURATION: dict[str, Any] = stack_config("local") | IDS | {"platform": ["operations"], "operations": OPERATIONS}


@cache
def built(environment: str) -> tuple[Recording, Platform]:
    """In production without a budget."""
    operations = OPERATIONS if environment == "dev" else {"alertEmails": OPERATIONS["alertEmails"]}
    platforms: list[Platform] = []

    def program() -> None:
        platforms.append(Platform("platform", Settings.load(), guard))
        platforms[0].scoring_endpoint("bike_buyer")

    configuration = CONFIGURATION | {"environment": environment, "operations": operations}
    return run(program, configuration, stack=environment), platforms[0]


def build(environment: str = "dev") -> Recording:
    return built(environment)[0]


def one(recording: Recording, kind: str) -> Registered:
    (found,) = recording.of_type(f"azure-native:{kind}")
    return found


def action_group_id(recording: Recording) -> str:
    group = one(recording, "monitor:ActionGroup").inputs
    scope = f"/subscriptions/{ID}/resourceGroups/{group['resourceGroupName']}"
    return f"{scope}/providers/Microsoft.Insights/actionGroups/{group['actionGroupName']}"


def refused(**changed: Any) -> str:
    with pytest.raises(pulumi.RunError) as error:
        run(Settings.load, CONFIGURATION | changed)
    return str(error.value)


def test_alerts_and_budget_reach_the_addresses_of_the_stack() -> None:
    recording = build()
    group = one(recording, "monitor:ActionGroup").inputs
    assert [receiver["emailAddress"] for receiver in group["emailReceivers"]] == OPERATIONS["alertEmails"]
    assert len(group["groupShortName"]) <= 12
    told = action_group_id(recording)
    rules = recording.of_type("azure-native:monitor:ScheduledQueryRule")
    assert {rule.inputs["actions"]["actionGroups"][0] for rule in rules} == {told}
    assert one(recording, "monitor:MetricAlert").inputs["actions"] == [{"actionGroupId": told}]
    notifications = one(recording, "consumption:Budget").inputs["notifications"].values()
    assert {(given["thresholdType"], given["threshold"]) for given in notifications} == {
        ("Actual", 50),
        ("Actual", 80),
        ("Actual", 100),
        ("Forecasted", 100),
    }
    assert all(given["contactGroups"] == [told] for given in notifications)
    assert all(given["contactEmails"] == OPERATIONS["alertEmails"] for given in notifications)


def test_budget_covers_the_group_from_a_day_that_the_configuration_names() -> None:
    recording = build()
    budget = one(recording, "consumption:Budget")
    group = one(recording, "resources:ResourceGroup").inputs["resourceGroupName"]
    assert budget.inputs["scope"].strip("/") == f"subscriptions/{ID}/resourceGroups/{group}"
    assert budget.inputs["timePeriod"] == {"startDate": "2026-12-01T00:00:00Z", "endDate": "2036-12-01T00:00:00Z"}
    assert budget.replace_on_changes == ("timePeriod.startDate",)
    assert budget.delete_before_replace
    assert not build("prod").of_type("azure-native:consumption:Budget")


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ({"monthlyBudget": 500, "alertEmails": ["a@example.com"]}, "monthlyBudget needs budgetStart"),
        ({**OPERATIONS, "budgetStart": "2026-12-15"}, "budgetStart"),
        ({**OPERATIONS, "alertEmails": ["Ann <a@example.com>"]}, "is no e-mail address"),
        ({"monthlyBudget": 500, "budgetStart": "2026-12-01"}, "nobody would be told"),
    ],
)
def test_settings_that_tell_nobody_or_that_azure_refuses_are_refused(operations: dict[str, Any], said: str) -> None:
    assert said in refused(operations=operations)


def test_operations_is_the_last_part_because_it_logs_the_others() -> None:
    assert list(PARTS)[-1] is Part.OPERATIONS


def test_each_scope_is_logged_once_or_says_why_not() -> None:
    recording, platform = built("dev")
    scopes = platform.access.scopes.values()
    assert {scope.type for scope in scopes} <= {*LOGGED, *NOT_LOGGED}
    expected = {scope.resource_id for scope in scopes if scope.type in LOGGED}
    expected |= {f"{account.account_id}/blobServices/default" for account in (platform.storage, platform.lake)}
    settings = recording.of_type("azure-native:monitor:DiagnosticSetting")
    found = [setting.inputs["resourceUri"] for setting in settings]
    assert len(found) == len(set(found))
    logs = platform.monitoring.log_analytics_id
    endpoint = one(recording, "machinelearningservices:OnlineEndpoint").inputs["endpointName"]
    assert set(found) == {*expected, logs, f"{platform.workspace.workspace_id}/onlineEndpoints/{endpoint}"}
    assert {setting.inputs["workspaceId"] for setting in settings} == {logs}
    assert all(setting.inputs["logs"] for setting in settings)


def test_a_type_is_logged_or_not_and_never_with_a_group_and_its_categories() -> None:
    assert not set(LOGGED) & set(NOT_LOGGED)
    for logged in LOGGED.values():
        assert bool(logged.groups) != bool(logged.categories)  # Azure refuses both in one setting
        assert not (logged.groups and logged.production)


def categories(recording: Recording, name: str) -> set[str]:
    (found,) = (one for one in recording.of_type("azure-native:monitor:DiagnosticSetting") if one.name == name)
    return {entry["category"] for entry in found.inputs["logs"]}


def test_only_production_pays_for_a_line_a_read() -> None:
    assert categories(build("dev"), "lake-blobs-diagnostics") == {"StorageWrite", "StorageDelete"}
    assert categories(build("prod"), "lake-blobs-diagnostics") == {"StorageWrite", "StorageDelete", "StorageRead"}


def test_no_dependency_of_the_part_is_missing() -> None:
    recording = build()
    group = one(recording, "monitor:ActionGroup").urn
    for kind in ("monitor:ScheduledQueryRule", "monitor:MetricAlert", "consumption:Budget"):
        assert all(group in rule.depends_on for rule in recording.of_type(f"azure-native:{kind}")), kind
    workspace = one(recording, "operationalinsights:Workspace").urn
    for setting in recording.of_type("azure-native:monitor:DiagnosticSetting"):
        assert workspace in recording.before(setting)


# -- the queries, over what a scoring server really sends

COMPONENT = Component("/subscriptions/s/x", "insights", str(uuid.uuid4()), str(uuid.uuid4()), None, True, 30)
QUARTER = int(time.time()) // 86400 * 86400 + 60
"""Shortly after midnight: all requests are in one quarter of an hour and one day."""


@pytest.fixture(name="database", scope="module")
def fixture_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelemetryDatabase]:
    """Requests of three models: one fails, one is slow, one is asked what it does not know."""
    database = TelemetryDatabase(tmp_path_factory.mktemp("telemetry") / "telemetry.db")
    answers = {
        "failing": [(500, 0.01)] * 3 + [(200, 0.01)] * 27,
        "slow": [(200, 3.0)] * 3 + [(200, 0.01)] * 27,
        "unfit": [(400, 0.001)] * 3 + [(200, 0.01)] * 27,
        "quiet": [(500, 3.0)] * 19,
    }
    for model, answered in answers.items():
        envelopes = Envelopes(ModelIdentity(model, 1, "0" * 64, model), COMPONENT.instrumentation_key)
        for number, (status, seconds) in enumerate(answered):
            record = RequestRecord(QUARTER + number, seconds, status, "/score", 1, f"{model}-{number}")
            items = rows(json.loads(envelopes.request(record)))
            database.insert([(COMPONENT, table, row) for table, row in items])
        items = rows(json.loads(envelopes.drops(7)))
        database.insert([(COMPONENT, table, row) for table, row in items])
    yield database
    database.close()


def ask(database: TelemetryDatabase, text: str) -> list[dict[str, Any]]:
    statement = translate(parse(text), Scope([COMPONENT], TimeRange()).find, (QUARTER + 120) * 1_000_000, 1000)
    names = [name for name, _ in statement.columns]
    return [dict(zip(names, row, strict=True)) for row in database.query(statement.sql, statement.parameters, 10)]


def firing(database: TelemetryDatabase, role: str) -> set[str]:
    (alert,) = (one for one in query_alerts(OperationsSettings()) if one.role == role)
    found = ask(database, alert.query)
    assert found
    return {str(row[SYSTEM]) for row in found if row[alert.measure] > alert.threshold}


@pytest.mark.parametrize(("role", "model"), [("errors", "failing"), ("latency", "slow"), ("drift", "unfit")])
def test_an_alert_fires_for_the_system_that_is_in_trouble_and_for_no_other(
    database: TelemetryDatabase, role: str, model: str
) -> None:
    assert firing(database, role) == {model}


def queries() -> dict[str, str]:
    items = json.loads(DEFINITION.read_text())["items"]
    return {item["name"]: item["content"]["query"] for item in items if item["type"] == 3}


@pytest.mark.parametrize("name", queries())
def test_each_query_of_the_workbook_finds_what_servers_send(database: TelemetryDatabase, name: str) -> None:
    assert ask(database, queries()[name])


def test_workbook_shows_each_system_with_its_failures(database: TelemetryDatabase) -> None:
    found = {row["system"]: row for row in ask(database, queries()["systems"])}
    assert {name: (row["requests"], row["failed"], row["refused"]) for name, row in found.items()} == {
        "failing": (30, 3, 0),
        "quiet": (19, 19, 0),
        "slow": (30, 0, 0),
        "unfit": (30, 0, 3),
    }
    assert [row["records"] for row in ask(database, queries()["dropped"])] == [7.0] * 4


def test_workbook_has_the_same_guid_at_each_run_and_looks_at_the_component() -> None:
    workbook = one(build(), "applicationinsights:Workbook").inputs
    expected = uuid.uuid5(uuid.NAMESPACE_URL, workbook["sourceId"].lower() + "#systems")
    assert workbook["resourceName"] == str(expected)
    page = json.loads(workbook["serializedData"])
    assert page["fallbackResourceIds"] == [workbook["sourceId"]]
    assert re.search(r"/providers/Microsoft\.Insights/components/appi-", workbook["sourceId"])

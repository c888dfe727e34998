"""The query API of Log Analytics (`api.loganalytics.azure.com`) and Application Insights
(`api.applicationinsights.io`): https://learn.microsoft.com/azure/azure-monitor/logs/api/overview.
"""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.access import QUERY_LOGS
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.monitor import timespan
from emulator.monitor.components import COMPONENT, Component, Components
from emulator.monitor.kql.errors import Position, QueryError, semantic_error
from emulator.monitor.kql.parser import parse
from emulator.monitor.kql.pipeline import Statement, translate
from emulator.monitor.kql.sql_functions import shown
from emulator.monitor.kql.types import MICROSECONDS
from emulator.monitor.log_analytics import LOG_ANALYTICS
from emulator.monitor.sources import Scope
from emulator.monitor.telemetry_database import QueryTimeout, TelemetryDatabase
from emulator.resource_id import ResourceId
from emulator.service import Emulator

AUDIENCES = frozenset(
    {
        "https://api.loganalytics.io",
        "https://api.loganalytics.azure.com",
        "https://api.applicationinsights.io",
        "https://api.applicationinsights.azure.com",
    }
)
MOST_ROWS = 500_000
"""Rows of one answer: https://learn.microsoft.com/azure/azure-monitor/service-limits#log-analytics-workspaces."""
SECONDS, MOST_SECONDS = 180.0, 600.0


@dataclass(frozen=True)
class Question:
    """A query as it was sent."""

    text: str
    timespan: str | None
    workspaces: Sequence[str]


class QueryApi:
    """Answers KQL."""

    def __init__(self, emulator: Emulator, components: Components, database: TelemetryDatabase) -> None:
        self._emulator = emulator
        self._components = components
        self._database = database

    def application(self, request: Request) -> Response:
        """`/v1/apps/{app id}/query`."""
        principal = self._authorise(request)
        wanted = request.parameters["app"].lower()
        found = [component for component in self._components.all() if component.app_id == wanted]
        if not found:
            raise ServiceError(404, "PathNotFoundError", f"The application '{wanted}' could not be found.")
        return self._answer(request, principal, found, workspace_only=False)

    def workspace(self, request: Request) -> Response:
        """`/v1/workspaces/{customer id}/query`."""
        principal = self._authorise(request)
        found = self._in_workspace(request.parameters["workspace"])
        return self._answer(request, principal, found, workspace_only=True)

    def resource(self, request: Request) -> Response:
        """`/v1/{resource id}/query`, for a component or a workspace."""
        principal = self._authorise(request)
        identity = "/" + request.parameters["resource"].strip("/")
        return self._answer(request, principal, *self._of_resource(identity))

    def _of_resource(self, identity: str) -> tuple[list[Component], bool]:
        """The components that belong to a resource, and whether it is a workspace."""
        document = self._emulator.store.get(identity)
        kind = document.resource.type.lower() if document else ""
        if kind == LOG_ANALYTICS.lower():
            return [one for one in self._components.all() if (one.workspace or "").lower() == identity.lower()], True
        if kind == COMPONENT.lower():
            return [one for one in self._components.all() if one.key == identity.lower()], False
        if document:
            message = f"Resources of type '{ResourceId.parse(identity).type}' have no logs in the emulator."
            raise ServiceError(400, "BadArgumentError", message)
        raise ServiceError(404, "PathNotFoundError", f"The resource '{identity}' was not found.")

    def _in_workspace(self, customer: str) -> list[Component]:
        for document in self._emulator.store.of_type(LOG_ANALYTICS):
            if document.properties["customerId"].lower() == customer.lower():
                return self._of_resource(document.id)[0]
        raise ServiceError(404, "WorkspaceNotFoundError", f"The workspace '{customer}' could not be found.")

    def _additional(self, names: Sequence[str]) -> list[Component]:
        """The components of workspaces that a query names besides its own."""
        found: list[Component] = []
        for name in names:
            found += self._of_resource(name)[0] if name.startswith("/") else self._in_workspace(name)
        return found

    def _authorise(self, request: Request) -> Principal:
        """401 without a token, 403 with one for another service."""
        try:
            principal = self._emulator.tokens.verify(request.headers.get("authorization"))
        except ServiceError as error:
            message = f"Valid authentication was not provided. {error.message}"
            raise ServiceError(401, "AuthorizationRequiredError", message, headers=error.headers) from None
        if principal.audience.rstrip("/") not in {*AUDIENCES, self._emulator.settings.base_url}:
            message = f"The provided authentication is not valid for this resource; it is for '{principal.audience}'."
            raise ServiceError(403, "InvalidTokenError", message)
        return principal

    def _answer(
        self, request: Request, principal: Principal, components: Sequence[Component], workspace_only: bool
    ) -> Response:
        question = read(request)
        now = int(time.time() * MICROSECONDS)
        everything = [*components, *self._additional(question.workspaces)]
        if not all(self._emulator.access.allows(principal.object_id, QUERY_LOGS, one.id) for one in everything):
            message = "The provided credentials have insufficient access to perform the requested operation"
            raise ServiceError(403, "InsufficientAccessError", message)
        scope = Scope(everything, timespan.read(question.timespan, now), workspace_only)
        try:
            statement = translate(parse(question.text), scope.find, now, MOST_ROWS + 1)
            rows = self._run(statement, patience(request))
        except QueryError as error:
            return refusal(error)
        except QueryTimeout as error:
            raise ServiceError(504, "GatewayTimeout", str(error)) from None
        return Response.json(result(statement, rows))

    def _run(self, statement: Statement, seconds: float) -> list[tuple[Any, ...]]:
        try:
            return self._database.query(statement.sql, statement.parameters, seconds)
        except (sqlite3.OperationalError, OverflowError) as error:
            # SQLite has limits of its own, on the depth of an expression for example.
            raise semantic_error(f"the emulator cannot run the query ({error})", Position(1, 0)) from None


def read(request: Request) -> Question:
    """The query of a GET or POST."""
    body = request.json() if request.method == "POST" else dict(request.query)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str) or not body["query"].strip():
        raise ServiceError(400, "BadArgumentError", "The request had some invalid properties: 'query' is missing.")
    given = body.get("workspaces") or []
    workspaces = given.split(",") if isinstance(given, str) else [str(one) for one in given]
    span = body.get("timespan")
    return Question(body["query"], str(span) if span else None, workspaces)


def patience(request: Request) -> float:
    """Seconds that a query may take: `Prefer: wait=600`."""
    found = re.search(r"wait=(\d+)", request.headers.get("prefer", ""))
    return min(float(found[1]), MOST_SECONDS) if found else SECONDS


def result(statement: Statement, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The table of an answer; one that is cut says so."""
    columns = [{"name": name, "type": kind.name} for name, kind in statement.columns]
    kinds = [kind for _, kind in statement.columns]
    values = [[shown(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows[:MOST_ROWS]]
    body: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": values}]}
    if len(rows) > MOST_ROWS:
        body["error"] = {"code": "PartialError", "message": f"The result has more than {MOST_ROWS} rows and is cut."}
    return body


def refusal(error: QueryError) -> Response:
    """A query that cannot be run, as Log Analytics says it."""
    outer = {"code": "BadArgumentError", "message": "The request had some invalid properties"}
    return Response.json(
        {"error": {**outer, "correlationId": str(uuid.uuid4()), "innererror": error.body()}}, status=400
    )

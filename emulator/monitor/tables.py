"""The tables of Application Insights, under both of the names that they and their columns have.

Names and types are those of "Application Insights telemetry data model" and of the Azure Monitor Logs reference
(https://learn.microsoft.com/azure/azure-monitor/reference/tables/apprequests and its neighbours): `requests` and its
columns where a component is queried, `AppRequests` and its columns in a Log Analytics workspace.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.monitor.kql.types import BOOL, DATETIME, DYNAMIC, INT, LONG, REAL, STRING, Type

STORED = 't."{name}"'
"""SQL of a stored column: `t` is its table, `k` the table of components."""
TRUTH = "case t.\"{name}\" when 1 then 'True' else 'False' end"


@dataclass(frozen=True)
class Column:
    """A column: its name in a component and in a workspace ("" where it has none), its type, and the SQL that reads it
    there when it is not the column itself. Where the types differ, the workspace's is the one that is stored.
    """

    name: str
    workspace: str
    type: Type = STRING
    sql: str = ""
    workspace_sql: str = ""
    workspace_type: Type | None = None

    @property
    def storage(self) -> Type:
        """The type of the SQLite column."""
        return self.workspace_type or self.type

    @property
    def stored(self) -> bool:
        """Whether it is a column of the SQLite table."""
        return not self.sql or "{name}" in self.sql


@dataclass(frozen=True)
class Table:
    """A table; `item` is what `itemType` says."""

    name: str
    workspace: str
    item: str
    columns: tuple[Column, ...]

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns of the SQLite table."""
        return tuple(column for column in self.columns if column.stored)


def common(item: str, workspace: str) -> tuple[Column, ...]:
    """What every table has."""
    return (
        Column("timestamp", "TimeGenerated", DATETIME),
        Column("itemId", "_ItemId"),
        Column("itemType", "Type", sql=f"'{item}'", workspace_sql=f"'{workspace}'"),
        Column("customDimensions", "Properties", DYNAMIC),
        Column("operation_Name", "OperationName"),
        Column("operation_Id", "OperationId"),
        Column("operation_ParentId", "ParentId"),
        Column("operation_SyntheticSource", "SyntheticSource"),
        Column("session_Id", "SessionId"),
        Column("user_Id", "UserId"),
        Column("user_AuthenticatedId", "UserAuthenticatedId"),
        Column("user_AccountId", "UserAccountId"),
        Column("application_Version", "AppVersion"),
        Column("client_Type", "ClientType"),
        Column("client_Model", "ClientModel"),
        Column("client_OS", "ClientOS"),
        Column("cloud_RoleName", "AppRoleName"),
        Column("cloud_RoleInstance", "AppRoleInstance"),
        Column("appId", "ResourceGUID", sql="k.app_id"),
        Column("appName", "", sql="k.app_name"),
        Column("iKey", "IKey", sql="k.instrumentation_key"),
        Column("sdkVersion", "SDKVersion"),
        Column("itemCount", "ItemCount", INT),
        Column("_ResourceId", "_ResourceId", sql="k.resource"),
    )


SUCCESS = Column("success", "Success", sql=TRUTH, workspace_sql=STORED, workspace_type=BOOL)
MEASUREMENTS = Column("customMeasurements", "Measurements", DYNAMIC)
TIMED = (
    Column("resultCode", "ResultCode"),
    Column("duration", "DurationMs", REAL),
    Column("performanceBucket", "PerformanceBucket"),
    MEASUREMENTS,
)
SEVERITY = Column("severityLevel", "SeverityLevel", INT)


def table(name: str, workspace: str, item: str, *columns: Column) -> Table:
    """A table with the common columns after the one that holds its time."""
    first, *rest = common(item, workspace)
    return Table(name, workspace, item, (first, *columns, *rest))


REQUESTS = table(
    "requests",
    "AppRequests",
    "request",
    Column("id", "Id"),
    Column("source", "Source"),
    Column("name", "Name"),
    Column("url", "Url"),
    SUCCESS,
    *TIMED,
)
DEPENDENCIES = table(
    "dependencies",
    "AppDependencies",
    "dependency",
    Column("id", "Id"),
    Column("target", "Target"),
    Column("type", "DependencyType"),
    Column("name", "Name"),
    Column("data", "Data"),
    SUCCESS,
    *TIMED,
)
EXCEPTIONS = table(
    "exceptions",
    "AppExceptions",
    "exception",
    Column("problemId", "ProblemId"),
    Column("type", "ExceptionType"),
    Column("message", "Message"),
    Column("assembly", "Assembly"),
    Column("method", "Method"),
    Column("outerType", "OuterType"),
    Column("outerMessage", "OuterMessage"),
    Column("innermostType", "InnermostType"),
    Column("innermostMessage", "InnermostMessage"),
    SEVERITY,
    Column("details", "Details", DYNAMIC),
    MEASUREMENTS,
)
TRACES = table("traces", "AppTraces", "trace", Column("message", "Message"), SEVERITY, MEASUREMENTS)
EVENTS = table("customEvents", "AppEvents", "customEvent", Column("name", "Name"), MEASUREMENTS)
METRICS = table(
    "customMetrics",
    "AppMetrics",
    "customMetric",
    Column("name", "Name"),
    Column("value", "", REAL),
    Column("valueCount", "", INT),
    Column("valueSum", "Sum", REAL),
    Column("valueMin", "Min", REAL),
    Column("valueMax", "Max", REAL),
    Column("valueStdDev", "", REAL),
)
AVAILABILITY = table(
    "availabilityResults",
    "AppAvailabilityResults",
    "availabilityResult",
    Column("id", "Id"),
    Column("name", "Name"),
    Column("location", "Location"),
    SUCCESS,
    Column("message", "Message"),
    Column("size", "Size", LONG),
    *TIMED[1:],
)
TABLES = (REQUESTS, DEPENDENCIES, EXCEPTIONS, TRACES, EVENTS, METRICS, AVAILABILITY)

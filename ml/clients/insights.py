"""Telemetry by query: KQL over the logs of an Azure resource, such as an Application Insights component.

https://learn.microsoft.com/azure/azure-monitor/logs/api/azure-resource-queries. One page of a REST API, so that a tool
that asks one question need not import an SDK.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ml.clients.cloud import Cloud, load_cloud, token, trust
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    import httpx

REQUEST_SECONDS = 60.0
TRIES = 3
Timespan = timedelta | tuple[datetime, datetime] | None
DAY = timedelta(days=1)


def query(resource_id: str, kql: str, timespan: Timespan = DAY) -> list[dict[str, Any]]:
    """The rows of a query, each by column: times are `datetime`, dynamic values are JSON text, the rest is as JSON has
    it. `timespan` bounds the time of the records, None does not.

    Records are there minutes after they were sent; on Azure count on five.

    Raises:
        CloudError: the query is refused (`code` names Azure's reason), the answer is cut, or nobody answers.
    """
    body = {"query": kql, **({"timespan": interval(timespan)} if timespan else {})}
    answer = _send(load_cloud(), resource_id, body)
    if "error" in answer:
        raise CloudError(f"the answer of the query is not whole: {reason(answer)}", code="PartialError")
    table = answer["tables"][0]
    return [row(table["columns"], values) for values in table["rows"]]


def interval(timespan: timedelta | tuple[datetime, datetime]) -> str:
    """A time range in ISO 8601; a duration ends now.

    Raises:
        ValueError: an end has no time zone.
    """
    if isinstance(timespan, timedelta):
        return f"PT{timespan.total_seconds():.6f}S"
    if any(end.tzinfo is None for end in timespan):
        raise ValueError("both ends of a timespan need a time zone")
    return "/".join(end.isoformat() for end in timespan)


def row(columns: list[dict[str, str]], values: list[Any]) -> dict[str, Any]:
    """One row by column."""
    return {
        column["name"]: datetime.fromisoformat(value) if column["type"] == "datetime" and value else value
        for column, value in zip(columns, values, strict=True)
    }


def _send(cloud: Cloud, resource_id: str, body: dict[str, Any]) -> dict[str, Any]:
    import httpx
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    with httpx.Client(verify=trust(), timeout=REQUEST_SECONDS) as client:
        waits = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(1, max=30),
            reraise=True,
        )
        return waits(_checked, client, cloud, resource_id, body)


def _checked(client: httpx.Client, cloud: Cloud, resource_id: str, body: dict[str, Any]) -> dict[str, Any]:
    import httpx

    bearer = token(f"{cloud.log_analytics}/.default")
    url = f"{cloud.log_analytics}/v1/{resource_id.strip('/')}/query"
    try:
        answer = client.post(url, json=body, headers={"authorization": f"Bearer {bearer}"})
    except httpx.HTTPError as error:
        raise CloudError(f"{cloud.log_analytics} does not answer ({error})") from None
    try:
        value: dict[str, Any] = answer.json()
    except ValueError:
        value = {}
    if answer.is_success and "tables" in value:
        return value
    code = str((value.get("error") or {}).get("code", ""))
    message = f"the query of {resource_id} is refused: {answer.status_code} {reason(value) or answer.text[:200]}"
    raise CloudError(message, status=answer.status_code, code=code)


def reason(answer: dict[str, Any]) -> str:
    """Code and message of the innermost error: it names what is wrong with a query."""
    error = answer.get("error") or {}
    while error.get("innererror"):
        error = error["innererror"]
    return f"{error.get('code', '')}: {error.get('message', '')}" if error else ""


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, CloudError) and error.status in (429, 502, 503, 504)

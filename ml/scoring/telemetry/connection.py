"""The connection string of Application Insights:
https://learn.microsoft.com/azure/azure-monitor/app/connection-strings.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
GLOBAL_ENDPOINT = "https://dc.services.visualstudio.com"
AUDIENCE = "https://monitor.azure.com/"


class ConnectionStringError(ValueError):
    """What is wrong with the variable, without its value: it can hold a key."""


@dataclass(frozen=True)
class Connection:
    """`endpoint` is the ingestion endpoint without a slash at its end, `audience` the resource its tokens are for."""

    instrumentation_key: str
    endpoint: str
    audience: str = AUDIENCE

    @classmethod
    def parse(cls, text: str) -> Connection:
        """Reads `InstrumentationKey=…;IngestionEndpoint=…;AADAudience=…`; keys come in any case and order.

        Raises:
            ConnectionStringError: it is no connection string.
        """
        pairs = [part.partition("=") for part in text.split(";") if part.strip()]
        if any(not separator for _, separator, _ in pairs):
            raise ConnectionStringError(f"{VARIABLE} has a part without '='; copy it whole from the component")
        values = {key.strip().lower(): value.strip() for key, _, value in pairs}
        if values.get("authorization", "ikey").lower() != "ikey":
            raise ConnectionStringError(f"{VARIABLE}: Authorization must be 'ikey'")
        return cls(
            instrumentation_key=_instrumentation_key(values),
            endpoint=_endpoint(values),
            audience=values.get("aadaudience") or AUDIENCE,
        )


def _instrumentation_key(values: dict[str, str]) -> str:
    try:
        return str(uuid.UUID(values["instrumentationkey"]))
    except KeyError:
        raise ConnectionStringError(f"{VARIABLE} names no InstrumentationKey") from None
    except ValueError:
        raise ConnectionStringError(f"{VARIABLE}: InstrumentationKey must be a GUID") from None


def _endpoint(values: dict[str, str]) -> str:
    suffix, location = values.get("endpointsuffix"), values.get("location")
    built = f"https://{f'{location}.' if location else ''}dc.{suffix}" if suffix else GLOBAL_ENDPOINT
    endpoint = (values.get("ingestionendpoint") or built).rstrip("/")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectionStringError(f"{VARIABLE}: IngestionEndpoint '{endpoint}' must be an http(s) URL")
    return endpoint

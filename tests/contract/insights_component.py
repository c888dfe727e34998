"""An Application Insights component on a Log Analytics workspace, and a way to send it telemetry."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Any

import httpx
from azure.identity import DefaultAzureCredential

from emulator.settings import SUBSCRIPTION_ID
from ml.clients import insights as client
from ml.clients.cloud import trust
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm, wait_for

AUDIENCE = "https://monitor.azure.com"


class Insights:
    """A component in a group of its own; Entra tokens only, unless told otherwise."""

    def __init__(self, emulator: RunningEmulator, name: str, *, local_authentication: bool = False) -> None:
        self.emulator = emulator
        self.group = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{name}"
        self.workspace = f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/logs"
        self.component = f"{self.group}/providers/Microsoft.Insights/components/insights"
        self._arm = Arm(emulator)
        self._local = local_authentication
        self.put(self.group, {})
        self.customer_id = str(self.put(self.workspace, {"properties": {}})["customerId"])
        self.create_component()

    def put(self, path: str, body: dict[str, Any], *, located: bool = True) -> dict[str, Any]:
        """Creates a resource; its properties."""
        answer = self._arm.send("PUT", path, {**({"location": "westeurope"} if located else {}), **body})
        assert answer.is_success, answer.text
        properties: dict[str, Any] = answer.json()["properties"]
        return properties

    def create_component(self) -> None:
        """The component, with what clients know of it."""
        given = {
            "Application_Type": "web",
            "WorkspaceResourceId": self.workspace,
            "DisableLocalAuth": not self._local,
        }
        properties = self.put(self.component, {"kind": "web", "properties": given})
        self.connection_string = str(properties["ConnectionString"])
        self.instrumentation_key = str(properties["InstrumentationKey"])
        self.app_id = str(properties["AppId"])
        self.endpoint = f"{self.emulator.settings.base_url}/applicationinsights/"

    def delete_component(self) -> None:
        """The component without its workspace."""
        assert self._arm.send("DELETE", self.component).status_code == 200

    def bearer(self, audience: str = AUDIENCE) -> str:
        """An authorization header for an audience."""
        with DefaultAzureCredential() as credential:
            return f"Bearer {credential.get_token(f'{audience}/.default').token}"

    def track(self, body: bytes, headers: dict[str, str] | None = None, path: str = "v2.1/track") -> httpx.Response:
        """Sends a body as an exporter would."""
        given = headers or {}
        token = {} if "authorization" in given else {"authorization": self.bearer()}
        used = {name: value for name, value in {**token, **given}.items() if value}
        return httpx.post(self.endpoint + path, content=body, headers=used, verify=trust(), timeout=30)

    def ask(self, kql: str) -> list[dict[str, Any]]:
        """The rows of a query, by our own client."""
        return client.query(self.component, kql, timedelta(hours=1))

    def close(self) -> None:
        """Removes all of it."""
        wait_for(self._arm, self._arm.send("DELETE", self.group))
        self._arm.client.close()


def envelope(insights: Insights, name: str = "POST /score") -> dict[str, Any]:
    """A request as the documented schema has it."""
    return {
        "ver": 1,
        "name": "Microsoft.ApplicationInsights.Request",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".0000000Z",
        "iKey": insights.instrumentation_key,
        "tags": {"ai.cloud.role": "tests"},
        "data": {
            "baseType": "RequestData",
            "baseData": {
                "ver": 2,
                "id": uuid.uuid4().hex,
                "name": name,
                "duration": "0.00:00:00.012500",
                "responseCode": "200",
                "success": True,
                "properties": {"version": "3"},
            },
        },
    }

"""What a rollout does at the endpoint beyond traffic."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ml.clients import operations
from ml.clients.errors import CloudError
from ml.resources import rollout_endpoint
from ml.resources.rollout_endpoint import CloudEndpoint, Machines


class Accepting:
    """An ARM that accepts a change and fails it later."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, method: str, path: str, version: str, **given: Any) -> httpx.Response:
        self.sent.append((method, path))
        return httpx.Response(202, headers={"azure-asyncoperation": "https://arm/operations/1"})

    def follow(self, url: str) -> httpx.Response:
        error = {"code": "OutOfQuota", "message": "not enough cores"}
        return httpx.Response(200, json={"status": "Failed", "error": error})


def test_a_scale_out_that_fails_after_it_was_accepted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Accepting()
    for module in (rollout_endpoint, operations):
        monkeypatch.setattr(module, "arm", lambda: cloud)
    client: Any = SimpleNamespace(path="/endpoint", deployment=lambda _name: SimpleNamespace(instances=1))
    endpoint = CloudEndpoint(client, "bike_buyer", lambda: Machines("Standard_DS2_v2"), lambda _text: None)
    with pytest.raises(CloudError, match="OutOfQuota: not enough cores"):
        endpoint.scale("v2", 10)
    assert cloud.sent == [("PATCH", "/endpoint/deployments/v2")]

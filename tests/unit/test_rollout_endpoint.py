"""What a rollout does at the endpoint beyond traffic."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ml.clients import endpoints, operations
from ml.clients.endpoints import DeploymentFailure, ImageDeployment
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace
from ml.progress import Failure
from ml.rollout.core.ports import Rejected, Target
from ml.rollout.online import endpoint as rollout_endpoint
from ml.rollout.online.endpoint import CloudEndpoint, Machines


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


@pytest.mark.parametrize(
    ("code", "message", "bad"),
    [
        ("ResourceNotReady", "the container did not get ready", True),
        ("None", "ResourceNotReady: User container has crashed or terminated: x", True),
        ("BadArgument", "User container has crashed or terminated: Liveness probe failed", True),
        ("OutOfQuota", "not enough cores", False),
        ("ImageBuildFailure", "the registry refuses", False),
    ],
)
def test_only_a_container_that_fails_is_the_image_s_fault(code: str, message: str, bad: bool) -> None:
    log = "retrying: ResourceNotReady"  # of a service that the container asks

    def deploy(_wanted: object, report: object) -> None:
        raise DeploymentFailure(f"the deployment 'v2' did not get ready: {code}: {message}\n{log}", code=code, log=log)

    client: Any = SimpleNamespace(path="/endpoint", deploy=deploy)
    endpoint = CloudEndpoint(client, "bike_buyer", lambda: Machines("Standard_DS2_v2"), lambda _text: None)
    with pytest.raises(Rejected if bad else Failure, match=re.escape(message)):
        endpoint.deploy(Target("bike_buyer", 2, "r/x@sha256:a", "s", "v2"))


def test_an_environment_that_stands_for_another_image_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"properties": {"image": "r/x@sha256:other"}}
    monkeypatch.setattr(endpoints, "arm", lambda: SimpleNamespace(get=lambda _path, _version: other))
    wanted = ImageDeployment("v2", "r/x@sha256:a", "bike-buyer-scoring", "a", "Standard_DS2_v2")
    client = endpoints.OnlineEndpoints(Workspace("s", "g", "w"), "oep")
    with pytest.raises(CloudError, match="versions/a stands for r/x@sha256:other instead of r/x@sha256:a: delete that"):
        client.deploy(wanted)


def test_a_scale_out_that_fails_after_it_was_accepted_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Accepting()
    for module in (rollout_endpoint, operations):
        monkeypatch.setattr(module, "arm", lambda: cloud)
    client: Any = SimpleNamespace(path="/endpoint", deployment=lambda _name: SimpleNamespace(instances=1))
    endpoint = CloudEndpoint(client, "bike_buyer", lambda: Machines("Standard_DS2_v2"), lambda _text: None)
    with pytest.raises(CloudError, match="OutOfQuota: not enough cores"):
        endpoint.scale("v2", 10)
    assert cloud.sent == [("PATCH", "/endpoint/deployments/v2")]

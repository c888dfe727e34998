"""A workspace with everything it needs, made by plain ARM requests, and the unmodified SDK pointed at it."""

from __future__ import annotations

import gc
import os
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.identity import ManagedIdentityCredential

from emulator.settings import SUBSCRIPTION_ID, TENANT_ID
from tests.conftest import RunningEmulator
from tests.contract.azureml_sdk import MLClient

LOCATION = "westeurope"
API_VERSIONS = {
    "Microsoft.Storage": "2023-01-01",
    "Microsoft.KeyVault": "2023-07-01",
    "Microsoft.Insights": "2020-02-02",
    "Microsoft.OperationalInsights": "2022-10-01",
    "Microsoft.MachineLearningServices": "2024-10-01",
}


@dataclass(frozen=True)
class Workspace:
    """A workspace `name` in a resource group of the same name; `suffix` keeps globally unique names apart."""

    emulator: RunningEmulator
    name: str

    @property
    def group(self) -> str:
        """The resource group's id."""
        return f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{self.name}"

    @property
    def id(self) -> str:
        """The workspace's id."""
        return f"{self.group}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    @property
    def account(self) -> str:
        """The storage account's name."""
        return f"st{self.name}"

    @property
    def trust(self) -> ssl.SSLContext:
        """TLS that trusts the emulator."""
        return ssl.create_default_context(cafile=self.emulator.environment["SSL_CERT_FILE"])

    @cached_property
    def credential(self) -> ManagedIdentityCredential:
        """The identity that the emulator's environment offers."""
        return ManagedIdentityCredential()

    @cached_property
    def http(self) -> httpx.Client:
        """A client for plain requests, with a token."""
        token = self.credential.get_token("https://management.azure.com/.default").token
        return httpx.Client(
            base_url=self.emulator.settings.base_url,
            headers={"authorization": f"Bearer {token}"},
            verify=self.trust,
            trust_env=False,
            timeout=60,
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One ARM request; `path` is an id."""
        provider = path.rpartition("/providers/")[2].partition("/")[0]
        version = API_VERSIONS.get(provider, "2022-09-01")
        return self.http.request(method, path, params={"api-version": version, **options.pop("params", {})}, **options)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Creates a resource and waits for it."""
        answer = self.request("PUT", path, json=body)
        assert answer.status_code in (200, 201, 202), answer.text
        self.finish(answer)
        found: dict[str, Any] = self.request("GET", path).json()
        return found

    def delete(self, path: str, **query: str) -> None:
        """Deletes a resource and waits until it is gone."""
        answer = self.request("DELETE", path, params=query)
        assert answer.status_code in (200, 202, 204), answer.text
        self.finish(answer)

    def finish(self, answer: httpx.Response) -> None:
        """Polls the operation of an answer, if it has one."""
        where = answer.headers.get("azure-asyncoperation")
        if where:
            final = until(lambda: (status := self.http.get(where).json())["status"] != "InProgress" and status)
            assert final["status"] == "Succeeded", final

    def create(self, **properties: Any) -> Workspace:
        """Makes the group, the neighbours and the workspace; `properties` go into the workspace's."""
        names = {
            "storageAccount": f"Microsoft.Storage/storageAccounts/{self.account}",
            "keyVault": f"Microsoft.KeyVault/vaults/kv-{self.name}",
            "applicationInsights": f"Microsoft.Insights/components/appi-{self.name}",
        }
        ids = {name: f"{self.group}/providers/{path}" for name, path in names.items()}
        logs = f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/log-{self.name}"
        self.put(self.group, {"location": LOCATION})
        self.put(ids["storageAccount"], {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
        vault = {"tenantId": TENANT_ID, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
        self.put(ids["keyVault"], {"location": LOCATION, "properties": vault})
        self.put(logs, {"location": LOCATION, "properties": {"sku": {"name": "PerGB2018"}}})
        insights = {"Application_Type": "web", "WorkspaceResourceId": logs}
        self.put(ids["applicationInsights"], {"location": LOCATION, "kind": "web", "properties": insights})
        self.put(self.id, {"location": LOCATION, "properties": {**ids, **properties}})
        return self

    @property
    def client(self) -> MLClient:
        """azure-ai-ml, with the cloud that the metadata describes. The SDK keeps the cloud's name in the environment,
        where a client of another emulator leaves its own.
        """
        client = self._client
        os.environ["AZUREML_CURRENT_CLOUD"] = self._cloud
        return client

    @property
    def _cloud(self) -> str:
        """The SDK keeps the first metadata of a cloud's name for the whole process."""
        return f"AzureEmulator{self.emulator.settings.https_port}"

    @cached_property
    def _client(self) -> MLClient:
        with httpx.Client(verify=self.trust, trust_env=False) as plain:
            found = plain.get(
                f"{self.emulator.settings.base_url}/metadata/endpoints", params={"api-version": "2022-09-01"}
            ).json()
        manager = found["resourceManager"]
        metadata = {
            "azure_portal": found["portal"],
            "resource_manager": manager,
            "active_directory": found["authentication"]["loginEndpoint"],
            "aml_resource_id": manager,
            "storage_endpoint": found["suffixes"]["storage"],
            "registry_discovery_endpoint": manager,
        }
        return MLClient(
            self.credential,
            SUBSCRIPTION_ID,
            self.name,
            self.name,
            enable_telemetry=False,
            show_progress=False,
            cloud=self._cloud,
            cloud_metadata=metadata,
        )

    def close(self) -> None:
        """Closes every connection, those too that azure-ai-ml keeps and cannot close itself."""
        self.http.close()
        self.credential.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            self.__dict__.pop("_client", None)
            gc.collect()

    def end(self, job: str, *, seconds: float = 180) -> Any:
        """Waits until a job has ended."""
        final = ("Completed", "Failed", "Canceled")
        return until(lambda: (found := self.client.jobs.get(job)).status in final and found, seconds=seconds)

    def details(self, job: str) -> dict[str, Any]:
        """A job in run history."""
        found: dict[str, Any] = self.http.get(f"/history/v1.0{self.id}/runs/{job}/details").json()
        return found


SHARED: dict[Path, Workspace] = {}
IGNORED = pytest.mark.filterwarnings(
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
    "ignore::marshmallow.warnings.ChangedInMarshmallow4Warning",
    "ignore:The use of a 'BlobProperties' instance:DeprecationWarning",
    "ignore:content_as_bytes is deprecated:DeprecationWarning",
)
"""What azure-ai-ml warns about itself."""


@pytest.fixture(name="workspace", scope="session")
def fixture_workspace(emulator: RunningEmulator) -> Iterator[Workspace]:
    """One workspace with a cluster for all tests of a session."""
    state = emulator.settings.state
    if state not in SHARED:
        SHARED[state] = with_cluster(Workspace(emulator, "azureml").create())
    yield SHARED[state]
    if state in SHARED:
        SHARED.pop(state).close()


@pytest.fixture(autouse=True)
def fixture_sockets() -> Iterator[None]:
    """azure-ai-ml never closes the clients it makes for an upload."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def with_cluster(workspace: Workspace, name: str = "cpu", identity: dict[str, Any] | None = None) -> Workspace:
    """Adds a cluster of four nodes."""
    scale = {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT120S"}
    cluster = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}
    compute = {"location": LOCATION, "properties": {"computeType": "AmlCompute", "properties": cluster}}
    workspace.put(f"{workspace.id}/computes/{name}", {**compute, **({"identity": identity} if identity else {})})
    return workspace


def until(ready: Callable[[], Any], *, seconds: float = 180) -> Any:
    """Asks again until the answer is true, and gives it; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.1)
    return answer

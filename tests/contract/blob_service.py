"""The Blob services that the contract holds for: ours and Azurite, behind the same unmodified client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerClient

from emulator.settings import SUBSCRIPTION_ID
from tests.conftest import RunningEmulator

OURS, AZURITE = "ours", "azurite"
GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/blob-contract"
ACCOUNTS = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
VERSION = "2024-01-01"


AZURITE_SAYS = {
    "a wrong signature": (403, "AuthorizationFailure"),
    "a Put Blob with a wrong MD5": (400, "InvalidOperation"),
}
"""Refusals that Azurite words otherwise than Azure's documentation."""
AZURITE_DIFFERS = {
    "test_a_copied_append_blob_grows_alone": "a copy of an append blob shares what is appended later",
    "test_a_range_behind_the_end_is_refused": "a range that begins at the end is answered with nothing",
    "test_a_version_cannot_be_replaced_where_there_is_none": "If-Match on a blob that is not there is passed over",
    "test_an_upload_drops_what_was_staged": "a Put Blob leaves the staged blocks",
}
"""Tests that Azurite fails, and what it does. Everything else is the same in both."""


@dataclass(frozen=True)
class BlobService:
    """One service with an account and its key."""

    name: str
    account: str
    key: str
    endpoint: str

    @cached_property
    def shared(self) -> BlobServiceClient:
        """One client by the key for all tests: making its connection is what costs time."""
        return self.client()

    def refusal(self, what: str, status: int, error: str) -> tuple[int, str]:
        """Azure's refusal, or Azurite's own where the list has one."""
        return AZURITE_SAYS.get(what, (status, error)) if self.name == AZURITE else (status, error)

    def client(self, credential: Any = None, **options: Any) -> BlobServiceClient:
        """A client of the account, by its key unless another credential is given; it does not try again."""
        return BlobServiceClient(self.endpoint, credential=credential or self.key, **{"retry_total": 0, **options})


@dataclass(frozen=True)
class BlobContainer:
    """An empty container of a service."""

    service: BlobService
    client: ContainerClient

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.client.container_name)

    def signed(self, signature: str) -> ContainerClient:
        """The container by a shared access signature."""
        return self.service.client(signature).get_container_client(self.name)


@dataclass
class StorageAccounts:
    """ARM's storage accounts by plain requests, in a resource group of their own."""

    emulator: RunningEmulator
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        context = ssl.create_default_context(cafile=self.emulator.environment["SSL_CERT_FILE"])
        headers = {"authorization": f"Bearer {self.token('https://management.azure.com')}"}
        self.client = httpx.Client(base_url=self.emulator.settings.base_url, verify=context, headers=headers)
        self.send("PUT", GROUP, {"location": "westeurope"})

    def token(self, resource: str) -> str:
        """A managed identity's token."""
        secret = {"X-IDENTITY-HEADER": self.emulator.environment["IDENTITY_HEADER"]}
        where = {"resource": resource, "api-version": "2019-08-01"}
        answer = httpx.get(self.emulator.environment["IDENTITY_ENDPOINT"], params=where, headers=secret)
        return str(answer.json()["access_token"])

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request to ARM."""
        return self.client.request(method, path, json=body, params={"api-version": VERSION})

    def create(self, name: str, **properties: Any) -> BlobService:
        """An account."""
        body = {
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": properties,
        }
        answer = self.send("PUT", f"{ACCOUNTS}/{name}", body)
        assert answer.is_success, answer.text
        endpoint = self.send("GET", f"{ACCOUNTS}/{name}").json()["properties"]["primaryEndpoints"]["blob"]
        keys = self.send("POST", f"{ACCOUNTS}/{name}/listKeys").json()["keys"]
        return BlobService(OURS, name, keys[0]["value"], endpoint)

    def delete(self, name: str) -> int:
        """Removes an account; the status of the answer."""
        return self.send("DELETE", f"{ACCOUNTS}/{name}").status_code


def code(error: HttpResponseError) -> tuple[int | None, str]:
    """Status and error code of a refusal."""
    found = getattr(error, "error_code", None)
    return error.status_code, str(getattr(found, "value", found))

"""Which cloud this process talks to: public Azure, or the one whose metadata `ARM_METADATA_HOSTNAME` names."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ml.clients.errors import CloudError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

METADATA_VERSION = "2022-09-01"


@dataclass(frozen=True)
class Cloud:
    """Endpoints of a cloud; URLs end without a slash, suffixes come without a leading dot."""

    name: str
    resource_manager: str
    login: str
    portal: str
    storage_suffix: str
    vault_suffix: str
    audience: str
    log_analytics: str = "https://api.loganalytics.io"

    @property
    def scope(self) -> str:
        """The OAuth scope of ARM."""
        return self.audience.rstrip("/") + "/.default"


PUBLIC = Cloud(
    name="AzureCloud",
    resource_manager="https://management.azure.com",
    login="https://login.microsoftonline.com",
    portal="https://portal.azure.com",
    storage_suffix="core.windows.net",
    vault_suffix="vault.azure.net",
    audience="https://management.azure.com",
)


@cache
def load_cloud() -> Cloud:
    """The cloud of this process.

    azure-native finds a sovereign or private cloud by the same variable and the same document:
    https://learn.microsoft.com/azure/azure-resource-manager/management/manage-resources-rest.

    Raises:
        CloudError: the metadata endpoint does not answer.
    """
    host = os.environ.get("ARM_METADATA_HOSTNAME")
    if not host:
        return PUBLIC
    import httpx  # a seventh of a second that a preview can do without

    url = f"https://{host}/metadata/endpoints"
    try:
        answer = httpx.get(url, params={"api-version": METADATA_VERSION}, verify=trust(), timeout=10)
        answer.raise_for_status()
        return read(answer.json())
    except (httpx.HTTPError, OSError, ValueError, LookupError) as error:  # OSError: without its certificate's file
        given = f"ARM_METADATA_HOSTNAME is '{host}', but {url} does not describe a cloud ({error})"
        message = f"{given}. Is it running? Is the name right?"
        raise CloudError(message) from None


def read(metadata: Any) -> Cloud:
    """A cloud from its metadata document (a list of clouds in older versions of the endpoint)."""
    found = metadata[0] if isinstance(metadata, list) else metadata
    authentication, suffixes = found["authentication"], found["suffixes"]
    return Cloud(
        name=found["name"],
        resource_manager=found["resourceManager"].rstrip("/"),
        login=authentication["loginEndpoint"].rstrip("/"),
        portal=found["portal"].rstrip("/"),
        storage_suffix=suffixes["storage"],
        vault_suffix=suffixes["keyVaultDns"],
        audience=authentication["audiences"][0].rstrip("/"),
        log_analytics=found.get("logAnalyticsResourceId", PUBLIC.log_analytics).rstrip("/"),
    )


def trust() -> ssl.SSLContext:
    """Certificates to trust: `SSL_CERT_FILE` where it is set, else the system's."""
    return _context(os.environ.get("SSL_CERT_FILE"))


@cache
def _context(file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)  # reads and checks for 30 ms


@cache
def credential() -> TokenCredential:
    """Whatever this machine is signed in with: environment, workload identity, managed identity, az CLI."""
    from azure.identity import DefaultAzureCredential

    authority = load_cloud().login
    discovery = os.environ.get("ARM_DISABLE_INSTANCE_DISCOVERY", "").lower() == "true"
    return DefaultAzureCredential(
        authority=authority, disable_instance_discovery=discovery, exclude_interactive_browser_credential=True
    )


def token(scope: str) -> str:
    """A token for an OAuth scope.

    Raises:
        CloudError: nobody is signed in on this machine, or no longer.
    """
    from azure.core.exceptions import ClientAuthenticationError

    try:
        return credential().get_token(scope).token
    except ClientAuthenticationError as error:
        said = str(error).splitlines()[0].rstrip(".")
        fix = "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
        raise CloudError(f"not signed in to {load_cloud().name} ({said}): {fix}", status=401) from None

"""Finds Resource Manager and a token for it as azure-native does: by metadata endpoint and managed identity."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emulator.provider.errors import ProviderError

if TYPE_CHECKING:
    import httpx

METADATA_PATH = "/metadata/endpoints?api-version=2022-09-01"
TIMEOUT_SECONDS = 60.0
CONNECTIONS = 32


class Connection:
    """A shared HTTP client, made at the first request so that a preview needs neither endpoint nor credential."""

    def __init__(self, metadata_host: str) -> None:
        self.metadata_host = metadata_host
        self._lock = threading.RLock()

    @cached_property
    def http(self) -> httpx.Client:
        """The client; trusts the certificates that SSL_CERT_FILE names."""
        import ssl

        import httpx

        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        limits = httpx.Limits(max_connections=CONNECTIONS)
        return httpx.Client(verify=context, timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)

    @cached_property
    def _endpoints(self) -> dict[str, Any]:
        if not self.metadata_host:
            raise ProviderError(
                "no endpoint: ARM_METADATA_HOSTNAME is not set. "
                'Run `make up`, or `eval "$(make -s env STACK=<name>)"` first'
            )
        scheme = "" if "://" in self.metadata_host else "https://"
        url = scheme + self.metadata_host + METADATA_PATH
        try:
            answer = self.http.get(url)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except Exception as error:
            raise ProviderError(
                f"no answer from {url} ({error}): is the emulator running? See `make doctor`"
            ) from error
        return found

    @cached_property
    def _credential(self) -> Any:
        from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

        return ManagedIdentityCredential() if "IDENTITY_ENDPOINT" in os.environ else DefaultAzureCredential()

    @property
    def base_url(self) -> str:
        """Resource Manager's URL without a slash at its end."""
        with self._lock:
            return str(self._endpoints["resourceManager"]).rstrip("/")

    def token(self) -> str:
        """A bearer token for Resource Manager; azure-identity keeps it until shortly before it ends."""
        with self._lock:
            audience = self._endpoints["authentication"]["audiences"][0]
            try:
                return str(self._credential.get_token(f"{audience.rstrip('/')}/.default").token)
            except Exception as error:
                raise ProviderError(f"no token for {audience}: {error}") from error

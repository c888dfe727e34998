"""Secrets of a Key Vault: https://learn.microsoft.com/rest/api/keyvault/secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.clients.arm import arm, ask_again, fence
from ml.clients.cloud import load_cloud, token, trust
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

API_VERSION, VAULT_VERSION = "7.4", "2026-02-01"
REQUEST_SECONDS = 30.0
MISSING, DELETED = 404, 409


@dataclass(frozen=True)
class Secrets:
    """The vault's secrets, reached with the caller's own identity. No value is ever part of a message."""

    vault: str

    @classmethod
    def of(cls, workspace: Workspace) -> Secrets:
        """Those of the workspace's own vault.

        Raises:
            CloudError: there is none.
        """
        document = arm().get(str(workspace.properties()["keyVault"]), VAULT_VERSION)
        if document is None:
            raise CloudError(f"the key vault of workspace {workspace.name} is gone", status=MISSING)
        return cls(str(document["properties"]["vaultUri"]).rstrip("/"))

    def get(self, name: str) -> str | None:
        """The newest value; None when there is none."""
        answer = self._send("GET", f"/secrets/{name}", accept=(MISSING,))
        return None if answer is None else str(answer["value"])

    def put(self, name: str, value: str) -> None:
        """Sets the value; a secret that was deleted before is there again."""
        if self._send("PUT", f"/secrets/{name}", {"value": value}, accept=(DELETED,)) is None:
            self._send("POST", f"/deletedsecrets/{name}/recover")
            self._send("PUT", f"/secrets/{name}", {"value": value})

    def delete(self, name: str) -> None:
        """Deletes it; nothing happens when there is none."""
        self._send("DELETE", f"/secrets/{name}", accept=(MISSING,))

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, accept: tuple[int, ...] = ()
    ) -> dict[str, Any] | None:
        """The answer; None for a status that is accepted. The right to it may be fresh."""
        return ask_again(method, lambda: self._once(method, path, body, accept))

    def _once(
        self, method: str, path: str, body: dict[str, Any] | None, accept: tuple[int, ...]
    ) -> dict[str, Any] | None:
        import httpx

        if method != "GET":
            fence()
        headers = {"authorization": f"Bearer {token(f'https://{load_cloud().vault_suffix}/.default')}"}
        query = {"api-version": API_VERSION}
        try:
            answer = httpx.request(
                method,
                f"{self.vault}{path}",
                params=query,
                json=body,
                headers=headers,
                verify=trust(),
                timeout=REQUEST_SECONDS,
            )
        except httpx.HTTPError as error:
            raise CloudError(f"{self.vault} does not answer ({type(error).__name__})") from None
        if answer.status_code in accept:
            return None
        if not answer.is_success:
            raise CloudError(f"{method} {self.vault}{path}: {answer.status_code}", status=answer.status_code)
        return dict(answer.json()) if answer.content else {}

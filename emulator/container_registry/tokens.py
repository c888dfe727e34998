"""Azure's token flow for registries.

A client shows an Entra token and gets a refresh token, shows that and gets an access token for what it is about to do:
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. Both are signed with a key that follows from the emulator's
secret, so they outlive a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt

from emulator.settings import TENANT_ID, Settings
from emulator.store import Document

REFRESH_SECONDS = 3 * 3600
ACCESS_SECONDS = 75 * 60
ANONYMOUS_ACTIONS = ("pull", "metadata_read")
TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - the name under which docker shows a token
ISSUER = "Azure Container Registry"


@dataclass(frozen=True)
class Scope:
    """What a token is for: `repository:<name>:pull,push` or `registry:catalog:*`."""

    kind: str
    name: str
    actions: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> list[Scope]:
        """Scopes, separated by spaces; what is none is left out."""
        found = []
        for one in text.split():
            kind, _, rest = one.partition(":")
            name, _, actions = rest.rpartition(":")
            if kind and name and actions:
                found.append(cls(kind, name, tuple(actions.split(","))))
        return found

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


class RegistryTokens:
    """Issues and checks tokens of registries."""

    def __init__(self, settings: Settings) -> None:
        self._secret = hashlib.sha256(f"container registry {settings.identity_secret}".encode()).hexdigest()

    def refresh_token(self, server: str, subject: str) -> str:
        """What stands for an Entra token at one registry."""
        claims = {"sub": subject, "grant_type": "refresh_token", "tenant": TENANT_ID}
        return self._sign(server, claims, REFRESH_SECONDS)

    def access_token(self, server: str, subject: str, scopes: Iterable[Scope]) -> str:
        """What a request to one registry carries."""
        access = [{"type": one.kind, "name": one.name, "actions": list(one.actions)} for one in scopes]
        return self._sign(server, {"sub": subject, "grant_type": "access_token", "access": access}, ACCESS_SECONDS)

    def subject(self, server: str, token: str) -> str | None:
        """Who a refresh token of this registry stands for; None when it is none, or has ended."""
        claims = self._claims(server, token, "refresh_token")
        return str(claims["sub"]) if claims else None

    def allows(self, server: str, token: str, needed: Scope | None) -> bool | None:
        """Whether an access token allows something; None when it is no valid token of this registry."""
        claims = self._claims(server, token, "access_token")
        if claims is None:
            return None
        if needed is None:
            return True
        fitting = [one for one in claims["access"] if (one["type"], one["name"]) == (needed.kind, needed.name)]
        granted = {action for one in fitting for action in one["actions"]}
        return "*" in granted or granted.issuperset(needed.actions)

    def password(self, document: Document, name: str) -> str:
        """A password of a registry's admin user."""
        return hmac.new(self._secret.encode(), f"{document.key} {name}".encode(), hashlib.sha256).hexdigest()

    def _sign(self, server: str, claims: dict[str, Any], seconds: int) -> str:
        now = int(time.time())
        times = {"iat": now, "nbf": now - 60, "exp": now + seconds, "jti": str(uuid.uuid4())}
        return jwt.encode({**claims, **times, "iss": ISSUER, "aud": server}, self._secret, algorithm="HS256")

    def _claims(self, server: str, token: str, kind: str) -> dict[str, Any] | None:
        try:
            claims: dict[str, Any] = jwt.decode(token, self._secret, ["HS256"], audience=server, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("grant_type") == kind else None

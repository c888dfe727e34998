"""Who may do what at a registry: the challenge, Azure's token endpoints, and the check of each request."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from emulator.access import PULL_IMAGE, PUSH_IMAGE, Access
from emulator.container_registry.errors import RegistryError
from emulator.container_registry.registry_type import PASSWORDS
from emulator.container_registry.tokens import ANONYMOUS_ACTIONS, TOKEN_USER, RegistryTokens, Scope
from emulator.entra.tokens import Tokens
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.container_registry.registries import Registries

REQUIRED = "authentication required, visit https://aka.ms/acr/authorization for more information."
ANONYMOUS = "anonymous"
ROLE_ACTIONS: Mapping[str, str] = defaultdict(
    lambda: PULL_IMAGE,
    {
        "push": PUSH_IMAGE,
        "metadata_write": PUSH_IMAGE,
        "delete": "Microsoft.ContainerRegistry/registries/artifacts/delete",
    },
)
"""What roles call the actions of a token; the right to pull is the right to look."""


class Authorization:
    """The token endpoints of every registry, and the check of what they issued."""

    def __init__(self, registries: Registries, tokens: RegistryTokens, entra: Tokens, access: Access) -> None:
        self.registries = registries
        self.tokens = tokens
        self.entra = entra
        self.access = access

    def require(self, request: Request, registry: Document, needed: Scope | None) -> None:
        """Lets a request pass that carries a token for what it does.

        Raises:
            RegistryError: 401 with the challenge that tells clients where to get one.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        server = self.registries.login_server(registry.name)
        if scheme.lower() == "bearer" and self.tokens.allows(server, token, needed):
            return
        wanted = f',scope="{needed}"' if needed else ""
        challenge = f'Bearer realm="https://{server}/oauth2/token",service="{server}"{wanted}'
        details = (
            [{"Type": needed.kind, "Name": needed.name, "Action": action} for action in needed.actions]
            if needed
            else []
        )
        raise RegistryError(401, "UNAUTHORIZED", REQUIRED, details=details, headers={"www-authenticate": challenge})

    def exchange(self, request: Request) -> Response:
        """`POST /oauth2/exchange`: a refresh token for an Entra token."""
        registry, form = self.registries.addressed(request), request.form()
        if form.get("grant_type") != "access_token":
            raise RegistryError(400, "UNSUPPORTED", f"grant_type '{form.get('grant_type')}' is not supported here")
        try:
            principal = self.entra.verify(f"Bearer {form.get('access_token', '')}")
        except ServiceError as error:
            raise RegistryError(401, "UNAUTHORIZED", error.message) from None
        server = self.registries.login_server(registry.name)
        return Response.json({"refresh_token": self.tokens.refresh_token(server, principal.object_id)})

    def token(self, request: Request) -> Response:
        """`/oauth2/token`: an access token, by POST with a refresh token, or by GET or POST with a password."""
        registry = self.registries.addressed(request)
        text = request.read().decode() if request.method == "POST" else request.raw_query
        fields = parse_qsl(text, keep_blank_values=True)
        form = dict(fields)
        server = self.registries.login_server(registry.name)
        subject = self._subject(request, registry, form, server)
        scopes = Scope.parse(" ".join(value for name, value in fields if name == "scope"))
        if subject == ANONYMOUS:
            scopes = [
                Scope(one.kind, one.name, tuple(action for action in one.actions if action in ANONYMOUS_ACTIONS))
                for one in scopes
            ]
        elif subject != registry.name:
            scopes = [self._granted(one, subject, registry) for one in scopes]
        return Response.json({"access_token": self.tokens.access_token(server, subject, scopes)})

    def _granted(self, scope: Scope, subject: str, registry: Document) -> Scope:
        """What the roles of somebody leave of a scope, as Azure issues less than was asked for."""
        allowed = tuple(one for one in scope.actions if self.access.allows(subject, ROLE_ACTIONS[one], registry.id))
        return Scope(scope.kind, scope.name, allowed)

    def _subject(self, request: Request, registry: Document, form: Mapping[str, str], server: str) -> str:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name, password = (
            basic(value) if scheme.lower() == "basic" else (form.get("username", ""), form.get("password", ""))
        )
        if name.lower() == registry.name.lower() and registry.properties["adminUserEnabled"]:
            known = [self.tokens.password(registry, one) for one in PASSWORDS]
            if any(hmac.compare_digest(password.encode(), one.encode()) for one in known):
                return registry.name
        elif (shown := form.get("refresh_token") or (password if name == TOKEN_USER else "")) and (
            found := self.tokens.subject(server, shown)
        ):
            return found
        elif not name and not form.get("refresh_token") and registry.properties["anonymousPullEnabled"]:
            return ANONYMOUS
        raise RegistryError(401, "UNAUTHORIZED", REQUIRED)


def basic(value: str) -> tuple[str, str]:
    """User and password of a `Basic` header; empty when it is none."""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password

"""Managed identity inside containers and jobs: each is given an endpoint that knows only its own identities."""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Emulator, Route
from emulator.store import Document

PATH = "/containers/msi/token"


@dataclass(frozen=True)
class Identity:
    """A managed identity: `key` is the id, in lower case, of the identity's own resource or of the one that has it."""

    key: str
    principal: Principal
    system_assigned: bool

    def is_wanted(self, wanted: Mapping[str, str]) -> bool:
        """Whether it is the one that a request names; a request that names none takes any."""
        client, principal = self.principal.client_id, self.principal.object_id
        has = {"clientId": client, "principalId": principal, "resourceId": self.key}
        return all(not value or has[name].lower() == value.lower() for name, value in wanted.items())


class ContainerIdentities:
    """Signs the header that a container proves itself with, and answers its requests for tokens.

    On Azure a container asks the instance metadata service at a link-local address, which no program of this machine
    may take; App Service's and Azure ML's variables lead the same SDKs to this endpoint.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def variables(self, name: str, identities: Sequence[str]) -> dict[str, str]:
        """What a container's programs find its identities by; nothing when it has none.

        Args:
            name: the container's.
            identities: resource ids of its user-assigned identities, and of the resource whose system-assigned
                identity it has.
        """
        if not identities:
            return {}
        url, secret = f"{self.emulator.settings.http_url}{PATH}", self._seal(name, identities)
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": secret, "MSI_ENDPOINT": url, "MSI_SECRET": secret}

    def routes(self) -> Sequence[Route]:
        """The endpoint, for App Service's clients (2019-08-01) and Azure ML's (2017-09-01)."""
        return (Route("*", PATH, self.token, ("GET",), listener="http", bearer=False),)

    def token(self, request: Request) -> Response:
        """A token of the identity that the container asks for, of its system-assigned one, or of its only one.

        https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference.
        """
        identities = self._open(request.headers.get("x-identity-header") or request.headers.get("secret", ""))
        resource = request.query.get("resource", "")
        if not resource:
            raise ServiceError(400, "InvalidRequest", "The query parameter 'resource' is missing.")
        principal = self._choose(identities, request.query)
        token, ends = self.emulator.tokens.issue(resource, principal)
        answer = {"access_token": token, "expires_on": str(ends), "resource": resource, "token_type": "Bearer"}
        return Response.json({**answer, "client_id": principal.client_id})

    def _choose(self, identities: Sequence[str], query: Mapping[str, str]) -> Principal:
        documents = (self.emulator.store.get(one) for one in identities)
        found = [identity for one in documents if one and (identity := identity_of(one))]
        wanted = {
            "clientId": query.get("client_id") or query.get("clientid") or "",
            "principalId": query.get("principal_id") or query.get("object_id") or "",
            "resourceId": query.get("mi_res_id") or "",
        }
        chosen = [one for one in found if one.is_wanted(wanted)]
        if not any(wanted.values()):
            chosen = [one for one in found if one.system_assigned] or chosen
        if len(chosen) != 1:
            given = ", ".join(f"{key}={value}" for key, value in wanted.items() if value) or "no client id"
            message = f"The container has {len(chosen)} identities with {given}; it needs exactly one."
            raise ServiceError(400, "InvalidRequest", message)
        return chosen[0].principal

    def _seal(self, name: str, identities: Sequence[str]) -> str:
        text = json.dumps({"name": name, "identities": [one.lower() for one in identities]})
        return base64.urlsafe_b64encode(text.encode()).decode() + "." + self._sign(text)

    def _open(self, header: str) -> list[str]:
        encoded, _, signature = header.partition(".")
        try:
            text = base64.urlsafe_b64decode(encoded).decode()
        except ValueError:
            text = ""
        if not text or not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            raise ServiceError(401, "Unauthorized", "The identity header is missing or not this container's.")
        identities: list[str] = json.loads(text)["identities"]
        return identities

    def _sign(self, text: str) -> str:
        return hmac.digest(self.emulator.settings.identity_secret.encode(), text.encode(), "sha256").hex()


def identity_of(document: Document) -> Identity | None:
    """The system-assigned identity of a resource, else that which a user-assigned identity's resource stands for.

    Azure does not show the client id of a system-assigned identity; here it follows from the resource's id.
    """
    own, properties = document.body.get("identity") or {}, document.properties
    if own.get("principalId"):
        client = str(uuid.uuid5(uuid.NAMESPACE_URL, document.key + "#client"))
        return Identity(document.key, Principal(own["principalId"], client, ""), system_assigned=True)
    if properties.get("clientId"):
        principal = Principal(properties["principalId"], properties["clientId"], "")
        return Identity(document.key, principal, system_assigned=False)
    return None

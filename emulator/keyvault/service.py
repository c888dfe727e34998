"""Key Vault's data plane for secrets: https://learn.microsoft.com/rest/api/keyvault/secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.access import SECRETS
from emulator.arm.paging import page
from emulator.entra.directory import groups_of
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.keyvault.secrets import SecretStore, SecretVersion
from emulator.keyvault.vault import VAULT, DeletedVault, Vault
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import TENANT_ID, VAULT_SUFFIX
from emulator.store import Document

HOST = f"*.{VAULT_SUFFIX}"
NAME = r"(?P<name>[0-9A-Za-z-]{1,127})"
RECOVERY = "Recoverable+Purgeable"
POLICY_PERMISSIONS = {
    "recover/action": "recover",
    "purge/action": "purge",
    "readMetadata/action": "list",
    "getSecret/action": "get",
    "setSecret/action": "set",
    "update/action": "set",
    "delete": "delete",
}
"""What a vault's access policies call the actions of roles."""


class KeyVaultService(Service):
    """`azure-keyvault-secrets` works against it with `verify_challenge_resource=False`."""

    name = "keyvault"
    hosts = (HOST,)

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.secrets = SecretStore(emulator.settings.directory("keyvault"))

    def resource_types(self) -> Sequence[ResourceType]:
        vault = Vault(self.emulator, self.secrets)
        return (vault, DeletedVault(vault))

    def routes(self) -> Sequence[Route]:
        def route(path: str, handler: Any, *methods: str) -> Route:
            return Route(HOST, path, handler, methods, bearer=False)

        return (
            route(r"/secrets/?", self.list, "GET"),
            route(rf"/secrets/{NAME}/versions/?", self.list_versions, "GET"),
            route(rf"/secrets/{NAME}(/(?P<version>[0-9a-f]*))?", self.secret, "GET", "PUT", "PATCH", "DELETE"),
            route(rf"/deletedsecrets/{NAME}/recover/?", self.recover, "POST"),
            route(rf"/deletedsecrets/{NAME}/?", self.deleted, "GET", "DELETE"),
        )

    def stop(self) -> None:
        self.secrets.close()

    # -- handlers

    def list(self, request: Request) -> Response:
        """The newest version of each secret, without values."""
        vault = self.authorise(request)
        return page([self.item(request, version, versioned=False) for version in self.secrets.latest(vault)], request)

    def list_versions(self, request: Request) -> Response:
        """All versions of one secret, without values."""
        vault = self.authorise(request)
        versions = self.secrets.versions(vault, request.parameters["name"].lower())
        return page([self.item(request, version) for version in versions], request)

    def secret(self, request: Request) -> Response:
        """Set, get, update and delete one secret."""
        vault, name = self.authorise(request), request.parameters["name"].lower()
        if request.method == "PUT":
            return self.set(request, vault, name)
        found = self.secrets.get(vault, name, request.parameters.get("version", ""))
        if found is None:
            raise secret_not_found(name)
        if request.method == "DELETE":
            self.secrets.delete(vault, name)
            return Response.json(self.deleted_bundle(request, found))
        if request.method == "PATCH":
            message = "Updating the attributes of a secret version is not supported by the emulator; set a new version."
            raise ServiceError(501, "NotSupportedByEmulator", message)
        return Response.json(self.bundle(request, found))

    def set(self, request: Request, vault: str, name: str) -> Response:
        """A new version."""
        body = request.json() or {}
        if not isinstance(body.get("value"), str):
            raise ServiceError(400, "BadParameter", "Property 'value' is required and must be a string.")
        if self.secrets.deleted(vault, name):
            state = "is currently in a deleted but recoverable state, and its name cannot be reused"
            message = f"Secret {name} {state}; recover or purge it."
            raise ServiceError(409, "Conflict", message)
        attributes = {key: body[key] for key in ("contentType", "tags", "attributes") if body.get(key) is not None}
        return Response.json(self.bundle(request, self.secrets.put(vault, name, body["value"], attributes)))

    def deleted(self, request: Request) -> Response:
        """Shows or purges a soft-deleted secret."""
        vault, name = self.authorise(request), request.parameters["name"].lower()
        versions = self.secrets.versions(vault, name)
        if not versions or not self.secrets.deleted(vault, name):
            raise secret_not_found(name)
        if request.method == "DELETE":
            self.secrets.purge(vault, name)
            return Response(204)
        return Response.json(self.deleted_bundle(request, versions[0]))

    def recover(self, request: Request) -> Response:
        """Takes a soft delete back."""
        vault, name = self.authorise(request), request.parameters["name"].lower()
        versions = self.secrets.versions(vault, name)
        if not versions or not self.secrets.deleted(vault, name):
            raise secret_not_found(name)
        self.secrets.recover(vault, name)
        return Response.json(self.bundle(request, versions[0]))

    # -- parts

    def authorise(self, request: Request) -> str:
        """The vault's name; 401 with the challenge from which clients learn authority and scope."""
        vault = request.parameters["host"].lower()
        vaults = self.emulator.store.of_type(VAULT)
        document = next((one for one in vaults if one.name.lower() == vault), None)
        if document is None:
            raise ServiceError(404, "VaultNotFound", f"There is no vault named '{vault}'.")
        try:
            request.principal = self.emulator.tokens.verify(request.headers.get("authorization"))
        except ServiceError as error:
            authority = f"{self.emulator.settings.base_url}/{TENANT_ID}"
            challenge = f'Bearer authorization="{authority}", resource="https://{VAULT_SUFFIX}"'
            raise ServiceError(401, "Unauthorized", error.message, headers={"www-authenticate": challenge}) from None
        self._require(request.principal, document, request)
        return vault

    def _require(self, principal: Principal, vault: Document, request: Request) -> None:
        """403 for a client that neither a role nor, in a vault that goes by them, an access policy lets in."""
        action, name = self._action(request), request.parameters.get("name", "")
        resource = f"{vault.id}/secrets/{name}".removesuffix("/")
        who = f"Caller: appid={principal.client_id};oid={principal.object_id};iss={self.emulator.tokens.issuer}"
        if vault.properties.get("enableRbacAuthorization"):
            if not self.emulator.access.allows_data(principal.object_id, action, resource):
                raise forbidden_by_role(who, action, resource, vault)
            return
        permission = POLICY_PERMISSIONS[action.removeprefix(f"{SECRETS}/")]
        if permission not in policy_permissions(vault, principal):
            message = (
                f"The user, group or application '{who.removeprefix('Caller: ')}' does not have secrets {permission} "
                f"permission on key vault '{vault.name};location={vault.body.get('location')}'."
            )
            raise ServiceError(403, "Forbidden", message, inner="AccessDenied")

    def _action(self, request: Request) -> str:
        """The data action of a request, by method and path."""
        parts = request.path.strip("/").lower().split("/")
        if parts[-1] == "recover":
            return f"{SECRETS}/recover/action"
        if parts[0] == "deletedsecrets" and request.method == "DELETE":
            return f"{SECRETS}/purge/action"
        if request.method == "GET" and (len(parts) == 1 or parts[-1] == "versions" or parts[0] == "deletedsecrets"):
            return f"{SECRETS}/readMetadata/action"
        names = {"GET": "getSecret/action", "PUT": "setSecret/action", "PATCH": "update/action", "DELETE": "delete"}
        return f"{SECRETS}/{names[request.method]}"

    def item(self, request: Request, version: SecretVersion, *, versioned: bool = True) -> dict[str, Any]:
        """A secret without its value."""
        times = {"created": int(version.created), "updated": int(version.created), "recoveryLevel": RECOVERY}
        given = version.attributes
        shown: dict[str, Any] = {
            "id": f"{request.base_url}/secrets/{version.name}" + (f"/{version.version}" if versioned else ""),
            "attributes": {"enabled": True, **given.get("attributes", {}), **times},
        }
        return {**shown, **{key: given[key] for key in ("contentType", "tags") if key in given}}

    def bundle(self, request: Request, version: SecretVersion) -> dict[str, Any]:
        """A secret with its value."""
        return {"value": version.value, **self.item(request, version)}

    def deleted_bundle(self, request: Request, version: SecretVersion) -> dict[str, Any]:
        """A soft-deleted secret."""
        when = int(self.secrets.deleted(version.vault, version.name) or 0)
        where = f"{request.base_url}/deletedsecrets/{version.name}"
        return {
            "recoveryId": where,
            "deletedDate": when,
            "scheduledPurgeDate": when + 90 * 86400,
            **self.item(request, version),
        }


def forbidden_by_role(who: str, action: str, resource: str, vault: Document) -> ServiceError:
    """403 as Key Vault words it for want of a role."""
    message = (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
        f"definitions were changed recently, please observe propagation time.\r\n{who}\r\nAction: '{action}'\r\n"
        f"Resource: '{resource}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n"
        f"Vault: {vault.name};location={vault.body.get('location')}\r\n"
    )
    return ServiceError(403, "Forbidden", message, inner="ForbiddenByRbac")


def policy_permissions(vault: Document, principal: Principal) -> set[str]:
    """What the vault's access policies give somebody about secrets."""
    holders = {principal.object_id.lower(), *groups_of(principal.object_id)}
    policies = [one for one in vault.properties.get("accessPolicies") or () if one["objectId"].lower() in holders]
    given = {name.lower() for one in policies for name in (one.get("permissions") or {}).get("secrets") or ()}
    return set(POLICY_PERMISSIONS.values()) if "all" in given else given


def secret_not_found(name: str) -> ServiceError:
    """404 as Key Vault words it."""
    return ServiceError(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")

"""Who may do what: bearer tokens, Shared Key, shared access signatures, and public containers."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.access import Access as RoleAccess
from emulator.entra.directory import SERVICE
from emulator.entra.tokens import Tokens
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.settings import TENANT_ID, Settings
from emulator.storage.access import Access
from emulator.storage.accounts import Account
from emulator.storage.actions import Needed
from emulator.storage.delegation import Delegation
from emulator.storage.errors import StorageError, unsupported
from emulator.storage.sas import check_signature
from emulator.storage.shared_key import verify_shared_key

AUDIENCE = "https://storage.azure.com"


@dataclass(frozen=True)
class Authorizer:
    """Finds the credential of a request and what it allows."""

    settings: Settings
    tokens: Tokens
    delegation: Delegation
    roles: RoleAccess

    def access(self, request: Request, account: Account, container: str, blob: str) -> Access:
        """What the request may do.

        Raises:
            StorageError: 401 for a missing or unusable token, 403 for a wrong signature or a key that is not to
                be used.
        """
        scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
        if scheme == "bearer":
            return self._bearer(request, account)
        if scheme == "sharedkey":
            if not account.shared_key_allowed:
                raise StorageError("KeyBasedAuthenticationNotPermitted")
            verify_shared_key(request, account.name, account.keys)
            return Access()
        if scheme:
            raise unsupported(f"the authorization scheme '{scheme}'")
        if "sig" in request.query:
            keys = account.keys if account.shared_key_allowed else ()
            return check_signature(request.query, account.name, keys, (container, blob), self.delegation)
        return Access(permissions="", anonymous=True)

    def require_role(self, access: Access, account: Account, container: str, needed: Needed) -> None:
        """403 for somebody whose roles allow nothing of what an operation needs."""
        principal = access.principal
        if principal is None or principal.object_id == SERVICE.object_id:
            return
        scope = f"{account.id}/blobServices/default/containers/{container}" if container else account.id
        if not any(self.roles.allows(principal.object_id, action, scope) for action in needed.actions) and not any(
            self.roles.allows_data(principal.object_id, action, scope) for action in needed.data_actions
        ):
            raise StorageError("AuthorizationPermissionMismatch")

    def challenge(self) -> dict[str, str]:
        """Where a client finds its token: `WWW-Authenticate`."""
        where = f"{self.settings.base_url}/{TENANT_ID}/oauth2/authorize"
        return {"www-authenticate": f"Bearer authorization_uri={where} resource_id={AUDIENCE}"}

    def _bearer(self, request: Request, account: Account) -> Access:
        try:
            principal = self.tokens.verify(request.headers["authorization"])
        except ServiceError as error:
            raise self._refused(error.message) from None
        if principal.audience.rstrip("/") not in self._audiences(account):
            raise self._refused(f"Audience validation failed. Audience: '{principal.audience}'.")
        return Access(principal=principal)

    def _audiences(self, account: Account) -> set[str]:
        suffix = self.settings.storage_suffix()
        bare = suffix.partition(":")[0]
        return {
            AUDIENCE,
            *(f"https://{account.name}.{kind}.{end}" for kind in ("blob", "dfs") for end in (suffix, bare)),
        }

    def _refused(self, detail: str) -> StorageError:
        elements = {"AuthenticationErrorDetail": detail}
        return StorageError("InvalidAuthenticationInfo", elements=elements, headers=self.challenge())

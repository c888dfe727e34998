"""Who may do what: bearer tokens, Shared Key, shared access signatures, and public containers."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.access import BLOBS
from emulator.access import Access as RoleAccess
from emulator.entra.tokens import Tokens
from emulator.errors import ServiceError
from emulator.http import Request
from emulator.settings import TENANT_ID, Settings
from emulator.storage.access import Access
from emulator.storage.accounts import Account
from emulator.storage.delegation import Delegation
from emulator.storage.errors import StorageError, unsupported
from emulator.storage.sas import check_signature
from emulator.storage.shared_key import verify_shared_key

AUDIENCE = "https://storage.azure.com"
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
ACTIONS = {"r": "read", "l": "read", "w": "write", "c": "add/action", "a": "add/action", "d": "delete", "t": "write"}


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

    def require_role(self, access: Access, account: Account, letters: str) -> None:
        """403 for a signed-in client that may do nothing of what the operation needs; letters as in signatures."""
        if access.principal is None:
            return
        actions = {f"{BLOBS}/{ACTIONS[letter]}" for letter in letters}
        if not any(self.roles.allows(access.principal.object_id, action, account.id) for action in actions):
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

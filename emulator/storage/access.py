"""What the credential of a request allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.entra.principal import Principal
from emulator.storage.errors import StorageError

SERVICE, CONTAINER, OBJECT = "s", "c", "o"
"""What an operation works on: the letters of an account SAS's `srt`."""


@dataclass(frozen=True)
class Access:
    """Everything, unless narrowed.

    `permissions` are the letters of a shared access signature (None: all), `levels` what it may work on, `container`
    and `blob` the place it is for ("" for any), `overrides` the response headers it sets. `anonymous`: no credential
    at all. `principal` is who signed in, or whose user delegation key made the signature: what they may not do, it
    does not allow either.
    """

    permissions: str | None = None
    levels: str = SERVICE + CONTAINER + OBJECT
    container: str = ""
    blob: str = ""
    anonymous: bool = False
    principal: Principal | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    def require(self, level: str, letters: str, container: str, blob: str, *, lists: bool = False) -> None:
        """Raises 403 unless one of the permissions `letters` is given for this place; `lists` marks the listing of a
        container.
        """
        if self.permissions is None:
            return
        if self.container:
            self._require_place(level, container, blob, lists=lists)
        elif level not in self.levels:
            raise StorageError("AuthorizationResourceTypeMismatch")
        if not set(letters) & set(self.permissions):
            raise StorageError("AuthorizationPermissionMismatch")

    def _require_place(self, level: str, container: str, blob: str, *, lists: bool) -> None:
        fits = level == OBJECT or (lists and not self.blob)
        if container != self.container or (self.blob and blob != self.blob):
            raise StorageError("AuthenticationFailed", "The shared access signature is for another resource.")
        if not fits:
            raise StorageError("AuthorizationPermissionMismatch")

    def require_overwrite(self) -> None:
        """Raises 403 when only new blobs may be made."""
        if self.permissions is not None and "w" not in self.permissions:
            raise StorageError("UnauthorizedBlobOverwrite")

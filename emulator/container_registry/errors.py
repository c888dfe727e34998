"""Errors in the shape of the registry protocol."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError


class RegistryError(ServiceError):
    """An error of the data plane: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes."""

    def body(self) -> dict[str, Any]:
        """`{"errors": [{code, message, detail}]}`."""
        return {"errors": [{"code": self.code, "message": self.message, "detail": self.details or None}]}


def unknown_manifest(repository: str, reference: str) -> RegistryError:
    """404 for a tag or digest that a repository does not have."""
    return RegistryError(404, "MANIFEST_UNKNOWN", f"manifest {reference} of repository {repository} is not found")


def unknown_tag(repository: str, tag: str) -> RegistryError:
    """404 for a tag that a repository does not have."""
    return RegistryError(404, "TAG_UNKNOWN", f"the specified tag {tag} does not exist in repository {repository}")


def unknown_repository(repository: str) -> RegistryError:
    """404 for a repository that a registry does not have."""
    return RegistryError(404, "NAME_UNKNOWN", f"repository {repository} is not found")

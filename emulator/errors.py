"""Errors in the shapes Azure's services answer with."""

from __future__ import annotations

from typing import Any


class ServiceError(Exception):
    """An error for the client: HTTP status, Azure's error code, a message for a person, and optionally the target,
    details, the code of an inner error, and what `additionalInfo` holds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        inner: str | None = None,
        information: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details or []
        self.headers = headers or {}
        self.inner = inner
        self.information = information or []

    def body(self) -> dict[str, Any]:
        """ARM's error shape: https://learn.microsoft.com/azure/azure-resource-manager/management/error-response."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        if self.inner:
            error["innererror"] = {"code": self.inner}
        if self.information:
            error["additionalInfo"] = self.information
        return {"error": error}


def not_found(what: str) -> ServiceError:
    """404 for a resource that does not exist, worded as ARM words it."""
    return ServiceError(404, "ResourceNotFound", f"The Resource '{what}' was not found.")


def unsupported(what: str) -> ServiceError:
    """501 for what Azure has and this emulator does not: it names what is missing."""
    return ServiceError(501, "NotSupportedByEmulator", f"{what} is not supported by the emulator.")

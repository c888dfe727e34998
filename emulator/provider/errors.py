"""What goes wrong, in words for the person at the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class ProviderError(Exception):
    """Something the person can act on; shown as it is, without a traceback."""


@dataclass
class ArmError(ProviderError):
    """An answer of ARM that is an error: https://github.com/Azure/azure-resource-manager-rpc (error response)."""

    status: int
    code: str
    message: str
    target: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    resource: str = ""

    @classmethod
    def read(cls, status: int, body: object, resource: str) -> ArmError:
        """The error in a response or an operation's status, in any of the shapes services use."""
        error = body.get("error", body) if isinstance(body, Mapping) else {}
        if not isinstance(error, Mapping):
            error = {"message": str(error)}
        details = tuple(one for one in error.get("details") or () if isinstance(one, Mapping))
        message = str(error.get("message") or (body if isinstance(body, str) and body else "no message"))
        return cls(
            status, str(error.get("code") or f"HTTP {status}"), message, error.get("target") or "", details, resource
        )

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.message}"]
        shown = {self.message}
        for detail in self.details:
            text = str(detail.get("message") or "")
            if text and not any(text in one for one in shown):
                lines.append(f"  {detail.get('target') or detail.get('code') or 'detail'}: {text}")
                shown.add(text)
        if self.target and self.target.lower() != self.resource.lower():
            lines.append(f"  property: {self.target}")
        if self.resource:
            lines.append(f"  resource: {self.resource}")
        return "\n".join(lines)


@dataclass
class PartlyDoneError(ProviderError):
    """The resource exists but is not as asked: its state is recorded, and the next update goes on from there."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any]
    reason: str

    def __str__(self) -> str:
        return self.reason

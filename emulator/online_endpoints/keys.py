"""Keys and tokens of endpoints."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

from emulator.entra.tokens import LIFETIME_SECONDS
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.entra.tokens import Tokens

KEY, AML_TOKEN, AAD_TOKEN = "Key", "AMLToken", "AADToken"
AUTH_MODES = (KEY, AML_TOKEN, AAD_TOKEN)
KINDS = ("primary", "secondary")
LETTERS = string.ascii_letters + string.digits
LENGTH = 32
# A client is asked to fetch the next token well before this one ends.
REFRESH_BEFORE_SECONDS = 600


def new_key() -> str:
    """A key."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def first_keys(given: dict[str, Any] | None) -> dict[str, str]:
    """An endpoint's first keys: what its creator brings, else new ones."""
    given = given or {}
    return {kind: given.get(f"{kind}Key") or new_key() for kind in KINDS}


def checked_auth_mode(properties: dict[str, Any]) -> str:
    """`authMode` as Azure spells it.

    Raises:
        ServiceError: 400, it is missing or another.
    """
    given = str(properties.get("authMode", ""))
    found = next((mode for mode in AUTH_MODES if mode.lower() == given.lower()), None)
    if found is None:
        message = f"'authMode' must be {', '.join(AUTH_MODES)}, not '{given}'."
        raise ServiceError(400, "BadArgument", message, target="authMode")
    return found


def list_keys(endpoint: Document) -> Response:
    """`POST listKeys`; only endpoints with keys have any."""
    require_mode(endpoint, KEY)
    return Response.json({f"{kind}Key": endpoint.private["keys"][kind] for kind in KINDS})


def regenerate(store: Store, endpoint: Document, request: Request) -> None:
    """`POST regenerateKeys` with `{keyType: Primary | Secondary, keyValue?}`; azure-ai-ml sends the present value along
    and means a new one.
    """
    require_mode(endpoint, KEY)
    body = request.json() or {}
    kind = str(body.get("keyType", "")).lower()
    if kind not in KINDS:
        message = f"'keyType' must be Primary or Secondary, not '{body.get('keyType')}'."
        raise ServiceError(400, "BadArgument", message, target="keyType")
    with store.transaction():
        changed = (store.get(endpoint.id) or endpoint).copy()
        given, present = body.get("keyValue"), changed.private["keys"][kind]
        changed.private["keys"][kind] = given if given and given != present else new_key()
        store.put(changed)


def token(tokens: Tokens, endpoint: Document) -> Response:
    """`POST token`: a token that only this endpoint takes."""
    require_mode(endpoint, AML_TOKEN)
    text, ends = tokens.issue(endpoint.key)
    refresh = ends - LIFETIME_SECONDS + REFRESH_BEFORE_SECONDS
    times = {"expiryTimeUtc": ends, "refreshAfterTimeUtc": refresh}
    return Response.json({"accessToken": text, "tokenType": "Bearer", **times})


def require_mode(endpoint: Document, mode: str) -> None:
    """400 for what endpoints with another way to sign in do not have."""
    there = endpoint.properties["authMode"]
    if there != mode:
        message = f"The endpoint '{endpoint.name}' has the authMode '{there}': this action is for '{mode}'."
        raise ServiceError(400, "BadArgument", message)

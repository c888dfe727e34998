"""Shared Key: requests signed with an account key.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from emulator.http import Request
from emulator.storage.clock import parse_http_date
from emulator.storage.errors import StorageError

SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
CLOCK_SECONDS = 15 * 60


def sign(key: str, text: str) -> str:
    """HMAC-SHA256 under a base64 key, in base64."""
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def verify_shared_key(request: Request, account: str, keys: Sequence[str]) -> None:
    """Raises 403 AuthenticationFailed unless one of the keys signed the request within the last 15 minutes."""
    name, _, signature = request.headers.get("authorization", "").partition(" ")[2].partition(":")
    if name.lower() != account.lower():
        raise StorageError("AuthenticationFailed", f"The signature is of account '{name}', the host of '{account}'.")
    check_clock(request)
    texts = strings_to_sign(request, account)
    if not any(hmac.compare_digest(sign(key, text).encode(), signature.encode()) for key in keys for text in texts):
        raise StorageError(
            "AuthenticationFailed", elements={"AuthenticationErrorDetail": "The MAC signature does not match."}
        )


def check_clock(request: Request) -> None:
    """A signature is of use for a quarter of an hour: a recorded request cannot be sent again later."""
    text = request.headers.get("x-ms-date") or request.headers.get("date", "")
    when = parse_http_date(text)
    if when is None or abs(time.time() - when) > CLOCK_SECONDS:
        detail = f"Request date header not specified or too far from the server's time: '{text}'."
        raise StorageError("AuthenticationFailed", elements={"AuthenticationErrorDetail": detail})


def strings_to_sign(request: Request, account: str) -> list[str]:
    """What the client signed, in both orders of headers that clients use."""
    headers = request.headers
    values = [headers.get(name, "") for name in SIGNED_HEADERS]
    if headers.get("content-length") == "0":
        values[SIGNED_HEADERS.index("content-length")] = ""
    if "x-ms-date" in headers:
        values[SIGNED_HEADERS.index("date")] = ""
    head = "\n".join([request.method, *values])
    tail = canonical_resource(request, account)
    names = [name for name in headers if name.startswith("x-ms-")]
    orders = {tuple(sorted(names)), tuple(sorted(names, key=cultural_order))}
    return [f"{head}\n{canonical_headers(request, order)}{tail}" for order in orders]


def canonical_headers(request: Request, names: Iterable[str]) -> str:
    """One line a header."""
    return "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)


def cultural_order(name: str) -> str:
    """Sorts as the service does: hyphens do not count, and an underscore comes before digits and letters."""
    return name.replace("-", "").replace("_", " ")


def canonical_resource(request: Request, account: str) -> str:
    """The path as sent, and one line a query parameter."""
    values: dict[str, list[str]] = {}
    for part in filter(None, request.raw_query.split("&")):
        name, _, value = part.partition("=")
        values.setdefault(unquote(name).lower(), []).append(unquote(value))
    lines = [f"\n{name}:{','.join(sorted(values[name]))}" for name in sorted(values)]
    return f"/{account}{request.raw_path}{''.join(lines)}"

"""Pages of a list: `$top` and `$skiptoken`, and the `nextLink` that leads on."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from emulator.errors import ServiceError
from emulator.http import Request, Response

PAGE_SIZE = 100


def page(values: list[dict[str, Any]], request: Request) -> Response:
    """One page of `values`; the token is the number of values already shown.

    Azure ML's clients say `$skip`, `$top` and `count`, ARM's `$skiptoken` and `$top`.
    """
    start = number(request, "$skiptoken", "$skip", default=0)
    size = max(1, number(request, "$top", "count", default=PAGE_SIZE))
    body: dict[str, Any] = {"value": values[start : start + size]}
    if start + size < len(values):
        query = {
            key: value for key, value in parse_qsl(request.raw_query) if key.lower() not in ("$skiptoken", "$skip")
        }
        body["nextLink"] = (
            f"{request.base_url}{request.raw_path}?{urlencode({**query, '$skipToken': start + size}, safe='$')}"
        )
    return Response.json(body)


def number(request: Request, *names: str, default: int) -> int:
    """The first of the named query parameters as a whole number."""
    for name in names:
        text = request.query.get(name)
        if text:
            try:
                return int(text)
            except ValueError:
                raise ServiceError(
                    400, "InvalidQueryParameter", f"'{name}' must be a whole number, not '{text}'."
                ) from None
    return default

"""`$filter` of ARM's lists: comparisons with `eq`, joined by `and`, and the functions of role assignments."""

from __future__ import annotations

import re
from collections.abc import Collection

from emulator.errors import ServiceError
from emulator.http import Request
from emulator.store import Document

COMPARISON = re.compile(r"(?P<name>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'", re.IGNORECASE)
FUNCTION = re.compile(r"(?P<name>\w+)\(\s*(?:'(?P<value>[^']*)')?\s*\)")
CLAUSES = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)", re.IGNORECASE)


def conditions(request: Request, known: Collection[str]) -> dict[str, str]:
    """What a list is narrowed to, by the names in `known` in lower case; empty without a filter.

    Raises:
        ServiceError: 400 for a filter that is not understood: an answer that ignores it would be a wrong one.
    """
    text = request.query.get("$filter", "").strip()
    found: dict[str, str] = {}
    names = {name.lower() for name in known}
    for clause in CLAUSES.split(text) if text else ():
        match = COMPARISON.fullmatch(clause.strip()) or FUNCTION.fullmatch(clause.strip())
        if match is None or match["name"].lower() not in names:
            message = f"The filter '{clause}' is not understood here; known are {', '.join(known)} with eq and 'and'."
            raise ServiceError(400, "InvalidFilterInQueryString", message, target="$filter")
        found[match["name"].lower()] = (match["value"] or "").replace("''", "'")
    return found


def has_tag(document: Document, wanted: dict[str, str]) -> bool:
    """Whether a document has the tag that `tagName` and `tagValue` name, as they do or do not."""
    tags = {name.lower(): value for name, value in (document.body.get("tags") or {}).items()}
    name = wanted.get("tagname", "").lower()
    if name and name not in tags:
        return False
    return "tagvalue" not in wanted or tags.get(name) == wanted["tagvalue"]

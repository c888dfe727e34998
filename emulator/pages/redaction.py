"""What is never shown: keys, tokens, signatures and the values of containers' variables, told by name and by shape."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(hidden)"
NAMES = re.compile(
    r"(password|passwd|secret|token|connectionstring|connection_string|sharedkey|accountkey|accesskey|apikey|api_key"
    r"|instrumentationkey|privatekey|credential|signature|primarykey|secondarykey)s?$",
    re.IGNORECASE,
)
VARIABLES = frozenset({"environmentvariables", "appsettings"})
SHAPES = re.compile(
    r"(?P<head>(?:[?&;\s]|\b)(?:sig|AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|Password|Pwd)=)"
    r"[^&;\s\"'<>]+"
    r"|(?P<scheme>\b(?:Bearer|Basic|SharedKey)\s+)[A-Za-z0-9+/=_.:~-]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"
    r"|(?P<user>://[^/\s:@]+:)[^/\s:@]+(?=@)",
    re.IGNORECASE,
)


def text(value: str) -> str:
    """A text without what has a secret's shape."""
    return SHAPES.sub(_hide, value)


def document(value: Any, name: str = "") -> Any:
    """A JSON value without secrets; of a container's variables the names stay."""
    if name.lower() in VARIABLES:
        return variables(value)
    if isinstance(value, dict):
        named = str(value.get("name") or "") if "value" in value else ""
        return {
            key: document(inner, named if key == "value" and NAMES.search(named) else key)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [document(inner, name) for inner in value]
    if value in (None, "", True, False) or isinstance(value, (int, float)):
        return value
    return HIDDEN if NAMES.search(name) else text(str(value))


def variables(value: Any) -> Any:
    """Variables of a container, as Azure ML writes them (an object) or Container Instances (a list)."""
    if isinstance(value, dict):
        return dict.fromkeys(value, HIDDEN)
    if isinstance(value, list):
        return [{"name": one.get("name"), "value": HIDDEN} if isinstance(one, dict) else HIDDEN for one in value]
    return HIDDEN if value else value


def _hide(found: re.Match[str]) -> str:
    kept = found["head"] or found["scheme"] or found["user"] or ""
    return f"{kept}{HIDDEN}"

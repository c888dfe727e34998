"""Takes out of a text what must not stand in a comment, by its shape. Rather too much than too little.

The engine has masked what the program declared as a secret before; these layers catch what it did not know of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHAPES = (
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    ("token", r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}=*"),
    ("token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"),
    ("token", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    ("token", r"\bAKIA[0-9A-Z]{16}\b"),
    ("client secret", r"(?<![A-Za-z0-9])[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}"),
    (
        "key",
        r"(?i)\b(AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd|ClientSecret|ApiKey)\s*=\s*[^;\s\"']+",
    ),
    ("signature", r"(?i)([?&])sig=[^&\s\"']+"),
    ("password", r"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"),
    ("password", r"(?i)(\"?(?:password|passwd|client_?secret|api_?key|access_?key)\"?\s*:\s*)\"[^\"]{4,}\""),
    ("key", r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    ("key", r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])"),
)
GUID = r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
PUBLIC = (("id", GUID), ("address", r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b"))
SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Redactor:
    """`secrets`: values that are known to be secret. `public`: whoever reads it may be anybody, so that ids of
    subscriptions, tenants and principals and e-mail addresses go too.
    """

    secrets: Sequence[str] = ()
    public: bool = False

    def text(self, given: str) -> str:
        """A text without what must not be shown."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                given = given.replace(secret, "[redacted: secret]")
        for name, shape in (*SHAPES, *(PUBLIC if self.public else ())):
            given = re.sub(shape, f"[redacted: {name}]", given, flags=re.DOTALL)
        return given

    def value(self, given: Any) -> Any:
        """A document with every text in it redacted, keys too."""
        if isinstance(given, str):
            return self.text(given)
        if isinstance(given, Mapping):
            return {self.text(str(key)): self.value(inner) for key, inner in given.items()}
        return [self.value(inner) for inner in given] if isinstance(given, list | tuple) else given

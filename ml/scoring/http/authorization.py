"""Who may score: whoever sends the key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from ml.scoring.errors import Refusal

CHALLENGE = b"www-authenticate: Bearer\r\n"


class Authorization:
    """Compares `Authorization: Bearer <key>` with the key; with an empty key everybody may."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    @property
    def required(self) -> bool:
        return bool(self._key)

    def refusal(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        if not self._key:
            return None
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token.strip():
            return Refusal(401, "key_missing", "send the header Authorization: Bearer <key>", headers=CHALLENGE)
        # In constant time: the time of an answer must not tell how much of a guess was right.
        if not hmac.compare_digest(token.strip(), self._key):
            return Refusal(401, "key_wrong", "the key is not the one of this service", headers=CHALLENGE)
        return None

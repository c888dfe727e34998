"""Conditional headers: `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since` and the lease a
request names.

https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.storage.clock import parse_http_date
from emulator.storage.errors import StorageError, invalid_header
from emulator.storage.records import Blob, Container

NOT_MODIFIED = 304


@dataclass(frozen=True)
class Conditions:
    """What must hold for a request to go on; times are whole seconds since the epoch."""

    match: str | None = None
    none_match: str | None = None
    modified_since: float | None = None
    unmodified_since: float | None = None
    lease: str | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], prefix: str = "") -> Conditions:
        """The conditions of a request; `prefix` is `x-ms-source-` for those on the source of a copy."""
        return cls(
            entity_tag(headers.get(f"{prefix}if-match")),
            entity_tag(headers.get(f"{prefix}if-none-match")),
            date(headers, f"{prefix}if-modified-since"),
            date(headers, f"{prefix}if-unmodified-since"),
            headers.get("x-ms-lease-id") if not prefix else None,
        )

    def check_read(self, found: Blob | Container) -> None:
        """Raises 304 or 412 when the object is not to be read."""
        self._check_kept(found, "ConditionNotMet")
        if self._unchanged(found):
            raise StorageError("ConditionNotMet", status=NOT_MODIFIED, headers={"etag": found.etag})
        found.lease.check_read(self.lease, time.time(), kind(found))

    def check_write(self, found: Blob | Container | None) -> None:
        """Raises 409 or 412 when the object is not to be changed; None where it does not exist yet."""
        if found is None:
            if self.match:
                raise StorageError("ConditionNotMet")
            if self.lease:
                raise StorageError("LeaseNotPresentWithBlobOperation")
            return
        if self.none_match == "*":
            raise StorageError("BlobAlreadyExists")
        self.check_unchanged(found)
        found.lease.check_write(self.lease, time.time(), kind(found))

    def check_unchanged(self, found: Blob | Container) -> None:
        """Raises 412 when a condition on version or time does not hold; looks at no lease."""
        self._check_kept(found, "ConditionNotMet")
        if self._unchanged(found):
            raise StorageError("ConditionNotMet")

    def only_lease(self) -> Conditions:
        """The lease, without any other condition."""
        return Conditions(lease=self.lease)

    def check_source(self, found: Blob) -> None:
        """Raises 412 when the blob is not to be copied."""
        self._check_kept(found, "SourceConditionNotMet")
        if self._unchanged(found):
            raise StorageError("SourceConditionNotMet")

    def _check_kept(self, found: Blob | Container, code: str) -> None:
        if self.match not in (None, "*", found.etag):
            raise StorageError(code)
        if self.unmodified_since is not None and int(found.modified) > self.unmodified_since:
            raise StorageError(code)

    def _unchanged(self, found: Blob | Container) -> bool:
        same = self.none_match in ("*", found.etag)
        old = self.modified_since is not None and int(found.modified) <= self.modified_since
        return same or (self.none_match is None and old)


def kind(found: Blob | Container) -> str:
    """The word that lease errors use."""
    return "Blob" if isinstance(found, Blob) else "Container"


def entity_tag(text: str | None) -> str | None:
    """An ETag as it is kept: with quotes; `*` stays."""
    if text is None or text.strip() == "*":
        return text and "*"
    return '"' + text.strip().removeprefix("W/").strip('"') + '"'


def date(headers: Mapping[str, str], name: str) -> float | None:
    """The time of a header."""
    text = headers.get(name)
    if text is None:
        return None
    value = parse_http_date(text)
    if value is None:
        raise invalid_header(name, text, "It is an HTTP date.")
    return value

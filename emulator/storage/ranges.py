"""Byte ranges of a GET:
https://learn.microsoft.com/rest/api/storageservices/specifying-the-range-header-for-blob-service-operations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.storage.errors import StorageError, invalid_header

RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class ByteRange:
    """A range that lies inside a blob of `total` bytes."""

    offset: int
    size: int
    total: int

    def header(self) -> str:
        """`Content-Range`."""
        return f"bytes {self.offset}-{self.offset + self.size - 1}/{self.total}"


def requested_range(headers: Mapping[str, str], total: int) -> ByteRange | None:
    """The range a request asks for (`x-ms-range` counts before `Range`), None for the whole blob.

    Raises:
        StorageError: 416 InvalidRange when it begins behind the end, 400 InvalidHeaderValue when it is no range.
    """
    name = "x-ms-range" if "x-ms-range" in headers else "range"
    text = headers.get(name)
    if text is None:
        return None
    found = RANGE.fullmatch(text.strip())
    first, last = (int(found[1]), int(found[2]) if found[2] else total - 1) if found else (0, -1)
    if found is None or (found[2] and last < first):
        raise invalid_header(name, text, "It is bytes=first-last or bytes=first-.")
    if first >= total:
        raise StorageError("InvalidRange", headers={"content-range": f"bytes */{total}"})
    return ByteRange(first, min(last, total - 1) - first + 1, total)

"""Pages of a list: prefix, delimiter, marker."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.storage.checksums import decode
from emulator.storage.errors import invalid_query
from emulator.storage.records import Blob
from emulator.storage.tables import LAST

MARKER = "1!"


@dataclass
class BlobPage:
    """One page of a container: blobs, and prefixes that stand for all that is below them; `start` of the next page or
    "".
    """

    entries: list[Blob | str] = field(default_factory=list)
    next: str = ""


def blob_page(read: Callable[[str, int], list[Blob]], prefix: str, delimiter: str, start: str, size: int) -> BlobPage:
    """Collects a page; `read` gives blobs with the prefix from a name on, at most so many."""
    page = BlobPage()
    while True:
        wanted = size + 1 - len(page.entries)
        blobs = read(start, wanted)
        for blob in blobs:
            if blob.name < start:
                continue  # below a prefix that is in the page already
            if len(page.entries) == size:
                page.next = blob.name
                return page
            common = common_prefix(blob.name, prefix, delimiter)
            page.entries.append(common or blob)
            start = common + LAST if common else blob.name + "\0"
        if len(blobs) < wanted:
            return page


def common_prefix(name: str, prefix: str, delimiter: str) -> str:
    """The name up to the first delimiter behind the prefix, "" when there is none."""
    at = name.find(delimiter, len(prefix)) if delimiter else -1
    return name[: at + len(delimiter)] if at >= 0 else ""


def to_marker(start: str) -> str:
    """A name as a marker: opaque to clients."""
    return MARKER + base64.urlsafe_b64encode(start.encode()).decode() if start else ""


def from_marker(marker: str) -> str:
    """The name behind a marker; 400 for what no list gave."""
    if not marker:
        return ""
    text = decode(marker.removeprefix(MARKER).replace("-", "+").replace("_", "/"))
    if not marker.startswith(MARKER) or not text:
        raise invalid_query("marker", marker, "It is the NextMarker of an earlier page.")
    return text.decode(errors="replace")

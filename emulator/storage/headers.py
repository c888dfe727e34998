"""Between HTTP headers and what a blob keeps of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emulator.storage.clock import http_date
from emulator.storage.errors import StorageError, invalid_header, unsupported
from emulator.storage.records import APPEND_BLOB, Blob, Container

CONTENT_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "content-md5",
    "cache-control",
)
BLOB_HEADERS = {f"x-ms-blob-{name}": name for name in CONTENT_HEADERS}
METADATA = "x-ms-meta-"
METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
METADATA_BYTES = 8 * 1024
DEFAULT_TYPE = "application/octet-stream"
TIERS = ("Hot", "Cool", "Cold")
UNSUPPORTED = {
    "x-ms-encryption-key": "customer-provided encryption keys",
    "x-ms-encryption-scope": "encryption scopes",
    "x-ms-tags": "blob index tags",
    "x-ms-if-tags": "blob index tags",
    "x-ms-immutability-policy-until-date": "immutability policies",
    "x-ms-legal-hold": "legal holds",
    "x-ms-structured-body": "structured messages",
}


def refuse_unsupported(headers: Mapping[str, str]) -> None:
    """501 for a header whose meaning would be lost."""
    for name, meaning in UNSUPPORTED.items():
        if name in headers:
            raise unsupported(f"{meaning} ({name})")


def sent_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a request; names are in lower case, as the web server hands headers on."""
    metadata = {name.removeprefix(METADATA): value for name, value in headers.items() if name.startswith(METADATA)}
    for name in metadata:
        if not METADATA_NAME.fullmatch(name):
            raise StorageError("InvalidMetadata", f"The name '{name}' is no identifier.")
    if sum(len(name) + len(value) for name, value in metadata.items()) > METADATA_BYTES:
        raise StorageError("InvalidMetadata", "It is larger than 8 KiB.")
    return metadata


def sent_blob_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What `x-ms-blob-*` headers say of the blob's own headers."""
    return {name: headers[sent] for sent, name in BLOB_HEADERS.items() if headers.get(sent)}


def sent_put_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The blob's own headers as a Put Blob says them: its standard headers count where no `x-ms-blob-*` does."""
    standard = {name: headers[name] for name in CONTENT_HEADERS if headers.get(name)}
    return {"content-type": DEFAULT_TYPE, **standard, **sent_blob_headers(headers)}


def sent_tier(headers: Mapping[str, str]) -> str:
    """`x-ms-access-tier`, "" when there is none."""
    tier = headers.get("x-ms-access-tier", "")
    if tier == "Archive":
        raise unsupported("the archive access tier")
    if tier and tier not in TIERS:
        raise invalid_header("x-ms-access-tier", tier, f"It is one of {', '.join(TIERS)}.")
    return tier


def version_headers(found: Blob | Container) -> dict[str, str]:
    """ETag and Last-Modified."""
    return {"etag": found.etag, "last-modified": http_date(found.modified)}


def metadata_headers(found: Blob | Container) -> dict[str, str]:
    """`x-ms-meta-*`."""
    return {METADATA + name: value for name, value in found.metadata.items()}


def blob_headers(blob: Blob, now: float) -> dict[str, str]:
    """Everything a HEAD says of a blob but the length."""
    shown = {
        **blob.headers,
        **version_headers(blob),
        **metadata_headers(blob),
        **blob.lease.headers(now),
        **blob.copied,
    }
    shown |= {
        "accept-ranges": "bytes",
        "x-ms-blob-type": blob.type,
        "x-ms-creation-time": http_date(blob.created),
        "x-ms-server-encrypted": "true",
    }
    if blob.type == APPEND_BLOB:
        shown["x-ms-blob-committed-block-count"] = str(len(blob.blocks))
    else:
        shown["x-ms-access-tier"] = blob.tier or "Hot"
        if not blob.tier:
            shown["x-ms-access-tier-inferred"] = "true"
    return shown


def written_headers(blob: Blob) -> dict[str, str]:
    """What a write answers with."""
    return {**version_headers(blob), "x-ms-request-server-encrypted": "true"}

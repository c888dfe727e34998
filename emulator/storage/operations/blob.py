"""Operations on a blob as it is: reading, its properties and metadata, deleting."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import BinaryIO

from emulator.http import Response
from emulator.storage.call import Call
from emulator.storage.checksums import encode
from emulator.storage.content import CHUNK_BYTES, read_range
from emulator.storage.errors import StorageError, invalid_header, unsupported
from emulator.storage.headers import (
    blob_headers,
    metadata_headers,
    sent_blob_headers,
    sent_metadata,
    sent_tier,
    version_headers,
)
from emulator.storage.ranges import ByteRange, requested_range
from emulator.storage.records import Blob

CHECKED_RANGE_BYTES = 4 * 1024 * 1024
DELETE_SNAPSHOTS = ("include", "only")


def get_blob(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-blob."""
    blob, file = call.store.blobs.open(call.key)
    try:
        call.conditions.check_read(blob)
        part = requested_range(call.request.headers, blob.size)
    except BaseException:
        file.close()
        raise
    headers = {**blob_headers(blob, time.time()), **call.access.overrides}
    if part is None:
        return content(file, ByteRange(0, blob.size, blob.size), 200, headers)
    if "content-md5" in headers:
        headers["x-ms-blob-content-md5"] = headers.pop("content-md5")
    if call.header("x-ms-range-get-content-md5") == "true":
        headers["content-md5"] = range_md5(file, part)
    return content(file, part, 206, {**headers, "content-range": part.header()})


def content(file: BinaryIO, part: ByteRange, status: int, headers: Mapping[str, str]) -> Response:
    """A part of an open file as a response; large ones stream."""
    sized = {**headers, "content-length": str(part.size)}
    chunks = read_range(file, part.offset, part.size)
    return Response(status, chunks if part.size > CHUNK_BYTES else b"".join(chunks), sized)


def range_md5(file: BinaryIO, part: ByteRange) -> str:
    """The MD5 of a range of at most 4 MiB."""
    if part.size > CHECKED_RANGE_BYTES:
        file.close()
        raise invalid_header("x-ms-range-get-content-md5", "true", "The range has more than 4 MiB.")
    file.seek(part.offset)
    return encode(hashlib.md5(file.read(part.size), usedforsecurity=False).digest())


def get_blob_properties(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-blob-properties."""
    blob = call.store.blobs.get(call.key)
    call.conditions.check_read(blob)
    headers = {**blob_headers(blob, time.time()), **call.access.overrides}
    return Response(200, headers={**headers, "content-length": str(blob.size)})


def get_blob_metadata(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-blob-metadata."""
    blob = call.store.blobs.get(call.key)
    call.conditions.check_read(blob)
    return Response(200, headers={**version_headers(blob), **metadata_headers(blob)})


def set_blob_metadata(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata: in place of all there was."""
    metadata, conditions = sent_metadata(call.request.headers), call.conditions

    def change(old: Blob) -> Blob:
        conditions.check_write(old)
        return replace(old, metadata=metadata)

    blob = call.store.blobs.change(call.key, change)
    return Response(200, headers={**version_headers(blob), "x-ms-request-server-encrypted": "true"})


def set_blob_properties(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/set-blob-properties: what is not sent is cleared."""
    headers, conditions = sent_blob_headers(call.request.headers), call.conditions
    if call.header("x-ms-blob-content-length"):
        raise unsupported("page blobs (x-ms-blob-content-length)")

    def change(old: Blob) -> Blob:
        conditions.check_write(old)
        return replace(old, headers=headers)

    return Response(200, headers=version_headers(call.store.blobs.change(call.key, change)))


def set_blob_tier(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/set-blob-tier."""
    call.required_header("x-ms-access-tier")
    tier = sent_tier(call.request.headers)
    call.store.blobs.change(call.key, lambda old: replace(old, tier=tier), stamp=False)
    return Response(200)


def delete_blob(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/delete-blob; there are no snapshots to delete with it."""
    snapshots = call.header("x-ms-delete-snapshots")
    if snapshots is not None and snapshots not in DELETE_SNAPSHOTS:
        raise invalid_header("x-ms-delete-snapshots", snapshots, "It is include or only.")
    if snapshots == "only":
        if call.store.blobs.find(call.key) is None:
            raise StorageError("BlobNotFound")
        return Response(202)
    call.store.blobs.delete(call.key, call.conditions.check_write)
    return Response(202, headers={"x-ms-delete-type-permanent": "true"})

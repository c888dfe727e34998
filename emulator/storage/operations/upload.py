"""Operations that bring bytes: whole blobs, blocks, appended blocks."""

from __future__ import annotations

import io

from emulator.http import Response
from emulator.storage import documents
from emulator.storage.blobs import Check
from emulator.storage.blocks import BlockChoice
from emulator.storage.call import Call
from emulator.storage.checksums import SentChecksums, decode, encode
from emulator.storage.content import Content
from emulator.storage.errors import StorageError, invalid_header, invalid_query, unsupported
from emulator.storage.headers import (
    sent_blob_headers,
    sent_metadata,
    sent_put_headers,
    sent_tier,
    version_headers,
    written_headers,
)
from emulator.storage.operations.copying import put_blob_from_url, write_check
from emulator.storage.records import APPEND_BLOB, BLOCK_BLOB, Blob, Block

LONGEST_BLOCK_ID = 64
LARGEST_APPEND_BYTES = 100 * 1024 * 1024
BLOCK_SOURCES = ("Latest", "Committed", "Uncommitted")
LISTS = ("committed", "uncommitted", "all")


def put_blob(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/put-blob."""
    kind = call.required_header("x-ms-blob-type")
    if kind not in (BLOCK_BLOB, APPEND_BLOB):
        raise unsupported(f"blobs of type {kind}")
    if call.header("x-ms-copy-source"):
        return put_blob_from_url(call)
    check = write_check(call)
    check(call.store.blobs.find(call.key))
    return put_block_blob(call, check) if kind == BLOCK_BLOB else put_append_blob(call, check)


def put_block_blob(call: Call, check: Check) -> Response:
    """The body becomes the blob."""
    headers, metadata = sent_put_headers(call.request.headers), sent_metadata(call.request.headers)
    tier = sent_tier(call.request.headers)
    content = receive(call)
    headers.setdefault("content-md5", encode(content.md5))
    draft = Blob(0, "", BLOCK_BLOB, content.name, content.size, headers=headers, metadata=metadata, tier=tier)
    blob = call.store.blobs.commit(call.key, draft, check)
    return Response(201, headers={**written_headers(blob), "content-md5": encode(content.md5)})


def put_append_blob(call: Call, check: Check) -> Response:
    """An empty blob to append to."""
    if call.header("content-length") not in (None, "0"):
        raise invalid_header("content-length", call.header("content-length") or "", "An append blob begins empty.")
    headers, metadata = sent_put_headers(call.request.headers), sent_metadata(call.request.headers)
    headers.pop("content-md5", None)
    content = call.store.contents.join([], appendable=True)
    draft = Blob(0, "", APPEND_BLOB, content, 0, headers=headers, metadata=metadata)
    return Response(201, headers=written_headers(call.store.blobs.commit(call.key, draft, check)))


def append_block(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/append-block."""
    if call.header("x-ms-copy-source"):
        raise unsupported("appending a block from a URL")
    conditions = call.conditions
    data = call.request.read()
    if not 0 < len(data) <= LARGEST_APPEND_BYTES:
        raise StorageError("RequestBodyTooLarge" if data else "InvalidInput", "A block has 1 byte to 100 MiB.")
    SentChecksums(call.request.headers).check_data(data)
    position, most = (
        call.number_header("x-ms-blob-condition-appendpos"),
        call.number_header("x-ms-blob-condition-maxsize"),
    )

    def check(old: Blob) -> None:
        conditions.check_write(old)
        if position is not None and position != old.size:
            raise StorageError("AppendPositionConditionNotMet")
        if most is not None and old.size + len(data) > most:
            raise StorageError("MaxBlobSizeConditionNotMet")

    blob = call.store.blocks.append(call.key, io.BytesIO(data), check)
    where = {"x-ms-blob-append-offset": str(blob.size - len(data))}
    count = {"x-ms-blob-committed-block-count": str(len(blob.blocks))}
    return Response(201, headers={**written_headers(blob), **where, **count})


def put_block(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/put-block."""
    if call.header("x-ms-copy-source"):
        raise unsupported("putting a block from a URL")
    block = call.query("blockid")
    if not 0 < len(decode(block)) <= LONGEST_BLOCK_ID:
        raise invalid_query("blockid", block, "It is base64 of 1 to 64 bytes.")
    call.store.containers.get(call.account.name, call.container)
    content = receive(call)
    conditions = call.conditions

    def check(blob: Blob | None) -> None:
        if blob is not None:
            conditions.only_lease().check_write(blob)

    call.store.blocks.stage(call.key, Block(block, content.name, content.size), check)
    return Response(201, headers={"content-md5": encode(content.md5), "x-ms-request-server-encrypted": "true"})


def put_block_list(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/put-block-list."""
    body = call.request.read()
    SentChecksums(call.request.headers).check_data(body)
    root = documents.parse(body)
    if unknown := [element.tag for element in root if element.tag not in BLOCK_SOURCES]:
        raise StorageError("InvalidXmlDocument", f"There is no <{unknown[0]}> in a block list.")
    choices = [BlockChoice(element.tag.lower(), (element.text or "").strip()) for element in root]
    headers = {"content-type": "application/octet-stream", **sent_blob_headers(call.request.headers)}
    metadata, tier = sent_metadata(call.request.headers), sent_tier(call.request.headers)
    draft = Blob(0, "", BLOCK_BLOB, "", 0, headers=headers, metadata=metadata, tier=tier)
    blob = call.store.blocks.commit(call.key, choices, draft, write_check(call))
    return Response(201, headers=written_headers(blob))


def get_block_list(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-block-list."""
    wanted = call.query("blocklisttype").lower() or "committed"
    if wanted not in LISTS:
        raise invalid_query("blocklisttype", wanted, f"It is one of {', '.join(LISTS)}.")
    blob, staged = call.store.blocks.listed(call.key)
    committed = blob.blocks if blob else ()
    root = documents.block_list(
        committed if wanted != "uncommitted" else None, staged if wanted != "committed" else None
    )
    response = documents.xml_response(root)
    if blob is not None:
        response.headers.update({**version_headers(blob), "x-ms-blob-content-length": str(blob.size)})
    return response


def receive(call: Call) -> Content:
    """The body as a content on disk; 400 when it is not what its checksums say."""
    checksums = SentChecksums(call.request.headers)
    call.request.body.seek(0)
    content = call.store.contents.write(call.request.body, checksums.see)
    try:
        checksums.check(content.md5)
    except StorageError:
        call.store.contents.discard([content.name])
        raise
    return content

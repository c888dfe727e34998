"""Operations that make a blob from another one of this emulator."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from emulator.http import Request, Response
from emulator.settings import BLOB_SUFFIX
from emulator.storage.access import OBJECT
from emulator.storage.blob_store import as_new
from emulator.storage.blobs import Check
from emulator.storage.call import Call
from emulator.storage.clock import http_date
from emulator.storage.conditions import Conditions
from emulator.storage.errors import StorageError, unsupported
from emulator.storage.headers import sent_blob_headers, sent_metadata, sent_tier, written_headers
from emulator.storage.records import Blob, BlobKey


def write_check(call: Call) -> Check:
    """What must hold for the blob of a request to be written."""
    conditions = call.conditions

    def check(blob: Blob | None) -> None:
        conditions.check_write(blob)
        if blob is not None:
            call.access.require_overwrite()

    return check


def copy_blob(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/copy-blob: done when it answers."""
    return Response(202, headers=copied(call, {}))


def put_blob_from_url(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url."""
    return Response(201, headers=copied(call, sent_blob_headers(call.request.headers)))


def copied(call: Call, headers: dict[str, str]) -> dict[str, str]:
    """Copies and answers with headers; metadata that is sent replaces the source's."""
    address = call.required_header("x-ms-copy-source")
    metadata, tier = sent_metadata(call.request.headers), sent_tier(call.request.headers)
    source, conditions = source_of(call, address), Conditions.from_headers(call.request.headers, "x-ms-source-")
    copy_id = str(uuid.uuid4())

    def shape(blob: Blob) -> Blob:
        draft = as_new(blob)
        story = {
            "x-ms-copy-id": copy_id,
            "x-ms-copy-status": "success",
            "x-ms-copy-source": address.partition("?")[0],
            "x-ms-copy-progress": f"{blob.size}/{blob.size}",
            "x-ms-copy-completion-time": http_date(time.time()),
        }
        kept = {**draft.headers, **headers}
        return replace(draft, headers=kept, metadata=metadata or draft.metadata, tier=tier or draft.tier, copied=story)

    blob = call.store.blobs.copy(source, call.key, shape, write_check(call), conditions.check_source)
    return {**written_headers(blob), "x-ms-copy-id": copy_id, "x-ms-copy-status": "success"}


def source_of(call: Call, address: str) -> BlobKey:
    """The blob a URL names, when the request may read it."""
    url = urlsplit(address)
    host = (url.hostname or "").lower()
    if not host.endswith(f".{BLOB_SUFFIX}"):
        raise unsupported(f"copies from '{host}', outside the emulator")
    account = call.accounts.get(host.removesuffix(f".{BLOB_SUFFIX}"))
    container, _, name = unquote(url.path).lstrip("/").partition("/")
    if not name:
        container, name = "$root", container
    query = {key.lower(): value for key, value in parse_qsl(url.query, keep_blank_values=True)}
    if "snapshot" in query or "versionid" in query:
        raise unsupported("snapshots and versions")
    given = call.header("x-ms-copy-source-authorization")
    if "sig" in query or given:
        headers = {"authorization": given} if given else {}
        request = Request("GET", host, unquote(url.path), url.path, url.query, "", query, headers)
        call.authorizer.access(request, account, container, name).require(OBJECT, "r", container, name)
    elif account.name == call.account.name:
        call.access.require(OBJECT, "r", container, name)
    else:
        raise StorageError("CannotVerifyCopySource", "A source in another account needs a shared access signature.")
    return BlobKey(account.name, container, name)

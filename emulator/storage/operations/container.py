"""Operations on a container."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from xml.etree.ElementTree import SubElement

from emulator.http import Response
from emulator.storage import documents
from emulator.storage.call import Call
from emulator.storage.errors import StorageError, invalid_header, unsupported
from emulator.storage.headers import metadata_headers, sent_metadata, version_headers
from emulator.storage.listing import blob_page, from_marker, to_marker
from emulator.storage.records import Blob, Container

PUBLIC_ACCESS = ("blob", "container")
NOTHING_TO_SHOW = frozenset(
    {"snapshots", "versions", "deleted", "deletedwithversions", "immutabilitypolicy", "legalhold"}
)
"""What a list may include and no blob here has."""
SHOWN = frozenset({"metadata", "copy"})


def create_container(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/create-container."""
    public = call.header("x-ms-blob-public-access") or ""
    if public and public not in PUBLIC_ACCESS:
        raise invalid_header("x-ms-blob-public-access", public, "It is blob or container.")
    if public and not call.account.public_access_allowed:
        raise StorageError("PublicAccessNotPermitted")
    metadata = sent_metadata(call.request.headers)
    container = call.store.containers.create(call.account.name, call.container, metadata, public)
    return Response(201, headers=version_headers(container))


def get_container_properties(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-container-properties, and its metadata alike."""
    container = call.store.containers.get(call.account.name, call.container)
    container.lease.check_read(call.conditions.lease, time.time(), "Container")
    headers = {**version_headers(container), **metadata_headers(container), **container.lease.headers(time.time())}
    if container.public_access:
        headers["x-ms-blob-public-access"] = container.public_access
    return Response(200, headers={**headers, "x-ms-has-immutability-policy": "false", "x-ms-has-legal-hold": "false"})


def set_container_metadata(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/set-container-metadata."""
    metadata, conditions = sent_metadata(call.request.headers), call.conditions

    def change(old: Container) -> Container:
        conditions.check_unchanged(old)
        old.lease.check_read(conditions.lease, time.time(), "Container")
        return replace(old, metadata=metadata)

    return Response(200, headers=version_headers(call.store.containers.change(*call.key[:2], change)))


def delete_container(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/delete-container: at once, with all its blobs."""
    call.store.containers.delete(call.account.name, call.container, call.conditions.check_write)
    return Response(202)


def list_blobs(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/list-blobs."""
    include, prefix, delimiter = call.included(), call.query("prefix"), call.query("delimiter")
    if missing := include - SHOWN - NOTHING_TO_SHOW:
        raise unsupported(f"lists that include {', '.join(sorted(missing))}")
    container = call.store.containers.get(call.account.name, call.container)
    read = partial(call.store.blobs.page, container, prefix)
    page = blob_page(read, prefix, delimiter, from_marker(call.query("marker")), call.page_size())
    names = {"Prefix": "prefix", "Marker": "marker", "MaxResults": "maxresults", "Delimiter": "delimiter"}
    sent = {element: call.query(name) for element, name in names.items()}
    root = documents.listing(f"{call.request.base_url}/", call.container, sent)
    blobs, now = SubElement(root, "Blobs"), time.time()
    for entry in page.entries:
        if isinstance(entry, Blob):
            documents.blob_element(blobs, entry, now, include=include)
        else:
            documents.prefix_element(blobs, entry)
    return documents.xml_response(documents.add(root, {"NextMarker": to_marker(page.next)}))

"""The XML documents of the Blob service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from emulator.http import Response
from emulator.storage.clock import http_date
from emulator.storage.errors import StorageError
from emulator.storage.records import APPEND_BLOB, Blob, Block, Container

DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LISTED_HEADERS = {
    "content-type": "Content-Type",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-md5": "Content-MD5",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
}
LISTED_COPY = {
    "x-ms-copy-id": "CopyId",
    "x-ms-copy-status": "CopyStatus",
    "x-ms-copy-source": "CopySource",
    "x-ms-copy-progress": "CopyProgress",
    "x-ms-copy-completion-time": "CopyCompletionTime",
}


def xml_response(root: Element, status: int = 200) -> Response:
    """A document as a response."""
    return Response(status, DECLARATION + tostring(root, encoding="utf-8"), {"content-type": "application/xml"})


def parse(data: bytes) -> Element:
    """The root of a document a client sent; 400 InvalidXmlDocument."""
    try:
        return fromstring(data)  # noqa: S314  # expat refuses entity bombs since 2.4.1, and external entities always
    except ParseError as error:
        raise StorageError("InvalidXmlDocument", str(error)) from None


def add(parent: Element, values: Mapping[str, str]) -> Element:
    """Adds one element a value."""
    for name, value in values.items():
        SubElement(parent, name).text = value
    return parent


def error_document(error: StorageError, request_id: str, time: str) -> Element:
    """https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2."""
    root = Element("Error")
    add(root, {"Code": error.code, "Message": f"{error.message}\nRequestId:{request_id}\nTime:{time}"})
    return add(root, error.elements)


# -- lists


def listing(endpoint: str, container: str, sent: Mapping[str, str]) -> Element:
    """The frame of a list: what was asked for."""
    root = Element("EnumerationResults", {"ServiceEndpoint": endpoint})
    if container:
        root.set("ContainerName", container)
    return add(root, {name: value for name, value in sent.items() if value})


def container_element(parent: Element, container: Container, now: float, *, metadata: bool) -> None:
    """One container of a list."""
    element = SubElement(parent, "Container")
    add(element, {"Name": container.name})
    properties = SubElement(element, "Properties")
    add(properties, {"Last-Modified": http_date(container.modified), "Etag": container.etag})
    add(properties, lease_values(container.lease.headers(now)))
    if container.public_access:
        add(properties, {"PublicAccess": container.public_access})
    add(properties, {"HasImmutabilityPolicy": "false", "HasLegalHold": "false"})
    if metadata:
        add(SubElement(element, "Metadata"), container.metadata)


def blob_element(parent: Element, blob: Blob, now: float, *, include: Iterable[str]) -> None:
    """One blob of a list."""
    element = SubElement(parent, "Blob")
    name_element(element, blob.name)
    properties = SubElement(element, "Properties")
    dates = {"Creation-Time": http_date(blob.created), "Last-Modified": http_date(blob.modified)}
    add(properties, {**dates, "Etag": blob.etag.strip('"'), "Content-Length": str(blob.size)})
    add(properties, {LISTED_HEADERS[name]: blob.headers.get(name, "") for name in LISTED_HEADERS})
    add(properties, {"BlobType": blob.type})
    if blob.type != APPEND_BLOB:
        add(properties, {"AccessTier": blob.tier or "Hot", **({} if blob.tier else {"AccessTierInferred": "true"})})
    add(properties, lease_values(blob.lease.headers(now)))
    if "copy" in include:
        add(properties, {LISTED_COPY[name]: value for name, value in blob.copied.items() if name in LISTED_COPY})
    add(properties, {"ServerEncrypted": "true"})
    if "metadata" in include:
        add(SubElement(element, "Metadata"), blob.metadata)


def prefix_element(parent: Element, prefix: str) -> None:
    """What stands for all blobs below a delimiter."""
    name_element(SubElement(parent, "BlobPrefix"), prefix)


def name_element(parent: Element, name: str) -> None:
    """A name; one with characters that XML has not is percent-encoded."""
    element = SubElement(parent, "Name")
    element.text = name
    if NOT_IN_XML.search(name):
        element.set("Encoded", "true")
        element.text = quote(name)


def lease_values(headers: Mapping[str, str]) -> dict[str, str]:
    """Lease headers as elements."""
    names = {
        "x-ms-lease-status": "LeaseStatus",
        "x-ms-lease-state": "LeaseState",
        "x-ms-lease-duration": "LeaseDuration",
    }
    return {element: headers[name] for name, element in names.items() if name in headers}


# -- blocks


def block_list(committed: Iterable[tuple[str, int]] | None, staged: Iterable[Block] | None) -> Element:
    """The committed and the staged blocks; None leaves a part out."""
    root = Element("BlockList")
    if committed is not None:
        blocks_element(root, "CommittedBlocks", committed)
    if staged is not None:
        blocks_element(root, "UncommittedBlocks", ((block.block, block.size) for block in staged))
    return root


def blocks_element(parent: Element, name: str, blocks: Iterable[tuple[str, int]]) -> None:
    """One part of a block list."""
    element = SubElement(parent, name)
    for block, size in blocks:
        add(SubElement(element, "Block"), {"Name": block, "Size": str(size)})

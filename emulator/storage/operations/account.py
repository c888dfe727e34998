"""Operations on an account: its containers, user delegation keys, what kind of account it is."""

from __future__ import annotations

import time
from xml.etree.ElementTree import Element, SubElement

from emulator.http import Response
from emulator.settings import TENANT_ID
from emulator.storage import documents
from emulator.storage.call import Call
from emulator.storage.clock import parse_iso_date
from emulator.storage.delegation import LONGEST_SECONDS
from emulator.storage.errors import StorageError
from emulator.storage.listing import from_marker, to_marker
from emulator.storage.sas import VERSION


def list_containers(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/list-containers2."""
    size, start = call.page_size(), from_marker(call.query("marker"))
    found = call.store.containers.page(call.account.name, call.query("prefix"), start, size + 1)
    sent = {"Prefix": call.query("prefix"), "Marker": call.query("marker"), "MaxResults": call.query("maxresults")}
    root = documents.listing(f"{call.request.base_url}/", "", sent)
    containers = SubElement(root, "Containers")
    for container in found[:size]:
        documents.container_element(containers, container, time.time(), metadata="metadata" in call.included())
    return documents.xml_response(
        documents.add(root, {"NextMarker": to_marker(found[size].name if len(found) > size else "")})
    )


def get_user_delegation_key(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: for a bearer token only."""
    principal = call.access.principal
    if principal is None:
        raise StorageError("AuthenticationFailed", "A user delegation key is given for a bearer token only.")
    asked = documents.parse(call.request.read())
    start = parse_iso_date(asked.findtext("Start", "")) or time.time()
    expiry = parse_iso_date(asked.findtext("Expiry", ""))
    if expiry is None or not 0 < expiry - start <= LONGEST_SECONDS:
        raise StorageError("InvalidInput", "Expiry is a time after Start, at most seven days.")
    version = call.header("x-ms-version") or VERSION
    key = call.store.delegation.key(principal.object_id, TENANT_ID, start, expiry - start, version)
    root = documents.add(
        Element("UserDelegationKey"),
        {
            "SignedOid": key.object_id,
            "SignedTid": key.tenant_id,
            "SignedStart": key.start,
            "SignedExpiry": key.expiry,
            "SignedService": key.service,
            "SignedVersion": key.version,
            "Value": call.store.delegation.value(call.account.name, key),
        },
    )
    return documents.xml_response(root)


def get_account_information(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/get-account-information."""
    account = call.account
    return Response(200, headers={"x-ms-sku-name": account.sku, "x-ms-account-kind": account.kind})

"""`Microsoft.Storage/storageAccounts` in ARM."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from emulator.arm.types import require_location
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Action, Emulator, ResourceType
from emulator.storage.accounts import ACCOUNT_TYPE, Account, Accounts, new_key, new_keys
from emulator.storage.blob_store import BlobStore
from emulator.storage.clock import iso_date
from emulator.storage.sas import account_signature
from emulator.store import Document

NAME = re.compile(r"[a-z0-9]{3,24}")
KEY_NAMES = ("key1", "key2")
SIGNATURE_FIELDS = {
    "signedPermission": "sp",
    "signedServices": "ss",
    "signedResourceTypes": "srt",
    "signedStart": "st",
    "signedExpiry": "se",
    "signedIp": "sip",
    "signedProtocol": "spr",
}
DEFAULTS: Mapping[str, Any] = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "minimumTlsVersion": "TLS1_0",
    "supportsHttpsTrafficOnly": True,
    "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
    "privateEndpointConnections": [],
}
"""What Azure fills in: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/create."""


class StorageAccount(ResourceType):
    """An account: its name is taken everywhere, its keys are shown by `listKeys` alone."""

    type = ACCOUNT_TYPE
    created_status = 202

    def __init__(self, emulator: Emulator, accounts: Accounts, store: BlobStore) -> None:
        self.emulator = emulator
        self.accounts = accounts
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        require_kind(document)
        self._check_name(document)
        created = old.properties["creationTime"] if old else iso_date(time.time())
        if old is None:
            document.private.update(new_keys())
        properties = document.properties
        for name, value in DEFAULTS.items():
            properties.setdefault(name, value)
        key_times = old.properties["keyCreationTime"] if old else dict.fromkeys(KEY_NAMES, created)
        properties["encryption"] = {**encryption(created), **(properties.get("encryption") or {})}
        properties.update(
            provisioningState="Succeeded",
            creationTime=created,
            keyCreationTime=key_times,
            primaryLocation=document.body["location"],
            statusOfPrimary="available",
            primaryEndpoints=self.endpoints(document.name),
        )
        document.body["sku"]["tier"] = document.body["sku"]["name"].partition("_")[0]

    def endpoints(self, name: str) -> dict[str, str]:
        """The data planes of an account."""
        suffix = self.emulator.settings.storage_suffix()
        return {kind: f"https://{name}.{kind}.{suffix}/" for kind in ("blob", "dfs", "queue")}

    def apply(self, document: Document) -> None:
        self.accounts.keep(Account.from_document(document))

    def remove(self, document: Document) -> None:
        self.accounts.forget(document.name)
        self.store.containers.delete_all(document.name)

    def actions(self) -> Mapping[str, Action]:
        return {
            "listkeys": self.list_keys,
            "regeneratekey": self.regenerate_key,
            "listaccountsas": self.list_account_sas,
        }

    def list_keys(self, document: Document, request: Request) -> Response:
        """Both keys. They are shown even where `allowSharedKeyAccess` is false: then using one is refused, as in
        Azure.
        """
        times = document.properties["keyCreationTime"]
        keys = [
            {"keyName": name, "value": value, "permissions": "FULL", "creationTime": times[name]}
            for name, value in zip(KEY_NAMES, document.private["keys"], strict=True)
        ]
        return Response.json({"keys": keys})

    def regenerate_key(self, document: Document, request: Request) -> Response:
        """A new key in place of the one that is named; what the old one signed is refused from now on."""
        name = (request.json() or {}).get("keyName")
        if name not in KEY_NAMES:
            raise ServiceError(400, "InvalidValueForRequestParameter", f"keyName '{name}' is not key1 or key2.")
        changed = document.copy()
        changed.private["keys"][KEY_NAMES.index(name)] = new_key()
        changed.properties["keyCreationTime"][name] = iso_date(time.time())
        stored = self.emulator.store.put(changed)
        self.apply(stored)
        return self.list_keys(stored, request)

    def list_account_sas(self, document: Document, request: Request) -> Response:
        """A shared access signature for the account, signed with one of its keys."""
        body: dict[str, Any] = request.json() or {}
        needed = ("signedPermission", "signedServices", "signedResourceTypes", "signedExpiry")
        if missing := [name for name in needed if not body.get(name)]:
            raise ServiceError(400, "InvalidValueForRequestParameter", f"{', '.join(missing)} must be given.")
        query = {short: str(body[name]) for name, short in SIGNATURE_FIELDS.items() if body.get(name)}
        key = document.private["keys"][KEY_NAMES.index(body.get("keyToSign", KEY_NAMES[0]))]
        return Response.json({"accountSasToken": account_signature(query, document.name, key)})

    def _check_name(self, document: Document) -> None:
        name = document.name
        if not NAME.fullmatch(name):
            message = (
                f"{name} is not a valid storage account name. It has 3 to 24 characters: lower-case letters and digits."
            )
            raise ServiceError(400, "AccountNameInvalid", message)
        for other in self.emulator.store.of_type(ACCOUNT_TYPE):
            if other.name.lower() == name and other.key != document.key:
                message = f"The storage account named {name} is already taken."
                raise ServiceError(409, "StorageAccountAlreadyTaken", message)


def require_kind(document: Document) -> None:
    """400 without a kind and a SKU."""
    sku = document.body.get("sku")
    if not document.body.get("kind") or not isinstance(sku, dict) or not sku.get("name"):
        raise ServiceError(400, "InvalidRequestContent", "A storage account has a kind and a sku with a name.")


def encryption(created: str) -> dict[str, Any]:
    """Encryption with Microsoft's keys, which every account has."""
    service = {"enabled": True, "keyType": "Account", "lastEnabledTime": created}
    return {"keySource": "Microsoft.Storage", "services": {"blob": service, "file": dict(service)}}

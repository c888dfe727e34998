"""Assets: containers by name, versions inside them. What every kind shares."""

from __future__ import annotations

from typing import Any

from emulator.errors import ServiceError
from emulator.http import Request
from emulator.machine_learning.identifiers import ASSET_NAME, container_type, version_type
from emulator.service import ResourceType
from emulator.store import Document, Store

MUTABLE = frozenset(
    {"description", "tags", "properties", "isArchived", "stage", "isAnonymous", "flavors", "autoDeleteSetting"}
)
"""What may change after a version exists."""
COMMON = {"isArchived": False, "tags": {}, "properties": {}, "provisioningState": "Succeeded"}


class AssetContainer(ResourceType):
    """All versions of one asset; made by its first version."""

    def __init__(self, store: Store, kind: str) -> None:
        self.store = store
        self.kind = kind
        self.type = container_type(kind)

    def prepare(self, document: Document, old: Document | None) -> None:
        for name in ("latestVersion", "nextVersion"):
            document.properties.pop(name, None)
        fill(document.properties, COMMON)

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        named = [document for document in documents if not document.private.get("anonymous")]
        return by_view(named, request)

    def present(self, document: Document) -> dict[str, Any]:
        versions = self.store.children(document.id, version_type(self.kind))
        document.properties["latestVersion"] = versions[0].name if versions else None
        document.properties["nextVersion"] = str(int(document.private.get("highest", 0)) + 1)
        return document.body


class AssetVersion(ResourceType):
    """One version of an asset: what it points at never changes."""

    kind: str = ""
    makes_parent = True
    defaults: dict[str, Any] = {}  # noqa: RUF012 - read only
    required: tuple[str, ...] = ()

    def __init__(self, store: Store) -> None:
        self.store = store
        self.type = version_type(self.kind)

    def prepare(self, document: Document, old: Document | None) -> None:
        properties = document.properties
        for name in [name for name, value in properties.items() if value is None]:
            del properties[name]
        fill(properties, {**COMMON, "isAnonymous": False, **self.defaults})
        self.complete(document)
        for name in self.required:
            if not properties.get(name):
                raise ServiceError(
                    400, "UserError", f"'{name}' is missing in {self.kind} '{document.resource.names[-2]}'."
                )
        if old is not None:
            self._keep(document, old)
        self._contain(document)

    def complete(self, document: Document) -> None:
        """Fills in or checks what only this kind has."""

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        if request.query.get("$orderby", "").lower().endswith(" asc"):
            documents = documents[::-1]
        return by_view(documents, request)

    def _keep(self, document: Document, old: Document) -> None:
        """409 when a request would change what a version stands for."""
        for name in {*document.properties, *old.properties} - MUTABLE:
            if document.properties.get(name) == old.properties.get(name):
                continue
            if name.endswith(("Uri", "uri")):
                raise ServiceError(400, "UserError", "Asset paths cannot be updated.", target=name)
            asset, version = document.resource.names[-2:]
            message = (
                f"A version '{version}' of '{asset}' ({self.kind}) already exists with another '{name}', which "
                "cannot be changed. Use another name or version; only description, tags, properties and isArchived "
                "can be updated."
            )
            raise ServiceError(409, "UserError", message, target=name)

    def _contain(self, document: Document) -> None:
        """Makes the container, and keeps the highest number ever used."""
        name, version = document.resource.names[-2:]
        if not ASSET_NAME.fullmatch(name) or not ASSET_NAME.fullmatch(version):
            message = (
                f"'{name}:{version}' is no asset name: letters, digits, '-', '_' and '.', at most 255 characters each."
            )
            raise ServiceError(400, "UserError", message)
        parent = document.resource.parent
        assert parent is not None  # noqa: S101 - a version always lives in a container
        container = self.store.get(parent)
        if container is None:
            container = Document(parent, {"properties": dict(COMMON)}, {"highest": 0, "anonymous": True})
        elif not changes(container, version, anonymous=document.properties["isAnonymous"]):
            return
        container = container.copy()
        number = int(version) if version.isdigit() else 0
        container.private["highest"] = max(number, int(container.private.get("highest", 0)))
        container.private["anonymous"] = (
            container.private.get("anonymous", False) and document.properties["isAnonymous"]
        )
        self.store.put(container)


def changes(container: Document, version: str, *, anonymous: bool) -> bool:
    """Whether a new version changes what the container keeps."""
    higher = version.isdigit() and int(version) > int(container.private.get("highest", 0))
    return higher or bool(container.private.get("anonymous") and not anonymous)


def fill(properties: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Sets what is missing or null."""
    for name, value in defaults.items():
        if properties.get(name) is None:
            properties[name] = dict(value) if isinstance(value, dict) else value


def by_view(documents: list[Document], request: Request) -> list[Document]:
    """Documents that `listViewType` and `tags` ask for: active ones unless it says otherwise."""
    view = request.query.get("listviewtype", "ActiveOnly").lower()
    shown = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}.get(view)
    if shown is None:
        message = f"'listViewType' must be ActiveOnly, ArchivedOnly or All, not '{request.query['listviewtype']}'."
        raise ServiceError(400, "InvalidQueryParameter", message)
    found = [document for document in documents if bool(document.properties.get("isArchived")) in shown]
    tag, _, value = request.query.get("tags", request.query.get("tag", "")).partition("=")
    return [document for document in found if not tag or has_tag(document, tag, value)]


def has_tag(document: Document, tag: str, value: str) -> bool:
    """Whether a document has a tag, with that value where one is given."""
    tags = document.properties.get("tags") or {}
    return tag in tags and (not value or tags[tag] == value)

"""`Microsoft.Resources/tags`: the tags of any resource as a resource of their own."""

from __future__ import annotations

from typing import Any

from emulator.errors import not_found, unsupported
from emulator.service import ResourceType
from emulator.store import Document, Store


class Tags(ResourceType):
    """`{scope}/providers/Microsoft.Resources/tags/default`: the tags of the resource at `scope`, and only them."""

    type = "Microsoft.Resources/tags"

    def __init__(self, store: Store) -> None:
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        if "operation" in document.body:
            raise unsupported("PATCH of tags")
        self.change(document, document.properties.get("tags") or {})

    def remove(self, document: Document) -> None:
        if self.store.get(document.resource.scope):
            self.change(document, {})

    def present(self, document: Document) -> dict[str, Any]:
        """The tags the resource has now, whoever wrote them."""
        target = self.store.get(document.resource.scope)
        return {**document.body, "properties": {"tags": (target.body.get("tags") or {}) if target else {}}}

    def change(self, document: Document, tags: dict[str, str]) -> None:
        """Writes the tags of the resource that `document` lies on.

        Raises:
            ServiceError: there is no such resource.
        """
        with self.store.transaction():
            found = self.store.get(document.resource.scope)
            if found is None:
                raise not_found(document.resource.scope)
            target = found.copy()
            target.body["tags"] = dict(tags)
            self.store.put(target)

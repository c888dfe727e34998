"""Data assets: a name and a version for a file, a folder or a table."""

from __future__ import annotations

from emulator.errors import ServiceError
from emulator.machine_learning.assets.asset import AssetVersion
from emulator.store import Document

TYPES = ("uri_file", "uri_folder", "mltable")


class DataVersion(AssetVersion):
    """A version of a data asset; like Azure it does not look whether anything is at its path."""

    kind = "data"
    defaults = {"dataType": "uri_folder"}  # noqa: RUF012
    required = ("dataUri",)

    def complete(self, document: Document) -> None:
        kind = document.properties["dataType"]
        if kind not in TYPES:
            raise ServiceError(
                400, "UserError", f"'dataType' must be one of {', '.join(TYPES)}, not '{kind}'.", target="dataType"
            )
        if kind == "mltable":
            document.properties.setdefault("referencedUris", [])

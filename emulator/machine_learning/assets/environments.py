"""Environments: an image, packages, or a build context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.errors import ServiceError
from emulator.interpreters import find_interpreter
from emulator.machine_learning.assets.asset import AssetContainer, AssetVersion
from emulator.machine_learning.assets.curated import UnknownCurated, curated
from emulator.machine_learning.assets.packages import InvalidPackages, read_packages
from emulator.machine_learning.identifiers import workspace_id
from emulator.resource_id import ResourceId
from emulator.store import Document

CURATED_VERSION = "1"
"""Azure counts on; here every version is the same one."""


class EnvironmentContainer(AssetContainer):
    """An environment by its name; Azure's curated ones can be asked for in every workspace."""

    def implicit(self, resource: ResourceId) -> Document | None:
        found = of_azure(resource, resource.name)
        return Document(resource.text, {"properties": {"isArchived": False}}) if found else None

    def present(self, document: Document) -> dict[str, Any]:
        body = super().present(document)
        if of_azure(document.resource, document.name):
            body["properties"]["latestVersion"] = CURATED_VERSION
        return body


class EnvironmentVersion(AssetVersion):
    """A version of an environment. The packages of its conda file are installed when the first job needs them."""

    kind = "environments"
    defaults = {"environmentType": "UserCreated", "osType": "Linux", "autoRebuild": "Disabled"}  # noqa: RUF012

    def implicit(self, resource: ResourceId) -> Document | None:
        return of_azure(resource, ":".join(resource.names[-2:]))

    def implicit_children(self, collection: ResourceId) -> Sequence[Document]:
        found = of_azure(collection, f"{collection.names[-1]}:{CURATED_VERSION}")
        return [found] if found else []

    def complete(self, document: Document) -> None:
        properties = document.properties
        if not properties.get("image") and not properties.get("build"):
            raise ServiceError(
                400, "UserError", "An environment needs an 'image' or a 'build' context.", target="image"
            )
        if properties.get("condaFile"):
            try:
                python = read_packages(properties["condaFile"]).python
                if python:
                    find_interpreter(python)
            except (InvalidPackages, LookupError) as error:
                message = f"The conda file cannot be used here: {error}."
                raise ServiceError(400, "UserError", message, target="condaFile") from None


def of_azure(resource: ResourceId, name: str) -> Document | None:
    """The curated environment behind a name or `name:version`; None for every other."""
    try:
        return curated(workspace_id(resource.text), f"azureml:{name}")
    except UnknownCurated:
        return None

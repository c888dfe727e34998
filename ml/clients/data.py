"""Data assets: content-addressed versions that are uploaded once and archived, never lost, when nobody declares them
any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.clients.arm import arm
from ml.clients.datastore import Folder, container, ensure_container, holds
from ml.clients.errors import CloudError
from ml.clients.workspace import API_VERSION, Workspace


@dataclass(frozen=True)
class DataAsset:
    """One version of a data asset; `uri` is where its content lies, `archived` hides it from lists."""

    name: str
    version: str
    uri: str
    archived: bool
    tags: Mapping[str, str]

    @property
    def reference(self) -> str:
        """How a job names it."""
        return f"azureml:{self.name}:{self.version}"

    @property
    def real(self) -> bool:
        """Whether it was uploaded as real data."""
        return self.tags.get("source") == "real"


class DataAssets:
    """The data assets of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def find(self, name: str, version: str) -> DataAsset | None:
        """A version, archived or not."""
        document = self.workspace.get(f"/data/{name}/versions/{version}")
        return asset(name, document) if document else None

    def versions(self, name: str) -> list[DataAsset]:
        """All versions of an asset, archived ones too, newest first."""
        path = f"{self.workspace.path}/data/{name}/versions"
        return [asset(name, document) for document in arm().list(path, API_VERSION, listViewType="All")]

    def holds(self, asset: DataAsset, files: Sequence[str]) -> bool:
        """Whether the files of a version are where it says. Where one may not look, they are taken to be there.

        Raises:
            CloudError: the storage does not answer, although it exists.
        """
        return holds(Folder(self.workspace, asset.uri), files)

    def upload(self, name: str, version: str, folder: Path, description: str, tags: Mapping[str, str]) -> DataAsset:
        """Uploads a folder as a new version, or again as one that has lost some of its files.

        Raises:
            CloudError: the upload or the registration was refused.
        """
        from azure.ai.ml.entities import Data
        from azure.core.exceptions import AzureError

        data = Data(
            name=name, version=version, path=str(folder), type="uri_folder", description=description, tags=dict(tags)
        )
        try:
            with container(self.workspace) as client:
                ensure_container(client)
            if before := self.find(name, version):
                # Of a folder with some of its files the SDK uploads none, or waits for ever.
                Folder(self.workspace, before.uri).delete()
            self.workspace.sdk().data.create_or_update(data)
        except AzureError as error:
            raise CloudError(f"uploading {name}:{version} failed: {error}") from None
        found = self.find(name, version)
        if found is None or not self.holds(found, [file.name for file in folder.iterdir()]):
            raise CloudError(f"{name}:{version} was uploaded but is not there")
        return found

    def tag(self, name: str, version: str, tags: Mapping[str, str], *, archived: bool) -> None:
        """Adds tags to a version and hides or shows it."""
        path = f"{self.workspace.path}/data/{name}/versions/{version}"
        document = arm().get(path, API_VERSION)
        if document is None:
            raise CloudError(f"there is no data asset {name}:{version}", status=404)
        properties = dict(document["properties"])
        properties.pop("provisioningState", None)
        properties.update(tags={**(properties.get("tags") or {}), **tags}, isArchived=archived)
        arm().put(path, API_VERSION, {"properties": properties})

    def purge(self, name: str) -> None:
        """Deletes an asset with all its versions."""
        for version in self.versions(name):
            arm().delete(f"{self.workspace.path}/data/{name}/versions/{version.version}", API_VERSION)
        arm().delete(f"{self.workspace.path}/data/{name}", API_VERSION)


def asset(name: str, document: Mapping[str, Any]) -> DataAsset:
    """An ARM document as a data asset."""
    properties = document["properties"]
    tags = properties.get("tags") or {}
    return DataAsset(name, str(document["name"]), properties["dataUri"], bool(properties.get("isArchived")), tags)

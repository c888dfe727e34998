"""Files in a workspace's datastores, by the `azureml://` URIs that jobs and models name them with, or by those of the
blobs themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ml.clients.arm import REQUEST_SECONDS, arm, ask_again
from ml.clients.cloud import credential, load_cloud, token, trust
from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

DEFAULT = "workspaceblobstore"
STORAGE_VERSION = "2024-01-01"
BLOB_SCOPE, BLOB_VERSION = "https://storage.azure.com/.default", "2023-11-03"
MISSING = 404
# Short as a person writes it, or with subscription, group and workspace as the service answers.
URI = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"datastores/(?P<name>[^/]+)/paths/(?P<path>.+)",
    re.IGNORECASE,
)

# As the service names the files of a job's code: https://<account>.blob.<suffix>/<container>/<path>.
BLOBS = re.compile(r"(?P<account>https://[^/.]+\.blob\.(?P<suffix>[^/]+))/(?P<container>[^/]+)/(?P<path>.+)")


def folder_uri(path: str, datastore: str = DEFAULT) -> str:
    """The URI of a folder; it ends with a slash."""
    return f"azureml://datastores/{datastore}/paths/{path.strip('/')}/"


@contextmanager
def container(workspace: Workspace, datastore: str = DEFAULT) -> Iterator[ContainerClient]:
    """The blob container behind a datastore, reached with the caller's own identity.

    Raises:
        CloudError: there is no such datastore, or it is no blob container.
    """
    account, name = address(workspace, datastore)
    from azure.storage.blob import ContainerClient

    with ContainerClient(account, name, credential=credential()) as client:
        yield client


def address(workspace: Workspace, datastore: str = DEFAULT) -> tuple[str, str]:
    """The account's URL and the name of the blob container behind a datastore.

    Raises:
        CloudError: there is no such datastore, or it is no blob container.
    """
    document = workspace.get(f"/datastores/{datastore}")
    if document is None:
        raise CloudError(f"there is no datastore '{datastore}' in workspace {workspace.name}", status=MISSING)
    properties = document["properties"]
    account, name = properties.get("accountName"), properties.get("containerName")
    if not account or not name:
        raise CloudError(f"the datastore '{datastore}' is no blob container but {properties.get('datastoreType')}")
    return f"https://{account}.blob.{load_cloud().storage_suffix}", str(name)


def small_file(workspace: Workspace, path: str) -> bytes | None:
    """The content of one small file of the default datastore; None when there is none.

    One request instead of the SDK, whose import takes most of a second of every `up`
    (https://learn.microsoft.com/rest/api/storageservices/get-blob).

    Raises:
        CloudError: the storage refuses it, or does not answer.
    """
    account, name = address(workspace)
    url = f"{account}/{name}/{path}"

    def ask() -> bytes | None:
        import httpx

        headers = {"Authorization": f"Bearer {token(BLOB_SCOPE)}", "x-ms-version": BLOB_VERSION}
        try:
            answer = httpx.get(url, headers=headers, verify=trust(), timeout=REQUEST_SECONDS)
        except httpx.HTTPError as error:
            raise CloudError(f"{url} does not answer ({error})") from None
        if answer.status_code == MISSING:
            return None
        if not answer.is_success:
            said = answer.headers.get("x-ms-error-code", answer.reason_phrase)
            raise CloudError(f"{url} cannot be read: {answer.status_code} {said}", status=answer.status_code)
        return answer.content

    return ask_again("GET", ask)


@dataclass(frozen=True)
class Folder:
    """Everything below one URI."""

    workspace: Workspace
    uri: str

    def names(self) -> list[str]:
        """The files, by their path below the folder, in order."""
        with self._opened() as (client, path):
            return [blob.name.removeprefix(path) for blob in client.list_blobs(name_starts_with=path)]

    def read(self, name: str) -> bytes | None:
        """The content of one file; None when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._opened() as (client, path):
            try:
                return client.download_blob(path + name).readall()
            except ResourceNotFoundError:
                return None

    def sha256(self, name: str) -> str | None:
        """Digest of one file, 64 hexadecimal digits; None when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        content = hashlib.sha256()
        with self._opened() as (client, path):
            try:
                for chunk in client.download_blob(path + name).chunks():
                    content.update(chunk)
            except ResourceNotFoundError:
                return None
        return content.hexdigest()

    def delete(self) -> None:
        """Deletes every file; one that somebody holds a lease on stays. Nothing happens where the storage is gone."""
        if not storage_exists(self.workspace):
            return
        try:
            with self._opened() as (client, path):
                self._delete_below(client, path)
        except CloudError as error:
            if error.status != MISSING:
                raise

    def _delete_below(self, client: ContainerClient, path: str) -> None:
        from azure.core.exceptions import HttpResponseError

        for blob in client.list_blobs(name_starts_with=path):
            try:
                client.delete_blob(blob.name)
            except HttpResponseError as error:
                if error.status_code not in (MISSING, 412):
                    raise

    def download(self, target: Path) -> Path:
        """Downloads every file below `target`, which is made; gives it back.

        Raises:
            CloudError: the folder is empty, or a name leads out of it.
        """
        with self._opened() as (client, path):
            names = [blob.name for blob in client.list_blobs(name_starts_with=path)]
            if not names:
                raise CloudError(f"there is nothing at {self.uri}", status=404)
            for name in names:
                below = PurePosixPath(name.removeprefix(path))
                if below.is_absolute() or ".." in below.parts:
                    raise CloudError(f"{self.uri}: the name '{name}' leads out of the folder")
                file = target / below
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as stream:
                    client.download_blob(name).readinto(stream)
        return target

    def upload(self, source: Path) -> None:
        """Uploads every file below `source`, over what is there.

        Raises:
            CloudError: the storage refuses it, or does not answer.
        """
        with self._opened() as (client, path):
            ensure_container(client)
            for file in sorted(one for one in source.rglob("*") if one.is_file()):
                with file.open("rb") as stream:
                    client.upload_blob(path + file.relative_to(source).as_posix(), stream, overwrite=True)

    @contextmanager
    def _opened(self) -> Iterator[tuple[ContainerClient, str]]:
        """The container and the path of the folder in it, with a slash at its end."""
        from azure.core.exceptions import AzureError

        try:
            with self._container() as (client, path):
                yield client, path.rstrip("/") + "/"
        except AzureError as error:
            raise CloudError(f"{self.uri} cannot be used: {error}", status=_status(error)) from None

    @contextmanager
    def _container(self) -> Iterator[tuple[ContainerClient, str]]:
        if found := URI.fullmatch(self.uri):
            with container(self.workspace, found["name"]) as client:
                yield client, found["path"]
            return
        from azure.storage.blob import ContainerClient

        found = BLOBS.fullmatch(self.uri)
        # No other host may get a token of ours.
        if found is None or found["suffix"] != load_cloud().storage_suffix:
            raise CloudError(f"'{self.uri}' is no folder of a datastore: azureml://datastores/<name>/paths/<path>/")
        with ContainerClient(found["account"], found["container"], credential=credential()) as client:
            yield client, found["path"]


def holds(folder: Folder, files: Sequence[str] = ()) -> bool:
    """Whether a folder has all these files, and any at all. Where one may not look, they are taken to be there.

    Raises:
        CloudError: the storage does not answer, although it exists.
    """
    try:
        names = set(folder.names())
    except CloudError as error:
        if error.status in (401, 403):
            return True
        if error.status == MISSING or not storage_exists(folder.workspace):
            return False
        raise
    return bool(names) and set(files) <= names


def ensure_container(client: ContainerClient) -> None:
    """Makes a container again that went with its storage account; the workspace makes its own but once."""
    from azure.core.exceptions import ResourceExistsError

    try:
        client.create_container()
    except ResourceExistsError:
        return


def storage_exists(workspace: Workspace) -> bool:
    """Whether the workspace and its storage account are there. Without either nothing of it can be read or held."""
    document = workspace.get()
    if document is None:
        return False
    account = str(document["properties"].get("storageAccount") or "")
    return not account or arm().get(account, STORAGE_VERSION) is not None


def _status(error: Exception) -> int:
    """The HTTP status of an SDK's error; 0 without an answer."""
    return int(getattr(error, "status_code", None) or 0)

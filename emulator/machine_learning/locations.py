"""Where things are: every way Azure ML has to name an asset or a path, resolved to a place in blob storage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from emulator.errors import ServiceError
from emulator.machine_learning.assets.curated import UnknownCurated, curated
from emulator.machine_learning.datastores import place
from emulator.machine_learning.identifiers import (
    ARTIFACT_STORE,
    BLOB_STORE,
    job_id,
    version_id,
    version_type,
    workspace_id,
)
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.machine_learning.storage import WorkspaceStorage

DATASTORE_PATH = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"datastores/(?P<name>[^/]+)(?:/paths)?(?:/(?P<path>.*))?",
    re.IGNORECASE,
)
DATA_PATH = re.compile(r"azureml://(?:.+/)?data/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.IGNORECASE)
JOB_PATH = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?(?:/(?P<path>.*))?", re.IGNORECASE
)
DEFAULT_OUTPUTS = ("artifacts", "default")


class UnresolvedReference(ValueError):
    """A reference to what does not exist or cannot be reached from here; the message says which and why."""


@dataclass(frozen=True)
class Location:
    """A blob, or all blobs below a folder when `path` is one; `path` has no leading or trailing slash."""

    account: str
    container: str
    path: str

    def child(self, name: str) -> Location:
        """A place below this one."""
        return Location(self.account, self.container, f"{self.path}/{name}".strip("/"))


class References:
    """Resolves references inside a workspace."""

    def __init__(self, store: Store, storage: WorkspaceStorage) -> None:
        self.store = store
        self.storage = storage

    def asset(self, workspace: str, kind: str, reference: str) -> Document:
        """The version of an asset: by ARM id, `azureml:name:version`, `azureml:name@latest` or `azureml:name`.

        Raises:
            UnresolvedReference: there is no such version.
        """
        if kind == "environments":
            try:
                found = curated(workspace, reference)
            except UnknownCurated as error:
                raise UnresolvedReference(str(error)) from None
            if found:
                return found
        text = reference.removeprefix("azureml:")
        if text.startswith("//registries/"):
            raise UnresolvedReference(
                f"'{reference}' is in a registry: the emulator has none but Azure's own environments; register it in "
                "the workspace"
            )
        if text.startswith("/"):
            found = self.store.get(text)
        elif ":" in text:
            name, _, version = text.rpartition(":")
            found = self.store.get(version_id(workspace, kind, name, version))
        else:
            found = self.latest(workspace, kind, text.removesuffix("@latest"))
        if found is None or found.resource.type.lower() != version_type(kind).lower():
            raise UnresolvedReference(f"'{reference}' was not found among the workspace's {kind}")
        return found

    def latest(self, workspace: str, kind: str, name: str) -> Document | None:
        """The newest version that is not archived."""
        versions = self.store.children(f"{workspace}/{kind}/{name}", version_type(kind))
        return next((version for version in versions if not version.properties.get("isArchived")), None)

    def location(self, workspace: str, uri: str) -> Location:
        """The place in blob storage that a URI of an input or an output names.

        Raises:
            UnresolvedReference: nothing is registered under it, or it is outside this emulator.
        """
        if found := DATASTORE_PATH.fullmatch(uri):
            return self._in_datastore(workspace, found["name"], found["path"] or "")
        if found := JOB_PATH.fullmatch(uri):
            return self.location(workspace, self.job_output(workspace, uri))
        if found := DATA_PATH.fullmatch(uri):
            return self._of_data(workspace, f"azureml:{found['name']}:{found['version']}")
        if uri.startswith(("azureml:", "/subscriptions/")):
            return self._of_asset(workspace, uri)
        if uri.startswith(("https://", "wasbs://", "abfss://")):
            return self._of_url(uri)
        raise UnresolvedReference(
            f"'{uri}' is no path that the emulator can read: use azureml:, azureml:// or a blob's https:// URL"
        )

    def job_output(self, workspace: str, uri: str) -> str:
        """The datastore path of `azureml://jobs/<job>/outputs/<output>/paths/<path>`."""
        found = JOB_PATH.fullmatch(uri)
        if found is None:
            raise UnresolvedReference(f"'{uri}' is no path into a job's outputs")
        job = self.store.get(job_id(workspace, found["job"]))
        if job is None:
            raise UnresolvedReference(f"'{uri}' names the job '{found['job']}', which does not exist")
        tail = (found["path"] or "").strip("/")
        if found["output"] in DEFAULT_OUTPUTS:
            base = default_output(job.name, found["output"]).rstrip("/")
        else:
            output = (job.private.get("outputs") or {}).get(found["output"])
            if output is None:
                raise UnresolvedReference(
                    f"'{uri}' names the output '{found['output']}', which job '{job.name}' does not have"
                )
            base = output["uri"].rstrip("/")
        return long_uri(workspace, f"{base}/{tail}".rstrip("/"))

    def _in_datastore(self, workspace: str, name: str, path: str) -> Location:
        datastore = self.store.get(f"{workspace}/datastores/{name}")
        if datastore is None:
            raise UnresolvedReference(f"the datastore '{name}' does not exist in the workspace")
        try:
            account, container = place(datastore)
        except ServiceError as error:
            raise UnresolvedReference(error.message) from None
        return Location(account, container, unquote(path).strip("/"))

    def _of_asset(self, workspace: str, reference: str) -> Location:
        lower = reference.lower()
        if "/models/" in lower:
            return self.location(workspace, self.asset(workspace, "models", reference).properties["modelUri"])
        if "/datastores/" in lower:
            name, _, path = reference[lower.index("/datastores/") + len("/datastores/") :].partition("/paths/")
            return self._in_datastore(workspace, name, path)
        return self._of_data(workspace, reference)

    def _of_data(self, workspace: str, reference: str) -> Location:
        return self.location(workspace, self.asset(workspace, "data", reference).properties["dataUri"])

    def _of_url(self, uri: str) -> Location:
        parts = urlsplit(uri)
        account = self.storage.account_of_host(parts.netloc.rpartition("@")[2])
        if account is None:
            raise UnresolvedReference(
                f"'{uri}' is outside the emulator's storage accounts: upload it as a data asset first"
            )
        path = unquote(parts.path).strip("/")
        if parts.scheme != "https":
            return Location(account, parts.netloc.partition("@")[0], path)
        container, _, path = path.partition("/")
        return Location(account, container, path)


def long_uri(workspace: str, uri: str) -> str:
    """`azureml://datastores/...` with subscription, group and workspace, as services answer."""
    if not uri.startswith("azureml://datastores/"):
        return uri
    parts = workspace_id(workspace).split("/")
    where = f"subscriptions/{parts[2]}/resourcegroups/{parts[4]}/workspaces/{parts[8]}"
    return f"azureml://{where}/{uri.removeprefix('azureml://')}"


def default_output(job: str, output: str) -> str:
    """Where an output goes that says nothing else; the one named `artifacts` is what every job leaves."""
    if output in DEFAULT_OUTPUTS:
        return f"azureml://datastores/{ARTIFACT_STORE}/paths/ExperimentRun/dcid.{job}/"
    return f"azureml://datastores/{BLOB_STORE}/paths/azureml/{job}/{output}/"

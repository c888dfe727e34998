"""Registered models: versions of an artefact, which of them serves, and which were refused.

Champion = tag `champion=<version>` on the model itself (Azure ML has no aliases); a version that ever was it has a tag
`served`. Rejected = tags `rejected` (digest of
the image) and `rejected-reason` on the version; a version refused with several images has `rejected-2` and so on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.clients.arm import arm
from ml.clients.datastore import Folder
from ml.clients.errors import CloudError
from ml.clients.workspace import API_VERSION, Workspace

CHAMPION = "champion"
SERVED = "served"
REJECTED = "rejected"
REASON = "rejected-reason"
SHA256 = "sha256"
JOB = "job"
FILE = "model.onnx"
MOST_WRITERS = 20
MOST_TAKEN_BACK = 3
"""How often a number may be refused that nobody holds afterwards: a duplicate was there, and is taken back since."""
LONGEST_REASON = 250
READ_ONLY = ("provisioningState", "latestVersion", "nextVersion")


@dataclass(frozen=True)
class ModelRecord:
    """One version of a model. `uri` names the folder with `model.onnx`; `archived` hides it from lists.

    `properties` never change once written: `sha256` of the file, `source` (the folder as it was registered), `job`,
    `data`, `commit`, `metrics` (JSON), `golden`.
    """

    version: int
    tags: Mapping[str, str]
    properties: Mapping[str, str]
    uri: str
    archived: bool

    @property
    def sha256(self) -> str:
        """Digest of `model.onnx` when it was registered; empty for a version somebody else made."""
        return self.properties.get(SHA256, "")

    @property
    def figures(self) -> Mapping[str, float]:
        """The figures it was registered with; empty where somebody changed them to something else."""
        try:
            found = json.loads(self.properties.get("metrics", "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def served(self) -> str:
        """When it last became the champion, in UTC; empty when it never did."""
        return self.tags.get(SERVED, "")

    @property
    def rejections(self) -> dict[str, str]:
        """Why it was refused, by the digest of the image it was refused in."""
        suffixes = [key.removeprefix(REJECTED) for key in sorted(self.tags) if is_digest_tag(key)]
        return {self.tags[REJECTED + suffix]: self.tags.get(REASON + suffix, "") for suffix in suffixes}


class Models:
    """The versions of one model in a workspace."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    @property
    def path(self) -> str:
        """ARM path of the model, which is the container of its versions."""
        return f"{self.workspace.path}/models/{self.name}"

    # -- reading

    def get(self, version: int) -> ModelRecord | None:
        """A version, archived or not."""
        document = arm().get(f"{self.path}/versions/{version}", API_VERSION)
        return record(document) if document else None

    def list(self) -> list[ModelRecord]:
        """All versions, archived ones too, oldest first. Versions without a number are not ours and left out."""
        documents = arm().list(f"{self.path}/versions", API_VERSION, listViewType="All")
        found = [record(document) for document in documents if str(document["name"]).isdigit()]
        return sorted(found, key=lambda one: one.version)

    def find_by_sha256(self, sha256: str) -> ModelRecord | None:
        """The oldest version that was registered with this file."""
        return next((one for one in self.list() if one.sha256 == sha256), None)

    def registered(self, sha256: str, version: int | None = None) -> ModelRecord | None:
        """What was registered with this file: under this number, where one is given; else the oldest version."""
        if version is None:
            return self.find_by_sha256(sha256)
        found = self.get(version)
        return found if found is not None and found.sha256 == sha256 else None

    def required(self, version: int) -> ModelRecord:
        """A version.

        Raises:
            CloudError: there is none.
        """
        found = self.get(version)
        if found is None:
            raise CloudError(f"there is no version {version} of the model {self.name}", status=404)
        return found

    def files(self, version: int, folder: Path) -> Path:
        """Downloads what was registered; gives the folder back."""
        return Folder(self.workspace, self.required(version).uri).download(folder)

    def sha256_of(self, version: int) -> str | None:
        """Digest of the `model.onnx` that is stored now; None when it is gone."""
        return Folder(self.workspace, self.required(version).uri).sha256(FILE)

    # -- registering

    def register(
        self, uri: str, *, properties: Mapping[str, str], tags: Mapping[str, str], description: str = ""
    ) -> ModelRecord:
        """Registers a folder of a datastore as the next version.

        `properties` must hold `sha256`. Two writers with two files get two numbers: what a version points at cannot be
        changed, so the later one is refused and takes the next number. Two writers with one file get one version: the
        oldest of them counts and the other is deleted again.

        Raises:
            CloudError: the registration was refused for another reason.
        """
        made = self._put_next(uri, properties, tags, description)
        oldest = self.find_by_sha256(properties[SHA256])
        if oldest is None or oldest.version == made.version:
            return made
        arm().delete(f"{self.path}/versions/{made.version}", API_VERSION)
        return oldest

    def register_as(
        self, version: int, uri: str, *, properties: Mapping[str, str], tags: Mapping[str, str], description: str = ""
    ) -> ModelRecord:
        """Registers a folder of a datastore under a number that it has elsewhere already, where another job wrote it.

        Raises:
            CloudError: the registration was refused, as it is when the number is another file's.
        """
        body = content(uri, properties, tags, description)
        arm().put(f"{self.path}/versions/{version}", API_VERSION, {"properties": body})
        return self.required(version)

    def _put_next(
        self, uri: str, properties: Mapping[str, str], tags: Mapping[str, str], description: str
    ) -> ModelRecord:
        body = content(uri, properties, tags, description)
        body |= {"jobName": properties[JOB]} if JOB in properties else {}  # leads from the model to its run in MLflow
        taken_back = 0
        for _ in range(MOST_WRITERS):
            version = self._next_version()
            try:
                arm().put(f"{self.path}/versions/{version}", API_VERSION, {"properties": body})
            except CloudError as error:
                taken_back += self.get(version) is None
                if error.status not in (400, 409, 412) or taken_back > MOST_TAKEN_BACK:
                    raise
                continue
            made = self.required(version)
            if made.sha256 == properties[SHA256]:
                return made
        raise CloudError(f"registering {self.name} failed: {MOST_WRITERS} times another writer took the next version")

    def _next_version(self) -> int:
        document = arm().get(self.path, API_VERSION)
        return int(document["properties"]["nextVersion"]) if document else 1

    # -- changing what may change

    def tag(self, version: int, tags: Mapping[str, str], *, archived: bool | None = None) -> ModelRecord:
        """Adds tags to a version and, where `archived` says so, hides or shows it."""
        merged = {**self.required(version).tags, **tags}
        return self._change(version, merged, archived)

    def archive(self, version: int) -> ModelRecord:
        """Hides a version from lists; its files stay."""
        return self.tag(version, {}, archived=True)

    def _change(self, version: int, tags: Mapping[str, str], archived: bool | None) -> ModelRecord:
        path = f"{self.path}/versions/{version}"
        document = arm().get(path, API_VERSION)
        if document is None:
            raise CloudError(f"there is no version {version} of the model {self.name}", status=404)
        properties = {key: value for key, value in document["properties"].items() if key not in READ_ONLY}
        properties["tags"] = dict(tags)
        if archived is not None:
            properties["isArchived"] = archived
        arm().put(path, API_VERSION, {"properties": properties})
        return self.required(version)

    # -- what serves

    def champion(self) -> int | None:
        """The version that serves; None when none does yet.

        Raises:
            CloudError: the tag holds no number.
        """
        value = self.champion_tag()
        if value is not None and not value.isdecimal():
            raise CloudError(
                f"the tag {CHAMPION} of the model {self.name} is '{value}'; it must be a version number: "
                "`make promote SYSTEM=... VERSION=n` writes it"
            )
        return int(value) if value is not None else None

    def champion_tag(self) -> str | None:
        """What the tag says, whatever it is."""
        document = arm().get(self.path, API_VERSION)
        value = ((document or {}).get("properties", {}).get("tags") or {}).get(CHAMPION)
        return str(value) if value is not None else None

    def set_champion(self, version: int) -> None:
        """Says that this version serves, and on the version since when; other tags stay.

        Raises:
            CloudError: there is no such version.
        """
        self.tag(version, {SERVED: datetime.now(UTC).isoformat(timespec="microseconds")})
        document = arm().get(self.path, API_VERSION) or {"properties": {}}
        properties = {key: value for key, value in document["properties"].items() if key not in READ_ONLY}
        properties["tags"] = {**(properties.get("tags") or {}), CHAMPION: str(version)}
        arm().put(self.path, API_VERSION, {"properties": properties})

    # -- what was refused

    def rejection(self, version: int) -> dict[str, str]:
        """Why a version was refused, by the digest of the image it was refused in; empty when it was not."""
        return self.required(version).rejections

    def reject(self, version: int, image_digest: str, reason: str) -> None:
        """Remembers that this image of the version must not serve."""
        rejections = {**self.rejection(version), image_digest: " ".join(reason.split())[:LONGEST_REASON]}
        self._write_rejections(version, rejections)

    def clear_rejection(self, version: int) -> None:
        """Forgets every rejection of a version, in whatever image."""
        if self.rejection(version):
            self._write_rejections(version, {})

    def _write_rejections(self, version: int, rejections: Mapping[str, str]) -> None:
        tags = {key: value for key, value in self.required(version).tags.items() if not key.startswith(REJECTED)}
        for number, (digest, reason) in enumerate(rejections.items(), start=1):
            suffix = f"-{number}" if number > 1 else ""
            tags |= {REJECTED + suffix: digest, REASON + suffix: reason}
        self._change(version, tags, None)

    # -- the end

    def purge(self) -> None:
        """Deletes the model with all its versions; the files belong to the jobs that wrote them."""
        for document in arm().list(f"{self.path}/versions", API_VERSION, listViewType="All"):
            arm().delete(f"{self.path}/versions/{document['name']}", API_VERSION)
        arm().delete(self.path, API_VERSION)


def content(uri: str, properties: Mapping[str, str], tags: Mapping[str, str], description: str) -> dict[str, Any]:
    """The properties of a version to be registered."""
    body = {"modelUri": uri, "modelType": "custom_model", "properties": dict(properties), "tags": dict(tags)}
    return {**body, "description": description} if description else body


def is_digest_tag(key: str) -> bool:
    """Whether a tag holds the digest of a refused image: `rejected`, `rejected-2`, ..."""
    return key.startswith(REJECTED) and not key.startswith(REASON)


def record(document: Mapping[str, Any]) -> ModelRecord:
    """An ARM document as a version."""
    properties = document["properties"]
    return ModelRecord(
        version=int(document["name"]),
        tags=properties.get("tags") or {},
        properties=properties.get("properties") or {},
        uri=str(properties["modelUri"]),
        archived=bool(properties.get("isArchived")),
    )

"""Registered models and their versions: which serves, what each was made of, where it went."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.machine_learning.identifiers import job_id, version_id, workspace_id
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud, created, newest, parent, tags

CHAMPION = "champion"
FIRST = ("auc", "accuracy", "nrmse", "mape", "r2", "f1", "mae", "rmse", "log_loss")
HEADLINE, COLUMNS = 2, 4
DATA_REFERENCE = re.compile(r"(?:azureml:|.*/data/)(?P<name>[^/:]+)(?::|/versions/)(?P<version>[^/:]+)/?")
JOB_IN_URI = re.compile(r"(?:/jobs|/azureml)/(?P<job>[^/]+)/|/dcid\.(?P<run>[^/]+)")
"""An output of a job: as `azureml://jobs/<job>/…`, in its default folder, or among the artefacts of its run."""


@dataclass(frozen=True)
class Version:
    """One version of a model."""

    document: Json
    model: str
    champion: bool
    metrics: Mapping[str, float]
    rejected: Sequence[tuple[str, str]] = ()
    """Digest of an image, and why it was refused."""

    @property
    def id(self) -> str:
        """The resource's id."""
        return str(self.document["id"])

    @property
    def name(self) -> str:
        """Its number."""
        return str(self.document["name"])

    @property
    def properties(self) -> Mapping[str, Any]:
        """What whoever registered it wrote beside it."""
        found = self.document["properties"].get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return tags(self.document)

    @property
    def sha256(self) -> str:
        """Digest of the model's file; empty where nobody wrote it down."""
        return str(self.properties.get("sha256") or self.tags.get("sha256") or "")

    @property
    def job(self) -> str:
        """The job that made it: the one it names, else the one whose output it points at; empty where none is said."""
        inner = self.document["properties"]
        named = str(self.properties.get("job") or inner.get("jobName") or "")
        found = None if named else JOB_IN_URI.search(str(inner.get("modelUri") or ""))
        return (found["job"] or found["run"]) if found else named.rpartition("/")[2]

    @property
    def job_id(self) -> str:
        """That job's id."""
        return job_id(workspace_id(self.id), self.job)

    @property
    def headline(self) -> list[tuple[str, float]]:
        """The few figures to show first."""
        return [(name, self.metrics[name]) for name in leading(self.metrics)[:HEADLINE]]

    @property
    def archived(self) -> bool:
        """Whether lists leave it out."""
        return bool(self.document["properties"].get("isArchived"))

    @property
    def created(self) -> float:
        """When it was registered."""
        return created(self.document)


@dataclass(frozen=True)
class Model:
    """A registered model; versions newest first."""

    document: Json
    versions: Sequence[Version] = field(default=())

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.document["name"])

    @property
    def id(self) -> str:
        """The resource's id."""
        return str(self.document["id"])

    @property
    def columns(self) -> list[str]:
        """The figures that a table of its versions shows."""
        return leading({name: value for version in self.versions for name, value in version.metrics.items()})[:COLUMNS]

    @property
    def champion(self) -> Version | None:
        """The version that the tag `champion` names."""
        return next((version for version in self.versions if version.champion), None)


def every(cloud: Cloud) -> list[Model]:
    """All models, by name."""
    return sorted((model(cloud, one) for one in cloud.models()), key=lambda one: one.name)


def model(cloud: Cloud, document: Json) -> Model:
    """A model with its versions."""
    champion = tags(document).get(CHAMPION, "")
    found = newest(cloud.versions(document))
    return Model(document, [version(one, str(document["name"]), champion) for one in found])


def version(document: Json, name: str, champion: str) -> Version:
    """A version's document as the page shows it."""
    written = tags(document)
    keys = [key for key in sorted(written) if re.fullmatch(r"rejected(-\d+)?", key)]
    refused = [(written[key], written.get(f"rejected-reason{key.removeprefix('rejected')}", "")) for key in keys]
    return Version(document, name, document["name"] == champion, figures(document), refused)


def of_version(cloud: Cloud, document: Json) -> tuple[Model, Version]:
    """The model that a version belongs to, and the version in it."""
    container = cloud.get(parent(document["id"])) or {"id": parent(document["id"]), "name": "", "properties": {}}
    found = model(cloud, container)
    fallback = version(document, str(container["name"]), "")
    return found, next((one for one in found.versions if one.id.lower() == document["id"].lower()), fallback)


def figures(document: Json) -> dict[str, float]:
    """Numbers that were written beside a version: `metrics` as JSON."""
    given = (document["properties"].get("properties") or {}).get("metrics")
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    numbers = {name: value for name, value in found.items() if isinstance(value, (int, float))}
    return {name: float(value) for name, value in numbers.items() if not isinstance(value, bool)}


def leading(metrics: Mapping[str, float]) -> list[str]:
    """Names of metrics, those first that people look for first."""
    return sorted(metrics, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def origin(cloud: Cloud, version: Version) -> Json | None:
    """The job that made a version."""
    return cloud.get(version.job_id) if version.job else None


def inputs(cloud: Cloud, job: Json) -> list[Json]:
    """The data versions that a job read."""
    found = []
    for given in (job["properties"].get("inputs") or {}).values():
        reference = DATA_REFERENCE.fullmatch(str((given or {}).get("uri") or ""))
        if reference:
            path = version_id(workspace_id(job["id"]), "data", reference["name"], reference["version"])
            found.append(cloud.get(path) or {"id": path, "name": reference["version"], "properties": {}})
    return found

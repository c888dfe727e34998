"""What MLflow shows of a workspace: on Azure its models and the tags of its jobs are one with MLflow's.

Nothing is written to MLflow when a model or a job changes: that must be quick, and the server may not run. MLflow is
brought up to date when somebody is about to read it, by comparing what the store holds with what was sent last. So
there is nothing to lose in a crash.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from typing import Any

import httpx

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import JOB, container_type, version_type, workspace_id
from emulator.machine_learning.tracking.server import TrackingServer
from emulator.store import Document, Store

MODEL, VERSION = container_type("models"), version_type("models")
READS = re.compile(r"/(registered-models|model-versions|graphql|runs/get|runs/search)\b")
"""Paths behind which models or tags are read."""
MODEL_TAG = "mlflow.azureml.modelId"
ALIAS = re.compile(r"(?!latest$|v\d+$)[\w.\-]{1,255}", re.IGNORECASE)
"""What MLflow takes as an alias."""
STAGES = frozenset({"Staging", "Production"})
"""Stages of a version that MLflow knows too, besides being archived."""
logger = logging.getLogger(__name__)


class Mirror:
    """Writes models and tags into MLflow as they are now."""

    def __init__(self, store: Store, tracking: TrackingServer) -> None:
        self.store = store
        self.tracking = tracking
        self._lock = threading.Lock()
        self._models: tuple[str, ...] | None = None
        """The etags of what was sent."""
        self._jobs: tuple[str, ...] | None = None
        """The same of the jobs whose tags were sent; None while a run was missing."""
        self._tags: dict[str, dict[str, str]] = {}
        """What was sent of each job."""

    def refresh(self) -> None:
        """Sends what has changed; a failure leaves MLflow as it is, and the next reader tries again."""
        with self._lock:
            models, jobs = self.store.etags(MODEL, VERSION), self.store.etags(JOB)
            changed: dict[str, Any] = {}
            if models != self._models:
                changed["models"] = shown_models(self.store.of_type(MODEL), self.store.of_type(VERSION))
            tags = {job.name: tags_of(job) for job in self.store.of_type(JOB)} if jobs != self._jobs else {}
            if new := {name: given for name, given in tags.items() if self._tags.get(name, {}) != given}:
                changed["tags"] = new
            try:
                missing = self.tracking.mirror(changed) if changed else []
            except (ServiceError, httpx.HTTPError) as error:
                logger.warning("MLflow does not show the present models and tags: %s", error)
                return
            self._models, self._jobs = models, None if missing else jobs
            self._tags = {name: given for name, given in (tags or self._tags).items() if name not in missing}


def shown_models(containers: Iterable[Document], versions: Iterable[Document]) -> list[dict[str, Any]]:
    """Every workspace's models as MLflow's. Of two with one name the younger one's gets the workspace's behind it."""
    inside: dict[str, list[Document]] = {}
    for version in versions:
        if version.name.isdecimal():  # MLflow knows no other versions
            inside.setdefault((version.resource.parent or "").lower(), []).append(version)
    found: dict[str, dict[str, Any]] = {}
    for container in containers:
        name = container.name
        if name in found:
            name = f"{name}.{workspace_id(container.id).rpartition('/')[2]}"
        found[name] = shown_model(name, container, inside.get(container.key, []))
    return list(found.values())


def shown_model(name: str, container: Document, versions: list[Document]) -> dict[str, Any]:
    """A model. Azure ML has no aliases: a tag of the model whose value is the number of a version stands for one."""
    tags, numbers = tags_of(container), {int(version.name) for version in versions}
    named = {tag: int(value) for tag, value in tags.items() if value.isdecimal() and ALIAS.fullmatch(tag)}
    return {
        "name": name,
        "description": container.properties.get("description"),
        "tags": {**tags, MODEL_TAG: container.id},
        "aliases": {tag: number for tag, number in named.items() if number in numbers},
        "versions": [shown_version(version) for version in versions],
        **times(container),
    }


def shown_version(version: Document) -> dict[str, Any]:
    """One version; `run` is the job it names as its origin, whose run has that name."""
    properties = version.properties
    stage = properties.get("stage")
    return {
        "version": int(version.name),
        "source": version.private.get("source") or properties["modelUri"],
        "run": properties.get("jobName"),
        "description": properties.get("description"),
        "tags": tags_of(version),
        "stage": "Archived" if properties.get("isArchived") else stage if stage in STAGES else "None",
        **times(version),
    }


def tags_of(document: Document) -> dict[str, str]:
    """A document's tags, which may be null."""
    return {key: str(value) for key, value in (document.properties.get("tags") or {}).items() if value is not None}


def times(document: Document) -> dict[str, int]:
    """When it was made and changed last, in milliseconds."""
    return {"created": int(document.created * 1000), "modified": int(document.modified * 1000)}

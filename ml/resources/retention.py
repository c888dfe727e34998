"""`Retention`: keeps a system's past while the system lives, and removes it when the system is destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import ClassVar

import pulumi

from ml.clients.arm import arm
from ml.clients.data import DataAssets
from ml.clients.datastore import Folder, folder_uri
from ml.clients.jobs import Jobs
from ml.clients.models import Models
from ml.clients.registry import API_VERSION, ContainerRegistry
from ml.clients.tracking import Tracking
from ml.clients.workspace import Workspace
from ml.identity.values import Properties
from ml.progress import status
from ml.resources.base import Provider, Resource


class RetentionProvider(Provider):
    """Every other resource of the system depends on it, so it is deleted last; only then is the past removed."""

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system")

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """There is nothing to make."""
        return inputs["system"], {}

    def release(self, identifier: str, properties: Properties) -> None:
        """Deletes the system's images, model, jobs, data versions, runs and files."""
        workspace = Workspace.from_inputs(properties["workspace"])
        if workspace.get() is None:
            return
        purge_images(properties)
        if properties.get("model"):
            status(f"deleting model {properties['model']}")
            Models(workspace, properties["model"]).purge()
        jobs, assets = Jobs(workspace), DataAssets(workspace)
        for job in jobs.of_experiment(properties["system"]):
            status(f"deleting job {job.name}")
            if not job.ended:
                jobs.cancel(job.name)
            jobs.purge(job.name)
        for name in properties["assets"]:
            status(f"deleting data {name}")
            assets.purge(name)
        with closing(Tracking.of(workspace)) as tracking:
            tracking.delete_experiment(properties["system"])
        Folder(workspace, folder_uri(f"systems/{properties['system']}")).delete()


def purge_images(properties: Properties) -> None:
    """Deletes the system's images, where it has any and the registry still exists."""
    given = properties.get("registry")
    if not given or arm().get(given["id"], API_VERSION) is None:
        return
    repository = properties["system"].replace("_", "-")
    status(f"deleting images {repository}")
    ContainerRegistry.from_inputs(given).purge(repository)


class Retention(Resource, module="ml", name="Retention"):
    """One a system, declared first."""

    def __init__(
        self,
        name: str,
        *,
        system: str,
        workspace: Mapping[str, pulumi.Input[str]],
        assets: Sequence[str],
        model: str | None = None,
        registry: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "workspace": workspace,
            "assets": list(assets),
            "model": model,
            "registry": registry,
        }
        super().__init__(RetentionProvider(), name, inputs, opts)

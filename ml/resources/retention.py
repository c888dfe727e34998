"""`Retention`: keeps a system's past while the system lives, and removes it when the system is destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pulumi

from ml.clients.data import DataAssets
from ml.clients.jobs import Jobs
from ml.clients.tracking import Tracking
from ml.clients.workspace import Workspace
from ml.resources.base import Properties, Provider, Resource
from ml.resources.host import status


class RetentionProvider(Provider):
    """Every other resource of the system depends on it, so it is deleted last; only then is the past removed."""

    identity: ClassVar[tuple[str, ...]] = ("workspace", "system")

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """There is nothing to make."""
        return inputs["system"], {}

    def release(self, identifier: str, properties: Properties) -> None:
        """Deletes the system's jobs, data versions and runs."""
        workspace = Workspace.from_inputs(properties["workspace"])
        if workspace.get() is None:
            return
        jobs, assets = Jobs(workspace), DataAssets(workspace)
        for job in jobs.of_experiment(properties["system"]):
            status(f"deleting job {job.name}")
            if not job.ended:
                jobs.cancel(job.name)
            jobs.purge(job.name)
        for name in properties["assets"]:
            status(f"deleting data {name}")
            assets.purge(name)
        Tracking.of(workspace).delete_experiment(properties["system"])


class Retention(Resource, module="ml", name="Retention"):
    """One a system, declared first."""

    def __init__(
        self,
        name: str,
        *,
        system: str,
        workspace: Mapping[str, pulumi.Input[str]],
        assets: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"system": system, "workspace": workspace, "assets": list(assets)}
        super().__init__(RetentionProvider(), name, inputs, opts)

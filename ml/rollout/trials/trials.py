"""What a candidate has to pass, put together from a rollout's inputs: staging, proof at the endpoint, stages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ml.clients.container_groups import ContainerGroups
from ml.identity.values import Properties
from ml.rollout.container_group.groups import CPU, MEMORY_GB, CloudGroups
from ml.rollout.core.deployments import patience
from ml.rollout.core.ports import Lease, Site, Target
from ml.rollout.trials.checks import Golden
from ml.rollout.trials.load import RequiredLoad
from ml.rollout.trials.proof import Proof
from ml.rollout.trials.staging import Staging
from ml.rollout.trials.watch import Watch


@dataclass
class CloudTrials:
    """The trials of one target; what they need is looked up when it is."""

    inputs: Properties
    site: Site
    target: Target
    lease: Lease
    folder: Path

    @property
    def load(self) -> RequiredLoad:
        """What it has to bear."""
        return RequiredLoad.of(self.inputs.get("load"))

    @cached_property
    def golden(self) -> Golden:
        """The golden requests, from the files of the model version."""
        self.site.row.status("fetching the golden requests")
        files = self.site.models.client.files(self.target.version, self.folder)
        return Golden.read(files, self.site.model, self.target.version)

    @cached_property
    def groups(self) -> CloudGroups:
        """Where staging runs."""
        place = self.inputs["staging"]
        client = ContainerGroups(self.site.workspace.subscription_id, place["resourceGroupName"])
        return CloudGroups(
            client,
            self.site.system,
            place["location"],
            place["identityId"],
            place.get("registryServer", ""),
            float(place.get("cpu") or CPU),
            float(place.get("memoryGb") or MEMORY_GB),
            patience(self.load.answer_seconds),
            place.get("subnetId", ""),
        )

    def tidy(self) -> None:
        """Removes what an earlier run left in staging."""
        for name in self.groups.leftovers():
            self.site.row.status(f"removing {name}")
            self.groups.delete(name)

    def stage(self) -> None:
        """Runs the image alone."""
        self.lease.check()
        Staging(
            self.site.system,
            self.target,
            self.groups,
            self.golden,
            self.site.row,
            self.lease.pause,
            self.lease.check,
            self.inputs["readySeconds"],
            self.load.answer_seconds,
        ).run()

    def prove(self, old: str | None) -> None:
        """Asks the candidate at the endpoint."""
        clients, lease = self.site.asking(self.load.answer_seconds), self.lease
        name, row = self.target.deployment, self.site.row
        Proof(name, self.golden, clients, row, lease.pause, lease.alive, self.load).run(old)

    def watch(self, percent: int, old: str) -> None:
        """Looks at a stage."""
        Watch(
            candidate=self.target.deployment,
            old=old,
            percent=percent,
            golden=self.golden,
            client=self.site.asking(self.load.answer_seconds),
            metrics=self.site.metrics(),
            row=self.site.row,
            pause=self.lease.pause,
            seconds=self.inputs["stageSeconds"],
        ).run()


@contextmanager
def trials(inputs: Properties, site: Site, target: Target, lease: Lease) -> Iterator[CloudTrials]:
    """The trials, with a folder for the files of the model version."""
    with tempfile.TemporaryDirectory() as folder:
        yield CloudTrials(inputs, site, target, lease, Path(folder))

"""Who will buy a bike: the resources of the system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from infra.platform import Platform
from ml.resources.data_version import DataVersion
from ml.resources.retention import Retention
from ml.resources.training_job import TrainingJob

FILES = ("potential-bike-buyers.csv", "adworks-bike-purchases.csv")
ASSET = "bike-buyer-customers"
FOLDER = "ml/systems/bike_buyer"
GENERATOR = {"module": "ml.systems.bike_buyer.generator", "rows": 15000, "seed": 7}


class System:
    """Data version and training job of the bike buyer."""

    def __init__(self, name: str, platform: Platform) -> None:
        settings = platform.settings
        workspace = {
            "subscriptionId": platform.subscription_id,
            "resourceGroupName": platform.resource_group_name,
            "workspaceName": platform.workspace_name,
        }
        self.retention = Retention(
            f"{name}-retention",
            system=name,
            workspace=workspace,
            assets=[ASSET],
            opts=pulumi.ResourceOptions(depends_on=[platform]),
        )
        after = pulumi.ResourceOptions(depends_on=[self.retention])
        directory = settings.data.directory
        self.data = DataVersion(
            f"{name}-customers",
            system=name,
            workspace=workspace,
            asset=ASSET,
            files=FILES,
            directory=str(directory) if directory else None,
            record=f"{FOLDER}/data.lock",
            generator=GENERATOR,
            allow_generated=settings.allow_generated_data,
            opts=after,
        )
        self.training = TrainingJob(
            f"{name}-training",
            system=name,
            workspace=workspace,
            compute=platform.compute_name,
            environment="tabular",
            entry="ml.systems.bike_buyer.job.train",
            data_digest=self.data.digest,
            data_reference=self.data.reference,
            wait_minutes=settings.gate.wait_minutes,
            opts=after,
        )
        self.cloud = settings.cloud

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack shows of the system."""
        return {
            "cloud": self.cloud,
            "data": {"source": self.data.source, "rows": self.data.rows, "version": self.data.digest},
            "job": self.training.job,
            "experimentUri": self.training.experimentUri,
            "model": {"name": "bike-buyer", "metrics": self.training.metrics},
        }

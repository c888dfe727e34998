"""Who will buy a bike: the resources of the system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from infra.platform import Platform
from ml.data import contract
from ml.resources.container_image import ContainerImage
from ml.resources.data_version import DataVersion
from ml.resources.model_version import ModelVersion
from ml.resources.quality_gate import QualityGate
from ml.resources.retention import Retention
from ml.resources.rollout import Rollout
from ml.resources.training_job import TrainingJob

ASSET = "bike-buyer-customers"
MODEL = "bike-buyer"
FOLDER = "ml/systems/bike_buyer"
FILES = contract.load(Path(__file__).parent).names
GENERATOR = {"module": "ml.systems.bike_buyer.generator", "rows": 15000, "seed": 7}
FLOORS = {"auc": 0.80, "accuracy": 0.75}
"""What a model must reach on the holdout set to serve at all."""


class System:
    """From the customers' data to the endpoint that says who will buy."""

    def __init__(self, name: str, platform: Platform) -> None:
        settings, workspace = platform.settings, platform.workspace_inputs
        self.retention = Retention(
            f"{name}-retention",
            system=name,
            model=MODEL,
            workspace=workspace,
            assets=[ASSET],
            registry=platform.registry_inputs,
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
            folder=FOLDER,
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
            opts=after,
        )
        self.gate = QualityGate(
            f"{name}-gate",
            system=name,
            model=MODEL,
            workspace=workspace,
            compute=platform.compute_name,
            environment="tabular",
            entry="ml.systems.bike_buyer.job.evaluate",
            job=self.training.job,
            job_digest=self.training.digest,
            artefact=self.training.artefact,
            data_digest=self.data.digest,
            data_reference=self.data.reference,
            floors=FLOORS,
            wait_minutes=settings.gate.wait_minutes,
            opts=after,
        )
        self.version = ModelVersion(
            f"{name}-model",
            system=name,
            model=MODEL,
            workspace=workspace,
            sha256=self.gate.sha256,
            source=self.gate.source,
            metrics=self.gate.metrics,
            provenance=self.gate.provenance,
            opts=after,
        )
        self.image = ContainerImage(
            f"{name}-image",
            system=name,
            model=MODEL,
            version=self.version.version,
            sha256=self.gate.sha256,
            workspace=workspace,
            registry=platform.registry_inputs,
            opts=after,
        )
        self.endpoint = platform.scoring_endpoint(name)
        self.rollout = Rollout(
            f"{name}-rollout",
            system=name,
            model=MODEL,
            version=self.version.version,
            sha256=self.gate.sha256,
            image=self.image.image,
            workspace=workspace,
            endpoint=self.endpoint.endpoint_name,
            endpoint_id=self.endpoint.endpoint_id,
            staging=platform.staging_inputs,
            application_insights_id=platform.monitoring.application_insights_id,
            identity_client_id=platform.identities.endpoint.client_id,
            stages=settings.rollout.stages,
            stage_seconds=settings.rollout.stage_seconds,
            instance_type=settings.serving.instance_type,
            instances=settings.serving.instances,
            retry_rejected=settings.rollout.retry_rejected,
            opts=pulumi.ResourceOptions(depends_on=[self.retention, self.endpoint]),
        )
        self.cloud = settings.cloud

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack shows of the system."""
        return {
            "cloud": self.cloud,
            "data": {"source": self.data.source, "rows": self.data.rows, "version": self.data.digest},
            "job": self.training.job,
            "experimentUri": self.gate.experimentUri,
            "scoringUri": self.rollout.scoringUri,
            "openApiUri": self.rollout.openApiUri,
            "endpoint": self.endpoint.endpoint_name,
            "model": {
                "name": MODEL,
                "version": self.rollout.serving,
                "sha256": self.gate.sha256,
                "metrics": self.gate.metrics,
            },
        }

"""A model that serves: from the system's data to the address that answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

from ml.resources.container_image import ContainerImage
from ml.resources.data_version import DataVersion
from ml.resources.imported_image import ImportedImage
from ml.resources.model_version import ModelVersion
from ml.resources.promoted_model import PromotedModel
from ml.resources.quality_gate import QualityGate
from ml.resources.retention import Retention
from ml.resources.rollout import Rollout
from ml.resources.training_job import TrainingJob

if TYPE_CHECKING:
    from infra.platform import Platform
    from infra.scoring_endpoint import ScoringEndpoint
    from infra.serving_groups import ServingGroups
    from ml.system import SystemSpec

TRAIN, EVALUATE = "ml.jobkit.train", "ml.jobkit.evaluate"


class ServedModel:
    """The resources of one system. They are named `<system>-<step>`: those names are in every stack's state.

    Where the stack promotes, a copy of what serves in the other stack takes the place of the training job, and an
    import that of the build; gate and rollout are the same.
    """

    def __init__(self, name: str, spec: SystemSpec, platform: Platform) -> None:
        self.name, self.spec, self.platform = name, spec, platform
        self.model = name.replace("_", "-")
        self.sizes = platform.settings.system(name)
        self.cluster = platform.cluster(name, self.sizes.compute)
        asset = f"{self.model}-{spec.data.name}"
        self.retention = Retention(
            f"{name}-retention",
            system=name,
            model=self.model,
            workspace=platform.workspace_inputs,
            assets=[asset],
            registry=platform.registry_inputs,
            opts=pulumi.ResourceOptions(depends_on=[platform]),
        )
        self.after = pulumi.ResourceOptions(depends_on=[self.retention])
        own = [] if self.cluster is platform.compute else [self.cluster]
        self.after_cluster = pulumi.ResourceOptions(depends_on=[self.retention, *own])
        self.plan = spec.plan(name)
        self.data = self._data(asset)
        self.source = platform.source.model(name) if platform.source else None
        self.origin = self._promotion(self.source) if self.source else self._training()
        self.gate = self._gate()
        self.version = self._version()
        self.in_groups = spec.target.kind == "container_group"
        self.image = self._import(self.source) if self.source else self._image()
        self.endpoint: ServingGroups | ScoringEndpoint = (
            platform.serving_groups(name) if self.in_groups else platform.scoring_endpoint(name)
        )
        self.rollout = self._rollout()

    def _data(self, asset: str) -> DataVersion:
        settings, data = self.platform.settings, self.spec.data
        directory = self.sizes.data.directory
        folder = f"ml/systems/{self.name}"
        return DataVersion(
            f"{self.name}-{data.name}",
            system=self.name,
            workspace=self.platform.workspace_inputs,
            asset=asset,
            files=self.plan.files,
            folder=folder,
            directory=str(directory) if directory else None,
            record=f"{folder}/data.lock",
            generator=data.generator(self.name),
            allow_generated=settings.allow_generated_data,
            opts=self.after,
        )

    def _training(self) -> TrainingJob:
        return TrainingJob(
            f"{self.name}-training",
            system=self.name,
            workspace=self.platform.workspace_inputs,
            compute=self.cluster.compute_name,
            environment=self.spec.trainer.environment,
            entry=TRAIN,
            plan=self.plan.document(),
            data_digest=self.data.digest,
            data_reference=self.data.reference,
            timeout_minutes=self.sizes.compute.job_minutes,
            opts=self.after_cluster,
        )

    def _promotion(self, source: Mapping[str, Any]) -> PromotedModel:
        return PromotedModel(
            f"{self.name}-promotion",
            system=self.name,
            model=self.model,
            workspace=self.platform.workspace_inputs,
            source=source,
            opts=self.after,
        )

    def _gate(self) -> QualityGate:
        task, origin = self.spec.task, self.origin
        promoted = origin.provenance if isinstance(origin, PromotedModel) else None
        return QualityGate(
            f"{self.name}-gate",
            system=self.name,
            model=self.model,
            workspace=self.platform.workspace_inputs,
            compute=self.cluster.compute_name,
            environment="tabular",
            entry=EVALUATE,
            plan=self.plan.document(),
            job=origin.job if promoted is None else None,
            promoted=promoted,
            job_digest=origin.digest,
            artefact=origin.artefact,
            data_digest=self.data.digest,
            data_reference=self.data.reference,
            floors=task.floors,
            metric=task.metric,
            margin=task.margin,
            wait_minutes=self.platform.settings.gate.wait_minutes,
            opts=self.after_cluster,
        )

    def _version(self) -> ModelVersion:
        return ModelVersion(
            f"{self.name}-model",
            system=self.name,
            model=self.model,
            workspace=self.platform.workspace_inputs,
            sha256=self.gate.sha256,
            source=self.gate.source,
            metrics=self.gate.metrics,
            provenance=self.gate.provenance,
            opts=self.after,
        )

    def _image(self) -> ContainerImage:
        return ContainerImage(
            f"{self.name}-image",
            system=self.name,
            model=self.model,
            version=self.version.version,
            sha256=self.gate.sha256,
            workspace=self.platform.workspace_inputs,
            registry=self.platform.registry_inputs,
            gateway=self.in_groups,
            opts=self.after,
        )

    def _import(self, source: Mapping[str, Any]) -> ImportedImage:
        return ImportedImage(
            f"{self.name}-image",
            system=self.name,
            model=self.model,
            version=self.version.version,
            sha256=self.gate.sha256,
            workspace=self.platform.workspace_inputs,
            registry=self.platform.registry_inputs,
            source=source,
            opts=self.after,
        )

    def _rollout(self) -> Rollout:
        platform, rollout, serving = self.platform, self.sizes.rollout, self.sizes.serving
        return Rollout(
            f"{self.name}-rollout",
            system=self.name,
            model=self.model,
            version=self.version.version,
            sha256=self.gate.sha256,
            image=self.image.image,
            workspace=platform.workspace_inputs,
            endpoint=self.endpoint.endpoint_name,
            endpoint_id=getattr(self.endpoint, "endpoint_id", None),
            target="container_group" if self.in_groups else None,
            staging=platform.staging(serving),
            application_insights_id=platform.monitoring.application_insights_id,
            identity_client_id=platform.identities.endpoint.client_id,
            stages=rollout.stages,
            stage_seconds=rollout.stage_seconds,
            ready_seconds=rollout.ready_seconds,
            load=rollout.load,
            instance_type=serving.instance_type,
            instances=serving.instances,
            opts=pulumi.ResourceOptions(depends_on=[self.retention, *self.endpoint.needed]),
        )

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack shows of the system."""
        return {
            "cloud": self.platform.settings.cloud,
            "data": {"source": self.data.source, "rows": self.data.rows, "version": self.data.digest},
            "job": self.origin.job,
            "experimentUri": self.gate.experimentUri,
            "scoringUri": self.rollout.scoringUri,
            "openApiUri": self.rollout.openApiUri,
            "endpoint": self.endpoint.endpoint_name,
            "model": {
                "name": self.model,
                "version": self.rollout.serving,
                "sha256": self.gate.sha256,
                "image": self.rollout.image,
                "metrics": self.gate.metrics,
            },
        }

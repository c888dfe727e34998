"""What a stack may say about itself: every key of `stacks/Pulumi.<stack>.yaml`, typed and described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

import pulumi
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from infra.configuration import settings_error
from infra.data_factory_settings import DataFactorySettings
from infra.edge_settings import EdgeSettings
from infra.existing_settings import ExistingSettings
from infra.federation_settings import FederationSettings
from infra.file_trigger_settings import FileTriggerSettings
from infra.kubernetes_settings import KubernetesSettings
from infra.model_registry import ModelRegistrySettings
from infra.model_source import PROMOTE, known_source
from infra.notebooks_settings import NotebookSettings
from infra.operations_settings import OperationsSettings
from infra.parts import Part, parts
from infra.sizes import (
    ComputeSettings,
    DataSettings,
    GpuSettings,
    RolloutSettings,
    Section,
    ServingSettings,
    SystemName,
    SystemSettings,
    by_name,
    merged,
)
from infra.sql_settings import SqlSettings
from infra.stack_settings import StackSettings

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


class GateSettings(Section):
    """How quality gates behave."""

    wait_minutes: int = Field(
        20,
        ge=0,
        le=1440,
        description="minutes a quality gate waits for jobs before it says: still running",
        examples=[20],
    )


class MonitoringSettings(Section):
    """The Log Analytics workspace behind every log, metric and trace."""

    retention_days: int = Field(30, ge=30, le=730, description="days that logs are kept", examples=[30])
    daily_quota_gb: float = Field(1.0, ge=0.03, le=4000, description="gigabytes taken in a day at most", examples=[1])


class Settings(StackSettings):
    """One validated configuration of a stack. `Settings.load()` is the only way the program gets it.

    A secret is a field of type `pulumi.Output[str]`: a flat key of its own, set with `pulumi config set --secret`. A
    secret inside an object would end in plain text in the state, so it is refused.
    """

    network_profile: Literal["open", "hybrid", "private"] = Field(
        "open",
        description="open: public endpoints with identity checks; hybrid: data services answer only listed addresses, "
        "trusted Azure services and the workspace's own network; private: nothing answers from outside, and everything "
        "has a private endpoint in the stack's own network",
        examples=["open"],
    )
    systems: Annotated[Mapping[SystemName, SystemSettings], BeforeValidator(by_name)] = Field(
        description="the machine learning systems of the stack: a list of names, or a mapping from names to what a "
        "system has of `compute`, `data`, `rollout` and `serving` that is not the stack's",
        examples=[["bike_buyer"]],
    )
    platform: Annotated[tuple[Part, ...], BeforeValidator(parts)] = Field(
        (),
        description="parts of the platform beyond the workspace and what it stands on: a list, or the word full for "
        "all that there are in the network profile",
        examples=[["operations"]],
    )
    retire: tuple[SystemName, ...] = Field(
        (),
        description="systems that the stack leaves out, and takes down if it has them; the variable MLOPS_RETIRE adds "
        "some for one command",
        examples=[["bike_buyer"]],
    )
    allow_generated_data: bool = Field(
        False,
        description="whether generated data may serve where data.lock records real data; what takes the place of real "
        "data in the stack needs MLOPS_DATA=generated besides",
        examples=["true"],
    )
    compute: ComputeSettings = Field(default_factory=ComputeSettings, description="the training cluster")
    data: DataSettings = Field(default_factory=DataSettings, description="where real data lies")
    edge: EdgeSettings = Field(default_factory=EdgeSettings, description="the IoT hub")
    existing: ExistingSettings = Field(
        default_factory=ExistingSettings, description="what was there before the stack and becomes part of it"
    )
    data_factory: DataFactorySettings = Field(
        default_factory=DataFactorySettings, description="what the part data_factory makes of files, and when"
    )
    federation: FederationSettings = Field(
        default_factory=FederationSettings, description="who signs in without a secret"
    )
    file_trigger: FileTriggerSettings = Field(
        default_factory=FileTriggerSettings, description="which new files the part file_trigger starts the endpoint for"
    )
    gate: GateSettings = Field(default_factory=GateSettings, description="how quality gates behave")
    gpu: GpuSettings = Field(default_factory=GpuSettings, description="the GPU cluster")
    kubernetes: KubernetesSettings = Field(default_factory=KubernetesSettings, description="the AKS cluster")
    model_registry: ModelRegistrySettings = Field(
        default_factory=ModelRegistrySettings, description="the registry for promotion"
    )
    model_source: Annotated[str, AfterValidator(known_source)] = Field(
        "train",
        description="where models come from: train, or promote:<stack> for what serves in that stack, copied by digest "
        "and judged on this stack's own holdout set",
        examples=["promote:dev"],
    )
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings, description="logs, metrics and traces")
    operations: OperationsSettings = Field(
        default_factory=OperationsSettings, description="alerts and the budget of the part operations"
    )
    notebooks: NotebookSettings = Field(default_factory=NotebookSettings, description="the compute instance")
    rollout: RolloutSettings = Field(default_factory=RolloutSettings, description="how a new model takes over")
    serving: ServingSettings = Field(default_factory=ServingSettings, description="machines of scoring servers")
    sql: SqlSettings = Field(default_factory=SqlSettings, description="the database of the part sql")

    @field_validator("retire")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: listed more than once")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if both := sorted(set(self.systems) & set(self.retire)):
            raise ValueError(f"{', '.join(both)}: in systems and in retire; keep one of the two")
        if self.allowed_addresses and self.network_profile != "hybrid":
            raise ValueError(
                f"allowedAddresses has no effect with networkProfile {self.network_profile}; use hybrid or remove the "
                "addresses"
            )
        if Part.EDGE in self.platform and self.edge.sku == "F1" and self.is_production:
            raise ValueError(
                "edge.sku F1 is not for prod: it takes 8,000 messages a day and can never become another tier. Write "
                "`sku: S1` below `mlops:edge:`"
            )
        devops = self.federation.azure_dev_ops
        if bool(devops.issuer) != bool(devops.subject):
            raise ValueError(
                "federation.azureDevOps needs both issuer and subject; the page of the service connection shows them"
            )
        if Part.FEDERATION in self.platform and not (
            self.federation.git_hub.repository or devops.issuer or Part.KUBERNETES in self.platform
        ):
            raise ValueError(
                "mlops:platform has federation, but nobody to trust: write `github: {repository: owner/name}` or "
                "`azureDevOps: {issuer: …, subject: …}` below `mlops:federation:`"
            )
        if self.data_factory.flows and Part.DATA_FACTORY not in self.platform:
            raise ValueError(
                f"dataFactory.flows names {', '.join(self.data_factory.flows)}, but the stack has no Data Factory; add "
                "data_factory to mlops:platform, or take the line out"
            )
        if Part.FILE_TRIGGER in self.platform and self.network_profile == "private":
            raise ValueError(
                "mlops:platform has file_trigger, but a Logic App that is paid by the action reaches no private "
                "endpoint, so in networkProfile private it would start nothing. Take file_trigger out, or use "
                "networkProfile hybrid"
            )
        if Part.FILE_TRIGGER in self.platform and Part.BATCH not in self.platform:
            raise ValueError("mlops:platform has file_trigger, but not the endpoint that it starts: add `batch`")
        if Part.NOTEBOOKS in self.platform and self.notebooks.user_object_id is None:
            raise ValueError(
                "mlops:platform has notebooks, but not whose: write `userObjectId: <object id>` (az ad signed-in-user "
                "show --query id) below `mlops:notebooks:`"
            )
        if Part.OPERATIONS in self.platform and not self.operations.alert_emails:
            raise ValueError(
                "mlops:platform has operations, but nobody would be told: write `alertEmails: [ml-oncall@example.com]` "
                "below `mlops:operations:`"
            )
        return self

    @property
    def promotes_from(self) -> str:
        """The stack whose models are promoted; "" where the stack trains its own."""
        return self.model_source.partition(PROMOTE)[2]

    @property
    def is_production(self) -> bool:
        """Whether losing the stack's data would matter."""
        return self.environment == "prod"

    def system(self, name: str, defaults: Mapping[str, Any] | None = None) -> SystemSettings:
        """The sizes of a system: what the stack file says of it, else what it says for all systems, else `defaults`.

        Args:
            defaults: what suits the system's task, in the words of the stack file.
        """
        task, own = SystemSettings.model_validate(defaults or {}), self.systems[name]
        return SystemSettings.model_construct(
            compute=merged(task.compute, self.compute, own.compute),
            data=merged(self.data, own.data),
            rollout=merged(task.rollout, self.rollout, own.rollout),
            serving=merged(task.serving, self.serving, own.serving),
        )

    def check_systems(self, found: Collection[str], deployed: Collection[str]) -> None:
        """Compares the configured systems with those of the checkout and of the stack, so that none is taken down by a
        slip: a line that was lost, or another branch.

        Raises:
            pulumi.RunError: a configured system does not exist, one that is deployed is not mentioned, or their models
                are to come from this very stack.
        """
        problems = [
            f"{key} names {name!r}, but there is no ml/systems/{name}/system.py. "
            f"There are: {', '.join(sorted(found)) or 'none'}."
            for key, names in (("mlops:systems", self.systems), ("mlops:dataFactory.flows", self.data_factory.flows))
            for name in names
            if name not in found
        ]
        unmentioned = sorted({*deployed} - {*self.systems, *self.retire})
        problems += [_unmentioned(name, name in found) for name in unmentioned]
        if self.promotes_from and self.promotes_from == pulumi.get_stack():
            problems.append(
                f"mlops:modelSource = {self.model_source}: a stack cannot promote its own models. Name the stack that "
                "trains them, or write train."
            )
        if problems:
            raise settings_error(problems)

    def check_network(self, deployed: str | None) -> None:
        """Compares the network profile with that of the stack's workspace: Azure knows only one way to change it.

        Raises:
            pulumi.RunError: it cannot become what the stack file says.
        """
        wanted = self.network_profile
        if deployed in (None, wanted) or (deployed, wanted) == ("hybrid", "private"):
            return
        reason = (
            "Azure makes no managed network for a workspace that has a cluster or an endpoint already"
            if deployed == "open"
            else "Azure takes nothing back of a workspace's managed network: neither can it be removed, nor can jobs "
            "that reached approved hosts only be let out again"
        )
        raise settings_error(
            [
                f'mlops:networkProfile = "{wanted}", but the stack was made as {deployed}: {reason}. To keep it, '
                f"write: pulumi config set mlops:networkProfile {deployed} --stack {pulumi.get_stack()}; for {wanted} "
                "make another stack, promote its models, and destroy this one."
            ]
        )


def _unmentioned(name: str, found: bool) -> str:
    """What is wrong with a deployed system that is neither to be there nor to go."""
    gone = "" if found else ", whose folder is not here"
    start = f"The stack has the system {name!r}{gone}. It is neither in mlops:systems nor in mlops:retire."
    keep = f"add {name!r} to `systems`" if found else f"take the branch that has ml/systems/{name}"
    return (
        f"{start} Leaving it out would delete its endpoint, its models and their history. To keep it, {keep}; to "
        f"delete it on purpose, add it to `retire`, or say so once: `make up RETIRE={name}` (MLOPS_RETIRE={name} for "
        "pulumi)."
    )

"""What a machine learning system may be given more or less of: its cluster, its servers, its rollout.

The same keys stand at the top of the stack file, for all systems, and below `mlops:systems: {name: ...}`, for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

CLUSTER = ("vm_size", "max_nodes", "idle_minutes", "priority")
"""The fields of `ComputeSettings` that say what a cluster is."""

SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""The name of a folder in `ml/systems`."""


class Section(BaseModel):
    """A part of the configuration: immutable, camelCase keys, no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, arbitrary_types_allowed=True)
    gone: ClassVar[Mapping[str, str]] = {}
    """Keys that there were once, and what does their work now."""


def _dedicated(priority: Any) -> Any:
    if priority == "LowPriority":
        raise ValueError(
            "Azure ended low-priority nodes on 2026-03-31 and put nothing in their place; use Dedicated, or remove the "
            "key"
        )
    return priority


class ComputeSettings(Section):
    """The training cluster: `cpu` is everybody's, a system that needs another one gets its own."""

    vm_size: str = Field("Standard_DS3_v2", description="virtual machine size of a node", examples=["Standard_DS3_v2"])
    max_nodes: int = Field(2, ge=1, le=100, description="most nodes at once; the least is always 0", examples=[4])
    idle_minutes: int = Field(5, ge=1, le=1440, description="minutes an idle node is kept", examples=[5])
    priority: Annotated[Literal["Dedicated"], BeforeValidator(_dedicated)] = Field(
        "Dedicated", description="nodes that nobody takes away during a job", examples=["Dedicated"]
    )
    job_minutes: int = Field(60, ge=1, le=43200, description="minutes a job may take at most", examples=[60])

    def same_cluster(self, other: ComputeSettings) -> bool:
        """Whether both describe the same cluster."""
        return all(getattr(self, name) == getattr(other, name) for name in CLUSTER)


class GpuSettings(ComputeSettings):
    """The GPU cluster, for the jobs that ask for it."""

    vm_size: str = Field(
        "Standard_NC4as_T4_v3",
        pattern=r"^(?i:Standard_N)\w+(-\w+)?$",
        description="virtual machine size with a GPU; the subscription needs quota for it",
        examples=["Standard_NC4as_T4_v3"],
    )
    max_nodes: int = Field(1, ge=1, le=100, description="most nodes at once; the least is always 0", examples=[1])


class RolloutSettings(Section):
    """How a new model takes over from the one that serves."""

    gone: ClassVar[Mapping[str, str]] = {"retryRejected": "`make promote SYSTEM=name VERSION=n` lifts a rejection"}
    stages: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(
        (10, 50), description="percent of the traffic a new model gets, one stage after the other", examples=[[10, 50]]
    )
    stage_seconds: int = Field(
        600,
        ge=5,
        le=86400,
        description="seconds each stage is watched; Azure's figures are minutes late, so at least 300 there",
        examples=[600],
    )
    ready_seconds: int = Field(
        120, ge=5, le=3600, description="seconds a server may take from its start until it is ready", examples=[300]
    )
    answer_seconds: int = Field(
        10, ge=1, le=180, description="seconds within which a new model must answer a request", examples=[30]
    )
    requests: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="requests a new model must bear before it gets traffic; none = as many as it answers in half of "
        "loadSeconds, 10 to 400",
        examples=[100],
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=64,
        description="how many of them are sent at the same time; none = as many as can wait for each other and still "
        "be answered in half of answerSeconds, 1 to 8",
        examples=[4],
    )
    load_seconds: int = Field(60, ge=1, le=3600, description="seconds they may take together", examples=[120])

    @property
    def load(self) -> dict[str, float]:
        """What a new model must bear, as far as it is said."""
        names = {
            "requests": "requests",
            "concurrency": "concurrency",
            "seconds": "load_seconds",
            "answerSeconds": "answer_seconds",
        }
        given = {key: getattr(self, name) for key, name in names.items() if name in self.model_fields_set}
        return {key: value for key, value in given.items() if value is not None}

    @field_validator("stages")
    @classmethod
    def _rising(cls, stages: tuple[int, ...]) -> tuple[int, ...]:
        if list(stages) != sorted(set(stages)):
            raise ValueError(f"{list(stages)} must rise from stage to stage, such as [10, 50]")
        return stages


class ServingSettings(Section):
    """The machines that scoring servers run on."""

    instance_type: str = Field(
        "Standard_DS2_v2", description="virtual machine size of an instance", examples=["Standard_DS2_v2"]
    )
    instances: int = Field(1, ge=1, le=50, description="instances of each deployment", examples=[2])
    cpu: float = Field(
        1.0, ge=0.1, le=4, description="cores of a container group, in which every new image is tried", examples=[2]
    )
    memory_gb: float = Field(1.5, ge=0.5, le=16, description="gigabytes of memory of such a group", examples=[4])


class DataSettings(Section):
    """Where the systems' real data lies."""

    directory: Path | None = Field(
        None,
        description="folder with the real data files; the variable MLOPS_DATA_DIR overrides it; none = the data the "
        "stack had last, else what data.lock records where generated data may not serve, else generated data",
        examples=["../data"],
    )


class SystemSettings(Section):
    """The sizes of one system."""

    compute: ComputeSettings = Field(default_factory=ComputeSettings, description="cluster and limit of its jobs")
    data: DataSettings = Field(default_factory=DataSettings, description="where its real data lies")
    rollout: RolloutSettings = Field(default_factory=RolloutSettings, description="how its new models take over")
    serving: ServingSettings = Field(default_factory=ServingSettings, description="machines of its scoring servers")


Size = TypeVar("Size", bound=Section)


def merged(first: Size, *more: Size) -> Size:
    """One section out of several: what a later one says takes the place of what an earlier one says. What none of them
    says is the default.
    """
    said: dict[str, Any] = {}
    for section in (first, *more):
        said |= {name: getattr(section, name) for name in section.model_fields_set}
    return type(first)().model_copy(update=said)


def by_name(systems: Any) -> Any:
    """Systems as a mapping from names to their settings; a plain list of names gives none of them any.

    Raises:
        ValueError: a name is in the list twice, or something is in it that is no name.
    """
    if isinstance(systems, dict):
        if other := [name for name, given in systems.items() if not isinstance(given, dict | None)]:
            raise ValueError(f"{other[0]} is {systems[other[0]]!r}; write `{other[0]}: {{}}`, or its settings")
        return {name: given or {} for name, given in systems.items()}
    if not isinstance(systems, list | tuple):
        return systems
    if other := [one for one in systems if not isinstance(one, str)]:
        raise ValueError(f"{other[0]!r} is no name; to give a system settings write all of them as `name: {{...}}`")
    if twice := sorted({name for name in systems if systems.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)}: listed more than once")
    return {name: {} for name in systems}

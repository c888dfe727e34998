"""`mlops:kubernetes`: version, node pools and maintenance of the AKS cluster."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from infra.sizes import Section


class NodePoolSettings(Section):
    """A pool of nodes that grows and shrinks with what waits for a node."""

    vm_size: str = Field(
        "Standard_D4ds_v5",
        pattern=r"^Standard_\w+(-\w+)?$",
        description="virtual machine size of a node; one with a local disk (a small d before the last underscore) "
        "keeps its operating system there, which is faster and costs nothing",
        examples=["Standard_D4ds_v5"],
    )
    min_nodes: int | None = Field(
        None, ge=0, le=100, description="least nodes; none = what suits the kind of stack", examples=[1]
    )
    max_nodes: int = Field(3, ge=1, le=100, description="most nodes at once", examples=[5])
    os_disk_gb: int = Field(
        64,
        ge=30,
        le=2048,
        description="gigabytes of the disk with operating system and images; a local disk must have as many",
        examples=[128],
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_nodes is not None and self.min_nodes > self.max_nodes:
            raise ValueError(f"minNodes {self.min_nodes} is above maxNodes {self.max_nodes}; raise maxNodes")
        return self

    def least(self, otherwise: int) -> int:
        """Least nodes: what is said, else `otherwise`, as far as the most allows."""
        return min(otherwise, self.max_nodes) if self.min_nodes is None else self.min_nodes


class SystemPoolSettings(NodePoolSettings):
    """The pool of Kubernetes' own services."""

    min_nodes: int | None = Field(
        None, ge=1, le=100, description="least nodes; none = 1, in prod 3, one a zone", examples=[1]
    )


class UserPoolSettings(NodePoolSettings):
    """The pool of everything that is served."""

    min_nodes: int | None = Field(None, ge=0, le=100, description="least nodes; none = 0, in prod 2", examples=[0])
    os_disk_gb: int = Field(
        128,
        ge=30,
        le=2048,
        description="gigabytes of the disk with operating system and images; a local disk must have as many",
        examples=[128],
    )


class GpuPoolSettings(NodePoolSettings):
    """The pool of GPU nodes: there is none unless `maxNodes` says so."""

    vm_size: str = Field(
        "Standard_NC4as_T4_v3",
        pattern=r"^Standard_N\w+(-\w+)?$",
        description="virtual machine size with a GPU; the subscription needs quota for it",
        examples=["Standard_NC4as_T4_v3"],
    )
    min_nodes: int | None = Field(None, ge=0, le=100, description="least nodes; none = 0", examples=[0])
    max_nodes: int = Field(0, ge=0, le=100, description="most GPU nodes at once; 0 = no such pool", examples=[1])
    os_disk_gb: int = Field(
        128, ge=30, le=2048, description="gigabytes of the disk with operating system and images", examples=[128]
    )


class MaintenanceSettings(Section):
    """When Azure may restart nodes for new images and patches."""

    day: Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] = Field(
        "Sunday", description="day of the week", examples=["Sunday"]
    )
    start: str = Field(
        "02:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="hour and minute it may begin", examples=["02:00"]
    )
    hours: int = Field(4, ge=4, le=24, description="hours it may take", examples=[4])
    utc_offset: str = Field(
        "+00:00", pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$", description="the hours' distance from UTC", examples=["+01:00"]
    )


class KubernetesSettings(Section):
    """The AKS cluster."""

    version: str = Field(
        "1.36",
        pattern=r"^1\.(3[5-9]|[4-9]\d)$",
        description="minor version, 1.35 or newer; Azure supports 1.36 until June 2027 and installs patches by itself, "
        "the step to the next minor version is a change of this line",
        examples=["1.36"],
    )
    system: SystemPoolSettings = Field(
        default_factory=SystemPoolSettings, description="the pool of Kubernetes' own services"
    )
    user: UserPoolSettings = Field(default_factory=UserPoolSettings, description="the pool of all that is served")
    gpu: GpuPoolSettings = Field(default_factory=GpuPoolSettings, description="the pool of GPU nodes, if any")
    maintenance: MaintenanceSettings = Field(
        default_factory=MaintenanceSettings, description="when Azure may restart nodes"
    )
    insights_minutes: int = Field(
        5,
        ge=1,
        le=30,
        description="minutes between two readings of what nodes and pods use, which are paid by the gigabyte",
        examples=[1],
    )
    defender: bool = Field(
        True,
        description="whether Microsoft Defender watches the cluster, at some 7 USD a core and month",
        examples=["true"],
    )
    host_encryption: bool = Field(
        True,
        description="whether a node's disks are encrypted on its host; the subscription needs the feature "
        "Microsoft.Compute/EncryptionAtHost",
        examples=["true"],
    )

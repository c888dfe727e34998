"""What a rollout sees and what it needs: plain values, and the interfaces to the endpoint, the models and the lease.

A target of rollouts is a `Site` with an `Endpoint`: `ml/rollout/online/` and `ml/rollout/container_group/` have one
each, and nothing else in `ml/rollout/` asks which of them it works on. The tools use the same code as the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ml.clients.metrics import Minutes

if TYPE_CHECKING:
    from ml.clients.scoring import ScoringClient
    from ml.clients.workspace import Workspace
    from ml.rollout.core.models import CloudModels

SUCCEEDED = "Succeeded"
ENDED_BADLY = ("Failed", "Canceled")


class Rejected(Exception):
    """The candidate itself is at fault: it must not be tried again unless a person says so."""


class LeaseLost(Exception):
    """Somebody else may write to the endpoint now."""


@dataclass(frozen=True)
class Target:
    """What should serve. `image` is a reference by digest, `deployment` the name it gets at the endpoint."""

    system: str
    version: int
    image: str
    sha256: str
    deployment: str

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:...`; rejections are remembered by it."""
        return digest_of(self.image)


@dataclass(frozen=True)
class Deployment:
    """One deployment as it was found. `version` is None when a rollout did not make it."""

    name: str
    version: int | None
    image: str
    state: str
    rejected: bool = False


@dataclass(frozen=True)
class Observation:
    """The endpoint at one moment. `traffic` has whole percent by deployment, those with 0 left out; `champion_image` is
    the image that the champion is said to serve in, "" when nothing is said.
    """

    traffic: Mapping[str, int] = field(default_factory=dict)
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    champion: int | None = None
    champion_image: str = ""

    def share(self, name: str) -> int:
        """Percent of the traffic a deployment gets."""
        return self.traffic.get(name, 0)


class Endpoint(Protocol):
    """The endpoint as a rollout uses it. A write asks the lease itself, right before it is sent; callers need not."""

    def traffic(self) -> dict[str, int]:
        """Percent by deployment, those with 0 left out."""

    def deployments(self) -> list[Deployment]:
        """All deployments; `rejected` is not filled in."""

    def set_traffic(self, traffic: Mapping[str, int]) -> None:
        """Sets the whole map; the rest of the endpoint stays as it is."""

    def deploy(self, target: Target) -> None:
        """Makes the target's deployment, or takes up one that is being made, and waits until it is ready.

        Raises:
            Rejected: its container does not start or does not get ready.
        """

    def remove(self, name: str) -> None:
        """Deletes a deployment; nothing happens when there is none."""


class Models(Protocol):
    """The model's versions as a rollout uses them. A write asks the lease itself, as those of the endpoint do."""

    def champion(self) -> int | None:
        """The version that serves."""

    def crown(self, version: int, image: str) -> None:
        """Says that this version serves, in this image."""

    def image(self, version: int) -> str:
        """The image a version was said to serve in last; "" when it never did."""

    def uncrown(self) -> None:
        """Says that no version serves."""

    def rejection(self, version: int) -> dict[str, str]:
        """Why a version was rejected, by the digest of the image."""

    def reject(self, version: int, image_digest: str, reason: str) -> None:
        """Remembers that this image must not serve."""


class Metrics(Protocol):
    """What clients get, as it is counted where all of them pass."""

    def requests(self, since: datetime) -> Mapping[str, Minutes]:
        """Requests by deployment and minute, from the minute that `since` lies in."""


class Lease(Protocol):
    """The right to write to the endpoint."""

    def check(self) -> None:
        """Renews it.

        Raises:
            LeaseLost: it is not ours any more.
        """

    def alive(self) -> None:
        """Like `check`, but from memory; also raises when the person pressed Ctrl-C."""

    def pause(self, seconds: float) -> None:
        """Sleeps, and raises as `alive` does."""


class Trials(Protocol):
    """What a candidate has to pass. Every method raises `Rejected` when it does not."""

    def stage(self) -> None:
        """Runs the image alone, away from the endpoint, and removes it again."""

    def prove(self, old: str | None) -> None:
        """Asks the candidate at the endpoint, before any client does; `old` is the deployment that serves."""

    def watch(self, percent: int, old: str) -> None:
        """Looks at real traffic for as long as a stage lasts."""

    def tidy(self) -> None:
        """Removes what an earlier run left in staging."""


class Row(Protocol):
    """Where progress is shown."""

    def status(self, text: str) -> None:
        """Replaces the line."""

    def note(self, text: str) -> None:
        """Adds a line that stays."""


class Site(Protocol):
    """Where a rollout takes place: one address that clients ask, and the model behind it."""

    workspace: Workspace
    system: str
    model: str
    endpoint_name: str
    row: Row

    @property
    def endpoint(self) -> Endpoint:
        """Deployments and traffic."""

    @property
    def models(self) -> CloudModels:
        """The model's versions."""

    def work_under(self, lease: Lease) -> None:
        """Whatever is waited for here from now on ends when the lease is lost."""

    def exists(self) -> bool:
        """Whether it is there."""

    def missing(self) -> str:
        """Why nothing can be rolled out here, and what to do; "" when it can."""

    def settle(self) -> None:
        """Puts right what no step of a rollout does: needs the lease."""

    def dismantle(self) -> None:
        """Removes what rollouts have made here beside the deployments: needs the lease."""

    def size(self) -> str:
        """The size of machine that something deployed from here gets; it is part of a deployment's name."""

    def scale(self, deployment: str, instances: int) -> None:
        """Gives a deployment another number of instances."""

    def addresses(self) -> dict[str, str]:
        """Where clients ask, as outputs."""

    def asking(self, seconds: float) -> Callable[[str], ScoringClient]:
        """Gives clients that reach a deployment by its name and wait so long for an answer."""

    def metrics(self) -> Metrics:
        """What clients get."""

    def trouble(self) -> str:
        """What keeps the champion from serving alone; "" when it does. Asked by every `up`: a few requests."""


def digest_of(image: str) -> str:
    """The digest of an image reference; the whole reference when it has none."""
    return image.rpartition("@")[2]

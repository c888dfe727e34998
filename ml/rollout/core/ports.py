"""What a rollout sees and what it needs: plain values, and the interfaces to the endpoint, the models and the lease.

Nothing below `rollout_*` knows Pulumi, so the tools use the same code as the resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

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
    """The endpoint as a rollout uses it."""

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
    """The model's versions as a rollout uses them."""

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

    def clear_rejection(self, version: int, image_digest: str | None = None) -> None:
        """Forgets that."""


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


def digest_of(image: str) -> str:
    """The digest of an image reference; the whole reference when it has none."""
    return image.rpartition("@")[2]

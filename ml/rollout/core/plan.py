"""The next step of a rollout, from what is observed: a run that was killed is taken up where it stands or put back.

Pure: nothing here reads or writes. `Passed` holds what this run has seen the candidate pass; everything else follows
from the endpoint itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml.rollout.core.ports import ENDED_BADLY, SUCCEEDED, Deployment, Observation, Target

WHOLE = 100


@dataclass(frozen=True)
class Passed:
    """What the candidate has passed in this run; `watched` is the highest percent that was watched to its end."""

    staged: bool = False
    proved: bool = False
    watched: int = 0
    displaced: str = ""

    def with_displaced(self, name: str | None) -> Passed:
        """Remembers which deployment served before."""
        return replace(self, displaced=name) if name else self


@dataclass(frozen=True)
class PutBack:
    """All traffic to a deployment that has served before."""

    to: str


@dataclass(frozen=True)
class Discard:
    """Remove deployments that get no traffic."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """Run the image away from the endpoint."""


@dataclass(frozen=True)
class Deploy:
    """Make the deployment at 0 %, or wait for it."""


@dataclass(frozen=True)
class Prove:
    """Ask the deployment before clients do."""

    old: str | None


@dataclass(frozen=True)
class Shift:
    """Give the candidate this share."""

    traffic: dict[str, int]


@dataclass(frozen=True)
class Watch:
    """Look at a stage until it ends."""

    percent: int
    old: str


@dataclass(frozen=True)
class Crown:
    """The version that gets all traffic is the champion, in the image that serves."""

    version: int
    image: str


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""


Step = PutBack | Discard | Stage | Deploy | Prove | Shift | Watch | Crown | Done


def next_step(seen: Observation, target: Target, stages: Sequence[int], passed: Passed) -> Step:
    """What to do next, so that the target ends with all traffic."""
    share = seen.share(target.deployment)
    if share == WHOLE:
        return finish(seen, target, passed)
    back = way_back(seen, target)
    if back is not None:
        return back
    old = serving(seen, target.deployment)
    if share and old is not None:
        return widen(share, old, target, stages, passed)
    return prepare(seen, target, old, stages, passed)


def finish(seen: Observation, target: Target, passed: Passed) -> Step:
    """The target has all traffic: the champion follows, and one deployment is kept to go back to."""
    if seen.champion != target.version or seen.champion_image != target.image:
        return Crown(target.version, target.image)
    kept = previous(seen, target.deployment, passed.displaced)
    others = tuple(name for name in sorted(seen.deployments) if name not in (target.deployment, kept))
    return Discard(others) if others else Done()


def previous(seen: Observation, serves: str, displaced: str = "") -> str | None:
    """The deployment to go back to in seconds: the one just displaced, else the newest that is well."""
    well = [one for name, one in seen.deployments.items() if name != serves and usable(one)]
    if any(one.name == displaced for one in well):
        return displaced
    newest = max(well, key=lambda one: (one.version or 0, one.name), default=None)
    return newest.name if newest else None


def usable(deployment: Deployment) -> bool:
    """Whether traffic may go to it."""
    return deployment.state == SUCCEEDED and not deployment.rejected and deployment.version is not None


def way_back(seen: Observation, target: Target) -> Step | None:
    """What has to be put right before the target gets its first or its next share; None when nothing has."""
    getting = {name: share for name, share in seen.traffic.items() if share}
    if not getting:
        return None
    old = serving(seen, target.deployment)
    if old is None:  # only the target gets traffic, and not all of it: nobody but a person does that
        return PutBack(target.deployment)
    healthy = target.deployment in seen.deployments and seen.deployments[target.deployment].state == SUCCEEDED
    allowed = {old, target.deployment} if healthy else {old}
    if not set(getting) <= allowed or sum(getting.values()) != WHOLE:
        return PutBack(old)
    if target.deployment in getting:
        return None
    found = seen.deployments.get(old)
    if found is None or found.version is None:
        return None
    if found.version == seen.champion and found.image in ("", seen.champion_image):
        return None
    return replace_unfinished(seen, found, target)


def replace_unfinished(seen: Observation, found: Deployment, target: Target) -> Step | None:
    """All traffic is on a version that is not the champion, or in another image than the champion's: a run was killed
    just before it said so. Or the target was promoted: then it is the champion before it serves.
    """
    if not found.rejected:
        return None if found.version != seen.champion == target.version else Crown(found.version or 0, found.image)
    better = next((one for one in seen.deployments.values() if one.version == seen.champion and usable(one)), None)
    return PutBack(better.name) if better and better.name != target.deployment else None


def serving(seen: Observation, without: str = "") -> str | None:
    """The deployment that clients should reach while a candidate is tried: of those with traffic the champion's, else
    the one with most.
    """
    getting = [name for name, share in seen.traffic.items() if share and name != without]

    def rank(name: str) -> tuple[bool, bool, int, str]:
        found = seen.deployments.get(name)
        is_champion = found is not None and found.version is not None and found.version == seen.champion
        return (is_champion, found is not None and not found.rejected, seen.traffic[name], name)

    return max(getting, key=rank, default=None)


def widen(share: int, old: str, target: Target, stages: Sequence[int], passed: Passed) -> Step:
    """The target has a part of the traffic: watch it, then give it more."""
    if passed.watched < share:
        return Watch(share, old)
    return shift(old, target, next((stage for stage in stages if stage > share), WHOLE))


def prepare(seen: Observation, target: Target, old: str | None, stages: Sequence[int], passed: Passed) -> Step:
    """The target has no traffic yet."""
    found = seen.deployments.get(target.deployment)
    if found is not None and (found.state in ENDED_BADLY or found.image != target.image):
        return Discard((target.deployment,))
    if found is None and not passed.staged:
        return Stage()
    if found is None or found.state != SUCCEEDED:
        return Deploy()
    if not passed.proved:
        return Prove(old)
    if old is None:
        return Shift({target.deployment: WHOLE})
    return shift(old, target, next(iter(stages), WHOLE))


def shift(old: str, target: Target, percent: int) -> Shift:
    """The traffic of a stage: it always sums to 100."""
    rest = {old: WHOLE - percent} if percent < WHOLE else {}
    return Shift({**rest, target.deployment: percent})

"""Back to the version before, in seconds: what is bad, what is good, and the writes that do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ml.clients.errors import CloudError
from ml.progress import Failure
from ml.rollout.core.plan import WHOLE, previous, serving, usable
from ml.rollout.core.ports import SUCCEEDED, Deployment, Observation, Rejected, Target, digest_of
from ml.rollout.core.run import observe, shown, today
from ml.rollout.core.writes import Ports, crown, once, persist, set_traffic

# A writer that has lost its lease notices within its renewal; what it had sent before may still arrive.
SETTLE_SECONDS, SETTLE_STEP = 6.0, 0.5


@dataclass(frozen=True)
class InHand:
    """What a rollout under way is about, as its lock says."""

    version: int
    image: str
    deployment: str


@dataclass(frozen=True)
class Return:
    """The decision. `deployment` is None when the good version has to be deployed again; `bad` are versions with the
    images they are rejected in.
    """

    version: int
    deployment: Deployment | None
    bad: tuple[tuple[int, str], ...]


def decide(seen: Observation, in_hand: InHand | None, wanted: int | None) -> Return:
    """Which deployment gets all traffic and what is rejected.

    Raises:
        Failure: there is nothing to go back to, or nothing to go back from.
    """
    name = serving(seen)
    if name is None or name not in seen.deployments:
        raise Failure("nothing serves, so there is nothing to go back from")
    current = seen.deployments[name]
    under_way = candidates(seen, current, in_hand)
    if wanted is not None:
        return to_version(seen, current, under_way, wanted)
    if under_way:
        return to_deployment(current, under_way)
    if not current.rejected and any(one.rejected and one.version == seen.champion for one in seen.deployments.values()):
        return Return(required(current), current, ())  # an earlier rollback did not get to its end
    good = before(seen, current)
    return to_deployment(good, ((required(current), current.image),))


def to_deployment(good: Deployment, bad: Iterable[tuple[int, str]]) -> Return:
    """Back to a deployment. An image that it runs itself, on another size of machine, is not bad."""
    own = (required(good), good.image)
    return Return(required(good), good, tuple(one for one in dict.fromkeys(bad) if one != own))


def candidates(seen: Observation, current: Deployment, in_hand: InHand | None) -> tuple[tuple[int, str], ...]:
    """Versions on their way to take over from what serves."""
    found = {
        one.name: (one.version, one.image)
        for one in seen.deployments.values()
        if seen.share(one.name) and one.name != current.name and one.version is not None
    }
    if in_hand is not None and in_hand.deployment != current.name:
        found[in_hand.deployment] = (in_hand.version, in_hand.image)
    return tuple(found.values())


def before(seen: Observation, current: Deployment) -> Deployment:
    """The deployment to go back to when `current` has all traffic.

    Raises:
        Failure: no other deployment is well.
    """
    champions = [one for one in seen.deployments.values() if one.version == seen.champion and usable(one)]
    if current.version != seen.champion and champions:
        return champions[0]
    name = previous(seen, current.name)
    if name is None:
        raise Failure(
            f"{current.name} is the only deployment that is well: name a version to deploy again with VERSION=n "
            "(`make runs SYSTEM=...` lists them)"
        )
    return seen.deployments[name]


def to_version(seen: Observation, current: Deployment, under_way: tuple[tuple[int, str], ...], wanted: int) -> Return:
    """Back to a version that a person named."""
    of_version = [one for one in seen.deployments.values() if one.version == wanted]
    found = next((one for one in [current, *of_version] if one.version == wanted and usable(one)), None)
    if found is None and any(one.rejected for one in of_version):
        raise Failure(f"version {wanted} is rejected itself: `make promote SYSTEM=... VERSION={wanted}` lifts that")
    left = ((required(current), current.image),) if found is None or found.name != current.name else ()
    bad = tuple(dict.fromkeys((*left, *under_way)))
    if found is None:
        return Return(wanted, None, bad)
    back = to_deployment(found, bad)
    if found.name == current.name and not back.bad:
        raise Failure(f"version {wanted} serves already")
    return back


def required(deployment: Deployment) -> int:
    """The deployment's version.

    Raises:
        Failure: a rollout did not make it.
    """
    if deployment.version is None:
        raise Failure(f"{deployment.name} was not made by a rollout: its version is not known")
    return deployment.version


def roll_back(
    ports: Ports,
    in_hand: InHand | None,
    wanted: int | None,
    reason: str,
    locate: Callable[[int], Target],
    pause: Callable[[float], None],
) -> str:
    """Does it, under a lease that is held; words for what was done.

    Rejecting comes first, tried once so that it does not hold up the traffic: a rollback that is killed in the middle
    is then finished by the next one, or by the next `pulumi up`, and never undone. `locate` finds what to deploy for a
    version that is not there any more.

    Raises:
        Failure: there is nothing to go back to.
        CloudError: the cloud refused a step.
    """
    seen = persist(ports, lambda: observe(ports.endpoint, ports.models), pause)
    decision = decide(seen, in_hand, wanted)
    again = locate(decision.version) if decision.deployment is None else None
    reject(ports, decision, reason)
    good = decision.deployment or restore(ports, seen, again, pause)
    ports.row.status(f"all traffic to {good.name}")
    shift(ports, good.name, pause)
    crown(ports, decision.version, good.image, pause)
    persist(ports, lambda: confirm(ports, decision, good.image, reason), pause)
    return f"{good.name} serves version {decision.version}; rejected: {refused(decision, seen, good)}"


def refused(decision: Return, seen: Observation, good: Deployment) -> str:
    """Words for what is rejected now, and what to do where nothing is that a later `up` would leave alone."""
    left = seen.deployments.get(serving(seen) or "")
    if not decision.bad and left is not None and left.name != good.name:
        fix = "set instanceType of `mlops:serving` back, or the next `up` changes the size of machine again"
        return f"nothing, both run the same image: {fix}"
    return ", ".join(f"version {version}" for version, _ in decision.bad) or "nothing"


def restore(ports: Ports, seen: Observation, target: Target | None, pause: Callable[[float], None]) -> Deployment:
    """Deploys a version again; meanwhile what serves gets all traffic, and nothing that was under way."""
    assert target is not None  # noqa: S101 - located before anything was written
    current = serving(seen)
    if len(seen.traffic) > 1 and current:
        shift(ports, current, pause)
    ports.row.status(f"deploying version {target.version} again")
    try:
        ports.endpoint.deploy(target)
    except Rejected as verdict:
        raise Failure(f"version {target.version} cannot be deployed again: {verdict}") from None
    return Deployment(target.deployment, target.version, target.image, SUCCEEDED)


def reject(ports: Ports, decision: Return, reason: str) -> None:
    """Remembers what is bad, if that works at once."""
    try:
        once(lambda: reject_all(ports, decision.bad, reason))
    except CloudError as error:
        ports.row.note(f"the rejection could not be remembered yet: {error}")


def reject_all(ports: Ports, bad: Iterable[tuple[int, str]], reason: str) -> None:
    """Remembers what is bad."""
    for version, image in bad:
        ports.models.reject(version, digest_of(image), f"{today()}: rolled back: {reason}")


def confirm(ports: Ports, decision: Return, image: str, reason: str) -> None:
    """Writes again what is not there: it could not be written, or a late write of the former holder has undone it."""
    gone = [one for one in decision.bad if digest_of(one[1]) not in ports.models.rejection(one[0])]
    reject_all(ports, gone, reason)
    if ports.models.champion() != decision.version:
        ports.models.crown(decision.version, image)


def shift(ports: Ports, name: str, pause: Callable[[float], None]) -> None:
    """All traffic to one deployment, also when a write of the former holder arrives late."""
    set_traffic(ports, {name: WHOLE})
    waited = 0.0
    while waited < SETTLE_SECONDS:
        pause(SETTLE_STEP)
        waited += SETTLE_STEP
        found = persist(ports, ports.endpoint.traffic, pause)
        if found != {name: WHOLE}:
            ports.row.note(f"a late write was undone: {shown(found)}")
            set_traffic(ports, {name: WHOLE})

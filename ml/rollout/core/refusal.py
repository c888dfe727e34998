"""A rejected image is not tried again, and a champion that moved is not overwritten: said before a thing is touched."""

from __future__ import annotations

from ml.progress import Failure
from ml.rollout.core.plan import WHOLE, usable
from ml.rollout.core.ports import Models, Observation, Target
from ml.rollout.core.run import follow_traffic, observe, overtaken, remedies
from ml.rollout.core.writes import Ports, set_traffic


def refuse_rejected(ports: Ports, target: Target) -> None:
    """Lets no rejected target pass; needs the lease, because whoever had it before may have rejected the target.

    Raises:
        Failure: it was rejected, and nobody has lifted that.
    """
    before = rejection(ports.models, target)
    if before is None:
        return
    if unsettled(observe(ports.endpoint, ports.models), target):
        settle(ports, target)
    raise refuse(before, target, observe(ports.endpoint, ports.models))


def rejection(models: Models, target: Target) -> str | None:
    """When and why the target's image was rejected; None when it was not."""
    return models.rejection(target.version).get(target.digest)


def refuse(reason: str, target: Target, seen: Observation) -> Failure:
    """The failure of a rollout of a rejected image."""
    serving = ", ".join(f"{name} {share} %" for name, share in sorted(seen.traffic.items())) or "nothing"
    head = f"version {target.version} was rejected in this image ({reason}). What serves: {serving}"
    fix = "If a better version serves meanwhile: `pulumi refresh`, then `pulumi up`"
    return Failure(f"{head}. {remedies(target)}. {fix}.")


def unsettled(seen: Observation, target: Target) -> bool:
    """Whether a run that was killed has left the rejected candidate behind."""
    left = target.deployment in seen.deployments or len(seen.traffic) > 1
    return left or overtaken(seen, target) is not None


def settle(ports: Ports, target: Target) -> None:
    """Takes the traffic from a rejected deployment and removes it; needs the lease.

    A deployment that gets all traffic while no other could take it is left alone: it is better than none.
    """
    seen = observe(ports.endpoint, ports.models)
    if seen.share(target.deployment) or len(seen.traffic) > 1:
        others = [one for one in seen.deployments.values() if one.name != target.deployment and usable(one)]
        best = max(
            others, key=lambda one: (seen.share(one.name) > 0, one.version == seen.champion, one.name), default=None
        )
        if best is None:
            return
        set_traffic(ports, {best.name: WHOLE})
    if target.deployment in seen.deployments:
        ports.endpoint.remove(target.deployment)
    follow_traffic(ports, target, ports.lease.pause)


def compare_champion(champion: int | None, planned: int | None, target: Target) -> None:
    """This update was planned while `planned` served.

    Raises:
        Failure: another version serves since.
    """
    if planned is None or champion is None or champion in (planned, target.version):
        return
    raise Failure(
        f"this rollout was planned while version {planned} served, but the champion is version {champion} now: "
        "run `pulumi refresh`, then `pulumi up`"
    )

"""Traffic maps: percentages by deployment, as Azure takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from emulator.errors import ServiceError

WHOLE = 100
MOST_MIRRORED = 50


def check_traffic(traffic: Mapping[str, Any], deployments: Collection[str]) -> None:
    """400 unless every name is a deployment and the percentages are whole, not negative, and together 0 or 100."""
    check_map("traffic", traffic, deployments)
    total = sum(traffic.values())
    if total not in (0, WHOLE):
        given = ", ".join(f"{name}={share}" for name, share in traffic.items())
        message = f"The traffic percentages must sum to 0 or 100; '{given}' sums to {total}."
        raise ServiceError(400, "BadArgument", message, target="traffic")


def check_mirror(mirror: Mapping[str, Any], traffic: Mapping[str, Any], deployments: Collection[str]) -> None:
    """400 unless at most one deployment, one without traffic, gets at most 50 % as a copy.

    https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints#test-the-deployment-with-mirrored-traffic.
    """
    check_map("mirrorTraffic", mirror, deployments)
    mirrored = {name: share for name, share in mirror.items() if share > 0}
    if len(mirrored) > 1:
        raise ServiceError(400, "BadArgument", "Only one deployment can have mirror traffic.", target="mirrorTraffic")
    for name, share in mirrored.items():
        if share > MOST_MIRRORED:
            message = f"Mirror traffic is at most {MOST_MIRRORED} %, not {share} %."
            raise ServiceError(400, "BadArgument", message, target="mirrorTraffic")
        if traffic.get(name):
            message = f"The deployment '{name}' has live traffic: it cannot have mirror traffic too."
            raise ServiceError(400, "BadArgument", message, target="mirrorTraffic")


def check_map(what: str, given: Mapping[str, Any], deployments: Collection[str]) -> None:
    """400 for names that are no deployments and for shares that are no percentages."""
    if not isinstance(given, Mapping):
        raise ServiceError(400, "BadArgument", f"'{what}' must be an object of percentages by deployment.", target=what)
    for name, share in given.items():
        if name not in deployments:
            known = ", ".join(sorted(deployments)) or "none"
            message = (
                f"'{what}' names the deployment '{name}', which does not exist or is being deleted. "
                f"Deployments: {known}."
            )
            raise ServiceError(400, "BadArgument", message, target=what)
        if not isinstance(share, int) or isinstance(share, bool) or not 0 <= share <= WHOLE:
            message = f"'{what}' of '{name}' must be a whole number from 0 to 100, not {share!r}."
            raise ServiceError(400, "BadArgument", message, target=what)

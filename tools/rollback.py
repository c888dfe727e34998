"""Back to a version that served before, within seconds; also while an `up` is rolling out another."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ml.clients.arm import manner
from ml.progress import Failure
from ml.rollout.core.deployments import deployment_name
from ml.rollout.core.models import IMAGE_TAG
from ml.rollout.core.plan import serving
from ml.rollout.core.ports import Site, Target, digest_of
from ml.rollout.core.record import record_return
from ml.rollout.core.rollback import InHand, roll_back
from ml.rollout.core.run import observe
from ml.rollout.core.writer import forced_writer
from tools.deployed_system import DeployedSystem
from tools.summary import of_stack


@dataclass(frozen=True)
class ConsoleRow:
    """Progress in a terminal, one line after the other."""

    console: Console

    def status(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False)

    def note(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False)


def run(system: DeployedSystem, wanted: int | None, reason: str, console: Console) -> None:
    """Does it and says what serves.

    Raises:
        Failure: there is nothing to go back to.
    """
    started = time.monotonic()
    site = to_site(system, console)

    def patiently(seconds: float, why: str) -> None:
        site.row.status(why)
        time.sleep(seconds)

    with manner(pause=patiently):
        if not site.exists():
            raise Failure(f"there is no endpoint {system.endpoint} in workspace {system.workspace.name}")
        champion = site.models.client.champion_tag()
        with forced_writer(site, system.name, {"doing": f"rolling back: {reason}"}) as (ports, before):
            said = roll_back(
                ports, under_way(before), wanted, reason, lambda version: locate(site, version), pause=time.sleep
            )
    console.print(f"{said} ({time.monotonic() - started:.1f} s)", markup=False)
    record_return(site, int(champion) if champion and champion.isdecimal() else None, reason)
    console.print("The stack learns it at its next refresh; no `up` brings back what was rejected.")
    console.print(f"Next: {' '.join(['make', 'refresh', *of_stack(system.stack)])}", markup=False)


def to_site(system: DeployedSystem, console: Console) -> Site:
    """Where the system's model serves; what is deployed again runs on machines like those that serve."""
    site = system.site(ConsoleRow(console))
    site.deploy_like(lambda: serving(observe(site.endpoint, site.models)) or "")
    return site


def under_way(about: Mapping[str, Any]) -> InHand | None:
    """The rollout that had the lease; None when it was none."""
    version, image, deployment = (str(about.get(key, "")) for key in ("version", "image", "deployment"))
    return InHand(int(version), image, deployment) if version.isdigit() and image and deployment else None


def locate(site: Site, version: int) -> Target:
    """What to deploy for a version that is not there any more.

    Raises:
        Failure: it never served, or it is rejected.
    """
    record = site.models.client.get(version)
    image = record.tags.get(IMAGE_TAG) if record else None
    if record is None or image is None:
        raise Failure(f"{site.model} version {version} never served here, so there is no image to go back to")
    if digest_of(image) in record.rejections:
        fix = f"`make promote SYSTEM={site.system} VERSION={version}` lifts that"
        raise Failure(f"version {version} is rejected itself: {fix}")
    name = deployment_name(version, image, site.size())
    return Target(site.system, version, image, record.sha256, name)

"""Container groups as a rollout's endpoint: a group for each deployment, and the gateway before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ml.clients.container_groups import ContainerGroup, ContainerGroups
from ml.clients.container_groups import GroupState as Group
from ml.clients.errors import CloudError
from ml.rollout.container_group.gateway import Gateway
from ml.rollout.container_group.groups import CloudGroups
from ml.rollout.container_group.place import CONNECTION, Place
from ml.rollout.container_group.shares import SharesDocument
from ml.rollout.container_group.starting import PORT, Start
from ml.rollout.core.plan import WHOLE
from ml.rollout.core.ports import SUCCEEDED, Deployment, Row, Target

PURPOSE = "serving"
NAME_TAG, VERSION_TAG = "deployment", "version"
FAILED, CREATING = "Failed", "Creating"


@dataclass(frozen=True)
class GroupEndpoint:
    """One system's deployments. `place` is asked when something is deployed, `key` when a server is told its key."""

    client: ContainerGroups
    gateway: Gateway
    shares: SharesDocument
    system: str
    row: Row
    place: Callable[[], Place]
    key: Callable[[], str]
    pause: Callable[[float], None]

    def traffic(self) -> dict[str, int]:
        """Percent by deployment, those with 0 left out."""
        return self.shares.read().traffic

    def deployments(self) -> list[Deployment]:
        """All deployments."""
        return [to_deployment(name, group) for name, group in self.groups().items()]

    def groups(self) -> dict[str, Group]:
        """The group of each deployment."""
        found: dict[str, Group] = {}
        for document in self.client.documents():
            tags = document.get("tags") or {}
            if (tags.get("system"), tags.get("purpose")) == (self.system, PURPOSE):
                group = self.client.get(str(document["name"]))
                if group is not None:
                    found[str(tags[NAME_TAG])] = group
        return found

    def set_traffic(self, traffic: Mapping[str, int]) -> None:
        """Sets the whole map, and returns once the gateway works with it."""
        if traffic and sum(traffic.values()) != WHOLE:
            raise CloudError(f"{dict(traffic)} is not all of the traffic: it must sum to {WHOLE}", status=400)
        known = {name: group.address for name, group in self.groups().items() if group.address}
        if unknown := sorted(set(traffic) - known.keys()):
            raise CloudError(f"{', '.join(unknown)} has no address: no traffic can go there", status=404)
        self.publish(known, traffic)

    def publish(self, addresses: Mapping[str, str], traffic: Mapping[str, int]) -> None:
        """Writes the shares, and waits for the gateway where somebody is to be reached."""
        written = self.shares.write(addresses, traffic)
        if addresses:
            self.gateway.follow(written, self.key())

    def settle(self) -> None:
        """Brings the shares in line with where the deployments are by now: a group that was moved has a new address."""
        known = {name: group.address for name, group in self.groups().items() if group.address}
        shares = self.shares.read()
        if known and shares.addresses != known:
            self.publish(known, {name: share for name, share in shares.traffic.items() if name in known})

    def deploy(self, target: Target) -> None:
        """Makes the target's group and waits until it is ready; the gateway knows it then, by its name.

        Raises:
            Rejected: its container does not start or does not get ready.
            ml.progress.Failure: it could not be made for another reason.
        """
        place, key = self.place(), self.key()
        self.row.status(f"{self.gateway.name}: starting the gateway")
        self.gateway.ensure(place, target.image, key, self.shares.url)
        name = self.group_name(target.deployment)
        if self.client.get(name) is None:
            self.client.put(self.group(name, target, place, key))
        groups = CloudGroups(self.client, self.system, place.location, place.identity_id, place.registry)
        Start(name, target.image, groups, self.row, self.pause, place.ready_seconds, target.deployment).ready()
        self.settle()

    def group_name(self, deployment: str) -> str:
        """Name of a deployment's group."""
        return f"{self.gateway.name}-{deployment}"

    def group(self, name: str, target: Target, place: Place, key: str) -> ContainerGroup:
        """What Azure is asked to run."""
        shown = {key: value for key, value in place.variables.items() if key != CONNECTION}
        hidden = {key: value for key, value in place.variables.items() if key == CONNECTION}
        return ContainerGroup(
            name=name,
            location=place.location,
            image=target.image,
            port=PORT,
            environment=shown,
            secrets={"SCORING_KEY": key, **hidden},
            cpu=place.cpu,
            memory_gb=place.memory_gb,
            identity_id=place.identity_id,
            registry=place.registry,
            tags={
                "system": self.system,
                "purpose": PURPOSE,
                NAME_TAG: target.deployment,
                VERSION_TAG: str(target.version),
                "sha256": target.sha256,
            },
        )

    def remove(self, name: str) -> None:
        """Takes a deployment from the gateway, then deletes its group and waits until it is gone."""
        shares = self.shares.read()
        if shares.traffic.get(name):
            raise CloudError(f"{name} has traffic: it is not removed", status=409)
        if name in shares.addresses:
            left = {other: where for other, where in shares.addresses.items() if other != name}
            self.publish(left, shares.traffic)
        self.client.delete(self.group_name(name), wait=self.pause)


def to_deployment(name: str, group: Group) -> Deployment:
    """A group with the state that a deployment in it has."""
    version = group.tags.get(VERSION_TAG, "")
    return Deployment(name, int(version) if version.isdigit() else None, group.image, state(group))


def state(group: Group) -> str:
    """In the words of a deployment. A group that is started but does not run is on its way, or ends again and again."""
    if group.provisioning == FAILED or group.crashing or group.state in ("Terminated", "Failed", "Stopped"):
        return FAILED
    return SUCCEEDED if group.state == "Running" else CREATING

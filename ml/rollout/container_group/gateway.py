"""The group with the public address: our scoring image, run as a gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ml.clients.container_groups import ContainerGroup, ContainerGroups, GroupState
from ml.clients.errors import CloudError
from ml.clients.metrics import Minutes, Requests, minute
from ml.clients.scoring import ScoringClient
from ml.identity.code import closure
from ml.identity.code import digest as code_digest
from ml.identity.digest import digest
from ml.progress import Failure
from ml.rollout.container_group.place import Place
from ml.rollout.container_group.shares import Shares
from ml.rollout.container_group.starting import PORT

MODULE = "ml.scoring.gateway"
CODE_TAG, PURPOSE = "code", "gateway"
CPU, MEMORY_GB = 1.0, 1.0
START_SECONDS, FOLLOW_SECONDS, POLL_SECONDS = 600.0, 20.0, 0.5
ROOT = Path(__file__).parents[3]


def code() -> str:
    """What the gateway's code means: another one takes the place of the group, which clients notice."""
    return digest({str(path.relative_to(ROOT)): code_digest(path) for path in closure(ROOT, f"{MODULE}.__main__")})


@dataclass(frozen=True)
class Gateway:
    """The gateway of one system; `name` is that of its group and of its address in the region's domain."""

    client: ContainerGroups
    name: str
    system: str
    pause: Callable[[float], None]

    def state(self) -> GroupState | None:
        """How it is; None when there is none."""
        return self.client.get(self.name)

    def ensure(self, place: Place, image: str, key: str, shares_url: str) -> None:
        """Makes it, or makes it anew when its code is another one by now; returns when it takes connections.

        Raises:
            Failure: it does not.
        """
        found, wanted = self.state(), code()
        if found is None or found.tags.get(CODE_TAG) != wanted:
            self.client.put(self.group(place, image, key, shares_url, wanted))
        deadline = time.monotonic() + START_SECONDS
        while True:
            state = self.state()
            if state is not None and state.provisioning == "Failed":
                raise Failure(f"the gateway {self.name} could not be made: {state.reason}")
            if state is not None and state.url and alive(state.url):
                return
            if time.monotonic() > deadline:
                raise Failure(f"the gateway {self.name} did not start: {self.client.logs(self.name)}")
            self.pause(POLL_SECONDS)

    def group(self, place: Place, image: str, key: str, shares_url: str, wanted: str) -> ContainerGroup:
        """What Azure is asked to run."""
        return ContainerGroup(
            name=self.name,
            location=place.location,
            image=image,
            port=PORT,
            label=self.name,
            command=("python3", "-m", MODULE),
            environment={"SHARES_URL": shares_url, "AZURE_CLIENT_ID": place.client_id},
            secrets={"SCORING_KEY": key},
            cpu=CPU,
            memory_gb=MEMORY_GB,
            identity_id=place.identity_id,
            registry=place.registry,
            tags={"system": self.system, "purpose": PURPOSE, CODE_TAG: wanted},
        )

    def base_url(self) -> str:
        """Where it is reached from here, by its address: a new name takes minutes to be known everywhere.

        Raises:
            CloudError: it is gone, or does not run.
        """
        state = self.state()
        if state is None or not state.url:
            raise CloudError(
                f"the gateway {self.name} {'does not run' if state else 'is gone'}", status=0 if state else 404
            )
        return state.url

    def follow(self, shares: Shares, key: str) -> None:
        """Returns once the gateway works with these shares.

        Raises:
            CloudError: it does not, which may pass.
        """
        deadline = time.monotonic() + FOLLOW_SECONDS
        with ScoringClient(f"{self.base_url()}/score", key) as client:
            while True:
                said = client.get("/gateway/shares")
                if isinstance(said.body, dict) and said.body.get("revision") == shares.revision:
                    return
                if time.monotonic() > deadline:
                    raise CloudError(
                        f"the gateway {self.name} does not take the new shares ({said.problem or 'old ones'})"
                    )
                time.sleep(POLL_SECONDS)


def alive(url: str) -> bool:
    """Whether the server takes connections."""
    with ScoringClient(f"{url}/score", seconds=5) as client:
        return client.get("/").status == 200 or not client.get("/ready").lost


@dataclass(frozen=True)
class GatewayMetrics:
    """How clients fare, as the gateway counts. Several gateways, or one that was started anew, know less."""

    gateway: Gateway
    key: str

    def requests(self, since: datetime) -> Mapping[str, Minutes]:
        """Requests by deployment and minute, from the minute that `since` lies in.

        Raises:
            CloudError: the gateway does not say.
        """
        with ScoringClient(f"{self.gateway.base_url()}/score", self.key) as client:
            said = client.get("/gateway/requests")
        if said.problem:
            raise CloudError(f"the gateway {self.gateway.name} does not say what it counted: {said.problem}")
        return counted(said.body, minute(since.timestamp()))


def counted(body: Mapping[str, Mapping[str, Any]], first: int) -> dict[str, Minutes]:
    """What a gateway has counted since a minute."""
    return {
        name: {int(number): Requests(*count) for number, count in minutes.items() if int(number) >= first}
        for name, minutes in body.items()
    }

"""Where a rollout to container groups takes place: the gateway's address, the groups behind it, and the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from ml.clients.container_groups import ContainerGroups
from ml.clients.scoring import REQUEST_SECONDS, ScoringClient
from ml.clients.secrets import Secrets
from ml.progress import Failure, wait
from ml.rollout.container_group.gateway import Gateway, GatewayMetrics
from ml.rollout.container_group.place import Place, ensure_key, like, scoring_key, secret_name, size
from ml.rollout.container_group.serving import GroupEndpoint
from ml.rollout.container_group.shares import SharesDocument
from ml.rollout.container_group.starting import PORT
from ml.rollout.core.cloud_site import CloudSite
from ml.rollout.core.deployments import variables
from ml.rollout.core.plan import WHOLE
from ml.rollout.core.ports import SUCCEEDED


def no_place() -> Place:
    """For whoever deploys nothing."""
    raise Failure("nothing is deployed from here")


@dataclass
class GroupSite(CloudSite):
    """Container groups of one system and the model behind them."""

    place: Callable[[], Place] = no_place

    @cached_property
    def groups(self) -> ContainerGroups:
        """The groups of the workspace's resource group."""
        return ContainerGroups(self.workspace.subscription_id, self.workspace.resource_group)

    @cached_property
    def gateway(self) -> Gateway:
        """What clients reach."""
        return Gateway(self.groups, self.endpoint_name, self.system, self.pause)

    @cached_property
    def endpoint(self) -> GroupEndpoint:
        """The groups as a rollout uses them."""
        shares = SharesDocument(self.workspace, self.system)
        key = self.key
        return GroupEndpoint(self.groups, self.gateway, shares, self.system, self.row, self.place, key, self.pause)

    def pause(self, seconds: float) -> None:
        """Sleeps, unless whoever works here has to stop."""
        self.alive()
        wait(seconds)

    def key(self) -> str:
        """The key that clients send, made when there is none."""
        return ensure_key(self.workspace, self.system)

    def exists(self) -> bool:
        """Whether anything of it is there."""
        return self.gateway.state() is not None or bool(self.endpoint.groups())

    def missing(self) -> str:
        """Nothing has to be there before a rollout: it makes all of it."""
        return ""

    def settle(self) -> None:
        """The gateway knows where the deployments are by now."""
        if self.gateway.state() is not None:
            self.endpoint.settle()

    def dismantle(self) -> None:
        """Removes what a rollout has made beside the deployments."""
        self.groups.delete(self.endpoint_name, wait=self.pause)
        self.endpoint.shares.delete()
        Secrets.of(self.workspace).delete(secret_name(self.system))

    def deploy_like(self, serves: Callable[[], str]) -> None:
        """What is deployed from here runs on and with what this deployment does."""

        def place() -> Place:
            name = serves()
            document = self.groups.document(self.endpoint.group_name(name))
            if document is None:
                raise Failure(f"the deployment {name} is gone")
            hidden = variables(self.workspace.properties().get("applicationInsights"), None)
            return like(document, hidden)

        self.place = place
        self.endpoint = replace(self.endpoint, place=place)

    def size(self) -> str:
        """The size of machine that something deployed from here gets."""
        place = self.place()
        return size(place.cpu, place.memory_gb)

    def scale(self, deployment: str, instances: int) -> None:
        """A group is one instance."""

    def addresses(self) -> dict[str, str]:
        """Where clients ask, as outputs."""
        state = self.gateway.state()
        host = f"{state.host}:{PORT}" if state is not None and state.host else (state.address if state else "")
        return {"scoringUri": f"http://{host}/score", "openApiUri": f"http://{host}/swagger.json"}

    def asking(self, seconds: float = REQUEST_SECONDS) -> Callable[[str], ScoringClient]:
        """Gives clients that reach a deployment by its name and wait so long for an answer."""
        uri, key = f"{self.gateway.base_url()}/score", scoring_key(self.workspace, self.system)
        return lambda name: ScoringClient(uri, key, name, seconds)

    def metrics(self) -> GatewayMetrics:
        """What its clients get."""
        return GatewayMetrics(self.gateway, self.key())

    def trouble(self) -> str:
        """What keeps the champion from serving alone; "" when it does."""
        name, state = self.endpoint_name, self.gateway.state()
        if state is None or not state.url:
            return f"the gateway {name} {'does not run' if state else 'is gone'}"
        shares, found = self.endpoint.shares.read(), {one.name: one for one in self.endpoint.deployments()}
        if list(shares.traffic.values()) != [WHOLE]:
            return f"no deployment of {name} gets all traffic"
        serves = next(iter(shares.traffic))
        if serves not in found or found[serves].state != SUCCEEDED:
            return f"the deployment {serves} of {name} is {found[serves].state if serves in found else 'gone'}"
        moved = [one for one, group in self.endpoint.groups().items() if shares.addresses.get(one) != group.address]
        if moved:
            return f"{', '.join(moved)} of {name} has another address"
        return self.another(found[serves].version)

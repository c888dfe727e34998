"""Where a rollout takes place: one endpoint and one model of a workspace, found by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from ml.clients.endpoints import OnlineEndpoints
from ml.clients.metrics import EndpointMetrics
from ml.clients.scoring import REQUEST_SECONDS, ScoringClient
from ml.progress import Failure
from ml.rollout.core.cloud_site import CloudSite
from ml.rollout.core.plan import WHOLE
from ml.rollout.core.ports import ENDED_BADLY
from ml.rollout.online.endpoint import CloudEndpoint, Machines, to_deployment

KEY = "Key"


def no_machines() -> Machines:
    """For whoever deploys nothing."""
    raise Failure("nothing is deployed from here")


@dataclass
class Site(CloudSite):
    """One endpoint with the model behind it."""

    machines: Callable[[], Machines] = no_machines

    @cached_property
    def client(self) -> OnlineEndpoints:
        """The endpoint's own client."""
        return OnlineEndpoints(self.workspace, self.endpoint_name)

    @cached_property
    def endpoint(self) -> CloudEndpoint:
        """The endpoint as a rollout uses it."""
        return CloudEndpoint(self.client, self.system, self.machines, self.watching)

    def watching(self, text: str) -> None:
        """Shows how long the endpoint has been at something."""
        self.alive()
        self.row.status(f"{self.endpoint_name}: {text}")

    def exists(self) -> bool:
        """Whether the endpoint is there."""
        return self.client.find() is not None

    def missing(self) -> str:
        """Why nothing can be rolled out here; "" when it can. The endpoint is made by the program, not by a rollout."""
        if self.exists():
            return ""
        fix = "`make up`, or `pulumi refresh` and then `pulumi up`, makes it again"
        return f"there is no endpoint {self.endpoint_name} in workspace {self.workspace.name}: {fix}"

    def settle(self) -> None:
        """The endpoint's gateway is Azure's: there is nothing to bring in line with it."""

    def dismantle(self) -> None:
        """The endpoint is the program's to delete."""

    def metrics(self) -> EndpointMetrics:
        """What its clients get."""
        return EndpointMetrics(self.client.path)

    def addresses(self) -> dict[str, str]:
        """Where clients ask, as outputs."""
        found = self.client.get()
        return {"scoringUri": found.scoring_uri, "openApiUri": found.open_api_uri}

    def asking(self, seconds: float = REQUEST_SECONDS) -> Callable[[str], ScoringClient]:
        """Gives clients that reach a deployment by its name and wait so long for an answer.

        Raises:
            Failure: the endpoint does not take keys.
        """
        found = self.client.get()
        if found.auth_mode != KEY:
            raise Failure(f"the endpoint {found.name} has authMode {found.auth_mode}: a rollout needs {KEY}")
        key = self.client.key()
        return lambda name: ScoringClient(found.scoring_uri, key, name, seconds)

    def trouble(self) -> str:
        """What keeps the champion from serving alone; "" when it does. Three requests, for every `up` asks."""
        name, endpoint = self.endpoint_name, self.client.find()
        if endpoint is None:
            return f"the endpoint {name} is gone"
        if list(endpoint.traffic.values()) != [WHOLE]:
            return f"no deployment of {name} gets all traffic"
        serves = next(iter(endpoint.traffic))
        found = self.client.deployment(serves)
        if found is None or found.state in ENDED_BADLY:
            return f"the deployment {serves} of {name} is {found.state if found else 'gone'}"
        return self.another(to_deployment(found).version)

    def deploy_like(self, serves: Callable[[], str]) -> None:
        """What is deployed from here runs on and with what this deployment does."""
        self.machines = lambda: self.endpoint.like(serves())
        self.endpoint = replace(self.endpoint, machines=self.machines)

    def size(self) -> str:
        """The size of machine that something deployed from here gets."""
        return self.machines().instance_type

    def scale(self, deployment: str, instances: int) -> None:
        """Gives a deployment another number of instances."""
        self.endpoint.scale(deployment, instances)

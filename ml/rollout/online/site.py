"""Where a rollout takes place: one endpoint and one model of a workspace, found by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from ml.clients.arm import arm
from ml.clients.endpoints import OnlineEndpoints
from ml.clients.models import CHAMPION, READ_ONLY, Models
from ml.clients.scoring import REQUEST_SECONDS, ScoringClient
from ml.clients.workspace import API_VERSION, Workspace
from ml.progress import Failure, wait
from ml.rollout.core.plan import WHOLE
from ml.rollout.core.ports import ENDED_BADLY, Row
from ml.rollout.online.endpoint import CloudEndpoint, Machines, to_deployment

IMAGE_TAG = "image"
KEY = "Key"


@dataclass(frozen=True)
class CloudModels:
    """The versions of a model as a rollout uses them."""

    client: Models

    def champion(self) -> int | None:
        """The version that serves."""
        return self.client.champion()

    def crown(self, version: int, image: str) -> None:
        """Says that this version serves; notes the image, so that it can be deployed again when it is gone."""
        self.client.tag(version, {IMAGE_TAG: image})
        self.client.set_champion(version)

    def image(self, version: int) -> str:
        """The image a version served in last; nothing is known of a version that is gone."""
        found = self.client.get(version)
        return found.tags.get(IMAGE_TAG, "") if found else ""

    def uncrown(self) -> None:
        """Says that no version serves."""
        document = arm().get(self.client.path, API_VERSION)
        tags = dict((document or {}).get("properties", {}).get("tags") or {})
        if document is None or CHAMPION not in tags:
            return
        del tags[CHAMPION]
        properties = {key: value for key, value in document["properties"].items() if key not in READ_ONLY}
        arm().put(self.client.path, API_VERSION, {"properties": {**properties, "tags": tags}})

    def rejection(self, version: int) -> dict[str, str]:
        """Why a version was rejected; nothing is known of a version that is gone."""
        found = self.client.get(version)
        return found.rejections if found else {}

    def reject(self, version: int, image_digest: str, reason: str) -> None:
        """Remembers that this image must not serve."""
        self.client.reject(version, image_digest, reason)

    def clear_rejection(self, version: int, image_digest: str | None = None) -> None:
        """Forgets that."""
        self.client.clear_rejection(version, image_digest)


def no_machines() -> Machines:
    """For whoever deploys nothing."""
    raise Failure("nothing is deployed from here")


@dataclass
class Site:
    """One endpoint with the model behind it. `alive` raises when whoever works here has to stop."""

    workspace: Workspace
    system: str
    model: str
    endpoint_name: str
    row: Row
    machines: Callable[[], Machines] = no_machines
    alive: Callable[[], None] = field(default=lambda: wait(0))

    @cached_property
    def client(self) -> OnlineEndpoints:
        """The endpoint's own client."""
        return OnlineEndpoints(self.workspace, self.endpoint_name)

    @cached_property
    def endpoint(self) -> CloudEndpoint:
        """The endpoint as a rollout uses it."""
        return CloudEndpoint(self.client, self.system, self.machines, self.watching)

    @cached_property
    def models(self) -> CloudModels:
        """The model as a rollout uses it."""
        return CloudModels(Models(self.workspace, self.model))

    def watching(self, text: str) -> None:
        """Shows how long the endpoint has been at something."""
        self.alive()
        self.row.status(f"{self.endpoint_name}: {text}")

    def exists(self) -> bool:
        """Whether the endpoint is there."""
        return self.client.find() is not None

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


def trouble(site: Site) -> str:
    """What keeps the champion from serving alone; "" when it does. Three requests, for every `up` asks."""
    name, endpoint = site.endpoint_name, site.client.find()
    if endpoint is None:
        return f"the endpoint {name} is gone"
    if list(endpoint.traffic.values()) != [WHOLE]:
        return f"no deployment of {name} gets all traffic"
    serves = next(iter(endpoint.traffic))
    found = site.client.deployment(serves)
    if found is None or found.state in ENDED_BADLY:
        return f"the deployment {serves} of {name} is {found.state if found else 'gone'}"
    version, champion = to_deployment(found).version, site.models.champion()
    return "" if version == champion else f"version {version} serves at {name}, the champion is {champion or 'none'}"

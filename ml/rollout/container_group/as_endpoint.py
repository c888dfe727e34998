"""Container groups as those see them who look at an endpoint: its address, key, deployments, logs and clients."""

from __future__ import annotations

from dataclasses import dataclass

from ml.clients.endpoints import LOG_LINES, OnlineDeployment, OnlineEndpoint
from ml.rollout.container_group.gateway import GatewayMetrics
from ml.rollout.container_group.place import scoring_key
from ml.rollout.container_group.serving import state
from ml.rollout.container_group.site import GroupSite
from ml.rollout.core.ports import SUCCEEDED


@dataclass(frozen=True)
class AsEndpoint:
    """What `OnlineEndpoints` is for an online endpoint, as far as it is read."""

    site: GroupSite

    @property
    def name(self) -> str:
        """The gateway's."""
        return self.site.endpoint_name

    def find(self) -> OnlineEndpoint | None:
        """The address, None when there is no gateway."""
        gateway = self.site.gateway.state()
        if gateway is None:
            return None
        where = self.site.addresses()
        return OnlineEndpoint(
            name=self.name,
            scoring_uri=where["scoringUri"],
            open_api_uri=where["openApiUri"],
            auth_mode="Key",
            state=SUCCEEDED if gateway.url else gateway.state,
            traffic=self.site.endpoint.traffic(),
            tags=gateway.tags,
        )

    def deployments(self) -> list[OnlineDeployment]:
        """A group for each version that serves or served last."""
        return [
            OnlineDeployment(
                name=name, state=state(group), image=group.image, environment_id="", instances=1, tags=group.tags
            )
            for name, group in self.site.endpoint.groups().items()
        ]

    def key(self) -> str:
        """What clients send."""
        return scoring_key(self.site.workspace, self.site.system)

    def logs(self, deployment: str, lines: int = LOG_LINES) -> str:
        """The last lines that a deployment's server printed."""
        return self.site.groups.logs(self.site.endpoint.group_name(deployment), lines)

    def metrics(self) -> GatewayMetrics:
        """What clients get."""
        return GatewayMetrics(self.site.gateway, self.key())

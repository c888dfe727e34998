"""What every place of a rollout has in common: names, a row, the model's versions, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from ml.clients.models import Models
from ml.clients.workspace import Workspace
from ml.progress import wait
from ml.rollout.core.models import CloudModels
from ml.rollout.core.ports import Lease, Row


@dataclass
class CloudSite:
    """One address and one model of a workspace. `alive` raises when whoever works here has to stop."""

    workspace: Workspace
    system: str
    model: str
    endpoint_name: str
    row: Row
    alive: Callable[[], None] = field(default=lambda: wait(0), kw_only=True)

    @cached_property
    def models(self) -> CloudModels:
        """The model as a rollout uses it."""
        return CloudModels(Models(self.workspace, self.model))

    def work_under(self, lease: Lease) -> None:
        """Whatever is waited for here from now on ends when the lease is lost."""
        self.alive = lease.alive

    def another(self, version: int | None) -> str:
        """That another version than the champion serves; "" when the champion does."""
        champion = self.models.champion()
        if version == champion:
            return ""
        return f"version {version} serves at {self.endpoint_name}, the champion is {champion or 'none'}"

"""Builds on the machines of a network's own agent pool."""

from __future__ import annotations

from typing import Any

import pytest

from ml.clients import registry_builds
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import RegistryBuilds


class Arm:
    """Keeps the last body."""

    body: dict[str, Any]

    def post(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        self.body = body
        return {"properties": {"runId": "r1", "status": "Queued"}}


@pytest.mark.parametrize(("pool", "asked"), [("", None), ("builds", "builds")])
def test_a_build_runs_where_the_registry_is_reached(
    monkeypatch: pytest.MonkeyPatch, pool: str, asked: str | None
) -> None:
    cloud = Arm()
    monkeypatch.setattr(registry_builds, "arm", lambda: cloud)
    RegistryBuilds(ContainerRegistry("/registry", "r.example"), pool).schedule("context", "x:1", 60)
    assert cloud.body.get("agentPoolName") == asked

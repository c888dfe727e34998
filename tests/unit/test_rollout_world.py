"""The world in memory of the rollout's unit tests behaves as the cloud's clients do: `tests/rollout_ports.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ml.rollout.core.ports import Endpoint, Lease, Models, Target
from tests.rollout_ports import PortsSuite
from tests.unit.rollout_world import Hand, World, target


@dataclass
class Memory:
    """A world without deployments, and the hand of one run in it."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        hand = Hand(self.world)
        self.endpoint: Endpoint = hand
        self.models: Models = hand
        self.lease: Lease = hand

    def target(self, version: int) -> Target:
        return target(version)

    def spoil(self, version: int, *, broken: bool = True) -> None:
        self.world.faults = {version: "deploy"} if broken else {}

    def take_lease(self) -> None:
        Hand(self.world)


class TestWorld(PortsSuite):
    @pytest.fixture
    def site(self) -> Memory:
        return Memory()

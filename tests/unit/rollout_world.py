"""A world in memory for the rollout's state machine: an endpoint, a model, a lease, and trials a candidate may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from ml.clients.errors import CloudError
from ml.progress import Failure
from ml.rollout.core import writes as rollout_writes
from ml.rollout.core.ports import Deployment, LeaseLost, Rejected, Target, digest_of
from ml.rollout.core.run import RolloutRun
from ml.rollout.core.writes import Ports

STAGES = (10, 50)


class Killed(BaseException):
    """kill -9: nothing of the run is executed any more."""


def passing() -> CloudError:
    """What is over when one asks again."""
    return CloudError("no answer")


@pytest.fixture(name="quick", scope="module", autouse=True)
def fixture_quick() -> Iterator[None]:
    """Asks again without a pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollout_writes, "FIRST_PAUSE_SECONDS", 0.0)
        yield


def target(version: int, build: str = "a") -> Target:
    """A version in one image."""
    digest = f"{version}{build}" * 8
    return Target(
        "bike_buyer", version, f"registry/bike-buyer@sha256:{digest}", f"sha-{version}", f"v{version}-{digest[:8]}"
    )


@dataclass
class World:
    """What outlives a run. `faults` says at which trial a version fails: stage, deploy, prove, or a percent."""

    shares: dict[str, int] = field(default_factory=dict)
    made: dict[str, Deployment] = field(default_factory=dict)
    champion: int | None = None
    images: dict[int, str] = field(default_factory=dict)
    rejections: dict[int, dict[str, str]] = field(default_factory=dict)
    faults: dict[int, str | int] = field(default_factory=dict)
    staged: set[str] = field(default_factory=set)
    holder: object = None
    writes: list[tuple[object, str]] = field(default_factory=list)
    history: list[dict[str, int]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    verdicts: int = 0

    @classmethod
    def serving(cls, version: int) -> World:
        """A version has all traffic and is the champion."""
        one = target(version)
        made = {one.deployment: Deployment(one.deployment, version, one.image, "Succeeded")}
        return cls({one.deployment: 100}, made, version, {version: one.image})

    def settled(self) -> str | None:
        """The deployment with all traffic; None when nothing serves."""
        assert self.refused == []
        assert self.shares == {} or list(self.shares.values()) == [100], self.shares
        return next(iter(self.shares), None)


@dataclass
class Hand:
    """One run's access to a world: every call is counted, and may be the last one or make something else happen.

    The kill, or another `strike`, comes before or after the call's effect; `meanwhile` runs before it. While
    `no_models` says so, nothing can be known of the models.
    """

    world: World
    kill_at: int | None = None
    kill_after_effect: bool = False
    meanwhile: Mapping[int, Callable[[], None]] = field(default_factory=dict)
    strike: Callable[[], BaseException] = Killed
    no_models: Callable[[], bool] = lambda: False
    calls: int = 0

    def __post_init__(self) -> None:
        self.world.holder = self

    def do(self, effect: Callable[[], None] = lambda: None) -> None:
        """One call."""
        self.calls += 1
        if self.calls in self.meanwhile:
            self.meanwhile[self.calls]()
        if self.calls == self.kill_at and not self.kill_after_effect:
            raise self.strike()
        effect()
        if self.calls == self.kill_at:
            raise self.strike()

    def write(self, what: str, effect: Callable[[], None]) -> None:
        """A call that changes something: it reads, and anything may happen until it writes; then the lease is asked."""

        def fenced() -> None:
            if self.world.holder is not self:
                raise LeaseLost
            self.world.writes.append((self, what))
            effect()

        self.do()
        self.do(fenced)

    def accept(self, sensible: bool, why: str) -> None:
        """The cloud refuses what makes no sense; a rollout that asks for it is wrong, see `World.settled`."""
        if not sensible:
            self.world.refused.append(why)
            raise CloudError(why, status=400)

    def ask_models(self) -> None:
        """A call to the models."""
        self.do()
        if self.no_models():
            raise CloudError("the models cannot be read", status=503)

    # -- the lease

    def check(self) -> None:
        self.do()
        if self.world.holder is not self:
            raise LeaseLost

    def alive(self) -> None:
        self.check()

    def pause(self, seconds: float) -> None:
        self.check()

    # -- the endpoint

    def traffic(self) -> dict[str, int]:
        self.do()
        return dict(self.world.shares)

    def deployments(self) -> list[Deployment]:
        self.do()
        return list(self.world.made.values())

    def set_traffic(self, traffic: Mapping[str, int]) -> None:
        def effect() -> None:
            self.accept(sum(traffic.values()) == 100, f"{traffic} is not 100 %")
            for name in traffic:
                one = self.world.made.get(name)
                self.accept(one is not None and one.state == "Succeeded", f"{name} cannot have traffic")
            self.world.shares = {name: share for name, share in traffic.items() if share}
            self.world.history.append(dict(self.world.shares))

        self.write("traffic", effect)

    def deploy(self, target: Target) -> None:
        def begin() -> None:
            self.world.made.setdefault(
                target.deployment, Deployment(target.deployment, target.version, target.image, "Creating")
            )

        def end() -> None:
            if target.deployment not in self.world.made:
                raise Failure("it was removed while it was made")
            bad = self.world.faults.get(target.version) == "deploy"
            state = "Failed" if bad else "Succeeded"
            self.world.made[target.deployment] = replace(self.world.made[target.deployment], state=state)

        self.write("deploy", begin)
        self.do(end)
        if self.world.made[target.deployment].state == "Failed":
            self.world.verdicts += 1
            raise Rejected("its container does not start")

    def remove(self, name: str) -> None:
        def effect() -> None:
            self.accept(not self.world.shares.get(name), f"{name} has traffic")
            self.world.made.pop(name, None)
            self.world.removed.append(name)

        self.write("remove", effect)

    # -- the models

    def champion(self) -> int | None:
        self.ask_models()
        return self.world.champion

    def image(self, version: int) -> str:
        self.ask_models()
        return self.world.images.get(version, "")

    def crown(self, version: int, image: str) -> None:
        def effect() -> None:
            self.world.champion = version
            self.world.images[version] = image

        self.ask_models()
        self.write("champion", effect)

    def uncrown(self) -> None:
        def effect() -> None:
            self.world.champion = None

        self.write("champion", effect)

    def rejection(self, version: int) -> dict[str, str]:
        self.ask_models()
        return dict(self.world.rejections.get(version, {}))

    def reject(self, version: int, image_digest: str, reason: str) -> None:
        self.ask_models()
        self.write("reject", lambda: self.world.rejections.setdefault(version, {}).update({image_digest: reason}))

    # -- the row

    def status(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def ports(self) -> Ports:
        return Ports(self, self, self, self)


@dataclass
class Candidate:
    """The trials of one candidate."""

    hand: Hand
    target: Target
    while_watching: Callable[[int], None] = lambda percent: None

    def fails_at(self, where: str | int) -> None:
        if self.hand.world.faults.get(self.target.version) == where:
            self.hand.world.verdicts += 1
            raise Rejected(f"it fails at {where}")

    def stage(self) -> None:
        self.hand.do(lambda: self.hand.world.staged.add(self.target.deployment))
        try:
            self.hand.do()
            self.fails_at("stage")
        finally:
            if self.hand.calls != self.hand.kill_at:
                self.hand.world.staged.discard(self.target.deployment)

    def prove(self, old: str | None) -> None:
        self.hand.do()
        self.fails_at("prove")

    def watch(self, percent: int, old: str) -> None:
        if self.hand.world.holder is self.hand:
            assert self.hand.world.shares[self.target.deployment] == percent
        self.hand.do()
        self.while_watching(percent)
        self.fails_at(percent)
        self.hand.check()

    def tidy(self) -> None:
        self.hand.do(self.hand.world.staged.clear)


def rollout(hand: Hand, wanted: Target) -> RolloutRun:
    """A run of the state machine in the hand's world."""
    return RolloutRun(wanted, hand.ports(), Candidate(hand, wanted), STAGES)


def is_rejected(world: World, one: Target) -> bool:
    """Whether the world remembers it."""
    return digest_of(one.image) in world.rejections.get(one.version, {})

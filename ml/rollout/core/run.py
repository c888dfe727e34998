"""Runs a rollout step by step: observe, decide, make sure that the lease is still ours, write.

Whatever ends it early leaves all traffic on one deployment: the one that served before, or the target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from ml.clients.errors import CloudError
from ml.progress import Failure
from ml.rollout.core.plan import (
    WHOLE,
    Crown,
    Deploy,
    Discard,
    Done,
    Passed,
    Prove,
    PutBack,
    Shift,
    Stage,
    Step,
    Watch,
    next_step,
    serving,
)
from ml.rollout.core.ports import (
    Deployment,
    Endpoint,
    LeaseLost,
    Models,
    Observation,
    Rejected,
    Target,
    Trials,
    digest_of,
)
from ml.rollout.core.writes import Ports, crown, persist, set_traffic

T = TypeVar("T")
TOOK_OVER = "another rollout or `make rollback` took over; this run has changed nothing since: run `pulumi refresh`"


def follow_traffic(ports: Ports, target: Target, pause: Callable[[float], None]) -> None:
    """The champion is what serves again, when it was a target that was promoted and is rejected now."""
    seen = persist(ports, lambda: observe(ports.endpoint, ports.models), pause)
    if (found := overtaken(seen, target)) is not None and found.version is not None:
        crown(ports, found.version, found.image, pause)


def overtaken(seen: Observation, target: Target) -> Deployment | None:
    """What serves, when the target is the champion and another version has all traffic."""
    found = seen.deployments.get(serving(seen) or "")
    if found is None or found.version is None or seen.traffic != {found.name: WHOLE}:
        return None
    return found if found.version != seen.champion == target.version else None


def observe(endpoint: Endpoint, models: Models) -> Observation:
    """The endpoint, the champion, and which deployments were rejected."""
    rejections: dict[int, dict[str, str]] = {}

    def judged(one: Deployment) -> Deployment:
        if one.version is None:
            return one
        if one.version not in rejections:
            rejections[one.version] = models.rejection(one.version)
        return replace(one, rejected=digest_of(one.image) in rejections[one.version])

    deployments = {one.name: judged(one) for one in endpoint.deployments()}
    traffic, champion = endpoint.traffic(), models.champion()
    return Observation(traffic, deployments, champion, models.image(champion) if champion is not None else "")


@dataclass
class RolloutRun:
    """One attempt to bring the target to all traffic, under a lease that is held already.

    `beside` is what serves meanwhile. `rejected` is why the target was rejected by this run; empty while it was not.
    """

    target: Target
    ports: Ports
    trials: Trials
    stages: Sequence[int]
    passed: Passed = field(default_factory=Passed)
    beside: Deployment | None = None
    rejected: str = ""

    def run(self) -> None:
        """Ends with the target at 100 %.

        Raises:
            Failure: it could not; all traffic is where it was, unless another writer has it now.
        """
        try:
            self.ports.lease.check()
            self.trials.tidy()
            while not isinstance(step := self.decide(), Done):
                self.perform(step)
        except Rejected as verdict:
            raise Failure(self.turn_down(str(verdict))) from None
        except LeaseLost:
            raise self.stopped() from None
        except (Failure, CloudError) as error:
            raise self.leave(error) from None
        except Exception as error:
            self.leave(error)
            raise

    def decide(self) -> Step:
        """The next step from what is observed now.

        Raises:
            Failure: the target was rejected since this run began.
        """
        seen = observe(self.ports.endpoint, self.ports.models)
        self.beside = seen.deployments.get(serving(seen, self.target.deployment) or "")
        found = seen.deployments.get(self.target.deployment)
        if found is not None and found.rejected:
            raise Failure(f"{found.name} was rejected while it was rolled out: run `pulumi up` again for the reason")
        return next_step(seen, self.target, self.stages, self.passed)

    def perform(self, step: Step) -> None:
        """Carries one step out."""
        name, row = self.target.deployment, self.ports.row
        match step:
            case PutBack(to):
                row.status(f"putting all traffic back to {to}")
                self.write({to: WHOLE})
            case Discard(names):
                self.discard(names)
            case Stage():
                self.trials.stage()
                self.passed = replace(self.passed, staged=True)
            case Deploy():
                row.status(f"deploying {name} at 0 %")
                self.ports.endpoint.deploy(self.target)
            case Prove(old):
                self.passed = self.passed.with_displaced(old)
                self.trials.prove(old)
                self.passed = replace(self.passed, proved=True)
            case Shift(traffic):
                row.status(f"{traffic[name]} % to {name}")
                self.write(traffic)
            case Watch(percent, old):
                self.passed = self.passed.with_displaced(old)
                self.trials.watch(percent, old)
                self.unchanged({name: percent, old: WHOLE - percent})
                self.passed = replace(self.passed, watched=percent)
            case Crown(version, image):
                crown(self.ports, version, image, self.ports.lease.pause)

    def write(self, traffic: dict[str, int]) -> None:
        """Sets the traffic while the lease is ours."""
        set_traffic(self.ports, traffic)

    def unchanged(self, traffic: dict[str, int]) -> None:
        """The traffic is still what this run has set.

        Raises:
            Failure: somebody changed it by hand.
        """
        self.ports.lease.check()
        found = self.ports.endpoint.traffic()
        if found != traffic:
            raise Failure(f"the traffic was changed by another hand, from {shown(traffic)} to {shown(found)}")

    def discard(self, names: Sequence[str]) -> None:
        """Removes deployments that get no traffic; one that does is left alone."""
        for name in names:
            if not self.ports.endpoint.traffic().get(name):
                self.ports.row.status(f"removing {name}")
                self.ports.endpoint.remove(name)

    # -- the ways out: they persist, and Ctrl-C does not end them

    def put_back(self, displaced: str = "") -> str:
        """All traffic to what served before; words for what serves now.

        Args:
            displaced: what served before, for when that cannot be observed.
        """
        return persist(self.ports, lambda: self.put_back_once(displaced), time.sleep)

    def put_back_once(self, displaced: str) -> str:
        """One attempt."""
        self.ports.lease.check()
        name, traffic = self.target.deployment, None
        try:
            seen = observe(self.ports.endpoint, self.ports.models)
            old, traffic = serving(seen, name), seen.traffic
        except CloudError:
            if not displaced:
                raise
            old = displaced
        if old is None:
            return f"{name} serves" if traffic else "nothing serves"
        if traffic != {old: WHOLE}:
            self.ports.row.status(f"putting all traffic back to {old}")
            self.ports.endpoint.set_traffic({old: WHOLE})
        return f"{old} serves"

    def turn_down(self, reason: str) -> str:
        """Traffic back, rejection remembered, candidate removed: in this order, clients come first; what fails of it
        does not keep the rest from being done.
        """
        name, wrong = self.target.deployment, list[str]()

        def attempt(act: Callable[[], T]) -> T | None:
            try:
                return act()
            except (CloudError, Failure) as error:
                wrong.append(str(error))
                return None

        try:
            serves = attempt(lambda: self.put_back(self.passed.displaced))
            remembered = not self.same_image and attempt(
                lambda: persist(self.ports, lambda: self.remember(reason), time.sleep)
            )
            if serves is not None:
                attempt(lambda: follow_traffic(self.ports, self.target, time.sleep))
                attempt(lambda: persist(self.ports, lambda: self.discard([name]), time.sleep))
        except LeaseLost:
            return f"{name} was found faulty ({reason}), but {TOOK_OVER}"
        verdict = f"{name} is rejected: {reason}" if remembered else f"{name} was found faulty: {reason}"
        if wrong:
            return f"{verdict}. Not everything could be put right: {'; '.join(wrong)}. {AGAIN}"
        return f"{verdict}. {serves}. {OTHER_MACHINE if self.same_image else remedies(self.target)}"

    @property
    def same_image(self) -> bool:
        """Whether the target is the image that serves, on another size of machine: then the image is not at fault."""
        return self.beside is not None and digest_of(self.beside.image) == self.target.digest

    def remember(self, reason: str) -> bool:
        """Writes the rejection."""
        self.ports.models.reject(self.target.version, self.target.digest, f"{today()}: {reason}")
        self.rejected = reason
        return True

    def stopped(self) -> Failure:
        """The failure after a lease was lost. One that only ran out is taken up again, to put the traffic back."""
        name = self.target.deployment
        try:
            persist(self.ports, self.ports.lease.check, time.sleep)
        except LeaseLost:
            return Failure(f"{name}: {TOOK_OVER}")
        except CloudError as error:
            return Failure(f"{name} was stopped: {error}. {AGAIN}")
        return self.leave(Failure(f"{name} was stopped, its lease ran out: run `pulumi up` again"))

    def leave(self, error: Exception) -> Failure:
        """Puts the traffic back because of something that is not the candidate's fault; the failure to raise."""
        try:
            self.put_back()
        except LeaseLost:
            return Failure(f"{self.target.deployment}: {TOOK_OVER} ({error})")
        except CloudError as another:
            return Failure(f"{error}\nThe traffic could not be put back: {another}. {AGAIN}")
        return error if isinstance(error, Failure) else Failure(str(error))


OTHER_MACHINE = (
    "It runs the same image, so what failed is its size of machine: set instanceType of `mlops:serving` in the stack's "
    "configuration to another one"
)
AGAIN = "The next `pulumi up` takes it up where it stands."


def remedies(target: Target) -> str:
    """What a person can do about a rejection."""
    return (
        "It is not tried again: change the model or the code; or, if it was not the model's fault, "
        f"`make promote SYSTEM={target.system} VERSION={target.version}`"
    )


def shown(traffic: dict[str, int]) -> str:
    """Traffic in words."""
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items())) or "none"


def today() -> str:
    """The time a rejection is remembered with."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"

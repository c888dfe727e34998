"""Runs a rollout step by step: observe, decide, make sure that the lease is still ours, write.

Whatever ends it early leaves all traffic on one deployment: the one that served before, or the target.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ml.clients.errors import CloudError
from ml.resources.host import Failure
from ml.resources.rollout_plan import (
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
from ml.resources.rollout_ports import (
    Deployment,
    Endpoint,
    Lease,
    LeaseLost,
    Models,
    Observation,
    Rejected,
    Row,
    Target,
    Trials,
    digest_of,
)

CONFLICT = 409
BUSY_SECONDS, BUSY_STEP = 120.0, 1.0
TOOK_OVER = "another rollout or `make rollback` took over; this run has changed nothing since: run `pulumi refresh`"


@dataclass(frozen=True)
class Ports:
    """Everything a rollout talks to."""

    endpoint: Endpoint
    models: Models
    lease: Lease
    row: Row


def set_traffic(ports: Ports, traffic: Mapping[str, int]) -> None:
    """Sets the traffic while the lease is ours; waits for an operation of the endpoint that is under way."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        ports.lease.check()
        try:
            ports.endpoint.set_traffic(traffic)
        except CloudError as error:
            if error.status != CONFLICT or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_STEP)
        else:
            return


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
    return Observation(endpoint.traffic(), deployments, models.champion())


@dataclass
class RolloutRun:
    """One attempt to bring the target to all traffic, under a lease that is held already.

    `retrying`: the person asked for a rejected image again; it is forgiven once it serves.
    """

    target: Target
    ports: Ports
    trials: Trials
    stages: Sequence[int]
    retrying: bool = False
    passed: Passed = field(default_factory=Passed)

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
            if self.retrying:
                self.ports.models.clear_rejection(self.target.version, self.target.digest)
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
        """The next step from what is observed now."""
        return next_step(self.observation(), self.target, self.stages, self.passed)

    def observation(self) -> Observation:
        """What is observed now; a rejected target that is tried again counts as any other."""
        seen = observe(self.ports.endpoint, self.ports.models)
        name = self.target.deployment
        if self.retrying and name in seen.deployments:
            forgiven = replace(seen.deployments[name], rejected=False)
            return replace(seen, deployments={**seen.deployments, name: forgiven})
        return seen

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
                self.ports.lease.check()
                self.ports.endpoint.deploy(self.target)
            case Prove(old):
                self.trials.prove(old)
                self.passed = replace(self.passed, proved=True).with_displaced(old)
            case Shift(traffic):
                row.status(f"{traffic[name]} % to {name}")
                self.write(traffic)
            case Watch(percent, old):
                self.trials.watch(percent, old)
                self.unchanged({name: percent, old: WHOLE - percent})
                self.passed = replace(self.passed, watched=percent).with_displaced(old)
            case Crown(version, image):
                self.ports.lease.check()
                self.ports.models.crown(version, image)

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
                self.ports.lease.check()
                self.ports.endpoint.remove(name)

    # -- the ways out

    def put_back(self) -> str:
        """All traffic to what served before; words for what serves now."""
        seen = self.observation()
        old = serving(seen, self.target.deployment)
        if old is None:
            return f"{self.target.deployment} serves" if seen.share(self.target.deployment) else "nothing serves"
        if seen.traffic != {old: WHOLE}:
            self.write({old: WHOLE})
        return f"{old} serves"

    def turn_down(self, reason: str) -> str:
        """Traffic back, rejection remembered, candidate removed: in this order, clients come first."""
        name = self.target.deployment
        try:
            serves = self.put_back()
            self.ports.lease.check()
            self.ports.models.reject(self.target.version, self.target.digest, f"{today()}: {reason}")
            self.discard([name])
        except LeaseLost:
            return f"{name} was found faulty ({reason}), but {TOOK_OVER}"
        except CloudError as error:
            return f"{name} is rejected: {reason}. Not everything could be put right: {error}. {AGAIN}"
        return f"{name} is rejected: {reason}. {serves}. {ways_on(self.target)}"

    def stopped(self) -> Failure:
        """The failure after a lease was lost. One that only ran out is taken up again, to put the traffic back."""
        name = self.target.deployment
        try:
            self.ports.lease.check()
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


AGAIN = "The next `pulumi up` takes it up where it stands."


def ways_on(target: Target) -> str:
    """What a person can do about a rejection."""
    return (
        "It is not tried again: change the model or the code; or, if it was not the model's fault, "
        f"`make promote SYSTEM={target.system} VERSION={target.version}`, or add {target.digest} to retryRejected of "
        "`mlops:rollout` in the stack's configuration"
    )


def shown(traffic: dict[str, int]) -> str:
    """Traffic in words."""
    return ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items())) or "none"


def today() -> str:
    """The time a rejection is remembered with."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"

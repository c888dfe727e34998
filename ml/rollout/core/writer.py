"""The one writer of a system's rollouts: takes the lease, waiting for whoever has it, and keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from ml.clients.arm import manner
from ml.clients.datastore import storage_exists
from ml.clients.events import this_process
from ml.clients.lease import BlobLock, HeldLease, LeaseTaken, kept, rollout_lock
from ml.clients.workspace import Workspace
from ml.progress import Failure, wait
from ml.rollout.core.ports import Endpoint, LeaseLost, Models, Row
from ml.rollout.core.writes import Ports

POLL_SECONDS = 1.0
# A whole rollout on Azure takes this long; whoever waits longer has met something that is stuck.
LONGEST_WAIT_SECONDS = 3600.0


class RolloutSite(Protocol):
    """Where a rollout writes to."""

    @property
    def workspace(self) -> Workspace: ...

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def models(self) -> Models: ...

    @property
    def row(self) -> Row: ...


@dataclass(frozen=True)
class CheckedLease:
    """A blob's lease, as a rollout asks for it."""

    held: HeldLease

    def check(self) -> None:
        """Renews it."""
        try:
            self.held.check()
        except LeaseTaken:
            raise LeaseLost from None

    def pause(self, seconds: float) -> None:
        """Sleeps.

        Raises:
            LeaseLost: somebody else may write.
            Cancelled: the person pressed Ctrl-C.
        """
        self.alive()
        wait(seconds)

    def alive(self) -> None:
        """Like `pause`, without sleeping; asks the storage only when the lease was not renewed in time."""
        if not self.held.alive:  # not renewed for too long; it may still be ours
            self.check()
        wait(0)


@contextmanager
def writer(site: RolloutSite, system: str, about: Mapping[str, Any]) -> Iterator[Ports]:
    """Everything a rollout writes to, while the lease is held.

    Raises:
        Failure: somebody else had it for too long, or took it.
        Cancelled: the person did not want to wait.
    """
    with rollout_lock(site.workspace, system) as lock:
        lease = acquire(lock, {**about, **whoami()}, lambda text: site.row.status(text))
        with taken_over(system), held(site, lease) as ports:
            yield ports


@dataclass(frozen=True)
class NoLease:
    """Of an endpoint whose lock is gone with its storage: nobody can hold it."""

    def check(self) -> None:
        """There is nothing to renew."""

    def pause(self, seconds: float) -> None:
        """Sleeps."""
        wait(seconds)

    def alive(self) -> None:
        """Ends when the person pressed Ctrl-C."""
        wait(0)


@contextmanager
def last_writer(site: RolloutSite, system: str, about: Mapping[str, Any]) -> Iterator[Ports]:
    """`writer` for the end of an endpoint, which must be possible without the storage too."""
    if storage_exists(site.workspace):
        with writer(site, system, about) as ports:
            yield ports
    else:
        yield Ports(site.endpoint, site.models, NoLease(), site.row)


@contextmanager
def held(site: RolloutSite, lease: HeldLease) -> Iterator[Ports]:
    """Keeps the lease. No request that may change something leaves this thread without asking it."""
    ours = CheckedLease(lease)
    with kept(lease), manner(fence=ours.check):
        yield Ports(site.endpoint, site.models, ours, site.row)


@contextmanager
def taken_over(system: str) -> Iterator[None]:
    """A lost lease in words for a person."""
    try:
        yield
    except LeaseLost:
        raise Failure(f"{system}: another rollout or `make rollback` took over: run `pulumi refresh`") from None


@contextmanager
def forced_writer(
    site: RolloutSite, system: str, about: Mapping[str, Any]
) -> Iterator[tuple[Ports, Mapping[str, Any]]]:
    """The same, taken from whoever has it; with what the lock said about that one (empty when nobody had it).

    Raises:
        Failure: yet another took it.
    """
    with rollout_lock(site.workspace, system) as lock:
        before = lock.holder()
        lease = lock.force({**about, **whoami()})
        with taken_over(system), held(site, lease) as ports:
            yield ports, before.about if before.active else {}


def acquire(lock: BlobLock, about: Mapping[str, Any], say: Callable[[str], None]) -> HeldLease:
    """The lease; says who has it while it waits.

    Raises:
        Failure: it took too long.
        Cancelled: the person did not want to wait.
    """
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while (lease := lock.try_acquire(about)) is None:
        holder = lock.holder().about
        who = f"{holder.get('who', 'somebody')}, {holder.get('doing', 'rolling out')} since {holder.get('since', '?')}"
        if time.monotonic() > deadline:
            raise Failure(f"another writer has this endpoint ({who}): end it, or wait, then run `pulumi up` again")
        say(f"waiting for another writer: {who}")
        wait(POLL_SECONDS)
    return lease


def whoami() -> dict[str, str]:
    """What others are told of this writer."""
    return {"who": this_process(), "since": f"{datetime.now(UTC):%H:%M:%S} UTC"}

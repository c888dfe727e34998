"""Where requests go: endpoints by host name, their deployments, and the running instances behind those.

The gateway asks on the event loop, the control plane changes things in threads. One lock makes choosing a deployment
and counting the request one step, so that what is withdrawn has no request left once its count is zero. It is held for
microseconds.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.containers.container import Container

SHARES = 100


class NoDeployment(LookupError):
    """No deployment has traffic, or the one asked for does not exist."""


class NotReady(Exception):
    """The deployment has no instance that is ready."""


class TooManyRequests(Exception):
    """The deployment has as many requests as it may."""


class Instance:
    """One running container; `base_url` is where it scores, `http://127.x.y.z:port`."""

    def __init__(self, name: str, container: Container, base_url: str) -> None:
        self.name = name
        self.container = container
        self.base_url = base_url
        self.in_flight = 0


@dataclass(frozen=True)
class RequestLimits:
    """`requestSettings`: requests an instance works on at once, and seconds a request may take."""

    concurrency: int = 1
    timeout: float = 5.0


class Backend:
    """One deployment. Azure admits twice as many requests as its instances work on at once; the rest wait in line.

    https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes.
    """

    def __init__(self, name: str, lock: threading.Condition) -> None:
        self.name = name
        self.limits = RequestLimits()
        self.instances: tuple[Instance, ...] = ()
        self.pending = 0
        self._lock = lock
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> None:
        """Counts a request in (the lock is held).

        Raises:
            NotReady: no instance could take it.
            TooManyRequests: it is one too many.
        """
        if not any(instance.container.ready for instance in self.instances):
            raise NotReady
        if self.pending >= 2 * self.limits.concurrency * len(self.instances):
            raise TooManyRequests
        self.pending += 1

    def leave(self) -> None:
        """Counts a request out."""
        with self._lock:
            self.pending -= 1
            if self.pending == 0:
                self._lock.notify_all()

    async def acquire(self, without: frozenset[Instance]) -> Instance:
        """An instance with room for one more request, the least busy one; waits for its turn.

        Args:
            without: instances that refused the connection a moment ago.

        Raises:
            NotReady: no instance is ready.
        """
        while (instance := self._take_or_pass_on(without)) is None:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()
                raise
        return instance

    def release(self, instance: Instance) -> None:
        """Gives an instance back and lets the next request have it."""
        with self._lock:
            instance.in_flight -= 1
            if instance.in_flight == 0:
                self._lock.notify_all()
        self._wake()

    def _take_or_pass_on(self, without: frozenset[Instance]) -> Instance | None:
        try:
            return self._take(without)
        except NotReady:
            self._wake()
            raise

    def _take(self, without: frozenset[Instance]) -> Instance | None:
        with self._lock:
            ready = [one for one in self.instances if one.container.ready and one not in without]
            if not ready:
                raise NotReady
            instance = min(ready, key=lambda one: one.in_flight)
            if instance.in_flight >= self.limits.concurrency:
                return None
            instance.in_flight += 1
            return instance

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class Shares:
    """Draws deployments by their percentages: random in order, exact over every hundred draws."""

    def __init__(self, traffic: Mapping[str, int]) -> None:
        self.traffic = {name: share for name, share in traffic.items() if share > 0}
        self._bag: list[str] = []

    def draw(self) -> str:
        """The next deployment's name.

        Raises:
            NoDeployment: none has traffic.
        """
        if not self.traffic:
            raise NoDeployment
        if not self._bag:
            self._bag = [name for name, share in self.traffic.items() for _ in range(share)]
            random.shuffle(self._bag)
        return self._bag.pop()


class EndpointRoute:
    """One endpoint as the gateway knows it: `auth_mode` is Key, AMLToken or AADToken."""

    def __init__(self, resource_id: str, lock: threading.Condition) -> None:
        self.resource_id = resource_id
        self.auth_mode = "Key"
        self.keys: tuple[str, ...] = ()
        self.shares = Shares({})
        self.mirror = Shares({})
        self.mirrored = 0
        self.backends: dict[str, Backend] = {}
        self._lock = lock

    def admit(self, wanted: str | None) -> Backend:
        """The deployment for a request, which is counted in: the one it asks for, else one by its share.

        Raises:
            NoDeployment, NotReady, TooManyRequests: the request cannot be served.
        """
        with self._lock:
            backend = self.backends.get(wanted or self.shares.draw())
            if backend is None:
                raise NoDeployment(wanted)
            backend.enter()
            return backend

    def admit_mirror(self) -> Backend | None:
        """The deployment that gets a copy of this request, if one does and has room."""
        if self.mirrored == 0 or random.random() * SHARES >= self.mirrored:  # noqa: S311
            return None
        try:
            return self.admit(self.mirror.draw())
        except (NoDeployment, NotReady, TooManyRequests):
            return None


class RoutingTable:
    """All endpoints."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self._by_host: dict[str, EndpointRoute] = {}

    def find(self, host: str) -> EndpointRoute | None:
        """The endpoint that answers at a host name."""
        return self._by_host.get(host)

    def endpoint(self, host: str, resource_id: str) -> EndpointRoute:
        """The endpoint at a host name, made when there is none."""
        with self.lock:
            return self._by_host.setdefault(host, EndpointRoute(resource_id, self.lock))

    def remove(self, host: str) -> None:
        """Forgets an endpoint."""
        with self.lock:
            self._by_host.pop(host, None)

    def set_access(self, route: EndpointRoute, auth_mode: str, keys: tuple[str, ...]) -> None:
        """How clients show who they are."""
        with self.lock:
            route.auth_mode, route.keys = auth_mode, keys

    def set_traffic(self, route: EndpointRoute, traffic: Mapping[str, int], mirror: Mapping[str, int]) -> None:
        """Percentages by deployment, from the next request on."""
        with self.lock:
            if route.shares.traffic != Shares(traffic).traffic:
                route.shares = Shares(traffic)
            route.mirrored = sum(mirror.values())
            route.mirror = Shares({name: SHARES for name, share in mirror.items() if share > 0})

    def backend(self, route: EndpointRoute, name: str) -> Backend:
        """A deployment of an endpoint, made when there is none."""
        with self.lock:
            return route.backends.setdefault(name, Backend(name, self.lock))

    def set_instances(self, backend: Backend, instances: tuple[Instance, ...], limits: RequestLimits) -> None:
        """Which instances take a deployment's requests from now on."""
        with self.lock:
            backend.instances, backend.limits = instances, limits

    def withdraw(self, route: EndpointRoute, name: str, timeout: float) -> bool:
        """Sends a deployment nothing more and waits until its requests have ended; False when they did not in time."""
        with self.lock:
            backend = route.backends.pop(name, None)
            return backend is None or self.lock.wait_for(lambda: backend.pending == 0, timeout)

    def idle(self, instances: tuple[Instance, ...], timeout: float) -> bool:
        """Waits until instances that take no requests any more have ended those they have."""
        with self.lock:
            return self.lock.wait_for(lambda: all(one.in_flight == 0 for one in instances), timeout)

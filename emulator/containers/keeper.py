"""Keeps one container in the state it was asked for: pulls, starts, watches, restarts, stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from emulator.containers.addresses import taken_ports
from emulator.containers.back_off import BackOff
from emulator.containers.container import Container, ContainerState
from emulator.containers.engine import Start
from emulator.containers.image_paths import CannotRun
from emulator.containers.probing import watch
from emulator.containers.program import Program
from emulator.containers.watching import watch_listeners, watch_log, watch_memory

STOP_SECONDS = 30.0
logger = logging.getLogger(__name__)


class PullFailure(Exception):
    """The image cannot be had; the message names it and says why."""


Prepare = Callable[[Container], Awaitable[Start]]
Launch = Callable[[Start], Awaitable[Program]]


class Keeper:
    """The life of one container, a coroutine of the host's loop.

    Args:
        prepare: pulls the image; raises `PullFailure`.
        launch: starts the program; raises `CannotRun` or `OSError`.
        back_off: seconds, see `BackOff`.
    """

    def __init__(self, container: Container, prepare: Prepare, launch: Launch, back_off: float) -> None:
        self.container = container
        self._prepare = prepare
        self._launch = launch
        self._back_off = BackOff(back_off)
        self._stopping = asyncio.Event()
        self._grace = STOP_SECONDS
        self._killed_for = self._cause = ""
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Until the container is stopped or has ended for good."""
        try:
            while not self._stopping.is_set():
                program = await self._begin()
                if program and not await self._see_through(program):
                    break
        except Exception as error:  # a defect of ours must show where people look
            logger.exception("container %s failed", self.container.specification.name)
            self._enter("Terminated", "EmulatorError", f"{type(error).__name__}: {error}")
        finally:
            if self._stopping.is_set() and self.container.state == "Waiting":
                self._enter("Terminated", "Stopped")
            self._done.set()

    async def stop(self, grace: float) -> None:
        """Ends the program (SIGTERM, after `grace` seconds SIGKILL) and waits for its end."""
        self._grace = grace
        self.container.set_ready(False)
        self._stopping.set()
        await self._done.wait()

    @property
    def stopped(self) -> bool:
        """Whether somebody asked for its end."""
        return self._stopping.is_set()

    # -- starting

    async def _begin(self) -> Program | None:
        """The started program; None after a failure and the wait that follows it, or when asked to stop."""
        try:
            start = await self._until_stop(self._prepare(self.container))
            if start is None:
                return None
            self._refuse_taken_ports()
            program = await self._launch(start)
        except PullFailure as error:
            await self._rest("Failed", str(error), "ErrImagePull", "ImagePullBackOff")
        except (CannotRun, OSError) as error:
            message = f"Error: failed to start container: {error}"
            await self._rest("Failed", message, "RunContainerError", "CrashLoopBackOff")
        else:
            self.container.enter(ContainerState("Running", started=time.time()))
            self.container.record("Started", f"Started container {self.container.specification.name}")
            return program
        return None

    def _refuse_taken_ports(self) -> None:
        specification = self.container.specification
        taken = taken_ports(specification.address, specification.ports)
        if taken:
            raise CannotRun(f"another program listens on {specification.address}:{taken[0]} (or on 0.0.0.0:{taken[0]})")

    async def _until_stop(self, work: Awaitable[Start]) -> Start | None:
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            return task.result()
        task.cancel()
        return None

    async def _rest(self, event: str, message: str, first: str, then: str) -> None:
        """Waits before the next attempt to start what could not be started."""
        self.container.record(event, message, warning=True)
        delay = self._back_off.next(0)
        self._enter("Waiting", then if delay else first, message)
        if not delay:
            delay = self._back_off.next(0)
        await self._sleep(delay)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    # -- running

    async def _see_through(self, program: Program) -> bool:
        """Until the program's end; whether it is to be started again."""
        self._killed_for = self._cause = ""
        code = await self._attend(program)
        reason = self._killed_for or ("Completed" if code == 0 else "Error")
        ran = time.time() - (self.container.started or time.time())
        self.container.enter(self.container.ended(code, reason, self._cause))
        if self._stopping.is_set() or not self._again(code):
            return False
        await self._before_restart(ran, code)
        return not self._stopping.is_set()

    async def _before_restart(self, ran: float, code: int) -> None:
        delay = self._back_off.next(ran)
        if delay:
            name = self.container.specification.name
            message = f"Back-off {delay:g} s restarting failed container {name} (exit code {code})"
            self.container.record("BackOff", message, warning=True)
            self._enter("Waiting", "CrashLoopBackOff", message)
            await self._sleep(delay)
        if not self._stopping.is_set():
            self.container.count_restart()

    async def _attend(self, program: Program) -> int:
        ending = asyncio.ensure_future(program.wait())
        stop = asyncio.ensure_future(self._stopping.wait())
        watchers = [asyncio.ensure_future(work) for work in self._watchers(program)]
        try:
            await asyncio.wait({ending, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                self.container.record("Killing", f"Stopping container {self.container.specification.name}")
                await self._end(program, self._grace)
            return await ending
        finally:
            for task in (*watchers, stop):
                task.cancel()
            await asyncio.gather(*watchers, stop, return_exceptions=True)
            if ending.done() and await program.out_of_memory():
                self._killed_for, self._cause = "OOMKilled", self._cause or "Container used more memory than its limit"
            await program.kill()

    def _watchers(self, program: Program) -> list[Awaitable[None]]:
        container, specification = self.container, self.container.specification
        watchers: list[Awaitable[None]] = [
            watch_log(container.log),
            watch_memory(program, specification.memory_gb, partial(self._out_of_memory, program)),
            watch_listeners(program, specification, partial(container.record, warning=True)),
        ]
        if specification.readiness:
            note = partial(self._unhealthy, "Readiness")
            watchers.append(watch(specification.readiness, specification.address, self._ready, note, healthy=False))
        else:
            container.set_ready(True)
        if specification.liveness:
            note, dead = partial(self._unhealthy, "Liveness"), partial(self._dead, program)
            watchers.append(watch(specification.liveness, specification.address, dead, note, healthy=True))
        return watchers

    async def _ready(self, good: bool, trouble: str) -> None:
        if not self._stopping.is_set():
            self.container.set_ready(good)

    async def _dead(self, program: Program, good: bool, trouble: str) -> None:
        if not good:
            name = self.container.specification.name
            self.container.record("Killing", f"Container {name} failed its liveness probe and is restarted")
            self.container.set_ready(False)
            self._killed_for, self._cause = "Error", f"Liveness probe failed: {trouble}"
            await self._end(program, STOP_SECONDS)

    def _unhealthy(self, kind: str, trouble: str) -> None:
        self.container.record("Unhealthy", f"{kind} probe failed: {trouble}", warning=True)

    async def _out_of_memory(self, program: Program, used_gb: float) -> None:
        limit = self.container.specification.memory_gb
        self._killed_for = "OOMKilled"
        self._cause = f"Container used {used_gb:.2f} GB of memory, its limit is {limit:g} GB"
        self.container.record("Killing", self._cause, warning=True)
        await program.kill()

    async def _end(self, program: Program, grace: float) -> None:
        program.terminate()
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the result.
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await program.wait()
        await program.kill()

    def _again(self, code: int) -> bool:
        policy = self.container.specification.restart
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def _enter(self, name: str, reason: str, message: str = "") -> None:
        state = ContainerState("Waiting" if name == "Waiting" else "Terminated", reason, message)
        self.container.enter(state)

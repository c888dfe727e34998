"""What is looked at while a container runs: its memory, its log's size, where it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from emulator.containers.log_file import LogFile
from emulator.containers.program import Program
from emulator.containers.specification import ContainerSpecification

MEMORY_SECONDS = 0.5
LOG_SECONDS = 5.0
LISTEN_SECONDS = 0.5
GB = 1e9
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - looked for, not listened on


async def watch_memory(program: Program, limit_gb: float, exceeded: Callable[[float], Awaitable[None]]) -> None:
    """Calls `exceeded` with the used gigabytes once the program holds more than its limit.

    An address-space limit would not do: numerical libraries reserve far more than they use.
    """
    while True:
        await asyncio.sleep(MEMORY_SECONDS)
        used = await asyncio.to_thread(used_bytes, program, limit_gb * GB)
        if used > limit_gb * GB:
            await exceeded(used / GB)
            return


def used_bytes(program: Program, limit: float) -> int:
    """Memory in use, counted exactly only where it matters."""
    roughly = program.resident_bytes()
    return roughly if roughly <= limit else program.proportional_bytes()


async def watch_log(log: LogFile) -> None:
    """Keeps the log below its cap."""
    while True:
        await asyncio.sleep(LOG_SECONDS)
        await asyncio.to_thread(log.trim)


async def watch_listeners(
    program: Program, specification: ContainerSpecification, record: Callable[[str, str], None]
) -> None:
    """Looks once, as soon as the program listens, whether it does so where it was told."""
    if not specification.ports:
        return
    while not (found := await asyncio.to_thread(program.listening)):
        await asyncio.sleep(LISTEN_SECONDS)
    for host, port in sorted(found):
        if host in EVERYWHERE:
            record(
                "ListensEverywhere",
                f"The program listens on {host}:{port} of this machine and not only on {specification.address}: it "
                "ignores the variable HOST. No other container can use the port, and the network can reach it.",
            )
    told = {(specification.address, port) for port in specification.ports}
    reachable = told & (found | {(specification.address, port) for host, port in found if host in EVERYWHERE})
    if not reachable:
        where = ", ".join(f"{host}:{port}" for host, port in sorted(found))
        wanted = ", ".join(f"{host}:{port}" for host, port in sorted(told))
        record("ListensElsewhere", f"The program listens on {where}; declared is {wanted} (variables HOST and PORT).")

"""A load generator for scoring servers: `python -m benchmarks.scoring_load PORT CONNECTIONS SECONDS BODIES`.

Each connection sends its next request when the answer to the one before has come, and connects again when the server
closes it. The figures are printed as one JSON object. The generator runs on the same machine as the server and takes
its share of it: `cpu_seconds` is what it used, and a rate near `1 / (cpu_seconds / requests)` is its own limit.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop


@dataclass
class Figures:
    """What was counted; latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def fail(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


class Client(asyncio.Protocol):
    """One connection; `requests` never ends."""

    def __init__(self, requests: cycle[bytes], figures: Figures, deadline: float) -> None:
        self.requests = requests
        self.figures = figures
        self.deadline = deadline
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.received = b""
        self.begin = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.busy:
            self.figures.fail(f"connection lost: {error}")
        if not self.ended.done():
            self.ended.set_result(True)

    def send(self) -> None:
        self.busy = True
        self.begin = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received = self.received + data if self.received else data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        if len(body) < int(lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        self.received = b""
        self.busy = False
        self.count(head)
        if time.perf_counter() >= self.deadline or b"\r\nconnection: close" in lowered:
            self.transport.close()
        else:
            self.send()

    def count(self, head: bytes) -> None:
        if head.startswith(b"HTTP/1.1 200"):
            self.figures.latencies.append(time.perf_counter() - self.begin)
        else:
            self.figures.fail(head.partition(b"\r\n")[0].decode())


async def keep_asking(port: int, requests: cycle[bytes], figures: Figures, deadline: float) -> None:
    """One client, over as many connections as the server makes it open."""
    while time.perf_counter() < deadline:
        try:
            _, client = await asyncio.get_running_loop().create_connection(
                lambda: Client(requests, figures, deadline), "127.0.0.1", port
            )
        except OSError as error:
            figures.fail(f"connect: {error}")
            await asyncio.sleep(0.01)
            continue
        await client.ended


def requests_of(bodies: Path) -> list[bytes]:
    """Whole requests for the bodies of a file, one a line."""
    head = b"POST /score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    return [head % (len(body), body) for body in bodies.read_bytes().splitlines()]


async def load(port: int, connections: int, seconds: float, bodies: Path) -> dict[str, object]:
    """Ask for so many seconds; returns the figures."""
    figures, requests = Figures(), cycle(requests_of(bodies))
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    clients = [keep_asking(port, requests, figures, begin + seconds) for _ in range(connections)]
    await asyncio.gather(*clients)
    taken, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    ordered = sorted(figures.latencies) or [float("nan")]
    return {
        "requests": len(figures.latencies),
        "errors": figures.errors,
        "seconds": taken,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
    }


def main() -> None:
    """The command line."""
    port, connections, seconds, bodies = sys.argv[1:]
    print(json.dumps(uvloop.run(load(int(port), int(connections), float(seconds), Path(bodies)))))


if __name__ == "__main__":
    main()

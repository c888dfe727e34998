"""Our scoring server beside azureml-inference-server-http: `python -m benchmarks.scoring`.

Same model, same requests, same machine, in one run: the servers take turns, in reversed order every other round, and
the ratios are medians over the rounds. Nothing here is a figure of a server alone: the generator shares the machine,
and so may others. `others` says how much of the machine's processors they used meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.scoring_servers import PEER, ROOT, Server, ours, peer
from ml.systems.bike_buyer import generator

ROUNDS = 5
SECONDS = 3.0
CONNECTIONS = 16
GENERATED_ROWS = 5_000
WANTED = 3.0
"""Least ratio of the rates, two processes each."""


@dataclass
class Sample:
    """One turn of one server."""

    rate: float
    p50_ms: float
    p99_ms: float
    server_us: float
    """Processor time of the server for one request, in microseconds."""
    generator_us: float
    others: float
    """Share of the machine's processors that neither server nor generator used."""
    errors: dict[str, int]


def model_folder(folder: Path) -> Path:
    """A bike-buyer model, trained on the real files where they are."""
    data, model = os.environ.get("MLOPS_DATA_DIR"), folder / "model"
    if data is None:
        data = str(folder / "data")
        generator.generate(GENERATED_ROWS, 2, folder / "data")
    command = [
        sys.executable,
        "-m",
        "ml.jobkit.train",
        "--system",
        "bike_buyer",
        "--data",
        data,
        "--output",
        str(model),
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    sha256 = hashlib.sha256(model.joinpath("model.onnx").read_bytes()).hexdigest()
    identity = {"name": "bike-buyer", "version": 1, "sha256": sha256, "system": "bike_buyer"}
    model.joinpath("model.json").write_text(json.dumps(identity))
    return model


def bodies(model: Path, folder: Path) -> Path:
    """The golden requests without the strange ones, one body a line."""
    cases = json.loads(model.joinpath("golden.json").read_text())["cases"][:20]
    lines = [json.dumps({"data": [case["request"]]}, separators=(",", ":")) for case in cases]
    folder.joinpath("bodies").write_text("\n".join(lines))
    return folder / "bodies"


def sample(server: Server, asked: Path, seconds: float = SECONDS) -> Sample:
    """One turn."""
    words = [str(server.port), str(CONNECTIONS), str(seconds), str(asked)]
    before, machine, begin = server.cpu_seconds(), psutil.cpu_times(), time.monotonic()
    command = [sys.executable, "-m", "benchmarks.scoring_load", *words]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    taken, after = time.monotonic() - begin, psutil.cpu_times()
    found = json.loads(output)
    used, count = server.cpu_seconds() - before, max(found["requests"], 1)
    busy = sum(after) - sum(machine) - (after.idle - machine.idle) - (after.iowait - machine.iowait)
    others = max(0.0, busy - used - found["cpu_seconds"]) / (taken * (psutil.cpu_count() or 1))
    return Sample(
        found["requests"] / found["seconds"],
        found["p50_ms"],
        found["p99_ms"],
        used / count * 1e6,
        found["cpu_seconds"] / count * 1e6,
        others,
        found["errors"],
    )


def show(server: Server, samples: list[Sample]) -> None:
    """One line: medians over the rounds."""

    def middle(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in samples))

    errors = sum(sum(one.errors.values()) for one in samples)
    print(
        f"{server.name:<46} {middle('rate'):8.0f}/s  p50 {middle('p50_ms'):6.2f} ms  p99 {middle('p99_ms'):6.2f} ms  "
        f"{middle('server_us'):5.0f} us CPU a request (generator {middle('generator_us'):3.0f})  "
        f"others {middle('others'):4.0%}  start {server.start_seconds:4.2f} s  {server.memory():4.0f} MB  "
        f"{errors} errors",
        flush=True,
    )


def ratio(name: str, over: list[Sample], under: list[Sample]) -> float:
    """Prints and returns how much better, round by round, median."""
    values = [getattr(a, name) / getattr(b, name) for a, b in zip(over, under, strict=True)]
    print(f"  {name}: {statistics.median(values):5.1f}x  (rounds: {', '.join(f'{one:.1f}' for one in values)})")
    return float(statistics.median(values))


def main() -> int:
    """The whole comparison; exit code 1 when a server failed or ours is not fast enough."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        model = model_folder(Path(name))
        asked = bodies(model, Path(name))
        servers = [stack.enter_context(kind(model, count)) for count in (1, 2) for kind in (ours, peer)]
        taken: dict[str, list[Sample]] = {server.name: [] for server in servers}
        print(f"{CONNECTIONS} connections, one row a request, {ROUNDS} rounds of {SECONDS:g} s a server", flush=True)
        for server in servers:
            sample(server, asked, 1.0)
        for number in range(ROUNDS):
            for server in servers if number % 2 == 0 else reversed(servers):
                taken[server.name].append(sample(server, asked))
        for server in servers:
            show(server, taken[server.name])
        best = 0.0
        for mine, theirs in (servers[:2], servers[2:]):
            print(f"{mine.name} beside {theirs.name}")
            best = ratio("rate", taken[mine.name], taken[theirs.name])
            ratio("server_us", taken[theirs.name], taken[mine.name])
            ratio("p99_ms", taken[theirs.name], taken[mine.name])
    failed = {one: count for samples in taken.values() for sample in samples for one, count in sample.errors.items()}
    print(f"errors: {failed or 'none'}; wanted: at least {WANTED:g}x the rate of {PEER}, two processes each")
    return 0 if best >= WANTED and not failed else 1


if __name__ == "__main__":
    sys.exit(main())

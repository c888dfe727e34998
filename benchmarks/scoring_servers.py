"""The servers that are compared: how each is installed, started and asked, and what it uses."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.cache import cache_folder, make_once
from tools.virtualenv import uv_variables

ROOT = Path(__file__).resolve().parent.parent
PEER = "azureml-inference-server-http"
PEER_VERSION = "1.5.1"
START_SECONDS = 60.0


@dataclass
class Server:
    """A running server."""

    name: str
    port: int
    process: psutil.Process
    start_seconds: float

    def family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Used so far, by all its processes."""
        times = [one.cpu_times() for one in self.family()]
        return float(sum(one.user + one.system for one in times))

    def memory(self) -> float:
        """Resident megabytes of all its processes; what they share counts for each."""
        return float(sum(one.memory_info().rss for one in self.family())) / 1e6


def peer_python() -> Path:
    """The Python of an environment with the peer, made once in the cache folder."""
    lock = ROOT.joinpath("ml/environments/scoring.lock.txt").read_text()
    pins = re.findall(r"^((?:onnxruntime|numpy)==\S+)", lock, re.MULTILINE)
    packages = [f"{PEER}=={PEER_VERSION}", *pins]
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = cache_folder() / "benchmarks" / f"{PEER}-{key}"
    if not folder.is_dir():
        print(f"making an environment with {', '.join(packages)} (once, some 200 MB)", flush=True)
        make_once(folder, lambda new: install(new, packages))
    return folder / "bin" / "python"


def install(folder: Path, packages: list[str]) -> None:
    """A virtual environment in a folder, with packages."""
    uv, environment = ROOT / ".venv" / "bin" / "uv", {**os.environ, **uv_variables()}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for words in (
        ["venv", "--quiet", "--allow-existing", "--relocatable", "--python", version, str(folder)],
        ["pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *packages],
    ):
        subprocess.run([str(uv), *words], env=environment, check=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@contextmanager
def ours(model: Path, workers: int) -> Iterator[Server]:
    """Our server with so many processes."""
    variables = {"MODEL_DIR": str(model), "HOST": "127.0.0.1", "WORKERS": str(workers)}
    command = [sys.executable, "-m", "ml.scoring"]
    with started(f"ml.scoring, {workers} process{'es' * (workers > 1)}", command, variables, "/ready") as server:
        yield server


@contextmanager
def peer(model: Path, workers: int) -> Iterator[Server]:
    """Azure ML's server with so many worker processes."""
    variables = {"MODEL_DIR": str(model), "WORKER_COUNT": str(workers), "AML_APP_INSIGHTS_ENABLED": "false"}
    module = "azureml_inference_server_http.amlserver"
    script = str(ROOT / "benchmarks" / "scoring_peer.py")
    command = [str(peer_python()), "-m", module, "--entry_script", script]
    with started(f"{PEER}, {workers} worker{'s' * (workers > 1)}", command, variables, "/") as server:
        yield server


@contextmanager
def started(name: str, command: list[str], variables: dict[str, str], ready: str) -> Iterator[Server]:
    """A server process that answers; it is stopped at the end."""
    port = free_port()
    environment = {**os.environ, **variables, "PORT": str(port), "ORT_DISABLE_TELEMETRY": "1"}
    if PEER in name:
        command = [*command, "--port", str(port)]
    begin = time.monotonic()
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=silent, stderr=silent)
    try:
        while not answers(port, ready):
            if process.poll() is not None or time.monotonic() > begin + START_SECONDS:
                raise SystemExit(f"{name} did not start: {' '.join(command)}")
            time.sleep(0.01)
        yield Server(name, port, psutil.Process(process.pid), time.monotonic() - begin)
    finally:
        process.terminate()
        process.wait()


def answers(port: int, path: str) -> bool:
    """Whether the server says it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

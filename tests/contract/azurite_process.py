"""Azurite, Microsoft's own emulator of Blob storage, as a process: what ours is compared with."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.settings import free_port
from tools.cache import cache_folder, make_once

PACKAGE = Path(__file__).resolve().parent / "azurite"
START_SECONDS = 30.0
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's fixed account: https://github.com/Azure/Azurite#default-storage-account."""


def missing_node() -> str:
    """Why Azurite cannot run here, "" when it can."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found: the comparison with Azurite is left out" if missing else ""


def install() -> Path:
    """The folder with Azurite in it, filled by `npm ci` at first use."""
    version = json.loads((PACKAGE / "package.json").read_text())["dependencies"]["azurite"]
    folder: Path = cache_folder() / "azurite" / version
    make_once(folder, install_into)
    return folder


def install_into(folder: Path) -> None:
    """Runs `npm ci` on the committed lock file."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"`npm ci` for Azurite ended with {result.returncode}:\n{result.stderr[-2000:]}")


@contextmanager
def azurite(data: Path) -> Iterator[str]:
    """Runs Azurite; gives the address of its account.

    Raises:
        RuntimeError: it did not come up; the message carries the end of its log.
    """
    program, port, log = install() / "node_modules/azurite/dist/src/blob/main.js", free_port(0), data / "azurite.log"
    command = ["node", str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(data)]
    flags = ["--skipApiVersionCheck", "--loose", "--disableTelemetry", "--silent"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *flags], cwd=data, stdout=output, stderr=subprocess.STDOUT, env=os.environ
        )
        try:
            wait(process, port, log)
            yield f"http://{ACCOUNT}.blob.core.localhost:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not come up within {START_SECONDS:.0f} s:\n{log.read_text()[-2000:]}")

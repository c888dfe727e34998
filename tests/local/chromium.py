"""A headless Chromium, driven through its debugging protocol: https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 30.0
COMPLAINTS = ("Log.entryAdded", "Runtime.exceptionThrown")


def program() -> str | None:
    """Where this machine has Chromium, None when it has none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One tab. `complaints` are errors of its console: scripts that failed, and what its policy refused."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.complaints: list[str] = []
        for domain in ("Page", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """One command, and its answer."""
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(SECONDS))
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._listen(message)

    def open(self, address: str, *, width: int, dark: bool) -> None:
        """Shows a page in a window of this width, and waits until it is there."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression: str) -> None:
        """Polls until JavaScript says yes."""
        deadline = time.monotonic() + SECONDS
        while not self.value(expression):
            assert time.monotonic() < deadline, f"never true: {expression}; {self.complaints}"
            time.sleep(0.05)

    def _listen(self, message: dict[str, Any]) -> None:
        entry = (message.get("params") or {}).get("entry") or {}
        if message.get("method") in COMPLAINTS and entry.get("level", "error") == "error":
            self.complaints.append(json.dumps(message["params"]))


@contextmanager
def tab(chromium: str, folder: Path) -> Iterator[Tab]:
    """A tab of a browser that ends with the block."""
    command = [chromium, *QUIET, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file = folder / "DevToolsActivePort"
        deadline = time.monotonic() + SECONDS
        while not port_file.exists() or not port_file.read_text().strip():
            assert process.poll() is None, "Chromium ended at once"
            assert time.monotonic() < deadline, "Chromium does not start"
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        targets = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
        address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
        with connect(address, max_size=None) as connection:
            yield Tab(connection)
    finally:
        process.terminate()
        process.wait(SECONDS)

"""Starts, finds, stops and resets the emulator's process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from emulator.certificates import bundle_file, keep_user_authorities
from emulator.containers.marked_processes import end_marked
from emulator.runtime import ProcessHandle
from emulator.settings import STATE, SUBSCRIPTION_ID, TENANT_ID, Settings, free_port, load_settings
from tools.machine.locks import file_lock

SERVER = "emulator.server"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
SLOW_SECONDS = 15.0
LOG_LINES = 15
BEGIN_ANEW = (
    "Or begin anew on other ports, without anything the emulator holds: `.venv/bin/python -m emulator reset`, then "
    "`make down FORCE=1` and `make up`."
)


class EmulatorError(Exception):
    """What a person has to know when the emulator cannot do what was asked."""


@dataclass(frozen=True)
class Status:
    """`resident_bytes` counts the emulator with every process below it; `remarks` say how it works on this machine."""

    settings: Settings
    handle: ProcessHandle
    resident_bytes: int
    remarks: Sequence[str] = ()


class Supervisor:
    """One emulator by its state folder."""

    def __init__(self, state: Path) -> None:
        # The emulator's process has another working directory, and tells its state by the whole path.
        self.state = state.resolve()
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> tuple[Status, bool]:
        """Starts the emulator unless it runs; True when it was started now.

        Raises:
            EmulatorError: it did not come up; the message carries the end of its log.
        """
        with file_lock(self.state / "start.lock"):  # one start at a time
            self.end_moved()
            running = self.status() or self.slow_status()
            if running:
                return running, False
            settings = self.settings()
            refuse_taken_ports(settings)
            self._child = self.spawn(settings)
            try:
                self.wait(settings, self._child)
            except BaseException:
                # Nobody would find it, and it would keep the ports.
                self.stop()
                raise
            status = self.status()
        if status is None:
            raise EmulatorError(f"The emulator started and ended at once.\n{self.log_tail()}")
        return status, True

    def settings(self) -> Settings:
        """The emulator's settings, chosen now when there are none.

        Raises:
            EmulatorError: they cannot be read.
        """
        try:
            return load_settings(self.state)
        except ValueError as error:
            raise EmulatorError(str(error)) from None

    def spawn(self, settings: Settings) -> subprocess.Popen[bytes]:
        """The server in a session of its own, its output in the log."""
        root = Path(__file__).resolve().parent.parent
        environment = {
            **os.environ,
            STATE: str(self.state),
            "PYTHONPATH": str(root),
            "ORT_DISABLE_TELEMETRY": "1",
        }
        keep_user_authorities(settings, os.environ)
        # Nothing the emulator starts may think that it is a client of another cloud.
        foreign = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "MLFLOW_TRACKING_URI", "ARM_METADATA_HOSTNAME")
        for name in (*foreign, "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        with settings.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", SERVER],
                cwd=self.state,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        handle = ProcessHandle(process.pid, psutil.Process(process.pid).create_time())
        self.pid_file.write_text(json.dumps(handle.to_json()))
        return process

    def wait(self, settings: Settings, process: subprocess.Popen[bytes]) -> None:
        """Until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorError(f"The emulator ended with exit code {process.returncode}.\n{self.log_tail()}")
            if self.health(settings) is not None:
                return
            time.sleep(0.05)
        raise EmulatorError(f"The emulator did not answer within {START_SECONDS:.0f} s.\n{self.log_tail()}")

    def health(self, settings: Settings) -> dict[str, Any] | None:
        """What the emulator of this state folder says of itself; None when it does not answer on its port."""
        try:
            health: dict[str, Any] = httpx.get(f"{settings.http_url}/health", timeout=2.0, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return None
        return health if health.get("state") == str(settings.state) else None

    def status(self) -> Status | None:
        """The running emulator, None when it does not run or does not answer."""
        handle = self.handle()
        process = handle.process() if handle else None
        if handle is None or process is None:
            return None
        settings = self.settings()
        health = self.health(settings)
        if health is None:
            return None
        family = [process, *process.children(recursive=True)]
        return Status(settings, handle, sum(resident(member) for member in family), health["remarks"])

    def slow_status(self) -> Status | None:
        """The running emulator after a while in which it did not answer: the machine may be busy.

        Raises:
            EmulatorError: its process is there, but it does not answer.
        """
        deadline = time.monotonic() + SLOW_SECONDS
        while (handle := self.handle()) is not None and handle.process() is not None:
            if (running := self.status()) is not None:
                return running
            if time.monotonic() > deadline:
                raise EmulatorError(
                    f"The emulator's process {handle.pid} does not answer. End it with `.venv/bin/python -m emulator "
                    f"stop`; `make up` then starts it again, and nothing is lost.\n{self.log_tail()}"
                )
            time.sleep(0.05)
        return None

    def moved_from(self) -> str:
        """Where this state folder was when its running emulator was started; "" unless that was elsewhere."""
        handle = self.handle()
        process = handle.process() if handle else None
        before = started_in(process) if process and runs_in(process, self.state) else ""
        return before if before != str(self.state) else ""

    def end_moved(self) -> None:
        """Stops an emulator whose state folder was moved, and what it started before: they open their files by the path
        that these had.
        """
        if before := self.moved_from():
            self.stop()
            end_marked(lambda environment: environment.get(STATE) == before)

    def stop(self) -> bool:
        """Stops the emulator; its detached jobs go on. False when it did not run."""
        handle = self.handle()
        process = handle.process() if handle else None
        if process is None:
            return False
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        if self._child is not None:
            self._child.wait()
        self.pid_file.unlink(missing_ok=True)
        return True

    def reset(self) -> None:
        """Stops the emulator and its jobs and removes all it kept, ports included."""
        self.end()
        shutil.rmtree(self.state, ignore_errors=True)

    def end(self) -> None:
        """Stops the emulator and all that it started, jobs too."""
        self.stop()
        end_marked(lambda environment: environment.get(STATE) == str(self.state))

    def environment(self) -> dict[str, str]:
        """What programs need to find this emulator where they would find Azure."""
        settings = self.settings()
        bundle = str(bundle_file(settings))
        return {
            "ARM_METADATA_HOSTNAME": f"localhost:{settings.https_port}",
            "ARM_DISABLE_INSTANCE_DISCOVERY": "true",
            "ARM_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
            "ARM_TENANT_ID": TENANT_ID,
            "IDENTITY_ENDPOINT": f"{settings.http_url}/msi/token",
            "IDENTITY_HEADER": settings.identity_secret,
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "ORT_DISABLE_TELEMETRY": "1",
            "EMULATOR_HOSTS": str(settings.hosts),
        }

    def log_tail(self, lines: int = LOG_LINES) -> str:
        """The last lines of the emulator's log."""
        log = self.settings().log
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    @property
    def pid_file(self) -> Path:
        """Process id and start time of the emulator."""
        return self.state / "emulator.pid"

    def handle(self) -> ProcessHandle | None:
        """The process that was started last; found by its working directory when nothing tells its id."""
        noted = self.noted()
        if noted is not None:
            return noted
        found = (one for one in psutil.process_iter(["cmdline"]) if SERVER in (one.info["cmdline"] or []))
        own = next((one for one in found if runs_in(one, self.state)), None)
        return ProcessHandle(own.pid, own.create_time()) if own else None

    def noted(self) -> ProcessHandle | None:
        """The process that was noted at the last start, unless it is that of the folder this one was copied from."""
        try:
            handle = ProcessHandle.from_json(json.loads(self.pid_file.read_text()))
        except (OSError, ValueError, KeyError):
            return None
        process = handle.process() if handle else None
        return handle if process is None or runs_in(process, self.state) else None


def runs_in(process: psutil.Process, state: Path) -> bool:
    """Whether an emulator's process is that of a state folder: its working directory moves with the folder."""
    try:
        return process.cwd() == str(state)
    except psutil.Error:
        return False


def started_in(process: psutil.Process) -> str:
    """The path that an emulator's state folder had when it was started; "" when that cannot be read."""
    try:
        return str(process.environ().get(STATE, ""))
    except psutil.Error:
        return ""


def resident(process: psutil.Process) -> int:
    """Resident memory in bytes, 0 when the process has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def refuse_taken_ports(settings: Settings) -> None:
    """Clients have stored URLs with the emulator's ports, so it takes no others.

    Raises:
        EmulatorError: another process listens on one of them.
    """
    for port in (settings.https_port, settings.http_port):
        if free_port(port) != port:
            owner = next(
                (str(one.pid) for one in psutil.net_connections("tcp4") if one.laddr and one.laddr.port == port), "?"
            )
            raise EmulatorError(
                f"Port {port} of this emulator is taken by process {owner}. End that process. {BEGIN_ANEW}"
            )

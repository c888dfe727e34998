"""`python -m emulator.machine_learning.jobs.runner <job folder>`: environment, command, exit file.

The emulator starts it detached. It tells its phases and its end through files in the job's folder, so that an emulator
that was killed and started again finds them. SIGTERM ends the job and everything it started.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from emulator.machine_learning.jobs.runner import files, process
from emulator.machine_learning.jobs.runner.environment import EnvironmentFailure, ensure_environment
from emulator.machine_learning.jobs.runner.own_environment import make_own_environment
from tools.machine.locks import lock_if_free

TRACKING_SECONDS = 180.0
POLL_SECONDS = 0.05


class Ended(BaseException):
    """SIGTERM arrived before the command was started."""


class Runner:
    """One job in its folder."""

    def __init__(self, job: Path) -> None:
        self.job = job
        self.specification: dict[str, Any] = files.read_json(job / files.SPECIFICATION) or {}
        self.build_log = job / "logs" / files.BUILD_LOG
        self.user_log = job / "logs" / files.USER_LOG
        self.canceled = False
        self.preparing = True

    def run(self) -> None:
        """Takes the job to its end and writes the exit file."""
        signal.signal(signal.SIGTERM, self.cancel)
        process.adopt_orphans()
        began = time.time()
        try:
            outcome = self.prepare_and_execute()
        except (EnvironmentFailure, OSError) as error:
            files.append(self.user_log, f"The environment could not be prepared: {error}\n{tail(self.build_log)}")
            outcome = {"code": None, "reason": "environment", "message": str(error)}
        except Ended:
            outcome = {"code": None, "reason": "canceled"}
        self.preparing = False
        process.end_descendants(process.GRACE_SECONDS)
        files.write_json(self.job / files.EXIT, {**outcome, "began": began, "ended": time.time()})

    def prepare_and_execute(self) -> dict[str, Any]:
        """Environment, then tracking, then the command; gives exit code and the reason it was ended, if it was."""
        files.write_state(self.job, "Preparing")
        self.report(f"job {self.specification['name']} on this machine")
        shared = ensure_environment(self.specification["packages"], self.build_log, self.report)
        folder = make_own_environment(shared, self.job / "environment")
        tracking = self.await_tracking()
        environment = self.environment(folder, tracking.get("environment", {}))
        self.preparing = False
        if self.canceled:
            raise Ended
        files.write_state(self.job, "Running")
        limit = self.specification["timeout"]
        deadline = time.monotonic() + limit if limit else None
        command = process.start(
            self.specification["command"], Path(self.specification["directory"]), environment, self.user_log
        )

        def stop() -> str | None:
            if self.canceled:
                return "canceled"
            return "timeout" if deadline is not None and time.monotonic() > deadline else None

        code, reason = process.wait(command, stop)
        return {"code": code, "reason": reason}

    def await_tracking(self) -> dict[str, Any]:
        """Waits until the emulator says that the tracking server knows the run."""
        deadline = time.monotonic() + TRACKING_SECONDS
        told = False
        while (found := files.read_json(self.job / files.TRACKING)) is None:
            if time.monotonic() > deadline:
                raise EnvironmentFailure(f"the tracking server did not answer within {TRACKING_SECONDS:.0f} s")
            if not told:
                self.report("waiting for the tracking server")
                told = True
            time.sleep(POLL_SECONDS)
        return found

    def environment(self, folder: Path, tracking: dict[str, str]) -> dict[str, str]:
        """What the command finds in its environment; secrets come through this process's own and are in no file."""
        own = {name: os.environ[name] for name in self.specification["inherit"] if name in os.environ}
        # What the emulator itself is made of is none of the job's business.
        foreign = str(Path(sys.executable).parent)
        found = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != foreign]
        path = os.pathsep.join([str(folder / "bin"), *found])
        return {**own, "PATH": path, "VIRTUAL_ENV": str(folder), **self.specification["environment"], **tracking}

    def cancel(self, *_: object) -> None:
        """SIGTERM: breaks into the preparation, which may wait for a lock; the command is ended by who waits for it."""
        self.canceled = True
        if self.preparing:
            raise Ended

    def report(self, text: str) -> None:
        """A line of progress."""
        files.append(self.build_log, f"{time.strftime('%H:%M:%S')} {text}")


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def main() -> None:
    """Holds the job's lock for as long as this process lives: who finds it held knows that the job has its runner."""
    job = Path(sys.argv[1])
    with lock_if_free(job / files.LOCK) as free:
        if not free or (job / files.EXIT).exists():
            return
        files.write_json(job / files.PROCESS, {"pid": os.getpid()})
        Runner(job).run()


if __name__ == "__main__":
    main()

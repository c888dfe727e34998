"""Whether the emulator answers, and which one it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from emulator.http import Request, Response
from emulator.service import Route, Service

CODE = Path(__file__).resolve().parent


def changed_since(started: float, code: Path = CODE) -> bool:
    """Whether a file of the emulator's own code was written after a time, in seconds since 1970."""
    return any(file.stat().st_mtime > started for file in code.rglob("*.py"))


class HealthService(Service):
    """`GET /health` on the http listener; `state` tells two emulators on one machine apart."""

    name = "health"

    def routes(self) -> Sequence[Route]:
        return (Route("*", "/health", self.health, ("GET",), listener="http", bearer=False),)

    def remark(self) -> str:
        """A process that was started before its code was changed, as by `git pull`, goes on with the code of then."""
        if not changed_since(psutil.Process().create_time()):
            return ""
        return (
            "it runs code from before the last change of emulator/: `.venv/bin/python -m emulator stop`, then `make up`"
        )

    def health(self, request: Request) -> Response:
        """200 once every service has taken up what an earlier process left."""
        remarks = [remark for service in self.emulator.services if (remark := service.remark())]
        state = str(self.emulator.settings.state)
        return Response.json({"status": "ready", "state": state, "pid": os.getpid(), "remarks": remarks})

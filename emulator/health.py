"""Whether the emulator answers, and which one it is."""

from __future__ import annotations

import os
from collections.abc import Sequence

from emulator.http import Request, Response
from emulator.service import Route, Service


class HealthService(Service):
    """`GET /health` on the http listener; `state` tells two emulators on one machine apart."""

    name = "health"

    def routes(self) -> Sequence[Route]:
        return (Route("*", "/health", self.health, ("GET",), listener="http", bearer=False),)

    def health(self, request: Request) -> Response:
        """200 once every service has taken up what an earlier process left."""
        remarks = [remark for service in self.emulator.services.values() if (remark := service.remark())]
        state = str(self.emulator.settings.state)
        return Response.json({"status": "ready", "state": state, "pid": os.getpid(), "remarks": remarks})

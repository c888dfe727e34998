"""`python -m ml.scoring.gateway`: one address for the deployments of a model, each of which gets a share of requests.

The server is that of `ml.scoring`, with its limits, its key and the way it ends; what it is to answer it asks the
deployments. Which ones, the document at `SHARES_URL` says.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvloop

from ml.scoring import log
from ml.scoring.errors import StartError
from ml.scoring.gateway.document import Document
from ml.scoring.gateway.service import GatewayService
from ml.scoring.gateway.shares import Shares
from ml.scoring.http.server import Server
from ml.scoring.settings import Settings

START_FAILED = 2


class Gateway(Server):
    """A server whose service waits for the document instead of a model."""

    def make_service(self) -> GatewayService:
        return GatewayService(self.settings, asyncio.get_running_loop())

    async def load(self) -> None:
        """Follows the document; requests are refused until it was read once."""
        loop = asyncio.get_running_loop()

        def changed(shares: Shares) -> None:
            loop.call_soon_threadsafe(self._take, shares)

        Document(os.environ, changed).start()

    def announce(self) -> None:
        """It is ready with its first document, which `_take` says."""

    def _take(self, shares: Shares) -> None:
        assert isinstance(self.service, GatewayService)  # noqa: S101 - made here
        self.service.take(shares)
        given = {name: one.share for name, one in shares.deployments.items() if one.share}
        log.say("shares", revision=shares.revision, **given)


def main() -> int:
    """Returns the exit code: 0 after a stop that was asked for, 2 when the gateway cannot start."""
    log.set_up()
    try:
        settings = Settings.from_environment(os.environ)

        async def run() -> None:
            await Gateway(settings).run()

        uvloop.run(run())
    except StartError as error:
        log.say("cannot start", error=str(error))
        return START_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m ml.scoring`: serves the model of `MODEL_DIR`. Settings are environment variables: see settings.py."""

from __future__ import annotations

import logging
import os
import signal
import sys

from ml.jobkit.errors import JobError
from ml.scoring import log
from ml.scoring.errors import StartError
from ml.scoring.settings import Settings

FAILED = 1
START_FAILED = 2


def main() -> int:
    """Returns the exit code: 0 after a stop that was asked for, 2 when the server cannot start, 1 after a defect."""
    # The first process of a container ignores the signal unless it asks for it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    log.set_up()
    try:
        settings = Settings.from_environment(os.environ)
        if settings.workers > 1 and not os.environ.get("SCORING_WORKER"):
            from ml.scoring.http.workers import run_workers

            return run_workers(settings)
        serve(settings)
    except (StartError, JobError) as error:
        log.say("cannot start", logging.CRITICAL, error=str(error))
        return START_FAILED
    except KeyboardInterrupt:
        return 0
    except Exception:
        log.logger.exception("the server failed")
        return FAILED
    return 0


def serve(settings: Settings) -> None:
    """Serve in this process until told to stop."""
    import uvloop

    from ml.scoring.http.server import Server

    async def run() -> None:
        await Server(settings).run()

    uvloop.run(run())


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # nothing is left to do, and a thread that is inside the model would make an orderly exit crash

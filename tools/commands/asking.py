"""How verbs ask the cloud, and where they print."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.progress import Failure
from tools.progress import SetupError

# Of a person at a terminal: a role that was given just now is told from one that is missing by trying again later.
PATIENCE = 30.0
LOG_WIDTH = 140


def console() -> Console:
    """Plain text for people; in a log file tables get room."""
    width = None if sys.stdout.isatty() else LOG_WIDTH
    return Console(soft_wrap=True, highlight=False, width=width)


def progress() -> Console:
    """Progress goes to stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def wait(seconds: float, why: str) -> None:
    """Says why, so that nobody sits before a silent terminal."""
    progress().print(why, markup=False)
    time.sleep(seconds)


@contextmanager
def told() -> Iterator[None]:
    """What the cloud refuses is shown as its message; what may pass is waited for with a word, and not for long."""
    try:
        with manner(patience=PATIENCE, pause=wait):
            yield
    except (CloudError, Failure) as error:
        raise SetupError(str(error)) from None

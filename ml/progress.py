"""What long work tells the person who waits for it, and when it ends early: live text, notes, waits, failures.

Work that Pulumi started shows on its resource's row (`ml.resources.host` sees to that); anywhere else nothing is shown,
a wait is a plain sleep and nobody interrupts. Only the standard library is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Show = Callable[[str, str, bool], None]
"""Shows a text on a row, by the row's name; for the moment, or kept."""


class Failure(Exception):
    """A failure that a person can act on: the message is all that is shown of it."""


class Cancelled(Failure):
    """The person interrupted the deployment."""

    def __init__(self) -> None:
        super().__init__(
            "stopped waiting because the deployment was interrupted; nothing is lost: run `pulumi up` again"
        )


class _Row(threading.local):
    """The row this thread works for."""

    name = ""
    shown = ""


_row = _Row()
_interrupted = threading.Event()
_show: Show | None = None


def bind(show: Show) -> None:
    """From now on texts are shown."""
    global _show
    _show = show


def begin(row: str) -> None:
    """What this thread does from now on belongs to this row."""
    _row.name, _row.shown = row, ""


def interrupt() -> None:
    """Ends every wait."""
    _interrupted.set()


def status(text: str) -> None:
    """Shows a text on the row that the present work is for, in place of the one before."""
    if _show is not None and _row.name and text != _row.shown:
        _row.shown = text
        _show(_row.name, text, True)


def note(text: str) -> None:
    """Keeps a text with the row that the present work is for: it is shown in previews and after the deployment."""
    if _show is not None and _row.name:
        _show(_row.name, text, False)


def cancelled() -> bool:
    """Whether the person interrupted the deployment."""
    return _interrupted.is_set()


def wait(seconds: float) -> None:
    """Sleeps, but no longer than until the deployment is interrupted.

    Raises:
        Cancelled: it was interrupted.
    """
    if _interrupted.wait(seconds):
        raise Cancelled

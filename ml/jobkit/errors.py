"""The one exception for mistakes a person can mend: wrong data, wrong settings, a model that failed a check."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class JobError(Exception):
    """What is wrong, with which value, and how to mend it. Shown to people as it is, without a traceback."""


def run(main: Callable[[], None]) -> int:
    """Run the entry point of a job. Returns its exit code: 0, or 2 after a `JobError`, which is printed as one line."""
    try:
        main()
    except JobError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return 2
    return 0

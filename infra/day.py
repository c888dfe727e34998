"""A day in a stack's file."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f'{text!r} is no day; write it in quotes, such as "2027-01-31"') from None


Day = Annotated[str, AfterValidator(_day)]
"""A day as `2027-01-31`, in quotes: without them YAML makes something else of it."""

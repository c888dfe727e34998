"""Times as HTTP and the Blob service write them. Inside, a time is seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def http_date(seconds: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


def parse_http_date(text: str) -> float | None:
    """The time an HTTP date names, None when it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def iso_date(seconds: float) -> str:
    """`2025-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso_date(text: str) -> float | None:
    """The time of a shared access signature (UTC when it names no zone), None when it is none."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()

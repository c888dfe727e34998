"""Log lines, each one JSON object, for whoever collects a container's output. Requests go to telemetry, not here."""

from __future__ import annotations

import logging
import sys
import time

import msgspec

logger = logging.getLogger("ml.scoring")
LONGEST_EXCEPTION = 10_000
"""Characters of a traceback. Its last lines may repeat what a caller sent, however long that was."""


class JsonLines(logging.Formatter):
    """`{"time", "level", "message", ...}`; what `extra={"facts": {...}}` holds is added."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}Z", "level": record.levelname.lower(), "message": record.getMessage()}
        line |= getattr(record, "facts", {})
        if record.exc_info:
            text = self.formatException(record.exc_info)
            cut = len(text) > LONGEST_EXCEPTION
            half = LONGEST_EXCEPTION // 2
            line["exception"] = f"{text[:half]} [...] {text[-half:]}" if cut else text
        return msgspec.json.encode(line, enc_hook=str).decode()


def set_up() -> None:
    """Every logger of the process writes JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def say(message: str, level: int = logging.INFO, **facts: object) -> None:
    """One line with facts beside the message."""
    logger.log(level, message, extra={"facts": facts})

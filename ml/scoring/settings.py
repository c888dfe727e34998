"""What the environment says: one variable a setting, checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ml.scoring.errors import StartError

THREAD_RULES = ("auto", "always", "never")


@dataclass(frozen=True)
class Settings:
    """Each field is read from the variable of the same name in capitals."""

    host: str = "0.0.0.0"  # noqa: S104 - a container's port is published by whoever runs it
    """Address to listen on."""
    port: int = 5001
    """0: any free port, named in the line that says the server listens."""
    model_dir: Path = Path("model")
    """Folder with model.onnx, features.yaml, golden.json and model.json."""
    scoring_key: str = field(default="", repr=False)
    """When set, `POST /score` wants it as a bearer token."""
    workers: int = 1
    """Processes that share the port, each with the model loaded."""
    scoring_thread: str = "auto"
    """Where the model runs: `always` in a thread, `never`, or `auto`: in a thread if it is slow."""

    max_request_line_bytes: int = 8_192
    max_header_bytes: int = 16_384
    max_body_bytes: int = 10_000_000
    max_held_bytes: int = 64_000_000
    """Requests that are arriving, wait for their turn or are scored by a slow model, all connections together."""
    max_rows: int = 5_000
    """Rows of one request."""
    max_connections: int = 900
    """At the limit a new one takes the place of the one that has been idle longest."""
    max_queue: int = 512
    """Requests that wait for a slow model; a quick one lets none wait."""
    max_queue_rows: int = 20_000
    """Rows of the requests that wait for a slow model."""
    batch_rows: int = 64
    """Most rows of different requests that are scored together."""

    request_seconds: float = 30.0
    """A request must arrive, and its answer be taken, within this time."""
    keep_alive_seconds: float = 75.0
    """An idle connection is closed after this time."""
    scoring_seconds: float = 30.0
    """A request waits this long for its result; a model call that takes longer is ended."""
    linger_seconds: float = 1.0
    """After SIGTERM new requests are still taken for this time, so that none is lost on its way."""
    drain_seconds: float = 20.0
    """Then requests in flight are finished within this time; telemetry gets what is left of it, and at least five
    seconds. All together stays below the 30 seconds after which containers are usually killed."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read and check.

        Raises:
            StartError: a variable has a value that cannot be used; names variable, value and fix.
        """
        given: dict[str, Any] = {}
        for one in fields(cls):
            text = environment.get(one.name.upper(), "").strip()
            if text:
                given[one.name] = _value(one.name.upper(), text, one.default)
        settings = cls(**given)
        _check(settings)
        return settings


def _value(variable: str, text: str, default: object) -> object:
    try:
        for kind in (int, float):
            if type(default) is kind:
                return kind(text)
        return Path(text) if isinstance(default, Path) else text
    except ValueError:
        wanted = "a whole number" if isinstance(default, int) else "a number"
        raise StartError(f"{variable} is {text!r}; write {wanted}, such as {default}") from None


def _check(settings: Settings) -> None:
    if not 0 <= settings.port <= 65_535:
        raise StartError(f"PORT is {settings.port}; write 0 to 65535")
    if settings.scoring_thread not in THREAD_RULES:
        raise StartError(f"SCORING_THREAD is {settings.scoring_thread!r}; write one of {', '.join(THREAD_RULES)}")
    if not settings.scoring_key.isascii() or not settings.scoring_key.isprintable():
        raise StartError("SCORING_KEY has characters that no header can carry; make a key of ASCII letters and digits")
    for one in fields(settings):
        value = getattr(settings, one.name)
        least = 0 if one.name in ("port", "linger_seconds", "drain_seconds") else 1 if isinstance(value, int) else 0.1
        if isinstance(value, int | float) and not least <= value < float("inf"):
            raise StartError(f"{one.name.upper()} is {value:g}; write a number from {least:g} up")

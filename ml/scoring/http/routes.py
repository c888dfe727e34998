"""Which path is answered how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml.scoring.errors import overloaded
from ml.scoring.http import counters
from ml.scoring.http.answer import TEXT, Answer

if TYPE_CHECKING:
    from ml.scoring.http.service import Service

    Read = Callable[[Service], Answer]


@dataclass(frozen=True)
class Route:
    """One path. `read` answers GET and HEAD; the path without it takes POST, and is scored."""

    path: bytes
    read: Read | None
    recorded: bool = True
    """Whether requests are told to telemetry; those of probes would drown the others."""
    methods: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        methods = (b"POST", b"OPTIONS") if self.read is None else (b"GET", b"HEAD", b"OPTIONS")
        object.__setattr__(self, "methods", methods)

    @property
    def allow(self) -> bytes:
        """The header line that names the methods."""
        return b"allow: %b\r\n" % b", ".join(self.methods)


def live(service: Service) -> Answer:
    """The process works; true while the model is still loading."""
    return Answer(200, b"Healthy", TEXT)


def ready(service: Service) -> Answer:
    """The model is loaded and has passed its self-check, and the server is not ending."""
    if service.draining:
        raise overloaded("draining", "the server is ending; ask another instance")
    service.loaded()
    return Answer(200, b'{"status":"ready"}')


def version(service: Service) -> Answer:
    return Answer(200, service.loaded().version)


def openapi(service: Service) -> Answer:
    return Answer(200, service.loaded().openapi)


def metrics(service: Service) -> Answer:
    waiting = service.scorer.batching.waiting if service.scorer else 0
    text = service.counters.text(len(service.connections), waiting, service.telemetry)
    return Answer(200, text, counters.TEXT)


ROUTES = {
    route.path: route
    for route in (
        Route(b"/score", None),
        Route(b"/", live, recorded=False),
        Route(b"/ready", ready, recorded=False),
        Route(b"/version", version),
        Route(b"/swagger.json", openapi),
        Route(b"/metrics", metrics, recorded=False),
    )
}
OTHER = Route(b"*", None)
"""Stands for every path that is no route, and for what is no request at all."""

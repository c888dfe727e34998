"""The page's routes. All of them read; every answer carries the same strict headers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.pages import guard, overview, telemetry, views
from emulator.pages.client import Client
from emulator.pages.cloud import Cloud
from emulator.pages.rendering import FOLDER, environment
from emulator.service import Emulator, Route, Service

HTML = "text/html; charset=utf-8"
ASSETS = {
    "page.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
Page = tuple[str, Mapping[str, Any]]
"""A template and what it shows."""
logger = logging.getLogger(__name__)


class PagesService(Service):
    """What a person sees at the loopback http port."""

    name = "pages"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.client = Client(emulator)
        self.templates = environment()

    def routes(self) -> Sequence[Route]:
        pages: Mapping[str, Callable[[Cloud, Request], Page]] = {
            "/": overview.page,
            "/jobs": views.jobs,
            "/models": views.every_model,
            "/containers": views.containers,
            "/resources": views.resources,
            "/telemetry": telemetry.page,
            r"/resource(?P<id>/subscriptions/.+)": views.resource,
        }
        return (
            Route("*", r"/assets/(?P<name>[a-z.]+)", self.asset, ("GET", "HEAD"), listener="http", bearer=False),
            *(
                Route("*", path, self._shown(view), ("GET", "HEAD"), listener="http", bearer=False)
                for path, view in pages.items()
            ),
        )

    def stop(self) -> None:
        self.client.close()

    def asset(self, request: Request) -> Response:
        """The style sheet, the script, the icon."""
        guard.check_host(request)
        name = request.parameters["name"]
        if name not in ASSETS:
            return self._problem(ServiceError(404, "NotFound", f"There is no '{name}'."))
        content = (FOLDER / "assets" / name).read_bytes()
        return Response(200, content, {**guard.HEADERS, "content-type": ASSETS[name]})

    def _shown(self, view: Callable[[Cloud, Request], Page]) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            try:
                guard.check(request)
                template, values = view(Cloud(self.client), request)
                return self._answer(200, template, values)
            except ServiceError as error:
                return self._problem(error)
            except Exception as error:  # a defect of ours: the person gets a page, the log gets the traceback
                logger.exception("the page %s failed", request.path)
                return self._problem(ServiceError(500, "PageFailed", f"{type(error).__name__}: {error}"))

        return handler

    def _problem(self, error: ServiceError) -> Response:
        return self._answer(error.status, "problem.html", {"error": error})

    def _answer(self, status: int, template: str, values: Mapping[str, Any]) -> Response:
        text = self.templates.get_template(template).render(**values)
        return Response(status, text.encode(), {**guard.HEADERS, "content-type": HTML})

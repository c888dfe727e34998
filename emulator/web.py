"""The ASGI application: reads a request whole, runs the services in threads, streams the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.responses import StreamingResponse

from emulator.dispatch import Dispatcher
from emulator.http import Request, Response, empty_body
from emulator.service import Mount, Receive, Scope, Send

WORKERS = 64


class WebApplication:
    """One listener's ASGI application."""

    def __init__(
        self, listener: str, dispatcher: Dispatcher, workers: ThreadPoolExecutor, mounts: Sequence[Mount] = ()
    ) -> None:
        self.listener = listener
        self.dispatcher = dispatcher
        self.workers = workers
        self.mounts = [mount for mount in mounts if mount.listener == listener]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        host = requested_host(scope)
        for mount in self.mounts:
            if mount.match(self.listener, host):
                await mount.application(scope, receive, send)
                return
        web = WebRequest(scope, receive)
        request = await read(web, self.listener)
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self.workers, self.dispatcher.answer, self.listener, request)
        request.body.close()
        await to_web(response, request.method)(scope, receive, send)


def requested_host(scope: Scope) -> str:
    """The host that a request names, lower case and without a port."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return host.rpartition(":")[0] if ":" in host else host
    return ""


async def read(web: WebRequest, listener: str) -> Request:
    """The whole request; a large body goes to disk while it arrives."""
    body = empty_body()
    async for chunk in web.stream():
        body.write(chunk)
    body.seek(0)
    authority = web.headers.get("host", "localhost")
    return Request(
        method=web.method,
        host=authority.rpartition(":")[0].lower() if ":" in authority else authority.lower(),
        path=web.url.path if not web.scope.get("path") else web.scope["path"],
        raw_path=web.scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or web.url.path,
        raw_query=web.scope.get("query_string", b"").decode("latin-1"),
        base_url=f"{listener}://{authority}",
        query={key.lower(): value for key, value in web.query_params.multi_items()},
        headers=dict(web.headers.items()),
        body=body,
    )


def to_web(response: Response, method: str) -> WebResponse:
    """Starlette's response; an answer to HEAD keeps the length it would have had."""
    headers = response.headers
    if isinstance(response.body, bytes):
        web = WebResponse(response.body if method != "HEAD" else b"", response.status)
        del web.headers["content-length"]
        if response.status not in (204, 304):
            web.headers["content-length"] = str(len(response.body))
    else:
        web = StreamingResponse(iterate_in_threadpool(iter(response.body)), response.status)
    for name, value in headers.items():
        web.headers[name.lower()] = value
    return web

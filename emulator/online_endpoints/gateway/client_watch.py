"""Work for a client ends when the client does: the place it takes in a deployment is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from emulator.online_endpoints.gateway.request_body import ClientGone
from emulator.service import Receive

# Most requests are answered sooner, and nobody looks after their clients.
QUICK_SECONDS = 0.5


class WhileClientWaits:
    """`async with` around the work for a request whose body was read: cancels it when the client closes its connection.

    As `asyncio.timeout` does it: no task is made for a quick request.

    Args:
        receive: of the request.
        answered: whether the whole answer was sent; after that the connection may end.

    Raises:
        ClientGone: at the end of the block, in place of the cancellation.
    """

    def __init__(self, receive: Receive, answered: Callable[[], bool]) -> None:
        self._receive = receive
        self._answered = answered
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._task, self._cancelling = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(QUICK_SECONDS, self._begin)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ClientGone from None

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._answered():
            self._gone = True
            self._task.cancel()

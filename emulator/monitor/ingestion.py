"""The ingestion endpoint: `POST …/v2.1/track` and `…/v2/track` of the exporters, and live metrics."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from emulator.access import SEND_TELEMETRY
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.monitor.components import Component, Components
from emulator.monitor.envelopes import ItemError, rows
from emulator.monitor.tables import Table
from emulator.monitor.telemetry_database import TelemetryDatabase
from emulator.service import Emulator

AUDIENCE = "https://monitor.azure.com"
LARGEST_BODY = 64 * 1024 * 1024
"""Bytes of one request, unpacked."""
Refusal = tuple[int, str]
# What reading an item raises when a part of it is of another kind, too large or too deep.
UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError)


class Ingestion:
    """Takes in telemetry; what was accepted is on disk before the answer."""

    def __init__(self, components: Components, database: TelemetryDatabase, emulator: Emulator) -> None:
        self._components = components
        self._database = database
        self._emulator = emulator

    def track(self, request: Request) -> Response:
        """Stores items; refused ones are named by their position.

        200: all were taken, 206: some, else the status of the first refusal. A component without local authentication
        wants a token for `https://monitor.azure.com`, which `/v2/track` does not take:
        https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication#troubleshooting.
        """
        items = parse(unpacked(request))
        known = self._components.by_instrumentation_key()
        check = cache(partial(self._denial, self._sender(request)))
        accepted: list[tuple[Component, Table, dict[str, Any]]] = []
        refused: dict[int, Refusal] = {}
        for index, item in enumerate(items):
            outcome = self._one(item, known, check)
            if isinstance(outcome, tuple):
                refused[index] = outcome
            else:
                accepted += outcome
        if accepted:
            self._database.insert(accepted)
            self._database.sweep(list(known.values()))
        application = accepted[0][0].app_id if accepted else None
        return answer(len(items), refused, application)

    def live(self, request: Request) -> Response:
        """Live metrics: nobody watches, so a client need not send any."""
        return Response.json({}, headers={"x-ms-qps-subscribed": "false"})

    def _one(
        self, item: Any, known: dict[str, Component], check: Callable[[Component], Refusal | None]
    ) -> list[tuple[Component, Table, dict[str, Any]]] | Refusal:
        """The rows of one item, or why it is refused."""
        if not isinstance(item, dict):
            return 400, "Invalid JSON"
        component = known.get(str(item.get("iKey", "")).lower())
        if component is None:
            return 400, "Invalid instrumentation key"
        if component.entra_only and (denial := check(component)):
            return denial
        try:
            return [(component, table, row) for table, row in rows(item)]
        except (ItemError, *UNREADABLE) as error:
            return 400, str(error) if isinstance(error, ItemError) else f"The item cannot be read: {error}"

    def _denial(self, sender: Principal | Refusal, component: Component) -> Refusal | None:
        """Why a component that takes Entra tokens only refuses a sender, None when it does not."""
        if isinstance(sender, tuple):
            return sender
        if self._emulator.access.allows_data(sender.object_id, SEND_TELEMETRY, component.id):
            return None
        return 403, f"Unauthorized: '{sender.object_id}' has no role Monitoring Metrics Publisher on '{component.id}'"

    def _sender(self, request: Request) -> Principal | Refusal:
        """Who sends, or why that is not known."""
        if not request.parameters["version"].startswith("2.1"):
            return 400, "Authentication not supported: /v2/track takes no token; send to /v2.1/track"
        try:
            principal = self._emulator.tokens.verify(request.headers.get("authorization"))
        except ServiceError as error:
            return 401, f"Authorization required: {error.message}"
        if principal.audience.rstrip("/") != AUDIENCE:
            return 401, f"Authorization required: the token is for '{principal.audience}', not for {AUDIENCE}/"
        return principal


def answer(received: int, refused: dict[int, Refusal], application: str | None) -> Response:
    """The track response."""
    errors = [{"index": index, "statusCode": code, "message": text} for index, (code, text) in refused.items()]
    body = {
        "itemsReceived": received,
        "itemsAccepted": received - len(refused),
        "appId": application,
        "errors": errors,
    }
    if not refused:
        return Response.json(body)
    status = 206 if len(refused) < received else next(iter(refused.values()))[0]
    challenge = {"www-authenticate": f'Bearer resource="{AUDIENCE}/"'} if status == 401 else None
    return Response.json(body, status, challenge)


def unpacked(request: Request) -> bytes:
    """The body, unpacked when it is gzip, of a bounded size."""
    data = request.read()
    if request.headers.get("content-encoding", "").lower() == "gzip":
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            data = unpacker.decompress(data, LARGEST_BODY + 1)
        except zlib.error:
            raise ServiceError(400, "InvalidBody", "The body is not gzip, which its content-encoding says.") from None
    if len(data) > LARGEST_BODY:
        raise ServiceError(413, "PayloadTooLarge", f"The body has more than {LARGEST_BODY} bytes.")
    return data


def parse(data: bytes) -> Sequence[Any]:
    """The items of a JSON array, of one object, or of objects in lines; None stands for a line that is no JSON.

    Raises:
        ServiceError: 400 when nothing can be read.
    """
    stripped = data.strip()
    if not stripped:
        raise ServiceError(400, "InvalidBody", "The body is empty.")
    whole = line(stripped)
    if isinstance(whole, list):
        return whole
    if stripped.startswith(b"["):
        raise ServiceError(400, "InvalidBody", "The body is not JSON.")
    return [whole] if isinstance(whole, dict) else [line(text) for text in stripped.splitlines() if text.strip()]


def line(text: bytes) -> Any:
    """One JSON value, None when it is none."""
    try:
        value = json.loads(text.decode("utf-8-sig"))
        if rb"\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return value

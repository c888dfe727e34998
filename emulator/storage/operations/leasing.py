"""Lease operations on blobs and containers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from emulator.http import Response
from emulator.storage.call import Call
from emulator.storage.errors import invalid_header
from emulator.storage.headers import version_headers
from emulator.storage.lease import Lease
from emulator.storage.records import Blob, Container

Change = Callable[[Lease, float], Lease]
STATUS = {"acquire": 201, "renew": 200, "change": 200, "release": 200, "break": 202}


def lease_blob(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/lease-blob."""
    action, change = requested(call)
    conditions, now = replace(call.conditions, lease=None), time.time()

    def changed(old: Blob) -> Blob:
        conditions.check_unchanged(old)
        return replace(old, lease=change(old.lease, now))

    return answer(action, call.store.blobs.change(call.key, changed, stamp=False), now)


def lease_container(call: Call) -> Response:
    """https://learn.microsoft.com/rest/api/storageservices/lease-container."""
    action, change = requested(call)
    conditions, now = replace(call.conditions, lease=None), time.time()

    def changed(old: Container) -> Container:
        conditions.check_unchanged(old)
        return replace(old, lease=change(old.lease, now))

    return answer(action, call.store.containers.change(*call.key[:2], changed, stamp=False), now)


def requested(call: Call) -> tuple[str, Change]:
    """The action of a request and what it makes of a lease."""
    action = call.required_header("x-ms-lease-action").lower()
    proposed = call.header("x-ms-proposed-lease-id")
    if action == "acquire":
        duration = call.number_header("x-ms-lease-duration")
        if duration is None:
            duration = int(call.required_header("x-ms-lease-duration"))
        return action, lambda lease, now: lease.acquire(now, duration, proposed)
    if action == "break":
        period = call.number_header("x-ms-lease-break-period")
        return action, lambda lease, now: lease.break_after(now, period)
    if action not in STATUS:
        raise invalid_header("x-ms-lease-action", action, f"It is one of {', '.join(STATUS)}.")
    given = call.required_header("x-ms-lease-id")
    if action == "renew":
        return action, lambda lease, now: lease.renew(now, given)
    if action == "release":
        return action, lambda lease, now: lease.release(given)
    wanted = call.required_header("x-ms-proposed-lease-id")
    return action, lambda lease, now: lease.change(now, given, wanted)


def answer(action: str, found: Blob | Container, now: float) -> Response:
    """The lease id, or what is left of a lease that breaks."""
    headers = version_headers(found)
    if action == "break":
        headers["x-ms-lease-time"] = str(max(0, round(found.lease.breaks - now)))
    elif action != "release":
        headers["x-ms-lease-id"] = found.lease.id
    return Response(STATUS[action], headers=headers)

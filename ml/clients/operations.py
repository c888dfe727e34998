"""Long-running operations of Azure Resource Manager: a request that begins one, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ml.clients.arm import arm
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    import httpx

ENDED = ("Succeeded", "Failed", "Canceled")
FIRST_POLL_SECONDS = 0.2
LONGEST_POLL_SECONDS = 5.0

Report = Callable[[str], None]
"""Told how long something has been going on; what it raises ends the wait, and the operation goes on."""


def quiet(text: str) -> None:
    """Reports nothing."""


def put_and_wait(
    path: str, version: str, body: dict[str, Any], report: Report = quiet, timeout: float = 1800.0
) -> None:
    """Creates or replaces a document and waits until that has ended.

    Raises:
        CloudError: it was refused or failed, with the service's code and words, or is not done after `timeout` seconds.
    """
    finish(arm().send("PUT", path, version, body=body), path, report, timeout)


def delete_and_wait(path: str, version: str, report: Report = quiet, timeout: float = 1800.0) -> None:
    """Deletes a document and waits until it is gone; nothing happens when there is none."""
    answer = arm().send("DELETE", path, version, accept=(404,))
    if answer.status_code == 202:
        finish(answer, path, report, timeout)


def finish(answer: httpx.Response, path: str, report: Report, timeout: float) -> None:
    """Polls the operation that an answer names, if it names one:
    https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations.
    """
    url = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
    began, wait = time.monotonic(), FIRST_POLL_SECONDS
    while url:
        status, error, asked = look(url)
        if status in ENDED:
            if status != "Succeeded":
                code, text = str(error.get("code", status)), str(error.get("message", "the service gives no reason"))
                raise CloudError(f"{path.rpartition('/')[2]}: {code}: {text}", code=code)
            return
        elapsed = time.monotonic() - began
        if elapsed > timeout:
            raise CloudError(f"{path} is still {status} after {elapsed:.0f} s", code="Timeout")
        report(f"{status}, {elapsed:.0f} s")
        time.sleep(min(wait, asked or LONGEST_POLL_SECONDS))
        wait = min(wait * 1.5, LONGEST_POLL_SECONDS)


def look(url: str) -> tuple[str, dict[str, Any], float]:
    """An operation's status, its error, and how many seconds the service asks to wait (0: it does not say)."""
    answer = arm().follow(url)
    body = answer.json() if answer.content else {}
    ended = "InProgress" if answer.status_code == 202 else "Succeeded"
    asked = answer.headers.get("retry-after", "")
    return str(body.get("status") or ended), body.get("error") or {}, float(asked) if asked.isdigit() else 0.0

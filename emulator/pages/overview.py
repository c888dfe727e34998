"""The first page: what serves, is it healthy, what happened last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.http import Request
from emulator.pages import systems
from emulator.pages.cloud import Cloud

HAPPENINGS = 12


def page(cloud: Cloud, request: Request) -> tuple[str, Mapping[str, Any]]:
    """Every system with an endpoint, a model or a job."""
    found = systems.every(cloud)
    return "overview.html", {"systems": found, "happenings": systems.happenings(found, HAPPENINGS)}

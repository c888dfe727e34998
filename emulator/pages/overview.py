"""The first page: what serves, is it healthy, what happened last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.http import Request
from emulator.pages import happenings, models, systems
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud
from emulator.pages.models import Version

HAPPENINGS = 8


def page(cloud: Cloud, request: Request) -> tuple[str, Mapping[str, Any]]:
    """Every system with an endpoint, a model or a job."""
    found = systems.every(cloud)
    champions = [champion for system in found for champion in system.champions]
    data = {champion.id: trained_on(cloud, champion) for champion in champions}
    return "overview.html", {"systems": found, "data": data, "happenings": happenings.last(cloud, found, HAPPENINGS)}


def trained_on(cloud: Cloud, version: Version) -> list[Json]:
    """The data versions that a model's job read."""
    job = models.origin(cloud, version)
    return models.inputs(cloud, job) if job else []

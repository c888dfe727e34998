"""Endpoints, deployments and container groups, each with what it prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.errors import ServiceError
from emulator.pages import lineage, models, redaction, systems, traffic
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud
from emulator.pages.systems import Endpoint

LOG_LINES = 200


def endpoint(cloud: Cloud, document: Json) -> Endpoint:
    """An endpoint with what stands behind it."""
    return systems.read(cloud, document, [version for model in models.every(cloud) for version in model.versions])


def deployment(cloud: Cloud, owner: Json, document: Json) -> Mapping[str, Any]:
    """A deployment: its part of the traffic, its lineage, its log."""
    found = next(one for one in endpoint(cloud, owner).deployments if one.document["id"] == document["id"])
    return {
        "endpoint": owner,
        "deployment": found,
        "traffic": traffic.read(cloud.client, owner["id"], found.name),
        "lineage": lineage.of_version(cloud, found.version) if found.version else None,
        "log": log(lambda: cloud.client.logs(document["id"], LOG_LINES)),
    }


def group_logs(cloud: Cloud, document: Json) -> dict[str, str]:
    """What each container of a group printed, by its name."""
    containers = document["properties"].get("containers") or []
    return {
        one["name"]: log(lambda name=one["name"]: cloud.client.container_log(document["id"], name, LOG_LINES))
        for one in containers
    }


def log(read: Any) -> str:
    """A log without secrets; why there is none, where that is so."""
    try:
        return redaction.text(read())
    except ServiceError as error:
        return f"(no log: {error.message})"

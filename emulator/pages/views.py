"""Lists, and the page of any resource by its type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from emulator.errors import ServiceError, not_found
from emulator.http import Request
from emulator.machine_learning import identifiers
from emulator.online_endpoints import names
from emulator.pages import images, job, lineage, models, serving, systems, tree
from emulator.pages.client import Json
from emulator.pages.cloud import GROUPS, Cloud, parent, tags
from emulator.resource_id import ResourceId

MOST_JOBS = 200
Page = tuple[str, Mapping[str, Any]]


def jobs(cloud: Cloud, request: Request) -> Page:
    """All jobs, newest first."""
    found = [one for one in cloud.jobs() if one["properties"]]
    running = [one for one in found if systems.status(one) not in systems.ENDED]
    return "jobs.html", {"jobs": found[:MOST_JOBS], "count": len(found), "running": running}


def every_model(cloud: Cloud, request: Request) -> Page:
    """Models with their versions."""
    return "models.html", {"models": models.every(cloud)}


def containers(cloud: Cloud, request: Request) -> Page:
    """What runs in containers: groups, and the deployments of endpoints."""
    behind = [(one, serving.endpoint(cloud, one)) for one in cloud.endpoints()]
    return "containers.html", {"groups": cloud.of_type(GROUPS), "endpoints": behind, "registries": images.every(cloud)}


def resources(cloud: Cloud, request: Request) -> Page:
    """All resources as a tree."""
    roots = tree.every(cloud)
    return "resources.html", {"roots": roots, "count": sum(1 + node.count for node in roots)}


def resource(cloud: Cloud, request: Request) -> Page:
    """One resource: a page of its own kind where there is one, and its document."""
    path = request.parameters["id"].rstrip("/")
    try:
        identity = ResourceId.parse(path)
    except ValueError as error:
        raise ServiceError(404, "NotFound", f"{error}.") from None
    document = cloud.get(path) if not identity.is_collection else None
    if document is None:
        raise not_found(path)
    template, more = PAGES.get(identity.type.lower(), plain)(cloud, document)
    shared = {
        "document": document,
        "kind": identity.type,
        "above": above(cloud, document),
        "tags": tags(document),
        "text": json.dumps(document, indent=2, ensure_ascii=False),
    }
    return template, {**shared, **more}


def plain(cloud: Cloud, document: Json) -> Page:
    """A resource that has nothing more to show than its document."""
    return "resource.html", {}


def one_job(cloud: Cloud, document: Json) -> Page:
    """A job with its metrics and its log."""
    return "job.html", {"job": job.read(cloud, document)}


def one_model(cloud: Cloud, document: Json) -> Page:
    """A model with its versions."""
    return "model.html", {"model": models.model(cloud, document)}


def one_version(cloud: Cloud, document: Json) -> Page:
    """A version with where it comes from and where it went."""
    model, version = models.of_version(cloud, document)
    return "version.html", {"model": model, "version": version, "lineage": lineage.of_version(cloud, version)}


def one_endpoint(cloud: Cloud, document: Json) -> Page:
    """An endpoint with its traffic."""
    return "endpoint.html", {"endpoint": serving.endpoint(cloud, document)}


def one_deployment(cloud: Cloud, document: Json) -> Page:
    """A deployment with its log."""
    endpoint = cloud.get(parent(document["id"]))
    if endpoint is None:
        raise not_found(parent(document["id"]))
    return "deployment.html", serving.deployment(cloud, endpoint, document)


def one_group(cloud: Cloud, document: Json) -> Page:
    """A container group with its containers and their logs."""
    return "group.html", {"logs": serving.group_logs(cloud, document)}


def above(cloud: Cloud, document: Json) -> list[Json]:
    """What a resource lives in, the outermost first."""
    found: list[Json] = []
    path = parent(document["id"])
    while path.count("/") > 2:
        owner = cloud.get(path)
        if owner:
            found.insert(0, owner)
        path = parent(path)
    return found


PAGES: Mapping[str, Callable[[Cloud, Json], Page]] = {
    identifiers.JOB.lower(): one_job,
    identifiers.container_type("models").lower(): one_model,
    identifiers.version_type("models").lower(): one_version,
    names.ENDPOINT.lower(): one_endpoint,
    names.DEPLOYMENT.lower(): one_deployment,
    GROUPS.lower(): one_group,
}

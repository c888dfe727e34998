"""Images in the registries, as their metadata says."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.errors import ServiceError
from emulator.pages.client import Client, Json
from emulator.pages.cloud import REGISTRIES, Cloud
from emulator.pages.rendering import moment


@dataclass(frozen=True)
class Image:
    """One manifest of a repository."""

    repository: str
    digest: str
    tags: list[str]
    size: int
    created: float


def every(cloud: Cloud) -> list[tuple[Json, list[Image]]]:
    """Each registry with its images, newest first."""
    return [(one, of_registry(cloud.client, one)) for one in cloud.of_type(REGISTRIES)]


def of_registry(client: Client, registry: Json) -> list[Image]:
    """The images of a registry; none of one that has just gone."""
    server = str(registry["properties"].get("loginServer") or "")
    try:
        names = client.registry(server, "/acr/v1/_catalog", "registry:catalog:*").get("repositories") or []
        found = [image for name in names for image in of_repository(client, server, name)]
    except ServiceError:
        return []
    return sorted(found, key=lambda one: -one.created)


def of_repository(client: Client, server: str, name: str) -> list[Image]:
    """The manifests of a repository."""
    answer = client.registry(server, f"/acr/v1/{name}/_manifests", f"repository:{name}:metadata_read")
    return [
        Image(name, one["digest"], one.get("tags") or [], int(one["imageSize"]), moment(one["createdTime"]) or 0.0)
        for one in answer.get("manifests") or []
    ]

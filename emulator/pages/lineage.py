"""Where a model comes from and where it went: data, job, model, image, deployment, joined by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.pages import models, systems
from emulator.pages.client import Json
from emulator.pages.cloud import Cloud, tags
from emulator.pages.models import Version


@dataclass(frozen=True)
class Place:
    """A deployment of the version, with its share of the requests."""

    document: Json
    share: int
    image: str
    same: bool
    """Whether the deployment says the digest of this version's file."""


@dataclass(frozen=True)
class Lineage:
    """Everything is found by what the documents say of themselves; what they do not say is missing."""

    data: Sequence[Json]
    job: Json | None
    version: Version
    images: Sequence[str]
    places: Sequence[Place]


def of_version(cloud: Cloud, version: Version) -> Lineage:
    """The lineage of a model's version."""
    job = models.origin(cloud, version)
    places = [
        Place(
            one,
            int((owner["properties"].get("traffic") or {}).get(one["name"], 0)),
            cloud.image(one),
            same(one, version),
        )
        for owner in cloud.endpoints()
        for one in cloud.deployments(owner)
        if systems.served(one, [version])
    ]
    images = dict.fromkeys([place.image for place in places if place.image] or pushed(version))
    return Lineage(models.inputs(cloud, job) if job else [], job, version, list(images), places)


def same(deployment: Json, version: Version) -> bool:
    """Whether a deployment is tagged with the digest of the version's file."""
    return bool(version.sha256) and tags(deployment).get("sha256") == version.sha256


def pushed(version: Version) -> list[str]:
    """The image that the version is tagged with."""
    return [version.tags["image"]] if version.tags.get("image") else []

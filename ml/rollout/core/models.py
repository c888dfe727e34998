"""The versions of a model in Azure ML's registry, as a rollout uses them: champion, image, rejections."""

from __future__ import annotations

from dataclasses import dataclass

from ml.clients.arm import arm
from ml.clients.models import CHAMPION, READ_ONLY, Models
from ml.clients.workspace import API_VERSION

IMAGE_TAG = "image"


@dataclass(frozen=True)
class CloudModels:
    """The versions of one model."""

    client: Models

    def champion(self) -> int | None:
        """The version that serves."""
        return self.client.champion()

    def crown(self, version: int, image: str) -> None:
        """Says that this version serves; notes the image, so that it can be deployed again when it is gone."""
        self.client.tag(version, {IMAGE_TAG: image})
        self.client.set_champion(version)

    def image(self, version: int) -> str:
        """The image a version served in last; nothing is known of a version that is gone."""
        found = self.client.get(version)
        return found.tags.get(IMAGE_TAG, "") if found else ""

    def uncrown(self) -> None:
        """Says that no version serves."""
        document = arm().get(self.client.path, API_VERSION)
        tags = dict((document or {}).get("properties", {}).get("tags") or {})
        if document is None or CHAMPION not in tags:
            return
        del tags[CHAMPION]
        properties = {key: value for key, value in document["properties"].items() if key not in READ_ONLY}
        arm().put(self.client.path, API_VERSION, {"properties": {**properties, "tags": tags}})

    def rejection(self, version: int) -> dict[str, str]:
        """Why a version was rejected; nothing is known of a version that is gone."""
        found = self.client.get(version)
        return found.rejections if found else {}

    def reject(self, version: int, image_digest: str, reason: str) -> None:
        """Remembers that this image must not serve."""
        self.client.reject(version, image_digest, reason)

"""The documents a page is made of, each collection read at most once a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from emulator.machine_learning import identifiers
from emulator.pages import redaction
from emulator.pages.client import SUBSCRIPTION, Client, Json
from emulator.pages.rendering import moment
from emulator.resource_id import ResourceId

WORKSPACES = identifiers.WORKSPACE
GROUPS = "Microsoft.ContainerInstance/containerGroups"
REGISTRIES = "Microsoft.ContainerRegistry/registries"
COMPONENTS = "Microsoft.Insights/components"
ALL = {"listViewType": "All"}
Found = TypeVar("Found")


class Cloud:
    """One look. Documents are as a GET shows them, without secrets."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._kept: dict[str, Any] = {}

    def get(self, resource_id: str) -> Json | None:
        """A resource."""
        return self._once(resource_id.lower(), lambda: self._read(resource_id))

    def below(self, resource_id: str, collection: str, **query: str) -> list[Json]:
        """A collection of a resource, newest first."""
        return self._list(f"{resource_id}/{collection}", **query)

    def of_type(self, kind: str) -> list[Json]:
        """Every resource of a type that lives in no other resource."""
        return self._list(f"{SUBSCRIPTION}/providers/{kind}")

    def listed(self, path: str) -> list[Json]:
        """A collection by its whole path."""
        return self._list(path)

    # -- machine learning

    def jobs(self) -> list[Json]:
        """Jobs of all workspaces, archived ones too, newest first."""
        return newest(self._inside("jobs"))

    def models(self) -> list[Json]:
        """Registered models."""
        return self._inside("models")

    def versions(self, asset: Json) -> list[Json]:
        """The versions of an asset, archived ones too, newest first."""
        return self.below(asset["id"], "versions", **ALL)

    def endpoints(self) -> list[Json]:
        """Online endpoints of all workspaces."""
        return sorted(self._inside("onlineEndpoints"), key=lambda one: str(one["name"]))

    def deployments(self, endpoint: Json) -> list[Json]:
        """What stands behind an endpoint."""
        return self.below(endpoint["id"], "deployments")

    def image(self, deployment: Json) -> str:
        """The image that a deployment runs; empty for one from code."""
        environment = str(deployment["properties"].get("environmentId") or "")
        if not environment:
            return ""
        if not environment.startswith("/"):
            name, _, version = environment.removeprefix("azureml:").rpartition(":")
            workspace = identifiers.workspace_id(deployment["id"])
            environment = identifiers.version_id(workspace, "environments", name, version)
        found = self.get(environment)
        return str((found or {"properties": {}})["properties"].get("image") or "")

    # -- parts

    def _read(self, resource_id: str) -> Json | None:
        found = self.client.find(resource_id)
        return None if found is None else redacted(found)

    def _inside(self, collection: str) -> list[Json]:
        return [one for place in self.of_type(WORKSPACES) for one in self.below(place["id"], collection, **ALL)]

    def _list(self, path: str, **query: str) -> list[Json]:
        return self._once(
            f"{path.lower()}?{sorted(query.items())}",
            lambda: [redacted(one) for one in self.client.collection(path, **query)],
        )

    def _once(self, key: str, read: Callable[[], Found]) -> Found:
        if key not in self._kept:
            self._kept[key] = read()
        found: Found = self._kept[key]
        return found


def redacted(found: Json) -> Json:
    """A document without secrets; a pipeline's step has no properties, as on Azure."""
    shown: Json = redaction.document(found)
    shown["properties"] = shown.get("properties") or {}
    return shown


def tags(found: Json) -> dict[str, str]:
    """Tags of a resource; Azure ML has those of assets and jobs among the properties."""
    inner = found["properties"].get("tags")
    return dict(inner if isinstance(inner, dict) else found.get("tags") or {})


def created(found: Json) -> float:
    """When a resource was made, in seconds since the epoch."""
    return moment((found.get("systemData") or {}).get("createdAt")) or 0.0


def changed(found: Json) -> float:
    """When a resource was written last."""
    return moment((found.get("systemData") or {}).get("lastModifiedAt")) or 0.0


def newest(found: list[Json]) -> list[Json]:
    """By creation, the newest first."""
    return sorted(found, key=created, reverse=True)


def parent(resource_id: str) -> str:
    """The resource that another one lives in."""
    return ResourceId.parse(resource_id).parent or ""

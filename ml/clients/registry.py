"""A container registry: which images it has, images imported from elsewhere, images deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from ml.clients.arm import arm
from ml.clients.cloud import PUBLIC, credential, load_cloud
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    from azure.containerregistry import ContainerRegistryClient
    from azure.core.exceptions import HttpResponseError

API_VERSION = "2023-07-01"
IMPORT_SECONDS = 900.0
POLL_SECONDS = 0.2
SLOWEST_POLL_SECONDS = 5.0
# The audience of tokens for registries in public Azure; other clouds take ARM's.
AUDIENCE = "https://containerregistry.azure.net"


@dataclass(frozen=True)
class ContainerRegistry:
    """Names a registry: its ARM id, and its login server as the registry's document says it."""

    id: str
    login_server: str

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> ContainerRegistry:
        """The registry that a resource's `registry` input names."""
        return cls(inputs["id"], inputs["loginServer"])

    def reference(self, repository: str, version: str) -> str:
        """How others name an image: by tag, or by digest where `version` is one."""
        return f"{self.login_server}/{repository}{'@' if version.startswith('sha256:') else ':'}{version}"

    # -- what is there

    def digest(self, repository: str, version: str) -> str | None:
        """Digest of the manifest behind a tag (or digest); None when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._client() as client:
            try:
                return str(client.get_manifest_properties(repository, version).digest)
            except ResourceNotFoundError:
                return None

    def tags(self, repository: str) -> dict[str, str]:
        """All tags of a repository with their digests; empty when there is no such repository."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._client() as client:
            try:
                return {tag.name: tag.digest for tag in client.list_tag_properties(repository)}
            except ResourceNotFoundError:
                return {}

    # -- changes

    def import_image(
        self,
        source: str,
        target: str,
        *,
        registry_id: str = "",
        force: bool = False,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Copies an image into this registry; nothing happens when the target tag is there, unless `force`.

        Args:
            source: `docker.io/library/python:3.11`, or `<login server>/<repository>@sha256:<digest>`.
            target: `<repository>:<tag>`.
            registry_id: ARM id of the registry of the same tenant that has the source: Azure then reads it with the
                rights of whoever asks, on that registry too.

        Raises:
            CloudError: the source cannot be read, or the import takes too long.
        """
        host, _, image = source.partition("/")
        place = {"resourceId": registry_id} if registry_id else {"registryUri": host}
        body = {
            "source": {**place, "sourceImage": image},
            "targetTags": [target],
            "mode": "Force" if force else "NoForce",
        }
        try:
            answer = arm().send("POST", f"{self.id}/importImage", API_VERSION, body=body)
        except CloudError as error:
            if error.status == 409 and not force:
                return
            raise
        if answer.status_code == 202:
            self._finish(answer.headers["location"], f"importing {source}", wait)

    def lock(self, repository: str, tag: str) -> None:
        """Sees to it that nobody moves or deletes a tag; `purge` lifts that."""
        with self._client() as client:
            client.update_tag_properties(repository, tag, can_write=False)

    def purge(self, repository: str) -> None:
        """Deletes a repository with all its images, locked ones too; nothing happens when there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._client() as client:
            try:
                for tag in client.list_tag_properties(repository):
                    client.update_tag_properties(repository, tag.name, can_write=True, can_delete=True)
                client.delete_repository(repository)
            except ResourceNotFoundError:
                return

    # -- parts

    def _finish(self, link: str, what: str, wait: Callable[[float], None]) -> None:
        """Waits for a long-running operation: 202 while it runs."""
        path, query = link.partition("?")[0], dict(parse_qsl(urlsplit(link).query))
        deadline, pause = time.monotonic() + IMPORT_SECONDS, POLL_SECONDS
        while time.monotonic() < deadline:
            if arm().send("GET", path, API_VERSION, query=query).status_code != 202:
                return
            wait(pause)
            pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)
        raise CloudError(f"{what} into {self.login_server} takes more than {IMPORT_SECONDS / 60:.0f} minutes")

    @contextmanager
    def _client(self) -> Iterator[ContainerRegistryClient]:
        """The data plane.

        Raises:
            CloudError: the registry refused a request, or does not answer.
        """
        from azure.containerregistry import ContainerRegistryClient
        from azure.core.exceptions import AzureError, HttpResponseError

        audience = AUDIENCE if load_cloud() == PUBLIC else load_cloud().audience
        try:
            with ContainerRegistryClient(self.login_server, credential(), audience=audience) as client:
                yield client
        except HttpResponseError as error:
            raise CloudError(f"{self.login_server}: {reason(error)}", status=error.status_code or 0) from None
        except AzureError as error:
            raise CloudError(f"{self.login_server} does not answer: {error}") from None


def reason(error: HttpResponseError) -> str:
    """Status, code and message of what a registry refused."""
    try:
        found = json.loads(error.response.text())["errors"][0]  # type: ignore[union-attr]
        return f"{error.status_code} {found['code']}: {found['message']}"
    except (AttributeError, ValueError, LookupError, TypeError):
        return f"{error.status_code} {error.message}"

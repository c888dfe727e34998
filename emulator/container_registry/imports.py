"""`importImage`: images from other registries of the emulator, and Python base images for Docker Hub's."""

from __future__ import annotations

import logging
import subprocess
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from emulator.container_registry.client import RepositoryWriter
from emulator.container_registry.python_base import python_image
from emulator.container_registry.reference import ImageReference
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.resource_id import ResourceId
from emulator.settings import REGISTRY_SUFFIX
from emulator.store import Document, Operation

if TYPE_CHECKING:
    from emulator.container_registry.service import ContainerRegistryService

DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
PYTHON = ("library/python", "python")
COPY_SECONDS = 900
logger = logging.getLogger(__name__)


class Imports:
    """Imports into any registry."""

    def __init__(self, service: ContainerRegistryService) -> None:
        self.service = service
        self.emulator = service.emulator

    def begin(self, registry: Document, request: Request) -> Response:
        """202 with an operation to poll, once the request itself is found good."""
        body = request.json() or {}
        source = body.get("source") or {}
        if not source.get("sourceImage"):
            raise ServiceError(400, "InvalidRequestContent", "'source.sourceImage' is missing.")
        targets = self._targets(registry, body)
        operation = self.emulator.store.start_operation("import", f"{registry.id}/importImages/{uuid.uuid4().hex}")
        self.emulator.background.submit(self._run, operation, partial(self._import, registry, source, targets))
        return Response(202, headers=self._where(operation, request))

    def _where(self, operation: Operation, request: Request) -> dict[str, str]:
        """Where to poll, by either of ARM's two ways."""
        base = f"{self.emulator.settings.base_url}/subscriptions/{operation.resource.split('/')[2]}"
        query = f"api-version={request.query.get('api-version', '')}"
        return {
            "azure-asyncoperation": f"{base}/operations/{operation.name}?{query}",
            "location": f"{base}/operationresults/{operation.name}?{query}",
            "retry-after": "1",
        }

    def _targets(self, registry: Document, body: dict[str, Any]) -> list[ImageReference]:
        names = [*body.get("targetTags", []), *body.get("untaggedTargetRepositories", [])]
        if not names:
            names = [str(body["source"]["sourceImage"]).rpartition("@")[0] or body["source"]["sourceImage"]]
        try:
            targets = [ImageReference.parse(name) for name in names]
        except ValueError as error:
            raise ServiceError(400, "InvalidRequestContent", f"{error}.") from None
        files = self.service.server(registry.name).files
        for target in targets:
            there = body.get("mode", "NoForce") != "Force" and files.tag(target.repository, target.version)
            if there:
                message = f"Tag {target.repository}:{target.version} already exists in target registry."
                raise ServiceError(409, "Conflict", message)
        return targets

    def _run(self, operation: Operation, work: Any) -> None:
        try:
            work()
        except (ServiceError, LookupError) as error:
            code = error.code if isinstance(error, ServiceError) else "ImportFailed"
            self._fail(operation, code, str(error))
        except Exception as error:  # whatever went wrong must reach the client that polls
            logger.exception("%s failed", operation.resource)
            self._fail(operation, "InternalServerError", f"{type(error).__name__}: {error}")
        else:
            self.emulator.store.end_operation(operation.name, "Succeeded")

    def _fail(self, operation: Operation, code: str, message: str) -> None:
        self.emulator.store.end_operation(operation.name, "Failed", {"code": code, "message": message})

    # -- the work

    def _import(self, registry: Document, source: dict[str, Any], targets: list[ImageReference]) -> None:
        for target in targets:
            self.service.attributes(registry.name).refuse_write(target.repository, target.version)
        owner = self._owner(source)
        image = str(source["sourceImage"])
        host, slash, rest = image.partition("/")
        image = rest if slash and ("." in host or ":" in host) else image
        if owner is None:
            self._import_public(registry, str(source.get("registryUri", "")), image, targets)
        else:
            self._copy(registry, owner, image, targets)

    def _owner(self, source: dict[str, Any]) -> str | None:
        """The name of the emulator's registry that has the source; None for a public registry."""
        if source.get("resourceId"):
            name = ResourceId.parse(str(source["resourceId"])).name
            if self.service.find(name) is None:
                raise LookupError(f"there is no registry '{source['resourceId']}'")
            return name
        host = str(source.get("registryUri") or source["sourceImage"].partition("/")[0]).lower()
        name, _, suffix = host.removeprefix("https://").partition(".")
        return name if suffix.partition(":")[0] == REGISTRY_SUFFIX and self.service.find(name) else None

    def _copy(self, registry: Document, owner: str, image: str, targets: list[ImageReference]) -> None:
        wanted = ImageReference.parse(image)
        files = self.service.server(owner).files
        digest = files.digest(wanted.repository, wanted.version)
        if digest is None:
            raise LookupError(f"registry '{owner}' has no image '{image}'")
        source = f"{self.service.server(owner).address}/{wanted.repository}@{digest}"
        for target in targets:
            crane("copy", source, f"{self.service.server(registry.name).address}/{target.repository}:{target.version}")

    def _import_public(self, registry: Document, host: str, image: str, targets: list[ImageReference]) -> None:
        wanted = ImageReference.parse(image)
        if host not in DOCKER_HUB or wanted.repository not in PYTHON or wanted.is_digest:
            have = "only docker.io's library/python:<version>, which it makes of this machine's own Python"
            raise LookupError(f"'{host}/{image}' cannot be imported: the emulator has no internet and {have}")
        document = python_image(wanted.version, self.service.base_images)
        for target in targets:
            with RepositoryWriter(self.service.server(registry.name), target.repository) as writer:
                digest = document.put(writer, [target.version])
            made = document.configuration["Labels"]["org.opencontainers.image.description"]
            logger.info("%s:%s (%s) was %s", target.repository, target.version, digest, made)


def crane(*arguments: str) -> None:
    """Runs `crane`.

    Raises:
        LookupError: it is missing, or failed; the message ends with what it said last.
    """
    from tools.images.find import CRANE, require

    try:
        program = require(CRANE)
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=COPY_SECONDS,
            check=False,
            env={"HOME": "/nonexistent"},
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise LookupError(str(error)) from None
    if done.returncode:
        raise LookupError(f"copying the image failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")

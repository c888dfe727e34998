"""`importImage`: images from other registries of the emulator, and Python base images for Docker Hub's."""

from __future__ import annotations

import logging
import re
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.arm.service import operations_of
from emulator.container_registry.client import RepositoryWriter
from emulator.container_registry.image_document import ImageDocument
from emulator.container_registry.python_base import python_image
from emulator.container_registry.reference import DEFAULT_TAG, REPOSITORY, TAG, ImageReference
from emulator.container_registry.registry_type import REGISTRY
from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.linked_access import LinkedAccessCheck, require_linked
from emulator.resource_id import ResourceId
from emulator.runs.kind import OpenRun, RunKind
from emulator.runs.records import RunRecords, States
from emulator.runs.scheduler import Runs
from emulator.service import Emulator
from emulator.settings import REGISTRY_SUFFIX
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.container_registry.registries import Registries

IMPORT = f"{REGISTRY}/importImages"
IMPORTS = f"{REGISTRY}/importImage/action"
FROM_REGISTRY = LinkedAccessCheck(IMPORTS, "source.resourceId", f"{REGISTRY}/read")
"""AcrPull on the registry that has the image is not enough: https://github.com/Azure/acr/issues/237."""
DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
PYTHON = ("library/python", "python")
SOURCE = ("registryUri", "resourceId", "sourceImage")
"""What is kept of a request's source; its credentials are not."""
TAGGED, UNTAGGED = "targetTags", "untaggedTargetRepositories"
TARGET = re.compile(rf"(?:{REPOSITORY.pattern})(?::(?:{TAG.pattern}))?")
COPY_SECONDS = 900
IMPORTS_AT_ONCE = 4
STATES = States(frozenset({"Succeeded", "Failed"}), queued="Queued", starting="Running")
Copy = Callable[[str, str], None]
logger = logging.getLogger(__name__)


class ImportRecords(RunRecords):
    """Imports in the store. One without a status is of an emulator that wrote none: only its operation may be open."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, IMPORT, STATES)

    def has_ended(self, run: Document) -> bool:
        return run.properties.get("status") in {None, *self.states.final}


class Imports(RunKind):
    """Imports into any registry; each is kept with its request, so that a restart runs it again: that is safe, since
    the same image goes to the same names.
    """

    def __init__(self, emulator: Emulator, registries: Registries, base_images: Path) -> None:
        """
        Args:
            base_images: layers of base images, made once for a machine.
        """
        self.emulator = emulator
        self.registries = registries
        self.base_images = base_images
        self.records = ImportRecords(self.emulator.store)
        self.runs = Runs("import", self.records, lambda run: self, at_once=IMPORTS_AT_ONCE)

    def begin(self, registry: Document, request: Request) -> Response:
        """202 with an operation to poll, once the request itself is found good."""
        body = request.json() or {}
        asked = read_request(body)
        if request.principal is not None:
            require_linked(self.emulator.access, request.principal, IMPORTS, registry.id, body, (FROM_REGISTRY,))
        if body.get("mode", "NoForce") != "Force":
            self._refuse_existing(registry, asked["targets"])
        document = Document(f"{registry.id}/importImages/{uuid.uuid4().hex}", queued(), {"request": asked})
        operations = operations_of(self.emulator)
        with self.emulator.store.transaction():
            kept = self.emulator.store.put(document)
            operation = operations.begin("post", kept, partial(self.run, kept))
        return Response(202, headers=operations.headers(operation, request))

    def run(self, document: Document) -> None:
        """Has an import carried out and waits for its end.

        Raises:
            ServiceError: it failed.
            Interrupted: the emulator stops.
        """
        if "status" not in document.properties:
            document = self.emulator.store.put(replace(document, body=queued()))
        self.runs.submit(document)
        ended = self.runs.wait(document.id)
        if ended is None:
            raise not_found(document.id)
        if error := ended.private.get("error"):
            raise ServiceError(400, error["code"], error["message"])

    def start(self, run: OpenRun, document: Document) -> None:
        """Copies the image.

        Raises:
            ServiceError: it cannot be had, or a target is locked.
        """
        asked, registry = document.private["request"], document.resource.names[0]
        try:
            digest, copy = self._source(asked["source"], registry)
        except LookupError as error:
            raise ServiceError(400, "ImportFailed", str(error)) from None
        targets = [(repository, tag or digest) for repository, tag in asked["targets"]]
        for repository, version in targets:
            self.registries.attributes(registry).refuse_write(repository, version)
        for repository, version in targets:
            copy(repository, version)
        self.records.update(run.id, "Succeeded")

    def refuse(self, document: Document, error: BaseException) -> None:
        if isinstance(error, ServiceError):
            self.records.fail(document.id, error.message, error.code)
        else:
            logger.error("%s failed", document.id, exc_info=error)
            self.records.fail(document.id, f"{type(error).__name__}: {error}", "InternalServerError")

    def _refuse_existing(self, registry: Document, targets: list[tuple[str, str]]) -> None:
        files = self.registries.server(registry.name).files
        for repository, tag in targets:
            if tag and files.tag(repository, tag):
                raise ServiceError(409, "Conflict", f"Tag {repository}:{tag} already exists in target registry.")

    # -- where the image comes from

    def _source(self, source: Mapping[str, str], registry: str) -> tuple[str, Copy]:
        """The digest of the source image, and what copies it to a repository under a tag or that digest."""
        owner = self._owner(source)
        host, slash, rest = source["sourceImage"].partition("/")
        image = rest if slash and ("." in host or ":" in host) else source["sourceImage"]
        if owner is None:
            document = self._public(source.get("registryUri", ""), image)
            return document.digest, partial(self._make, document, registry)
        wanted = ImageReference.parse(image)
        digest = self.registries.server(owner).files.digest(wanted.repository, wanted.version)
        if digest is None:
            raise LookupError(f"registry '{owner}' has no image '{image}'")
        return digest, partial(self._copy, owner, str(wanted.at(digest)), registry)

    def _owner(self, source: Mapping[str, str]) -> str | None:
        """The name of the emulator's registry that has the source; None for a public registry."""
        if source.get("resourceId"):
            name = ResourceId.parse(source["resourceId"]).name
            if self.registries.find(name) is None:
                raise LookupError(f"there is no registry '{source['resourceId']}'")
            return name
        host = (source.get("registryUri") or source["sourceImage"].partition("/")[0]).lower()
        name, _, suffix = host.removeprefix("https://").partition(".")
        return name if suffix.partition(":")[0] == REGISTRY_SUFFIX and self.registries.find(name) else None

    def _public(self, host: str, image: str) -> ImageDocument:
        wanted = ImageReference.parse(image)
        if host not in DOCKER_HUB or wanted.repository not in PYTHON or wanted.is_digest:
            have = "only docker.io's library/python:<version>, which it makes of this machine's own Python"
            raise LookupError(f"'{host}/{image}' cannot be imported: the emulator has no internet and {have}")
        return python_image(wanted.version, self.base_images)

    def _make(self, document: ImageDocument, registry: str, repository: str, version: str) -> None:
        with RepositoryWriter(self.registries.server(registry), repository) as writer:
            digest = document.put(writer, [version])
        made = document.configuration["Labels"]["org.opencontainers.image.description"]
        logger.info("%s:%s (%s) was %s", repository, version, digest, made)

    def _copy(self, owner: str, image: str, registry: str, repository: str, version: str) -> None:
        target = ImageReference(self.registries.server(registry).address, repository, version)
        crane("copy", f"{self.registries.server(owner).address}/{image}", str(target))


def queued() -> dict[str, Any]:
    """The body of an import that waits."""
    return {"properties": {"status": "Queued"}}


def read_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an import asks for: its source, and its targets by repository and tag; without a tag, by digest alone.

    https://learn.microsoft.com/rest/api/containerregistry/registries/import-image.

    Raises:
        ServiceError: 400 for a source that is missing, and for names that are none.
    """
    source = body.get("source") or {}
    if not source.get("sourceImage"):
        raise ServiceError(400, "InvalidRequestContent", "'source.sourceImage' is missing.")
    try:
        image = ImageReference.parse(str(source["sourceImage"]))
    except ValueError as error:
        raise ServiceError(400, "InvalidRequestContent", f"'source.sourceImage': {error}.") from None
    untagged = require(UNTAGGED, body.get(UNTAGGED) or [], REPOSITORY, "repository")
    tagged = require(TAGGED, body.get(TAGGED) or ([] if untagged else [image.repository]), TARGET, "repository[:tag]")
    default = DEFAULT_TAG if image.is_digest else image.version
    targets = [(repository, tag or default) for repository, _, tag in (name.partition(":") for name in tagged)]
    kept = {key: str(source[key]) for key in SOURCE if source.get(key)}
    return {"source": kept, "targets": [*targets, *((repository, "") for repository in untagged)]}


def require(key: str, names: Sequence[str], form: re.Pattern[str], example: str) -> Sequence[str]:
    """The names, unless one is not of the form."""
    for name in names:
        if not form.fullmatch(str(name)):
            raise ServiceError(400, "InvalidRequestContent", f"'{key}': '{name}' is not of the form {example}.")
    return names


def crane(*arguments: str) -> None:
    """Runs `crane`.

    Raises:
        ServiceError: it is missing, or failed; the message ends with what it said last.
    """
    from tools.images import find

    try:
        program = find.require(find.CRANE)
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=COPY_SECONDS,
            check=False,
            env={"HOME": "/nonexistent"},
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise ServiceError(500, "ImportFailed", str(error)) from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or done.returncode
        raise ServiceError(500, "ImportFailed", f"copying the image failed: {said}")

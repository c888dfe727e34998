"""`/acr/v1/`: repositories, tags and manifests as Azure lists them, and their locks.

https://learn.microsoft.com/rest/api/containerregistry/registry-dataplane
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from emulator.container_registry.authorization import Authorization
from emulator.container_registry.errors import RegistryError, unknown_manifest, unknown_repository, unknown_tag
from emulator.container_registry.files import RegistryFiles, Revision, Tag
from emulator.container_registry.image_document import ARCHITECTURE, INDEXES, OS
from emulator.container_registry.reference import REPOSITORY
from emulator.container_registry.tokens import Scope
from emulator.http import Request, Response
from emulator.storage.clock import iso_date
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.container_registry.registries import Registries

PAGE = 100
READ, WRITE, DELETE = ("metadata_read",), ("metadata_write",), ("delete",)


class MetadataPlane:
    """Azure's own half of the data plane."""

    def __init__(self, registries: Registries, authorization: Authorization) -> None:
        self.registries = registries
        self.authorization = authorization

    # -- handlers

    def repositories(self, request: Request) -> Response:
        """`GET _catalog`."""
        registry = self.registries.addressed(request)
        self.authorization.require(request, registry, Scope("registry", "catalog", ("*",)))
        names = self._files(registry).repositories()
        return paged(request, [(name, name) for name in names], {"repositories": None})

    def repository(self, request: Request) -> Response:
        """Shows, locks or deletes a repository."""
        registry, files, name = self._begin(request)
        if not files.revisions(name):
            raise unknown_repository(name)
        if request.method == "PATCH":
            self.registries.attributes(registry.name).change(name, "", request.json() or {})
        if request.method == "DELETE":
            return self._delete_repository(registry, files, name)
        revisions, tags = files.revisions(name), files.tags(name)
        times = [*(one.created for one in revisions), *(tag.updated for tag in tags)]
        shown = {
            "registry": self.registries.login_server(registry.name),
            "imageName": name,
            "createdTime": iso_date(min(times)),
            "lastUpdateTime": iso_date(max(times)),
            "manifestCount": len(revisions),
            "tagCount": len(tags),
            "changeableAttributes": self.registries.attributes(registry.name).get(name),
        }
        return Response.json(shown)

    def tags(self, request: Request) -> Response:
        """`GET {name}/_tags`, of one digest where the query says so."""
        registry, files, name = self._begin(request)
        if not files.revisions(name):
            raise unknown_repository(name)
        digest = request.query.get("digest")
        found = [tag for tag in self._ordered(request, files.tags(name)) if digest in (None, tag.digest)]
        head = {"registry": self.registries.login_server(registry.name), "imageName": name, "tags": None}
        return paged(request, [(tag.name, self._tag(registry, name, tag)) for tag in found], head)

    def tag(self, request: Request) -> Response:
        """Shows, locks or removes a tag; its manifest stays."""
        registry, files, name = self._begin(request)
        reference = request.parameters["reference"]
        tag = files.tag(name, reference)
        if tag is None:
            raise unknown_tag(name, reference)
        attributes = self.registries.attributes(registry.name)
        if request.method == "PATCH":
            attributes.change(name, reference, request.json() or {})
        if request.method == "DELETE":
            attributes.refuse_delete(name, reference)
            files.remove_tag(name, reference)
            attributes.forget(name, reference)
            return Response(202)
        head = {"registry": self.registries.login_server(registry.name), "imageName": name}
        return Response.json({**head, "tag": self._tag(registry, name, tag)})

    def manifests(self, request: Request) -> Response:
        """`GET {name}/_manifests`."""
        registry, files, name = self._begin(request)
        revisions = files.revisions(name)
        if not revisions:
            raise unknown_repository(name)
        found = self._ordered(request, revisions)
        head = {"registry": self.registries.login_server(registry.name), "imageName": name, "manifests": None}
        return paged(request, [(one.digest, self._manifest(registry, files, name, one)) for one in found], head)

    def manifest(self, request: Request) -> Response:
        """Shows or locks a manifest."""
        registry, files, name = self._begin(request)
        reference = request.parameters["reference"]
        found = next((one for one in files.revisions(name) if one.digest == reference), None)
        if found is None:
            raise unknown_manifest(name, reference)
        if request.method == "PATCH":
            self.registries.attributes(registry.name).change(name, reference, request.json() or {})
        head = {"registry": self.registries.login_server(registry.name), "imageName": name}
        return Response.json({**head, "manifest": self._manifest(registry, files, name, found)})

    # -- parts

    def _begin(self, request: Request) -> tuple[Document, RegistryFiles, str]:
        registry, name = self.registries.addressed(request), request.parameters["name"]
        if not REPOSITORY.fullmatch(name):
            raise unknown_repository(name)
        actions = {"PATCH": WRITE, "DELETE": DELETE}.get(request.method, READ)
        self.authorization.require(request, registry, Scope("repository", name, actions))
        return registry, self._files(registry), name

    def _files(self, registry: Document) -> RegistryFiles:
        return self.registries.server(registry.name).files

    def _delete_repository(self, registry: Document, files: RegistryFiles, name: str) -> Response:
        attributes = self.registries.attributes(registry.name)
        references = [one.digest for one in files.revisions(name)], [tag.name for tag in files.tags(name)]
        attributes.refuse_delete(name, *references[0], *references[1])
        self.registries.server(registry.name).expect_garbage()
        files.remove_repository(name)
        attributes.forget(name)
        return Response.json({"manifestsDeleted": references[0], "tagsDeleted": references[1]}, 202)

    def _ordered(self, request: Request, found: Sequence[Any]) -> list[Any]:
        order = request.query.get("orderby", "")
        if order not in ("timeasc", "timedesc"):
            return list(found)
        return sorted(found, key=lambda one: getattr(one, "updated", one.created), reverse=order == "timedesc")

    def _tag(self, registry: Document, repository: str, tag: Tag) -> dict[str, Any]:
        return {
            "name": tag.name,
            "digest": tag.digest,
            "createdTime": iso_date(tag.created),
            "lastUpdateTime": iso_date(tag.updated),
            "signed": False,
            "changeableAttributes": self.registries.attributes(registry.name).get(repository, tag.name),
        }

    def _manifest(self, registry: Document, files: RegistryFiles, repository: str, one: Revision) -> dict[str, Any]:
        content = files.json(one.digest)
        parts = [content.get("config") or {}, *(content.get("layers") or [])]
        index = content.get("mediaType") in INDEXES
        return {
            "digest": one.digest,
            "imageSize": sum(int(part.get("size", 0)) for part in parts),
            "createdTime": iso_date(one.created),
            "lastUpdateTime": iso_date(one.created),
            "mediaType": content.get("mediaType", ""),
            "tags": [tag.name for tag in files.tags(repository) if tag.digest == one.digest],
            "changeableAttributes": self.registries.attributes(registry.name).get(repository, one.digest),
            **({} if index else {"architecture": ARCHITECTURE, "os": OS}),
        }


def paged(request: Request, values: list[tuple[str, Any]], head: dict[str, Any]) -> Response:
    """One page after `last`, `n` long; the `Link` header leads on. The empty key of `head` takes the values.

    As the protocol has it, a page of none leads nowhere:
    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags.
    """
    try:
        size = int(request.query.get("n") or PAGE)
    except ValueError:
        size = -1
    if size < 0:
        message = f"n must be a number from 0, not '{request.query['n']}'"
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", message)
    names = [name for name, _ in values]
    last = request.query.get("last")
    start = names.index(last) + 1 if last in names else 0
    page = values[start : start + size]
    body = {key: [value for _, value in page] if given is None else given for key, given in head.items()}
    headers = {}
    if page and start + size < len(values):
        query = {**{key: value for key, value in request.query.items() if key != "last"}, "last": page[-1][0]}
        headers["link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return Response.json(body, headers=headers)

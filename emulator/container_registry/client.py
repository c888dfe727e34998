"""Writes images into a registry server by the registry protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

import httpx

from emulator.container_registry.server import RegistryServer
from emulator.errors import ServiceError

CHUNK_BYTES = 1024 * 1024
UPLOAD_SECONDS = 600.0


class RepositoryWriter:
    """Puts blobs and manifests into one repository."""

    def __init__(self, server: RegistryServer, repository: str) -> None:
        self.server = server
        self.repository = repository
        self._http = httpx.Client(
            base_url=f"http://{server.address}", timeout=httpx.Timeout(UPLOAD_SECONDS), trust_env=False
        )

    def __enter__(self) -> RepositoryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def has(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        return self._http.head(f"/v2/{self.repository}/blobs/{digest}").status_code == 200

    def mount(self, digest: str, source: str) -> bool:
        """Takes a blob over from another repository of the registry; False when it is not there."""
        if self.has(digest):
            return True
        query = {"mount": digest, "from": source}
        return self._http.post(f"/v2/{self.repository}/blobs/uploads/", params=query).status_code == 201

    def put_bytes(self, data: bytes) -> str:
        """Uploads a small blob unless it is there; its digest."""
        digest = digest_of(data)
        if not self.has(digest):
            self._upload(digest, data, len(data))
        return digest

    def put_file(self, digest: str, file: Path) -> None:
        """Uploads a file unless a blob of its digest is there."""
        if not self.has(digest):
            with file.open("rb") as source:
                self._upload(digest, chunks(source), file.stat().st_size)

    def put_manifest(self, reference: str, media_type: str, content: bytes) -> str:
        """Uploads a manifest under a tag or its own digest; its digest."""
        path = f"/v2/{self.repository}/manifests/{reference}"
        answer = checked(self._http.put(path, content=content, headers={"content-type": media_type}))
        return answer.headers["docker-content-digest"]

    def _upload(self, digest: str, content: bytes | Iterator[bytes], size: int) -> None:
        begun = checked(self._http.post(f"/v2/{self.repository}/blobs/uploads/"))
        target = httpx.URL(urljoin(str(begun.url), begun.headers["location"])).copy_merge_params({"digest": digest})
        headers = {"content-type": "application/octet-stream", "content-length": str(size)}
        checked(self._http.put(target, content=content, headers=headers))


def checked(answer: httpx.Response) -> httpx.Response:
    """The answer, unless the server refused.

    Raises:
        ServiceError: 502 with what it said.
    """
    if answer.is_success:
        return answer
    request = f"{answer.request.method} {answer.request.url.path}"
    raise ServiceError(502, "RegistryFailed", f"{request}: {answer.status_code} {answer.text[:500]}")


def digest_of(data: bytes) -> str:
    """The digest that names a blob."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def chunks(source: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes in pieces."""
    while piece := source.read(CHUNK_BYTES):
        yield piece

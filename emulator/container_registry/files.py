"""What a registry holds, read from the files the registry server keeps.

The protocol lists neither manifests nor when anything was pushed, so this reads the server's file layout:
https://github.com/distribution/distribution/blob/v3.0.0/registry/storage/paths.go. Content is written by the server
alone.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFESTS = "_manifests"


@dataclass(frozen=True)
class Tag:
    """A tag and the digest it points at; times are seconds since the epoch."""

    name: str
    digest: str
    created: float
    updated: float


@dataclass(frozen=True)
class Revision:
    """A manifest of a repository, by its digest."""

    digest: str
    created: float


class RegistryFiles:
    """The repositories below one server's storage folder."""

    def __init__(self, storage: Path) -> None:
        self._root = storage / "docker" / "registry" / "v2"

    def repositories(self) -> list[str]:
        """Names of all repositories, in order."""
        root = self._root / "repositories"
        found = (folder.parent for folder in root.rglob(MANIFESTS) if any(folder.glob("revisions/sha256/*/link")))
        return sorted(folder.relative_to(root).as_posix() for folder in found)

    def tags(self, repository: str) -> list[Tag]:
        """All tags of a repository, in order of name."""
        folder = self._manifests(repository) / "tags"
        found = (self.tag(repository, path.name) for path in sorted(folder.glob("*")))
        return [tag for tag in found if tag]

    def tag(self, repository: str, name: str) -> Tag | None:
        """One tag."""
        folder = self._manifests(repository) / "tags" / name
        link = folder / "current" / "link"
        try:
            digest, updated = link.read_text().strip(), link.stat().st_mtime
            first = min((one.stat().st_mtime for one in folder.glob("index/sha256/*/link")), default=updated)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Tag(name, digest, min(first, updated), updated)

    def revisions(self, repository: str) -> list[Revision]:
        """All manifests of a repository, oldest first."""
        links = (self._manifests(repository) / "revisions" / "sha256").glob("*/link")
        found = [Revision(f"sha256:{link.parent.name}", link.stat().st_mtime) for link in links]
        return sorted(found, key=lambda revision: (revision.created, revision.digest))

    def has(self, repository: str, digest: str) -> bool:
        """Whether a repository has a manifest."""
        algorithm, _, value = digest.partition(":")
        return (self._manifests(repository) / "revisions" / algorithm / value / "link").is_file()

    def digest(self, repository: str, reference: str) -> str | None:
        """The manifest's digest behind a tag or digest."""
        if ":" in reference:
            return reference if self.has(repository, reference) else None
        tag = self.tag(repository, reference)
        return tag.digest if tag else None

    def blob(self, digest: str) -> Path:
        """The file of a blob, whether or not it is there."""
        algorithm, _, value = digest.partition(":")
        return self._root / "blobs" / algorithm / value[:2] / value / "data"

    def json(self, digest: str) -> dict[str, Any]:
        """A manifest or an image's configuration.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        value: dict[str, Any] = json.loads(self.blob(digest).read_bytes())
        return value

    def remove_tag(self, repository: str, name: str) -> None:
        """Removes a tag and leaves its manifest: what Azure calls untagging (servers before 3.0 cannot)."""
        shutil.rmtree(self._manifests(repository) / "tags" / name, ignore_errors=True)

    def remove_repository(self, repository: str) -> None:
        """Removes a repository; what other repositories share with it stays."""
        shutil.rmtree(self._manifests(repository).parent, ignore_errors=True)

    def _manifests(self, repository: str) -> Path:
        return self._root / "repositories" / repository / MANIFESTS

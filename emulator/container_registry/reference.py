"""Names of images: `<login server>/<repository>:<tag>` or `@sha256:<digest>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_TAG = "latest"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageReference:
    """A parsed reference; `server` is empty where none was given, `version` is a tag or a digest."""

    server: str
    repository: str
    version: str

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Parses `[server/]repository[:tag|@digest]`; without a version it is `latest`.

        Raises:
            ValueError: it is no reference to an image.
        """
        name, at, digest = text.partition("@")
        server, slash, rest = name.partition("/")
        if not slash or not ("." in server or ":" in server or server == "localhost"):
            server, rest = "", name
        repository, _, tag = rest.partition(":")
        version = digest if at else tag or DEFAULT_TAG
        if not REPOSITORY.fullmatch(repository) or not (DIGEST if at else TAG).fullmatch(version):
            raise ValueError(f"'{text}' is no image reference: [server/]repository[:tag|@sha256:digest] is needed")
        return cls(server.lower(), repository, version)

    @property
    def is_digest(self) -> bool:
        """Whether it names one content for ever."""
        return self.version.startswith("sha256:")

    def at(self, version: str) -> ImageReference:
        """The same repository at another tag or digest."""
        return ImageReference(self.server, self.repository, version)

    def __str__(self) -> str:
        head = f"{self.server}/{self.repository}" if self.server else self.repository
        return f"{head}{'@' if self.is_digest else ':'}{self.version}"

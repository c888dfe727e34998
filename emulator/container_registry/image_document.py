"""Manifests and configurations of images (OCI image specification), and putting them into a registry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from emulator.container_registry.client import RepositoryWriter, digest_of
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.layers import Layer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
OS, ARCHITECTURE = "linux", "amd64"
CREATED = "1980-01-01T00:00:00Z"
"""A fixed time: it is part of the digest."""


@dataclass
class ImageDocument:
    """An image under construction: its configuration, its layers, and the layers' histories."""

    configuration: dict[str, Any] = field(default_factory=dict)
    layers: list[dict[str, Any]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    new: list[Layer] = field(default_factory=list)

    def add(self, layer: Layer, created_by: str) -> None:
        """Appends a layer."""
        self.layers.append(dict(layer.descriptor))
        self.differences.append(layer.difference)
        self.new.append(layer)
        self.history.append({"created": CREATED, "created_by": created_by})

    def note(self, created_by: str) -> None:
        """Records a step that changed the configuration alone."""
        self.history.append({"created": CREATED, "created_by": created_by, "empty_layer": True})

    def document(self) -> dict[str, Any]:
        """The image's configuration as it is stored."""
        return {
            "architecture": ARCHITECTURE,
            "os": OS,
            "created": CREATED,
            "config": self.configuration,
            "rootfs": {"type": "layers", "diff_ids": self.differences},
            "history": self.history,
        }

    def manifest(self) -> bytes:
        """The image's manifest as it is stored."""
        content = encode(self.document())
        configuration = {"mediaType": CONFIGURATION, "digest": digest_of(content), "size": len(content)}
        return encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": self.layers})

    @property
    def digest(self) -> str:
        """What names the image: its manifest's digest."""
        return digest_of(self.manifest())

    def put(self, writer: RepositoryWriter, references: Sequence[str], base: str = "") -> str:
        """Uploads what the repository does not have, the manifest last; the image's digest.

        Args:
            references: the tags it gets; or its own digest, which gives it none.
            base: the repository that has the layers which are not new.
        """
        made = {layer.digest: layer for layer in self.new}
        for layer in self.layers:
            digest = layer["digest"]
            if digest in made:
                writer.put_file(digest, made[digest].file)
            elif not (base and writer.mount(digest, base)):
                raise LookupError(f"layer {digest} of the base image is gone from repository '{base}'")
        writer.put_bytes(encode(self.document()))
        for reference in references:
            writer.put_manifest(reference, MANIFEST, self.manifest())
        return self.digest


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON that is the same for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def platform_digest(files: RegistryFiles, digest: str) -> str:
    """The digest of this machine's image where a digest names an index of several platforms.

    Raises:
        LookupError: the index has none.
    """
    manifest = files.json(digest)
    if manifest.get("mediaType") not in INDEXES:
        return digest
    for one in manifest.get("manifests", []):
        platform = one.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) == (OS, ARCHITECTURE):
            return str(one["digest"])
    raise LookupError(f"{digest} has no image for {OS}/{ARCHITECTURE}")


def read_image(files: RegistryFiles, digest: str) -> ImageDocument:
    """A stored image, to build upon."""
    manifest = files.json(platform_digest(files, digest))
    document = deepcopy(files.json(manifest["config"]["digest"]))
    return ImageDocument(
        document.get("config") or {},
        list(manifest["layers"]),
        list(document["rootfs"]["diff_ids"]),
        list(document.get("history") or []),
    )

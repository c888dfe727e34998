"""Images for what runs containers: finds them, reads their configuration, unpacks them."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import tarfile
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Any

from emulator.container_registry.archives import MOST_LAYER_BYTES, bounded
from emulator.container_registry.builder import environment
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.image_document import platform_digest
from emulator.container_registry.reference import ImageReference
from emulator.containers.image_paths import inside
from emulator.errors import ServiceError

DELETED = ".wh."
EMPTIED = ".wh..wh..opq"
SHORT = 24
PIECE_BYTES = 64 * 1024
LAYERS = "layers"


@dataclass(frozen=True)
class ImageConfiguration:
    """What an image says about running it: https://github.com/opencontainers/image-spec/blob/main/config.md."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    user: str
    working_directory: str
    exposed_ports: tuple[str, ...]
    labels: Mapping[str, str]


class Images:
    """The images of all registries.

    Args:
        folder: where images are unpacked.
        registry: the files of the registry with this login server, None when there is none.
    """

    def __init__(self, folder: Path, registry: Callable[[str], RegistryFiles | None]) -> None:
        self._folder = folder
        self._registry = registry
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def resolve(self, reference: str) -> str:
        """The reference by digest.

        Raises:
            ServiceError: 404 that names what is missing: registry, repository, tag or digest.
        """
        parsed, _, digest = self._find(reference)
        return str(parsed.at(digest))

    def configuration(self, reference: str) -> ImageConfiguration:
        """The image's configuration."""
        _, files, digest = self._find(reference)
        document = files.json(self._manifest(files, digest)["config"]["digest"])
        config = document.get("config") or {}
        return ImageConfiguration(
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            environment=environment(config),
            user=config.get("User") or "",
            working_directory=config.get("WorkingDir") or "/",
            exposed_ports=tuple(config.get("ExposedPorts") or ()),
            labels=config.get("Labels") or {},
        )

    def unpack(self, reference: str) -> Path:
        """The image's root file system, unpacked once; for reading alone, because images share files."""
        _, files, digest = self._find(reference)
        below: Path | None = None
        layers = [layer["digest"] for layer in self._manifest(files, digest)["layers"]]
        for layer, chain in zip(layers, chains(layers), strict=True):
            below = self._unpack(files, layer, chain, below)
        return self._finish(digest, below, self.configuration(reference).working_directory)

    def tidy(self, registries: Iterable[RegistryFiles]) -> None:
        """Removes what is unpacked of images that no registry has any more, and what a killed unpacking left.

        Only while no container runs. Whatever starts later asks a registry for its image first, so it misses nothing.
        """
        images, layers = {LAYERS}, set[str]()
        for files in registries:
            for digest in {one.digest for name in files.repositories() for one in files.revisions(name)}:
                images.add(digest.partition(":")[2])
                layers.update(chain[:SHORT] for chain in self._chains(files, digest))
        for folder, kept in ((self._folder, images), (self._folder / LAYERS, layers)):
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name not in kept:
                    shutil.rmtree(path, ignore_errors=True)

    def _find(self, text: str) -> tuple[ImageReference, RegistryFiles, str]:
        try:
            reference = ImageReference.parse(text)
        except ValueError as error:
            raise ServiceError(400, "InvalidImageReference", f"{error}.") from None
        files = self._registry(reference.server)
        if files is None:
            raise missing(text, f"there is no registry '{reference.server}'")
        digest = files.digest(reference.repository, reference.version)
        if digest is not None:
            return reference, files, digest
        if not files.revisions(reference.repository):
            raise missing(text, f"registry '{reference.server}' has no repository '{reference.repository}'")
        kind = "digest" if reference.is_digest else "tag"
        raise missing(text, f"repository '{reference.repository}' has no {kind} '{reference.version}'")

    def _manifest(self, files: RegistryFiles, digest: str) -> dict[str, Any]:
        try:
            return files.json(platform_digest(files, digest))
        except LookupError as error:
            raise ServiceError(404, "ImageNotFound", f"{error}.") from None

    def _chains(self, files: RegistryFiles, digest: str) -> list[str]:
        """Identities of an image's layers; none of what cannot be unpacked."""
        try:
            return chains([layer["digest"] for layer in self._manifest(files, digest)["layers"]])
        except (ServiceError, LookupError, OSError, ValueError):
            return []

    def _unpack(self, files: RegistryFiles, layer: str, chain: str, below: Path | None) -> Path:
        folder = self._folder / LAYERS / chain[:SHORT]
        with self._locks[chain]:
            if not folder.is_dir():
                temporary = fresh(folder)
                if below is not None:
                    shutil.copytree(below, temporary, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
                # As a stream, in pieces that `tarfile` copies for each header: of 1 MB they take three times as long.
                with tarfile.open(files.blob(layer), mode="r|*", bufsize=PIECE_BYTES) as archive:
                    apply(archive, temporary)
                temporary.rename(folder)
        return folder

    def _finish(self, digest: str, below: Path | None, working_directory: str) -> Path:
        """The folder of the last layer. Where that has no working directory, which a container engine makes: a folder
        of the image's own with the same files as hard links.
        """
        if below is not None and inside(below, working_directory).is_dir():
            return below
        folder = self._folder / digest.partition(":")[2]
        with self._locks[digest]:
            if not folder.is_dir():
                temporary = fresh(folder)
                if below is not None:
                    shutil.copytree(below, temporary, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
                inside(temporary, working_directory).mkdir(parents=True, exist_ok=True)
                temporary.rename(folder)
        return folder


def fresh(folder: Path) -> Path:
    """An empty folder beside another one, to be renamed to it when it is complete."""
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return temporary


def chains(layers: Iterable[str]) -> list[str]:
    """Identity of each layer on top of those before it."""
    return list(accumulate(layers, chained, initial=""))[1:]


def chained(chain: str, layer: str) -> str:
    """Identity of a layer on top of others."""
    return hashlib.sha256(f"{chain} {layer}".encode()).hexdigest()


def apply(archive: tarfile.TarFile, root: Path) -> None:
    """Unpacks a layer over what is there; a name with `.wh.` before it deletes a file of the layers below, wherever in
    the archive it stands: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts.

    Files are the emulator's, and owners are not kept: without root they could not be. An existing file is replaced, not
    written to, since other images may share it. What leads out of the image by `..`, and devices, are left out.

    Raises:
        ValueError: an entry deletes nothing that has a name.
        OSError: an entry cannot be put at its place, or the layer unpacks to too much.
    """
    own = {root}
    for member in bounded(archive, MOST_LAYER_BYTES, "the layer"):
        path = located(root, member.name)
        if path is None or member.ischr() or member.isblk() or member.isfifo():
            continue
        if path.name == EMPTIED:
            for hidden in path.parent.iterdir() if path.parent.is_dir() else ():
                hide(hidden, own)
        elif path.name.startswith(DELETED):
            name = path.name.removeprefix(DELETED)
            if name in ("", ".", ".."):
                raise ValueError(f"the layer's entry '{member.name}' names nothing to delete")
            hide(path.parent / name, own)
        else:
            if not (member.isdir() and path.is_dir() and not path.is_symlink()):
                remove(path)
            extract(archive, member, root, path)
            own.update(takewhile(lambda folder: folder not in own, (path, *path.parents)))


def located(root: Path, name: str) -> Path | None:
    """The place of an entry, of which only the last part may be a link; None when it lies outside or is `root`."""
    parent, last = posixpath.split(posixpath.normpath(name.lstrip("/")))
    if last in (".", "..") or parent.partition("/")[0] == "..":
        return None
    return inside(root, parent) / last


def extract(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path, path: Path) -> None:
    """Puts one entry at its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        path.mkdir(exist_ok=True)
        path.chmod(member.mode & 0o7777 | 0o700)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        source = located(root, member.linkname)
        if source is not None:
            os.link(source, path, follow_symlinks=False)
    elif (content := archive.extractfile(member)) is not None:
        with path.open("wb") as target:
            shutil.copyfileobj(content, target)
        path.chmod(member.mode & 0o777 | 0o400)


def remove(path: Path) -> None:
    """Removes a file, link or folder; nothing happens when there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def hide(path: Path, own: Container[Path]) -> None:
    """Removes what the layers below have put at a place; what the layer itself has put there stays.

    Args:
        own: the places of the layer's own entries, with the folders they are in.
    """
    if path not in own:
        remove(path)
    elif path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            hide(inner, own)


def missing(reference: str, why: str) -> ServiceError:
    """404 for an image that cannot be pulled."""
    return ServiceError(404, "ImageNotFound", f"The image '{reference}' cannot be pulled: {why}.")

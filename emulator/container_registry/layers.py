"""Layers of images: archives that depend on names, modes, owners and bytes alone, so that equal content is one blob."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from emulator.container_registry.layer_cache import SMALLEST, LayerCache

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
# 1980-01-01: the oldest time that zip files, which may be made of the files later, can hold.
EPOCH = 315532800
# On a loopback device time is dearer than bytes: level 6 takes three times as long for a tenth less.
COMPRESSION = 1
GZIP = 31


@dataclass(frozen=True)
class Entry:
    """One file, folder or symbolic link of a layer.

    `name` is its path without a leading slash; `source` is the file whose bytes it gets, `target` what a link points
    at; with neither it is a folder.
    """

    name: str
    source: Path | None = None
    target: str = ""
    mode: int = 0o755
    user: int = 0
    group: int = 0

    def header(self) -> tarfile.TarInfo:
        """Its header in the archive."""
        header = tarfile.TarInfo(self.name)
        header.mode, header.uid, header.gid, header.mtime = self.mode, self.user, self.group, EPOCH
        if self.target:
            header.type, header.linkname = tarfile.SYMTYPE, self.target
        elif self.source is None:
            header.type = tarfile.DIRTYPE
        else:
            header.size = self.source.stat().st_size
        return header


@dataclass(frozen=True)
class Layer:
    """A compressed layer in a file; `difference` is the digest of what it unpacks to."""

    file: Path
    digest: str
    difference: str
    size: int

    @property
    def descriptor(self) -> dict[str, object]:
        """How a manifest names it."""
        return {"mediaType": MEDIA_TYPE, "digest": self.digest, "size": self.size}


class _Compressor:
    """A file that compresses what is written to it and digests both sides."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._gzip = zlib.compressobj(COMPRESSION, zlib.DEFLATED, GZIP)
        self._outside, self._inside = hashlib.sha256(), hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Takes in a piece of the archive."""
        self._inside.update(data)
        self._emit(self._gzip.compress(data))
        return len(data)

    def finish(self) -> tuple[str, str]:
        """Digests of the compressed and of the plain archive."""
        self._emit(self._gzip.flush())
        return f"sha256:{self._outside.hexdigest()}", f"sha256:{self._inside.hexdigest()}"

    def _emit(self, data: bytes) -> None:
        self._outside.update(data)
        self._target.write(data)


class _Digest:
    """Takes in an archive for its digest alone."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Takes in a piece of the archive."""
        self._hash.update(data)
        return len(data)

    def finish(self) -> str:
        """The digest."""
        return f"sha256:{self._hash.hexdigest()}"


def write_layer(entries: Iterable[Entry], file: Path, cache: LayerCache | None = None) -> Layer:
    """Writes a layer; of two entries of one name the later one counts.

    Args:
        cache: where a large layer that was compressed before is found.
    """
    unique = {entry.name: entry for entry in entries}
    ordered = [unique[name] for name in sorted(unique)]
    if cache is None or sum(entry.source.stat().st_size for entry in ordered if entry.source) < SMALLEST:
        return compress(ordered, file)
    plain = _Digest()
    write_archive(ordered, plain)
    difference = plain.finish()
    if digest := cache.find(difference, file):
        return Layer(file, digest, difference, file.stat().st_size)
    layer = compress(ordered, file)
    cache.keep(layer.difference, layer.digest, file)
    return layer


def compress(entries: Iterable[Entry], file: Path) -> Layer:
    """Writes the compressed archive."""
    with file.open("wb") as target:
        compressor = _Compressor(target)
        write_archive(entries, compressor)
        digest, difference = compressor.finish()
    return Layer(file, digest, difference, file.stat().st_size)


def write_archive(entries: Iterable[Entry], target: _Compressor | _Digest) -> None:
    """Writes the archive itself."""
    with tarfile.open(fileobj=cast(IO[bytes], target), mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            add(archive, entry)


def add(archive: tarfile.TarFile, entry: Entry) -> None:
    """Adds one entry."""
    if entry.source is None:
        archive.addfile(entry.header())
        return
    with entry.source.open("rb") as source:
        archive.addfile(entry.header(), source)


def folder_entries(folder: Path, name: str, user: int = 0, group: int = 0) -> Iterable[Entry]:
    """Everything inside a folder, below `name`; without the folder itself, and links as links.

    Folders are 0755 whatever the process that unpacked them has as its mask.
    """
    for path in sorted(folder.rglob("*")):
        below = f"{name}/{path.relative_to(folder).as_posix()}".lstrip("/")
        if path.is_symlink():
            yield Entry(below, target=str(path.readlink()), mode=0o777, user=user, group=group)
        elif path.is_dir():
            yield Entry(below, user=user, group=group)
        elif path.is_file():
            yield Entry(below, path, mode=path.stat().st_mode & 0o7777, user=user, group=group)

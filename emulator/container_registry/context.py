"""The folder a build takes its files from."""

from __future__ import annotations

import fnmatch
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from emulator.container_registry.archives import MOST_CONTEXT_BYTES, bounded
from emulator.container_registry.dockerfile import DockerfileError, Instruction
from emulator.container_registry.layers import Entry, folder_entries

IGNORE = ".dockerignore"
PIECE_BYTES = 64 * 1024


def unpack(archive: IO[bytes], folder: Path) -> None:
    """Unpacks an uploaded context, a `.tar.gz` or `.tar`.

    Raises:
        DockerfileError: it is none, has something that leads out of the folder, or unpacks to too much.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r|*", bufsize=PIECE_BYTES) as content:
            members = bounded(content, MOST_CONTEXT_BYTES, "it")
            content.extractall(folder, members, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DockerfileError(f"the build context cannot be unpacked: {error}") from None
    if (folder / IGNORE).exists():
        raise DockerfileError(f"{IGNORE} is not followed by the emulator: leave the files out of the context")


def copied(
    folder: Path, instruction: Instruction, sources: list[str], target: str, owner: tuple[int, int]
) -> list[Entry]:
    """What a COPY puts into the image.

    Args:
        target: an absolute path in the image; with a `/` at its end, or for several sources, a folder.

    Raises:
        DockerfileError: a source is missing or lies outside the context.
    """
    paths = [path for source in sources for path in matches(folder, instruction, source)]
    into = target.endswith("/") or target == "/"
    if len(paths) > 1 and not into:
        raise instruction.error(f"of several files needs a target that ends with '/', not '{target}'")
    name, (user, group) = target.strip("/"), owner
    found: list[Entry] = []
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            found += [Entry(name, mode=0o755, user=user, group=group)] if name and not found else []
            found += folder_entries(path, name, user, group)
        else:
            below = f"{name}/{path.name}".lstrip("/") if into else name
            found.append(Entry(below, path, mode=path.stat().st_mode & 0o7777, user=user, group=group))
    return found


def matches(folder: Path, instruction: Instruction, source: str) -> Iterator[Path]:
    """The files a source names; it may have wildcards."""
    parts = [part for part in source.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise instruction.error(f"of '{source}' leads out of the build context")
    found = [folder]
    for part in parts:
        found = [path for parent in found for path in named(parent, part)]
    if not found:
        raise instruction.error(f"of '{source}': there is no such file in the build context")
    for path in found:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise instruction.error(f"of '{source}' leads out of the build context")
    yield from found


def named(parent: Path, part: str) -> list[Path]:
    """Children of a folder by name or pattern, in order."""
    if not parent.is_dir():
        return []
    if any(sign in part for sign in "*?["):
        return [path for path in sorted(parent.iterdir()) if fnmatch.fnmatchcase(path.name, part)]
    return [parent / part] if (parent / part).exists() or (parent / part).is_symlink() else []

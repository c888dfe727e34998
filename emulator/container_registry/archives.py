"""Archives that others made: what they unpack to has an end."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

GIGABYTE = 1_000_000_000
# Container Instances takes no image of more than 15 GB: https://learn.microsoft.com/azure/container-instances/
# container-instances-resource-and-quota-limits. A build context is source code and a model.
MOST_LAYER_BYTES = 16 * GIGABYTE
MOST_CONTEXT_BYTES = 16 * GIGABYTE
# What an entry without content costs on disk.
ENTRY_BYTES = 4096


def bounded(archive: tarfile.TarFile, most: int, what: str) -> Iterator[tarfile.TarInfo]:
    """The archive's entries, each before it is unpacked, for as long as they fit.

    Args:
        most: the bytes that all entries together may unpack to.
        what: how the error calls the archive.

    Raises:
        OSError: they unpack to more.
    """
    total = 0
    for member in archive:
        total += max(member.size, ENTRY_BYTES)
        if total > most:
            limit = f"more than {most / GIGABYTE:g} GB, the most that the emulator unpacks"
            raise OSError(f"{what} unpacks to {limit}: leave out what it does not need (it ends at '{member.name}')")
        yield member

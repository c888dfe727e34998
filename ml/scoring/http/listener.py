"""The port: opened, and closed without losing a connection."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from typing import TYPE_CHECKING

from ml.scoring.errors import StartError

if TYPE_CHECKING:
    from ml.scoring.settings import Settings

BACKLOG = 2_048
SO_ATTACH_FILTER = 26
"""Of Linux; Python has no name for it."""
NO_BEGINNINGS = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the flags of the packet
        (0x45, 0, 1, 2),  # go on if it is a SYN, else skip one
        (0x06, 0, 0, 0),  # take nothing of it
        (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
    )
)
"""A program for the kernel's packet filter that drops what would begin a connection."""


def listening_socket(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; shared with other workers if there are any.

    Raises:
        StartError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if settings.workers > 1:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((settings.host, settings.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise StartError(
            f"cannot listen on HOST {settings.host}, PORT {settings.port}: {error.strerror}; is it in use? "
            "choose another PORT"
        ) from None
    made.setblocking(False)
    return made


def drop_beginnings(listener: socket.socket) -> None:
    """Let no new connection begin, and those that have begun go on. Who tries gets no answer, and tries again: by then
    the port is closed. A port that is just closed resets the connections that came while it was.

    Only a service to the last ones that come: elsewhere than on Linux they do without.
    """
    program = ctypes.create_string_buffer(NO_BEGINNINGS, len(NO_BEGINNINGS))
    filter_ = struct.pack("HL", len(NO_BEGINNINGS) // 8, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)


def take_all(listener: socket.socket) -> list[socket.socket]:
    """Every connection that the system has accepted for us; those left in its queue when it closes would be reset."""
    taken: list[socket.socket] = []
    while True:
        try:
            taken.append(listener.accept()[0])
        except BlockingIOError:
            return taken

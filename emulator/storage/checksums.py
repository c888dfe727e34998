"""Checksums a client sends along: MD5 and the CRC64 of Azure Storage."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from emulator.storage.errors import StorageError

POLYNOMIAL = 0x9A6C9329AC4BC9B5
"""CRC-64/NVME, reflected: https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme."""
ALL_ONES = 0xFFFFFFFFFFFFFFFF
MD5_BYTES = 16


def crc64_table() -> list[int]:
    """The CRC of every byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


CRC64_TABLE = crc64_table()


class Crc64:
    """The CRC64 of what it has seen; in plain Python, some 10 MB/s, so only where a client asks for it."""

    def __init__(self) -> None:
        self._register = ALL_ONES

    def update(self, data: bytes) -> None:
        """Takes in more bytes."""
        register, table = self._register, CRC64_TABLE
        for byte in data:
            register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
        self._register = register

    def digest(self) -> bytes:
        """Eight bytes, lowest first, as Azure sends them."""
        return (self._register ^ ALL_ONES).to_bytes(8, "little")


class SentChecksums:
    """The checksums of a request's body, checked against what arrived."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._md5 = headers.get("content-md5")
        self._sent_crc64 = headers.get("x-ms-content-crc64")
        self._crc64 = Crc64() if self._sent_crc64 else None
        if self._md5 is not None and len(decode(self._md5)) != MD5_BYTES:
            raise StorageError("InvalidMd5")

    def see(self, chunk: bytes) -> None:
        """Takes in a part of the body."""
        if self._crc64 is not None:
            self._crc64.update(chunk)

    def check_data(self, data: bytes) -> None:
        """Takes in the whole body and checks it."""
        self.see(data)
        self.check(hashlib.md5(data, usedforsecurity=False).digest())

    def check(self, md5: bytes) -> None:
        """Raises 400 Md5Mismatch or Crc64Mismatch; `md5` is that of the whole body."""
        if self._md5 is not None and decode(self._md5) != md5:
            values = {"UserSpecifiedMd5": self._md5, "ServerCalculatedMd5": encode(md5)}
            raise StorageError("Md5Mismatch", elements=values)
        if self._crc64 is not None and decode(self._sent_crc64 or "") != self._crc64.digest():
            raise StorageError("Crc64Mismatch")


def encode(digest: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(digest).decode()


def decode(text: str) -> bytes:
    """The bytes of base64 text, empty when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

"""The emulator's own certificate authority, its server certificate, and the bundle that clients trust."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509

from emulator.settings import BLOB_SUFFIX, DFS_SUFFIX, REGISTRY_SUFFIX, VAULT_SUFFIX, Settings

NAMES = (
    "localhost",
    "127.0.0.1",
    *(f"*.{suffix}" for suffix in (BLOB_SUFFIX, DFS_SUFFIX, VAULT_SUFFIX, REGISTRY_SUFFIX)),
)
RENEW_BEFORE = timedelta(days=30)


def authority_file(settings: Settings) -> Path:
    """The certificate of the authority, for tools that take one more CA."""
    return settings.state / "ca.pem"


def bundle_file(settings: Settings) -> Path:
    """certifi's certificates plus our authority, for tools that replace their whole list."""
    return settings.state / "ca-bundle.pem"


def server_file(settings: Settings) -> Path:
    """The server's key and certificate chain."""
    return settings.state / "server.pem"


def ensure_certificates(settings: Settings) -> None:
    """Makes authority, server certificate and bundle when they are missing or about to end."""
    files = (authority_file(settings), bundle_file(settings), server_file(settings))
    if all(file.exists() for file in files) and remaining(authority_file(settings)) > RENEW_BEFORE:
        return
    authority = trustme.CA(organization_name="Azure emulator on this machine")
    server = authority.issue_cert(*NAMES)
    write(authority_file(settings), authority.cert_pem.bytes())
    write(bundle_file(settings), Path(certifi.where()).read_bytes() + b"\n" + authority.cert_pem.bytes())
    write(server_file(settings), server.private_key_and_cert_chain_pem.bytes())


def remaining(file: Path) -> timedelta:
    """How long a certificate is still valid."""
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - datetime.now(UTC)


def write(file: Path, content: bytes) -> None:
    """Writes a file whole, readable only by its owner."""
    temporary = file.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    os.replace(temporary, file)

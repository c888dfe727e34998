"""The emulator's own certificate authority, its server certificate, and the bundle that clients trust."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509

from emulator.settings import (
    BLOB_SUFFIX,
    DFS_SUFFIX,
    INFERENCE_SUFFIX,
    LOCATIONS,
    REGISTRY_SUFFIX,
    VAULT_SUFFIX,
    Settings,
)

NAMES = (
    "localhost",
    "127.0.0.1",
    *(f"*.{suffix}" for suffix in (BLOB_SUFFIX, DFS_SUFFIX, VAULT_SUFFIX, REGISTRY_SUFFIX)),
    # A wildcard stands for one label: one for each location that endpoints can be in.
    *(f"*.{location}.{INFERENCE_SUFFIX}" for location in LOCATIONS),
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
    """Makes authority, server certificate and bundle when they are missing, about to end, or lack a name."""
    files = (authority_file(settings), bundle_file(settings), server_file(settings))
    if all(file.exists() for file in files) and remaining(files[0]) > RENEW_BEFORE and covers(files[2], NAMES):
        return
    authority = trustme.CA(organization_name="Azure emulator on this machine")
    server = authority.issue_cert(*NAMES)
    write(authority_file(settings), authority.cert_pem.bytes())
    write(bundle_file(settings), Path(certifi.where()).read_bytes() + b"\n" + authority.cert_pem.bytes())
    write(server_file(settings), server.private_key_and_cert_chain_pem.bytes())


def remaining(file: Path) -> timedelta:
    """How long a certificate is still valid."""
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - datetime.now(UTC)


def covers(file: Path, names: Iterable[str]) -> bool:
    """Whether a certificate is for all these names."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {*alternatives.get_values_for_type(x509.DNSName)}
    known |= {str(address) for address in alternatives.get_values_for_type(x509.IPAddress)}
    return known.issuperset(names)


def write(file: Path, content: bytes) -> None:
    """Writes a file whole, readable only by its owner."""
    temporary = file.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    os.replace(temporary, file)

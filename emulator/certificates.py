"""The emulator's own certificate authority, its server certificate, and the bundle that clients trust."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509

from emulator.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1")
RENEW_BEFORE = timedelta(days=30)
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
"""Where a person's own list of authorities is named."""
SYSTEM_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def authority_file(settings: Settings) -> Path:
    """The certificate of the authority, for tools that take one more CA."""
    return settings.state / "ca.pem"


BUNDLE = "/etc/ssl/certs/azure-ca-bundle.pem"
"""Where containers find the certificates to trust."""


def trust(bundle: str) -> dict[str, str]:
    """Makes clients trust the certificates in a file."""
    return {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle}


def bundle_file(settings: Settings) -> Path:
    """What this machine and its user trust, certifi's certificates and our authority, for tools that replace their
    whole list.
    """
    return settings.state / "ca-bundle.pem"


def user_file(settings: Settings) -> Path:
    """The authorities that the person trusts who started the emulator."""
    return settings.state / "user-ca.pem"


def server_file(settings: Settings) -> Path:
    """The server's key and certificate chain."""
    return settings.state / "server.pem"


def keep_user_authorities(settings: Settings, variables: Mapping[str, str]) -> None:
    """Writes down which authorities a person's variables name, as in a company whose proxy has one of its own.

    Variables that name our bundle, as in a shell that `make env` prepared, say nothing new.
    """
    named = {variables[name] for name in VARIABLES if variables.get(name)} - {str(bundle_file(settings))}
    if found := certificates(Path(file) for file in sorted(named)):
        write(user_file(settings), b"\n".join(found) + b"\n")


def ensure_certificates(settings: Settings, hosts: Iterable[str]) -> None:
    """Makes authority and server certificate when they are missing, about to end, or lack a name, and the bundle anew
    when anything in it changed.

    Args:
        hosts: names that the services answer for.
    """
    names = (*LOOPBACK, *hosts)
    files = (authority_file(settings), server_file(settings))
    present = all(file.exists() for file in files)
    if not present or remaining(files[0]) <= RENEW_BEFORE or not covers(files[1], names):
        authority = trustme.CA(organization_name="Azure emulator on this machine")
        server = authority.issue_cert(*names)
        write(authority_file(settings), authority.cert_pem.bytes())
        write(server_file(settings), server.private_key_and_cert_chain_pem.bytes())
    ensure_bundle(settings)


def ensure_bundle(settings: Settings) -> None:
    """Writes the bundle unless it is there as it should be."""
    system = [Path(file) for file in SYSTEM_FILES]
    sources = [Path(certifi.where()), *system, user_file(settings), authority_file(settings)]
    content = b"\n".join(certificates(sources)) + b"\n"
    file = bundle_file(settings)
    if not file.exists() or file.read_bytes() != content:
        write(file, content)


def certificates(files: Iterable[Path]) -> list[bytes]:
    """The certificates in some files, each once; a file that cannot be read has none."""
    found: dict[bytes, None] = {}
    for file in files:
        try:
            found.update(dict.fromkeys(CERTIFICATE.findall(file.read_bytes())))
        except OSError:
            continue
    return list(found)


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

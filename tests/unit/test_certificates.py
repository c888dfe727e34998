"""The bundle that clients trust: certifi's certificates, this machine's, the user's own, and the emulator's."""

from __future__ import annotations

from pathlib import Path

import trustme

from emulator.certificates import authority_file, bundle_file, ensure_certificates, keep_user_authorities
from emulator.settings import Settings, load_settings


def bundle(settings: Settings) -> bytes:
    """The bundle's content once it is up to date."""
    ensure_certificates(settings, ["*.vault.localhost"])
    return bundle_file(settings).read_bytes()


def test_users_own_authority_stays_in_the_bundle(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "state")
    company = trustme.CA().cert_pem
    company.write_to_path(str(tmp_path / "company.pem"))
    keep_user_authorities(settings, {"REQUESTS_CA_BUNDLE": str(tmp_path / "company.pem"), "SSL_CERT_FILE": "/none"})
    first = bundle(settings)
    assert company.bytes().strip() in first
    assert authority_file(settings).read_bytes().strip() in first
    # A shell of this emulator names the bundle itself: nobody's authority is lost.
    keep_user_authorities(settings, {"REQUESTS_CA_BUNDLE": str(bundle_file(settings))})
    assert bundle(settings) == first


def test_bundle_follows_another_authority_of_the_user(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "state")
    before = bundle(settings)
    own = authority_file(settings).read_bytes()
    company = trustme.CA().cert_pem
    company.write_to_path(str(tmp_path / "company.pem"))
    keep_user_authorities(settings, {"SSL_CERT_FILE": str(tmp_path / "company.pem")})
    after = bundle(settings)
    assert (company.bytes().strip() in before, company.bytes().strip() in after) == (False, True)
    assert authority_file(settings).read_bytes() == own

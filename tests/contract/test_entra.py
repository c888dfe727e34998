"""Tokens through the unmodified azure-identity."""

from __future__ import annotations

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

from emulator.settings import TENANT_ID
from tests.conftest import RunningEmulator

SCOPE = "https://management.azure.com/.default"


@pytest.mark.parametrize("kind", [DefaultAzureCredential, ManagedIdentityCredential])
def test_managed_identity_gives_a_token_for_the_audience(
    emulator: RunningEmulator, kind: type[DefaultAzureCredential | ManagedIdentityCredential]
) -> None:
    with kind() as credential:
        token = credential.get_token(SCOPE).token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["tid"]) == ("https://management.azure.com", TENANT_ID)


def service_principal(emulator: RunningEmulator, secret: str) -> ClientSecretCredential:
    return ClientSecretCredential(
        TENANT_ID,
        "00000000-0000-0000-0000-0000000000aa",
        secret,
        authority=f"https://{emulator.environment['ARM_METADATA_HOSTNAME']}",
        disable_instance_discovery=True,
    )


def test_a_service_principal_signs_in_with_the_emulators_secret_only(emulator: RunningEmulator) -> None:
    with service_principal(emulator, emulator.settings.identity_secret) as credential:
        claims = jwt.decode(credential.get_token(SCOPE).token, options={"verify_signature": False})
        assert claims["appid"] == "00000000-0000-0000-0000-0000000000aa"
    with (
        service_principal(emulator, "wrong") as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(SCOPE)


def test_a_wrong_identity_header_gets_no_token(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with ManagedIdentityCredential() as credential, pytest.raises(ClientAuthenticationError):
        credential.get_token(SCOPE)

"""Access tokens: RS256 JWTs with a key that lives in the emulator's state folder."""

from __future__ import annotations

import base64
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.entra.directory import DEVELOPER
from emulator.entra.principal import Principal
from emulator.errors import ServiceError
from emulator.settings import TENANT_ID

LIFETIME_SECONDS = 3600


class Tokens:
    """Issues and checks tokens."""

    def __init__(self, state: Path, base_url: str) -> None:
        self.issuer = f"{base_url}/{TENANT_ID}/v2.0"
        self._key = load_key(state / "token-key.pem")
        self._key_id = uuid.uuid5(uuid.NAMESPACE_URL, self.issuer).hex

    def issue(self, audience: str, principal: Principal = DEVELOPER) -> tuple[str, int]:
        """A token for an audience, and the time it ends (seconds since the epoch)."""
        now = int(time.time())
        ends = now + LIFETIME_SECONDS
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now - 60,
            "exp": ends,
            "tid": TENANT_ID,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "appid": principal.client_id,
            "ver": "2.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id}), ends

    def verify(self, authorization: str | None) -> Principal:
        """The principal behind an `Authorization: Bearer` header.

        Raises:
            ServiceError: 401, worded as ARM words a missing, ended or foreign token.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            options: Any = {"verify_aud": False, "require": ["exp", "aud", "oid"]}
            claims = jwt.decode(token, self._key.public_key(), ["RS256"], issuer=self.issuer, options=options)
        except jwt.ExpiredSignatureError:
            raise unauthorized("ExpiredAuthenticationToken", "The access token has expired.") from None
        except jwt.InvalidTokenError as error:
            raise unauthorized("InvalidAuthenticationToken", f"The access token is invalid: {error}.") from None
        return Principal(claims["oid"], claims.get("appid", ""), claims["aud"])

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._key_id}
        return {"keys": [{**key, "n": base64_number(numbers.n), "e": base64_number(numbers.e)}]}


def unauthorized(code: str, message: str) -> ServiceError:
    """401 with the challenge that Azure clients look for."""
    return ServiceError(401, code, message, headers={"www-authenticate": 'Bearer error="invalid_token"'})


def base64_number(value: int) -> str:
    """A number as base64url without padding (RFC 7518, 2)."""
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def load_key(file: Path) -> rsa.RSAPrivateKey:
    """The signing key in `file`, made at first use and readable only by its owner."""
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{file} holds no RSA key; `emulator reset` makes a new one")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return key

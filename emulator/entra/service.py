"""Entra ID's endpoints: OpenID metadata, the token endpoint, and the App Service flavour of managed identity."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace

from emulator.entra.directory import DEVELOPER, service_principal
from emulator.entra.tokens import LIFETIME_SECONDS
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Route, Service
from emulator.settings import ARM_HOST, TENANT_ID

TENANT = r"/(?P<tenant>[^/]+)"


class EntraService(Service):
    """`DefaultAzureCredential`, `ManagedIdentityCredential` and `ClientSecretCredential` work against it unchanged."""

    name = "entra"

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                ARM_HOST, TENANT + r"/v2\.0/\.well-known/openid-configuration", self.metadata, ("GET",), bearer=False
            ),
            Route(ARM_HOST, TENANT + r"/discovery/v2\.0/keys", self.keys, ("GET",), bearer=False),
            Route(ARM_HOST, TENANT + r"/oauth2/v2\.0/token", self.token, ("POST",), bearer=False),
            Route("*", r"/msi/token", self.managed_identity, ("GET",), listener="http", bearer=False),
        )

    def metadata(self, request: Request) -> Response:
        """OpenID Connect discovery for the tenant."""
        tenant = request.parameters["tenant"]
        if tenant.lower() not in (TENANT_ID, "common", "organizations"):
            message = f"AADSTS90002: Tenant '{tenant}' not found. The emulator knows only {TENANT_ID}."
            raise ServiceError(400, "invalid_tenant", message)
        authority = f"{self.emulator.settings.base_url}/{tenant}"
        return Response.json(
            {
                "issuer": self.emulator.tokens.issuer,
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{authority}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def keys(self, request: Request) -> Response:
        """The keys that sign tokens."""
        return Response.json(self.emulator.tokens.key_set())

    def token(self, request: Request) -> Response:
        """The client-credentials grant; the only secret it takes is this emulator's own."""
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return oauth_error(
                "unsupported_grant_type", f"AADSTS70003: grant type '{form.get('grant_type')}' is not supported."
            )
        if not hmac.compare_digest(form.get("client_secret", ""), self.emulator.settings.identity_secret):
            return oauth_error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        audience = form.get("scope", "").removesuffix("/.default")
        client = form.get("client_id", DEVELOPER.client_id)
        principal = service_principal(client) or replace(DEVELOPER, client_id=client)
        token, _ = self.emulator.tokens.issue(audience, principal)
        lifetime = {"expires_in": LIFETIME_SECONDS, "ext_expires_in": LIFETIME_SECONDS}
        return Response.json({"token_type": "Bearer", **lifetime, "access_token": token})

    def managed_identity(self, request: Request) -> Response:
        """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""
        if not hmac.compare_digest(
            request.headers.get("x-identity-header", ""), self.emulator.settings.identity_secret
        ):
            raise ServiceError(
                401,
                "Unauthorized",
                'The X-IDENTITY-HEADER header is missing or wrong; run `eval "$(make -s env STACK=local)"`.',
            )
        resource = request.query.get("resource", "")
        if not resource:
            raise ServiceError(400, "InvalidRequest", "The query parameter 'resource' is missing.")
        token, ends = self.emulator.tokens.issue(resource)
        who = {"client_id": DEVELOPER.client_id}
        return Response.json(
            {"access_token": token, "expires_on": str(ends), "resource": resource, "token_type": "Bearer", **who}
        )


def oauth_error(code: str, message: str, status: int = 400) -> Response:
    """An error of the token endpoint (RFC 6749, 5.2)."""
    return Response.json({"error": code, "error_description": message}, status)

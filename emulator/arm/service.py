"""ARM's routes: the metadata of this cloud, subscriptions, operations, and every resource path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.arm.listings import Listings
from emulator.arm.operations import Operations
from emulator.arm.resources import Resources
from emulator.arm.tags import Tags
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.resource_id import ResourceId
from emulator.service import Emulator, ResourceType, Route, Service
from emulator.settings import ARM_HOST, LOCATIONS, REGISTRY_SUFFIX, SUBSCRIPTION_ID, TENANT_ID, VAULT_SUFFIX

from .types import ARM_TYPES, KEPT, Kept

OWN = f"/subscriptions/{re.escape(SUBSCRIPTION_ID)}"


class ArmService(Service):
    """The control plane; what a type does beyond its document is said by the `ResourceType` of its service."""

    name = "arm"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.operations = Operations(emulator)
        self.resources = Resources(emulator, self.operations)
        self.listings = Listings(emulator)

    def routes(self) -> Sequence[Route]:
        return (
            Route(ARM_HOST, r"/metadata/endpoints", self.endpoints, ("GET",), bearer=False),
            Route(ARM_HOST, r"/subscriptions", self.subscriptions, ("GET",)),
            Route(ARM_HOST, r"/tenants", self.tenants, ("GET",)),
            Route(ARM_HOST, r"/subscriptions/[^/]+/operations/(?P<name>[^/]+)", self.operations.status, ("GET",)),
            Route(ARM_HOST, r"/subscriptions/[^/]+/operationresults/(?P<name>[^/]+)", self.operations.result, ("GET",)),
            Route(ARM_HOST, rf"{OWN}(/resourcegroups/[^/]+)?/resources", self.listings.resources, ("GET",)),
            Route(ARM_HOST, rf"{OWN}/providers", self.listings.providers, ("GET",)),
            Route(ARM_HOST, rf"{OWN}/providers/(?P<namespace>[^/]+)", self.listings.provider, ("GET",)),
            Route(
                ARM_HOST,
                rf"{OWN}/providers/(?P<namespace>[^/]+)/register",
                self.listings.provider,
                ("POST",),
            ),
            Route(ARM_HOST, r"/(subscriptions|providers)/.+", self.resource),
        )

    def resource_types(self) -> Sequence[ResourceType]:
        return [*(kind() for kind in ARM_TYPES), *map(Kept, KEPT), Tags(self.emulator.store)]

    def reconcile(self) -> None:
        self.operations.reconcile(self.resources)

    def endpoints(self, request: Request) -> Response:
        """The shape that azure-native and azure-ai-ml read: https://management.azure.com/metadata/endpoints."""
        settings = self.emulator.settings
        base = settings.base_url
        cloud = {
            "name": "AzureEmulator",
            "portal": base,
            "resourceManager": base + "/",
            "authentication": {
                "loginEndpoint": base + "/",
                "audiences": [base + "/", "https://management.azure.com/"],
                "tenant": TENANT_ID,
                "identityProvider": "AAD",
            },
            "microsoftGraphResourceId": base + "/graph/",
            "logAnalyticsResourceId": base,
            "appInsightsResourceId": base,
            "appInsightsTelemetryChannelResourceId": base + "/applicationinsights/v2/track",
            "suffixes": {
                "storage": settings.storage_suffix(),
                "keyVaultDns": f"{VAULT_SUFFIX}:{settings.https_port}",
                "acrLoginServer": f"{REGISTRY_SUFFIX}:{settings.https_port}",
            },
        }
        newer = request.query.get("api-version", "") >= "2022-09-01"
        return Response.json(cloud if newer else [cloud])

    def subscriptions(self, request: Request) -> Response:
        """The one subscription there is."""
        return Response.json({"value": [subscription()]})

    def tenants(self, request: Request) -> Response:
        """The one tenant there is."""
        return Response.json({"value": [{"id": f"/tenants/{TENANT_ID}", "tenantId": TENANT_ID}]})

    def resource(self, request: Request) -> Response:
        """Any path below a subscription or a provider."""
        if "api-version" not in request.query:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise ServiceError(400, "MissingApiVersionParameter", message)
        try:
            resource = ResourceId.parse(request.path)
        except ValueError as error:
            raise ServiceError(404, "InvalidResourcePath", str(error)) from None
        if resource.subscription not in (None, SUBSCRIPTION_ID):
            known = f"The emulator knows only {SUBSCRIPTION_ID}."
            message = f"The subscription '{resource.subscription}' could not be found. {known}"
            raise ServiceError(404, "SubscriptionNotFound", message)
        if resource.types == ("subscriptions",):
            return Response.json(subscription())
        return self.resources.handle(resource, request)


def operations_of(emulator: Emulator) -> Operations:
    """ARM's operations, for services whose actions take longer than a request."""
    return emulator.services.get(ArmService).operations


def subscription() -> dict[str, object]:
    """The subscription's document."""
    return {
        "id": f"/subscriptions/{SUBSCRIPTION_ID}",
        "subscriptionId": SUBSCRIPTION_ID,
        "tenantId": TENANT_ID,
        "displayName": "Emulator",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "locations": list(LOCATIONS),
    }

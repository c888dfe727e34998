"""`Microsoft.ContainerRegistry/registries` in ARM."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from emulator.arm.types import require_location
from emulator.container_registry.tokens import RegistryTokens
from emulator.errors import ServiceError
from emulator.http import Request, Response
from emulator.service import Action, Emulator, ResourceType
from emulator.settings import REGISTRY_SUFFIX
from emulator.storage.clock import iso_date
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.container_registry.build_runs import BuildRuns
    from emulator.container_registry.imports import Imports
    from emulator.container_registry.registries import Registries

REGISTRY = "Microsoft.ContainerRegistry/registries"
NAME = re.compile(r"[A-Za-z0-9]{5,50}")
PASSWORDS = ("password", "password2")
DEFAULTS = {
    "adminUserEnabled": False,
    "anonymousPullEnabled": False,
    "dataEndpointEnabled": False,
    "dataEndpointHostNames": [],
    "encryption": {"status": "disabled"},
    "networkRuleBypassOptions": "AzureServices",
    "privateEndpointConnections": [],
    "publicNetworkAccess": "Enabled",
    "zoneRedundancy": "Disabled",
}
"""What Azure fills in: https://learn.microsoft.com/rest/api/containerregistry/registries/create."""


class Registry(ResourceType):
    """A registry: its name is taken everywhere, its images go with it."""

    type = REGISTRY

    def __init__(
        self, emulator: Emulator, registries: Registries, tokens: RegistryTokens, builds: BuildRuns, imports: Imports
    ) -> None:
        self.emulator = emulator
        self.registries = registries
        self.tokens = tokens
        self.builds = builds
        self.imports = imports

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        problem = self.name_problem(document.name, document.key)
        if problem:
            raise ServiceError(409 if problem[0] == "AlreadyInUse" else 400, *problem)
        sku = document.body.get("sku") or {}
        if sku.get("name") not in ("Basic", "Standard", "Premium"):
            raise ServiceError(400, "InvalidSku", f"The SKU '{sku.get('name')}' is not Basic, Standard or Premium.")
        document.body["sku"] = {**sku, "tier": sku["name"]}
        properties = document.properties
        for name, value in DEFAULTS.items():
            properties.setdefault(name, value)
        port = self.emulator.settings.https_port
        properties.update(
            provisioningState="Succeeded",
            loginServer=f"{document.name.lower()}.{REGISTRY_SUFFIX}:{port}",
            creationDate=old.properties["creationDate"] if old else iso_date(time.time()),
        )

    def remove(self, document: Document) -> None:
        self.registries.remove(document.name)

    def actions(self) -> Mapping[str, Action]:
        return {
            "importimage": self.imports.begin,
            "listbuildsourceuploadurl": self.builds.upload_url,
            "listcredentials": self.credentials,
            "schedulerun": self.builds.schedule,
        }

    def credentials(self, document: Document, request: Request) -> Response:
        """The admin user's passwords, refused while there is no admin user."""
        if not document.properties["adminUserEnabled"]:
            message = (
                f"Cannot perform credential operations for {document.id} as admin user is disabled. Kindly enable "
                "admin user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/"
                "container-registry-authentication#admin-account"
            )
            raise ServiceError(400, "UnAuthorizedForCredentialOperations", message)
        passwords = [{"name": name, "value": self.tokens.password(document, name)} for name in PASSWORDS]
        return Response.json({"username": document.name, "passwords": passwords})

    def check_name(self, request: Request) -> Response:
        """https://learn.microsoft.com/rest/api/containerregistry/registries/check-name-availability."""
        body = request.json() or {}
        if str(body.get("type", "")).lower() != REGISTRY.lower():
            raise ServiceError(400, "InvalidRequestContent", f"The type must be {REGISTRY}, not '{body.get('type')}'.")
        problem = self.name_problem(str(body.get("name", "")), "")
        if problem is None:
            return Response.json({"nameAvailable": True})
        reason = "AlreadyExists" if problem[0] == "AlreadyInUse" else "Invalid"
        return Response.json({"nameAvailable": False, "reason": reason, "message": problem[1]})

    def name_problem(self, name: str, key: str) -> tuple[str, str] | None:
        """Error code and message when a registry cannot have this name."""
        if not NAME.fullmatch(name):
            return (
                "InvalidRegistryName",
                f"Registry names may contain alpha numeric characters only and must be between 5 and 50 characters, "
                f"not '{name}'.",
            )
        found = self.registries.find(name)
        if found is not None and found.key != key:
            return "AlreadyInUse", f"The registry DNS name {name.lower()}.{REGISTRY_SUFFIX} is already in use."
        return None

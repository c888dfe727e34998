"""Lists across types: all resources of a subscription or a group, and the resource providers."""

from __future__ import annotations

from typing import Any

from emulator.arm.filters import conditions, has_tag
from emulator.arm.paging import page
from emulator.errors import ServiceError, not_found
from emulator.http import Request, Response
from emulator.policy.in_force import all_aliases
from emulator.resource_types.table import ResourceTable
from emulator.service import Emulator
from emulator.settings import LOCATIONS, SUBSCRIPTION_ID
from emulator.store import Document

SHOWN = ("location", "tags", "kind", "sku", "identity", "managedBy", "plan")
GROUP = "microsoft.resources/resourcegroups"
FILTERS = ("resourceType", "name", "location", "resourceGroup", "tagName", "tagValue")


class Listings:
    """What ARM lists without a type."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def resources(self, request: Request) -> Response:
        """`GET …/resources`: everything that has a location of its own, as on Azure, and that the client may read."""
        scope = request.path.rstrip("/").rpartition("/")[0]
        if scope.count("/") > 2 and self.emulator.store.get(scope) is None:
            raise not_found(scope)
        wanted = conditions(request, FILTERS)
        inside = [one for one in self.emulator.store.below(scope) if is_listed(one)]
        found = sorted((one for one in inside if fits(one, wanted)), key=lambda one: one.sequence)
        return page([summary(one) for one in found if self._may_read(request, one)], request)

    def _may_read(self, request: Request, document: Document) -> bool:
        principal = request.principal
        action = f"{document.resource.type}/read"
        return principal is None or self.emulator.access.allows(principal.object_id, action, document.id)

    def providers(self, request: Request) -> Response:
        """`GET …/providers`: the namespaces that somebody stands for here."""
        return page(list(self._providers().values()), request)

    def provider(self, request: Request) -> Response:
        """`GET …/providers/{namespace}`, and `POST …/register`, which has nothing to do."""
        name = request.parameters["namespace"]
        found = self._providers().get(name.lower())
        if found is None:
            message = f"The resource namespace '{name}' is invalid: the emulator stands for none of its types."
            raise ServiceError(404, "InvalidResourceNamespace", message)
        if "aliases" in request.query.get("$expand", "").lower():
            found["resourceTypes"] = [{**kind, "aliases": aliases_of(name, kind)} for kind in found["resourceTypes"]]
        return Response.json(found)

    def _providers(self) -> dict[str, dict[str, Any]]:
        table = ResourceTable.load()
        entries = (table.entry_for_token(token) for token in table.tokens)
        versions = {"/".join(entry.path.key): entry.api_version for entry in entries}
        found: dict[str, dict[str, Any]] = {}
        for kind in self.emulator.types.values():
            namespace, _, name = kind.type.partition("/")
            provider = found.setdefault(
                namespace.lower(),
                {
                    "id": f"/subscriptions/{SUBSCRIPTION_ID}/providers/{namespace}",
                    "namespace": namespace,
                    "registrationPolicy": "RegistrationRequired",
                    "registrationState": "Registered",
                    "resourceTypes": [],
                },
            )
            known = versions.get(kind.type.lower())
            provider["resourceTypes"].append(
                {"resourceType": name, "locations": list(LOCATIONS), "apiVersions": [known] if known else []}
            )
        return found


def aliases_of(namespace: str, kind: dict[str, Any]) -> list[dict[str, Any]]:
    """The names that policies have for the properties of a type, and where each lies."""
    wanted = f"{namespace}/{kind['resourceType']}".lower()
    found = [alias for alias in all_aliases() if alias.resource_type.lower() == wanted]
    versions = kind["apiVersions"]
    return [
        {"name": one.name, "paths": [{"path": one.path, "apiVersions": versions}], "defaultPath": one.path}
        for one in found
    ]


def is_listed(document: Document) -> bool:
    """Whether a document is a resource of its own; a group is none, and neither is what lies on another resource."""
    return "location" in document.body and document.resource.type.lower() != GROUP


def fits(document: Document, wanted: dict[str, str]) -> bool:
    """Whether a document is what a filter asks for."""
    group = (document.resource.resource_group or "").rpartition("/")[2]
    own = {
        "resourcetype": document.resource.type,
        "name": document.name,
        "location": str(document.body["location"]),
        "resourcegroup": group,
    }
    same = all(wanted[key].lower() == value.lower() for key, value in own.items() if key in wanted)
    return same and has_tag(document, wanted)


def summary(document: Document) -> dict[str, Any]:
    """A resource as the list shows it: without its properties."""
    head = {"id": document.id, "name": document.name, "type": document.resource.type}
    return {**head, **{name: document.body[name] for name in SHOWN if name in document.body}}

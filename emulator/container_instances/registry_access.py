"""Whether a group may pull its images: the identity it names must have a role that reads the registry."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.container_instances.validation import refusal, title
from emulator.errors import ServiceError
from emulator.store import Document, Store

REGISTRY = "Microsoft.ContainerRegistry/registries"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
READERS = (
    "7f951dda-4ed3-4680-a7ca-43fe172d538d",  # AcrPull
    "8311e382-0749-4cb8-b61a-304f252e45ec",  # AcrPush
    "b93aa761-3e63-49ed-ac28-beffa264f7ac",  # Container Registry Repository Reader
    "b24988ac-6180-42a0-ab88-20f7382dd24c",  # Contributor
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner
)


class RegistryAccess:
    """Answers from the recorded registries, identities and role assignments."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, document: Document) -> None:
        """400 InaccessibleImage for an image whose registry the group cannot read."""
        for container in document.properties["containers"]:
            image = container["properties"]["image"]
            registry = self._registry(image)
            if registry is not None and (problem := self._problem(document, registry)):
                raise inaccessible(document, image, problem)

    def _registry(self, image: str) -> Document | None:
        server = image.partition("/")[0].lower()
        registries = self._store.of_type(REGISTRY)
        return next((one for one in registries if same_server(one.properties["loginServer"], server)), None)

    def _problem(self, document: Document, registry: Document) -> str:
        server = registry.properties["loginServer"]
        credentials = document.properties.get("imageRegistryCredentials") or []
        found = next((one for one in credentials if same_server(one["server"], server)), None)
        if found is None:
            return f"'imageRegistryCredentials' has no entry for the server '{server}'."
        if not found.get("identity"):
            return "" if registry.properties.get("adminUserEnabled") else f"'{server}' has no admin user."
        return self._identity_problem(document, registry, found["identity"])

    def _identity_problem(self, document: Document, registry: Document, identity: str) -> str:
        assigned = document.body.get("identity", {}).get("userAssignedIdentities") or {}
        if identity.lower() not in {one.lower() for one in assigned}:
            return f"The identity '{identity}' is not one of the group's."
        found = self._store.get(identity)
        if found is None:
            return f"There is no identity '{identity}'."
        if found.properties["principalId"].lower() not in readers_of(self._store, registry):
            return f"The identity '{identity}' has no role such as AcrPull on '{registry.id}'."
        return ""


def readers_of(store: Store, registry: Document) -> Iterator[str]:
    """Principals with a role that reads a registry, at it or above it."""
    for assignment in store.of_type(ROLE_ASSIGNMENT):
        scope = (assignment.resource.scope or "").lower().rstrip("/")
        covers = registry.key == scope or registry.key.startswith(scope + "/")
        role = assignment.properties["roleDefinitionId"].lower().rpartition("/")[2]
        if covers and role in READERS:
            yield assignment.properties["principalId"].lower()


def inaccessible(document: Document, image: str, reason: str) -> ServiceError:
    """The refusal as Azure words it, and why."""
    message = "is not accessible. Please check the image and registry credential."
    return refusal("InaccessibleImage", f"The image '{image}' in {title(document)} {message} {reason}".rstrip())


def same_server(one: str, other: str) -> bool:
    """Whether two login servers are the same; the emulator's have a port."""
    return one.lower().rstrip("/") == other.lower().rstrip("/")

"""Whether a group may pull its images: the identity it names must have a role that reads the registry."""

from __future__ import annotations

from emulator.access import PULL_IMAGE, Access
from emulator.container_instances.validation import refusal, title
from emulator.errors import ServiceError
from emulator.store import Document, Store

REGISTRY = "Microsoft.ContainerRegistry/registries"


class RegistryAccess:
    """Answers from the recorded registries, identities and role assignments."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access

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
        if not self._access.allows(found.properties["principalId"], PULL_IMAGE, registry.id):
            return f"The identity '{identity}' has no role such as AcrPull on '{registry.id}'."
        return ""


def inaccessible(document: Document, image: str, reason: str) -> ServiceError:
    """The refusal as Azure words it, and why."""
    message = "is not accessible. Please check the image and registry credential."
    return refusal("InaccessibleImage", f"The image '{image}' in {title(document)} {message} {reason}".rstrip())


def same_server(one: str, other: str) -> bool:
    """Whether two login servers are the same; the emulator's have a port."""
    return one.lower().rstrip("/") == other.lower().rstrip("/")

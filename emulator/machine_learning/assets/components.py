"""Components: steps of pipelines, kept as the specification they were sent with."""

from __future__ import annotations

from emulator.errors import ServiceError
from emulator.machine_learning.assets.asset import AssetVersion
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.locations import References
from emulator.resource_id import ResourceId
from emulator.store import Document, Store

DEFAULT_VERSION = "azureml_default"
ANONYMOUS = "azureml_anonymous"


class ComponentVersion(AssetVersion):
    """A version of a component; its specification says its own name and version, which clients read back."""

    kind = "components"
    required = ("componentSpec",)

    def __init__(self, store: Store, references: References) -> None:
        super().__init__(store)
        self.references = references

    def implicit(self, resource: ResourceId) -> Document | None:
        """Clients that name no version ask for `azureml_default`: the newest one."""
        if resource.name.lower() != DEFAULT_VERSION or not resource.parent:
            return None
        return self.references.latest(workspace_id(resource.text), self.kind, resource.names[-2])

    def _keep(self, document: Document, old: Document) -> None:
        """Nothing else may change; but clients name anonymous ones by a digest that leaves parts of them out, and write
        them again with every submission.
        """
        if document.resource.names[-2] != ANONYMOUS:
            super()._keep(document, old)

    def complete(self, document: Document) -> None:
        specification = document.properties.get("componentSpec")
        if not isinstance(specification, dict):
            raise ServiceError(400, "UserError", "'componentSpec' must be an object.", target="componentSpec")
        name, version = document.resource.names[-2:]
        specification.setdefault("name", name)
        specification.setdefault("version", version)

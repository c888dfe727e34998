"""Models: registered artefacts by name and version."""

from __future__ import annotations

from emulator.errors import ServiceError
from emulator.machine_learning.assets.asset import AssetVersion
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.locations import References, UnresolvedReference
from emulator.store import Document, Store


class ModelVersion(AssetVersion):
    """A version of a model; a path into a job's outputs becomes the datastore path it stands for."""

    kind = "models"
    defaults = {"modelType": "custom_model", "flavors": {}}  # noqa: RUF012 - clients insist on flavors
    required = ("modelUri",)

    def __init__(self, store: Store, references: References) -> None:
        super().__init__(store)
        self.references = references

    def complete(self, document: Document) -> None:
        uri = document.properties.get("modelUri") or ""
        if not uri.startswith("azureml://jobs/"):
            return
        workspace = workspace_id(document.id)
        try:
            document.properties["modelUri"] = self.references.job_output(workspace, uri)
        except UnresolvedReference as error:
            raise ServiceError(400, "UserError", str(error), target="modelUri") from None
        document.properties.setdefault("jobName", uri.removeprefix("azureml://jobs/").partition("/")[0])

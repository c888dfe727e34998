"""One Azure ML workspace: its ARM path, and azure-ai-ml's client for what needs uploads."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ml.clients.arm import arm
from ml.clients.cloud import PUBLIC, credential, load_cloud
from ml.clients.errors import CloudError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml._artifacts import _blob_storage_helper

    # After each upload the SDK prints a colour reset even with show_progress=False.
    vars(_blob_storage_helper)["print"] = lambda *_, **__: None
# The API version of azure-native 3.29.0 and of azure-ai-ml 1.35.2's own models.
API_VERSION = "2025-12-01"


@dataclass(frozen=True)
class Workspace:
    """Names a workspace."""

    subscription_id: str
    resource_group: str
    name: str

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Workspace:
        """The workspace that a resource's `workspace` input names."""
        return cls(inputs["subscriptionId"], inputs["resourceGroupName"], inputs["workspaceName"])

    @property
    def path(self) -> str:
        """Its ARM path."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    def get(self, path: str = "", **query: str) -> dict[str, Any] | None:
        """The document at a path below the workspace (the workspace's own without one)."""
        return arm().get(self.path + path, API_VERSION, **query)

    def properties(self) -> dict[str, Any]:
        """The workspace's own properties.

        Raises:
            CloudError: there is no such workspace.
        """
        document = self.get()
        if document is None:
            raise CloudError(
                f"There is no workspace '{self.name}' in resource group '{self.resource_group}'.", status=404
            )
        properties: dict[str, Any] = document["properties"]
        return properties

    def sdk(self) -> MLClient:
        """azure-ai-ml's client for this workspace, pointed at the cloud of this process."""
        return _sdk(self)


@cache
def _sdk(workspace: Workspace) -> MLClient:
    from azure.ai.ml import MLClient
    from azure.ai.ml._artifacts import _blob_storage_helper

    # After each upload the SDK prints a colour reset even with show_progress=False.
    vars(_blob_storage_helper)["print"] = lambda *_, **__: None
    # The SDK announces every experimental class it uses itself.
    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
    # The SDK leaves its last cloud in the environment and prefers it to what it is told here.
    os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    cloud = load_cloud()
    options: dict[str, Any] = {"cloud": cloud.name}
    if cloud != PUBLIC:
        # The SDK keeps the first metadata of a name for the whole process, so the name carries the address.
        options["cloud"] = f"{cloud.name}-{cloud.resource_manager.rpartition(':')[2]}"
        options["cloud_metadata"] = {
            "azure_portal": cloud.portal,
            "resource_manager": cloud.resource_manager + "/",
            "active_directory": cloud.login + "/",
            "aml_resource_id": cloud.audience,
            "storage_endpoint": cloud.storage_suffix,
            "registry_discovery_endpoint": cloud.resource_manager + "/",
        }
    return MLClient(
        credential(),
        workspace.subscription_id,
        workspace.resource_group,
        workspace.name,
        enable_telemetry=False,
        show_progress=False,
        **options,
    )

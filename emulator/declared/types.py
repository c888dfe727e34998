"""What Azure adds to a resource when it makes it: names, addresses and ids that a program reads."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.arm.types import require_location
from emulator.online_endpoints.identity import complete_identity
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.store import Document, Store


class Declared(ResourceType):
    """A document with Azure's answers, which follow from its id: made a second time it has the same ones."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        require_location(document)
        if document.body.get("identity"):
            document.body["identity"] = complete_identity(self.store, document)
        document.properties.update(self.answers(document), provisioningState="Succeeded")

    def answers(self, document: Document) -> dict[str, Any]:
        """The properties that Azure fills in."""
        return {}


class IotHub(Declared):
    """An IoT hub that no device reaches."""

    type = "Microsoft.Devices/IotHubs"

    def answers(self, document: Document) -> dict[str, Any]:
        name = document.name.lower()
        return {
            "hostName": f"{name}.azure-devices.net",
            "state": "Active",
            "locations": [{"location": location_of(document), "role": "primary"}],
        }


class BuiltIn(ResourceType):
    """Part of a resource that is there as soon as the resource is, under one name; others are below it."""

    creatable = False

    def __init__(self, store: Store, type_: str, name: str) -> None:
        self.store, self.type, self.name = store, type_, name

    def implicit(self, resource: ResourceId) -> Document | None:
        owner = resource.text.rsplit("/", 2)[0]
        found = resource.name.lower() == self.name and self.store.get(owner) is not None
        return Document(resource.text, {"properties": {}}) if found else None


class DeviceProvisioning(Declared):
    """A provisioning service that provisions nothing."""

    type = "Microsoft.Devices/provisioningServices"

    def answers(self, document: Document) -> dict[str, Any]:
        return {
            "serviceOperationsHostName": f"{document.name.lower()}.azure-devices-provisioning.net",
            "deviceProvisioningHostName": "global.azure-devices-provisioning.net",
            "idScope": f"0ne{own_id(document, 'scope')[:8].upper()}",
            "state": "Active",
        }


class SystemTopic(Declared):
    """A topic of Event Grid on which nothing happens."""

    type = "Microsoft.EventGrid/systemTopics"
    long_running = long_running_delete = True

    def answers(self, document: Document) -> dict[str, Any]:
        return {"metricResourceId": own_id(document, "metrics")}


class LogicApp(Declared):
    """A workflow of Logic Apps that is never run."""

    type = "Microsoft.Logic/workflows"

    def answers(self, document: Document) -> dict[str, Any]:
        number = own_id(document, "workflow").replace("-", "")
        return {
            "accessEndpoint": f"https://prod-00.{location_of(document)}.logic.azure.com:443/workflows/{number}",
            "state": document.properties.get("state", "Enabled"),
        }


class ModelRegistry(Declared):
    """A registry of Azure ML without its storage accounts and container registries."""

    type = "Microsoft.MachineLearningServices/registries"

    def answers(self, document: Document) -> dict[str, Any]:
        location = location_of(document)
        host = f"{location}.api.azureml.ms"
        subscription = "/".join(document.id.split("/")[:3])
        group = f"{subscription}/resourceGroups/azureml-rg-{document.name}_{own_id(document, 'group')}"
        return {
            "discoveryUrl": f"https://{host}/registrymanagement/v1.0/registries/{document.name}/discovery",
            "mlFlowRegistryUri": f"azureml://{host}/mlflow/v1.0{document.id}",
            "managedResourceGroup": {"resourceId": group},
        }


class BatchEndpoint(Declared):
    """A batch endpoint that takes no job: its deployments are kept, and nothing runs them."""

    type = "Microsoft.MachineLearningServices/workspaces/batchEndpoints"

    def answers(self, document: Document) -> dict[str, Any]:
        host = f"https://{document.name}.{location_of(document)}.inference.ml.azure.com"
        return {"scoringUri": f"{host}/jobs", "swaggerUri": f"{host}/swagger.json"}


def location_of(document: Document) -> str:
    """The region, as host names have it."""
    return str(document.body["location"]).lower().replace(" ", "")


def own_id(document: Document, what: str) -> str:
    """A GUID that follows from the resource's id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{document.key}#{what}"))

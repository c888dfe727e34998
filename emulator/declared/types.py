"""What Azure adds to a resource when it makes it: names, addresses and ids that a program reads."""

from __future__ import annotations

import uuid
from typing import Any

from emulator.arm.types import require_location
from emulator.online_endpoints.identity import complete_identity
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.settings import TENANT_ID
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


class ManagedCluster(Declared):
    """An AKS cluster without a node. Its issuer answers nobody."""

    type = "Microsoft.ContainerService/managedClusters"

    def answers(self, document: Document) -> dict[str, Any]:
        given, location = document.properties, _location(document)
        own, group = _id(document, "cluster"), document.id.split("/")[4]
        server = given.get("apiServerAccessProfile") or {}
        host = f"{given.get('dnsPrefix') or document.name}-{own[:8]}"
        address = {"fqdn": f"{host}.hcp.{location}.azmk8s.io"}
        if server.get("enablePrivateCluster"):
            address = {"privateFQDN": f"{host}.{own}.privatelink.{location}.azmk8s.io"}
        issuer = given.get("oidcIssuerProfile") or {}
        if issuer.get("enabled"):
            issuer = {**issuer, "issuerURL": f"https://{location}.oic.prod-aks.azure.com/{TENANT_ID}/{own}/"}
        return {
            **address,
            "oidcIssuerProfile": issuer,
            "powerState": {"code": "Running"},
            "resourceUID": own.replace("-", "")[:24],
            "currentKubernetesVersion": f"{given.get('kubernetesVersion', '1.36')}.0",
            "nodeResourceGroup": given.get("nodeResourceGroup") or f"MC_{group}_{document.name}_{location}"[:80],
            "maxAgentPools": 100,
        }


class IotHub(Declared):
    """An IoT hub that no device reaches."""

    type = "Microsoft.Devices/IotHubs"

    def answers(self, document: Document) -> dict[str, Any]:
        name = document.name.lower()
        return {
            "hostName": f"{name}.azure-devices.net",
            "state": "Active",
            "locations": [{"location": _location(document), "role": "primary"}],
        }


class BuiltInEndpoint(ResourceType):
    """`eventHubEndpoints/events`: there as soon as the hub is; consumer groups are below it."""

    type = f"{IotHub.type}/eventHubEndpoints"
    creatable = False

    def __init__(self, store: Store) -> None:
        self.store = store

    def implicit(self, resource: ResourceId) -> Document | None:
        hub = resource.text.rsplit("/", 2)[0]
        found = resource.name.lower() == "events" and self.store.get(hub) is not None
        return Document(resource.text, {"properties": {}}) if found else None


class DeviceProvisioning(Declared):
    """A provisioning service that provisions nothing."""

    type = "Microsoft.Devices/provisioningServices"

    def answers(self, document: Document) -> dict[str, Any]:
        return {
            "serviceOperationsHostName": f"{document.name.lower()}.azure-devices-provisioning.net",
            "deviceProvisioningHostName": "global.azure-devices-provisioning.net",
            "idScope": f"0ne{_id(document, 'scope')[:8].upper()}",
            "state": "Active",
        }


class ModelRegistry(Declared):
    """A registry of Azure ML without its storage accounts and container registries."""

    type = "Microsoft.MachineLearningServices/registries"

    def answers(self, document: Document) -> dict[str, Any]:
        location = _location(document)
        host = f"{location}.api.azureml.ms"
        subscription = "/".join(document.id.split("/")[:3])
        group = f"{subscription}/resourceGroups/azureml-rg-{document.name}_{_id(document, 'group')}"
        return {
            "discoveryUrl": f"https://{host}/registrymanagement/v1.0/registries/{document.name}/discovery",
            "mlFlowRegistryUri": f"azureml://{host}/mlflow/v1.0{document.id}",
            "managedResourceGroup": {"resourceId": group},
        }


class BatchEndpoint(Declared):
    """A batch endpoint that takes no job: its deployments are kept, and nothing runs them."""

    type = "Microsoft.MachineLearningServices/workspaces/batchEndpoints"

    def answers(self, document: Document) -> dict[str, Any]:
        host = f"https://{document.name}.{_location(document)}.inference.ml.azure.com"
        return {"scoringUri": f"{host}/jobs", "swaggerUri": f"{host}/swagger.json"}


def _location(document: Document) -> str:
    return str(document.body["location"]).lower().replace(" ", "")


def _id(document: Document, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{document.key}#{what}"))

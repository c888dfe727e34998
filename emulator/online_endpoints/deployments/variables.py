"""Variables that Azure gives a deployment's containers, and those that lead their clients to this emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.machine_learning.identifiers import workspace_id
from emulator.online_endpoints import names
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.containers.identity import ContainerIdentities
    from emulator.service import Emulator


def azure_variables(emulator: Emulator, deployment: Document) -> dict[str, str]:
    """Variables that hold no secret."""
    parts = workspace_id(deployment.id).split("/")
    settings = emulator.settings
    found = {
        "AZUREML_ARM_SUBSCRIPTION": parts[2],
        "AZUREML_ARM_RESOURCEGROUP": parts[4],
        "AZUREML_ARM_WORKSPACE_NAME": parts[8],
        "SERVICE_NAME": deployment.name,
        "ARM_METADATA_HOSTNAME": f"localhost:{settings.https_port}",
        "ARM_DISABLE_INSTANCE_DISCOVERY": "true",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    return {**found, **insights(emulator, deployment)}


def insights(emulator: Emulator, deployment: Document) -> dict[str, str]:
    """Where telemetry goes, when the deployment has `appInsightsEnabled`."""
    workspace = emulator.store.get(workspace_id(deployment.id))
    if not deployment.properties.get("appInsightsEnabled") or workspace is None:
        return {}
    component = emulator.store.get(workspace.properties.get("applicationInsights") or "")
    if component is None:
        return {}
    return {
        "AML_APP_INSIGHTS_ENABLED": "true",
        "AML_APP_INSIGHTS_KEY": component.properties["InstrumentationKey"],
        "APPLICATIONINSIGHTS_CONNECTION_STRING": component.properties["ConnectionString"],
    }


def identity_variables(
    store: Store, identities: ContainerIdentities, deployment: Document, name: str
) -> dict[str, str]:
    """How an instance gets tokens of the endpoint's identities: with a secret, so they are kept nowhere."""
    endpoint = store.get(names.endpoint_id(deployment))
    if endpoint is None:
        return {}
    identity = endpoint.body.get("identity") or {}
    own = [endpoint.id] if identity.get("principalId") else []
    return identities.variables(name, [*own, *(identity.get("userAssignedIdentities") or {})])

"""What the lines of the role table are about, on an emulator: one resource for each scope, and who acts on it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION
from emulator.entra.directory import DEPLOYERS as DEPLOYERS_GROUP
from emulator.entra.directory import PIPELINE
from emulator.entra.principal import Principal
from emulator.entra.tokens import Tokens
from emulator.settings import TENANT_ID
from infra.permissions import DEPLOYERS, TABLE, Permission, table_condition
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm, wait_for

GROUP = f"{SUBSCRIPTION}/resourceGroups/role-table"
PROVIDERS = f"{GROUP}/providers"
ACCOUNTS = f"{PROVIDERS}/Microsoft.Storage/storageAccounts"
NETWORK = f"{PROVIDERS}/Microsoft.Network/virtualNetworks/vnet-roles"
IDENTITIES = f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities"
IDS = {
    "group": GROUP,
    "ml": f"{ACCOUNTS}/rolesml",
    "lake": f"{ACCOUNTS}/roleslake",
    "lake-raw": f"{ACCOUNTS}/roleslake/blobServices/default/containers/raw",
    "lake-curated": f"{ACCOUNTS}/roleslake/blobServices/default/containers/curated",
    "dead-letters": f"{ACCOUNTS}/roleslake/blobServices/default/containers/dead-letters",
    "new-files": f"{ACCOUNTS}/roleslake/queueServices/default/queues/new-files",
    "new-files-poison": f"{ACCOUNTS}/roleslake/queueServices/default/queues/new-files-poison",
    "state": f"{ACCOUNTS}/rolesstate",
    "vault": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-roles",
    "keys": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-roles-state",
    "registry": f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/crroles",
    "insights": f"{PROVIDERS}/Microsoft.Insights/components/appi-roles",
    "workspace": f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/mlw-roles",
    "model-registry": f"{PROVIDERS}/Microsoft.MachineLearningServices/registries/mlr-roles",
    "databricks": f"{PROVIDERS}/Microsoft.Databricks/workspaces/dbw-roles",
    "iot-hub": f"{PROVIDERS}/Microsoft.Devices/IotHubs/iot-roles",
    "device-provisioning": f"{PROVIDERS}/Microsoft.Devices/provisioningServices/provs-roles",
    "kubernetes": f"{PROVIDERS}/Microsoft.ContainerService/managedClusters/aks-roles",
    "kubernetes-subnet": f"{NETWORK}/subnets/nodes",
    "kubelet": f"{IDENTITIES}/kubelet",
}
"""By the name of the scope."""
LOGS = f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log-roles"
WEST = {"location": "westeurope"}


def named(line: Permission) -> str:
    """A line in the name of a test."""
    return f"{line.who}-{line.role.slug}-{line.where}"


@dataclass(frozen=True)
class Credential:
    """A managed identity's tokens, as its own endpoint would give them."""

    tokens: Tokens
    principal: Principal

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(*self.tokens.issue(scopes[0].removesuffix("/.default"), self.principal))


@dataclass
class World:
    """The resources, with all lines given that the emulator asks for."""

    emulator: RunningEmulator
    arm: Arm
    tokens: Tokens
    identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    transport: RequestsTransport = field(default_factory=RequestsTransport)
    """Of all clients of Azure's SDKs: a connection of their own costs each a quarter of a second."""
    signed_in: dict[str, Any] = field(default_factory=dict)

    def put(self, path: str, body: dict[str, Any], version: str = "2024-03-01") -> dict[str, Any]:
        """Makes a resource as whoever owns the subscription."""
        answer = self.arm.send("PUT", path, body, version)
        assert answer.is_success, answer.text
        settle(self.arm, answer)
        found: dict[str, Any] = self.arm.send("GET", path, version=version).json()
        return found

    def send(self, who: str, method: str, path: str, body: Any, version: str) -> httpx.Response:
        """A request to Resource Manager with somebody's own token."""
        token = self.credential(who).get_token("https://management.azure.com/.default").token
        return self.arm.send(method, path, body, version, headers={"authorization": f"Bearer {token}"})

    def principal(self, who: str) -> str:
        """The object id of whoever a line is about."""
        return DEPLOYERS_GROUP if who == DEPLOYERS else str(self.identities[who]["properties"]["principalId"])

    def assignment(self, line: Permission) -> str:
        """The id of a line's assignment."""
        return f"{IDS[line.where]}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid5(uuid.NAMESPACE_URL, named(line))}"

    def give(self, line: Permission) -> None:
        """Assigns the role of a line."""
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{line.role.value}"
        properties = {"roleDefinitionId": definition, "principalId": self.principal(line.who)}
        if line.table_only:
            properties |= {"condition": table_condition(), "conditionVersion": "2.0"}
        self.put(self.assignment(line), {"properties": {**properties, "principalType": "ServicePrincipal"}})

    def take(self, line: Permission) -> None:
        """Takes it away."""
        assert self.arm.send("DELETE", self.assignment(line)).status_code == 200

    def credential(self, who: str) -> Any:
        """Whoever a line is about, signed in: of the deployers one that is nothing but a member of the group."""
        if who not in self.signed_in:
            self.signed_in[who] = self._sign_in(who)
        return self.signed_in[who]

    def close(self) -> None:
        """Closes what calls have opened."""
        self.transport.close()
        self.arm.client.close()

    def _sign_in(self, who: str) -> Any:
        if who == DEPLOYERS:
            return ClientSecretCredential(
                TENANT_ID,
                PIPELINE.client_id,
                self.emulator.settings.identity_secret,
                authority=f"https://localhost:{self.emulator.settings.https_port}",
                disable_instance_discovery=True,
            )
        properties = self.identities[who]["properties"]
        return Credential(self.tokens, Principal(properties["principalId"], properties["clientId"], ""))


def make(emulator: RunningEmulator, lines: list[Permission]) -> World:
    """Makes the resources and gives the lines."""
    settings = emulator.settings
    world = World(emulator, Arm(emulator), Tokens(settings.state, settings.base_url))
    world.put(GROUP, WEST)
    for who in sorted({line.who for line in TABLE} - {DEPLOYERS}):
        world.identities[who] = world.put(f"{IDENTITIES}/{who}", WEST)
    make_storage(world)
    vault = {"tenantId": TENANT_ID, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
    world.put(IDS["vault"], {**WEST, "properties": vault})
    world.put(LOGS, {**WEST, "properties": {"sku": {"name": "PerGB2018"}}}, "2023-09-01")
    component = {"Application_Type": "web", "WorkspaceResourceId": LOGS, "DisableLocalAuth": True}
    world.put(IDS["insights"], {**WEST, "kind": "web", "properties": component}, "2020-02-02")
    world.put(IDS["registry"], {**WEST, "sku": {"name": "Basic"}}, "2023-07-01")
    world.put(NETWORK, {**WEST, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}, "2024-05-01")
    world.put(IDS["kubernetes-subnet"], {"properties": {"addressPrefix": "10.0.1.0/24"}}, "2024-05-01")
    later = ("workspace", "kubernetes")
    for line in lines:
        if line.where not in later:
            world.give(line)
    assert make_workspace(world, IDS["workspace"]).is_success
    assert make_cluster(world, IDS["kubernetes"]).is_success
    for line in lines:
        if line.where in later:
            world.give(line)
    return world


def make_storage(world: World) -> None:
    """Three accounts without keys, each with what the calls read and write."""
    account = {**WEST, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    for name in ("ml", "lake", "state"):
        world.put(IDS[name], {**account, "properties": {"allowSharedKeyAccess": False}}, "2024-01-01")
    files = [f"{IDS[name]}/blobServices/default/containers/files" for name in ("ml", "state")]
    for container in (IDS["lake-raw"], IDS["lake-curated"], IDS["dead-letters"], *files):
        world.put(container, {"properties": {}}, "2024-01-01")


def make_workspace(world: World, path: str) -> httpx.Response:
    """A workspace as the program declares it in a closed network."""
    identity = world.identities["workspace"]["id"]
    target = {"serviceResourceId": IDS["lake"], "subresourceTarget": "blob"}
    rule = {"type": "PrivateEndpoint", "category": "UserDefined", "destination": target}
    properties = {
        "storageAccount": IDS["ml"],
        "keyVault": IDS["vault"],
        "applicationInsights": IDS["insights"],
        "containerRegistry": IDS["registry"],
        "primaryUserAssignedIdentity": identity,
        "systemDatastoresAuthMode": "Identity",
        "managedNetwork": {"isolationMode": "AllowInternetOutbound", "outboundRules": {"lake": rule}},
    }
    body = {**WEST, "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}}
    answer = world.arm.send("PUT", path, {**body, "properties": properties}, "2024-10-01")
    if answer.is_success:
        settle(world.arm, answer)
    return answer


def make_cluster(world: World, path: str) -> httpx.Response:
    """A cluster as the program declares it in a private network: nodes in a subnet, with an identity of their own."""
    identity, kubelet = world.identities["kubernetes"]["id"], world.identities["kubelet"]
    pool = {"name": "system", "mode": "System", "vmSize": "Standard_D4ds_v5", "count": 1}
    ids = kubelet["properties"]
    nodes = {"resourceId": kubelet["id"], "clientId": ids["clientId"], "objectId": ids["principalId"]}
    properties = {
        "dnsPrefix": "roles",
        "identityProfile": {"kubeletidentity": nodes},
        "agentPoolProfiles": [{**pool, "vnetSubnetID": IDS["kubernetes-subnet"]}],
    }
    given = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    body = {**WEST, "identity": given, "properties": properties}
    return world.arm.send("PUT", path, body, "2025-09-01")


def settle(arm: Arm, answer: httpx.Response) -> None:
    """Waits where there is something to wait for."""
    if "azure-asyncoperation" in answer.headers:
        wait_for(arm, answer)

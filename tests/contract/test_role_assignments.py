"""Each line of the role table is there for a call: without it Azure refuses the call, with it the call succeeds.

All lines are given; each test takes one away, makes its call with the unmodified SDK and that principal's own token,
and gives the line back. Lines about services whose own endpoints the emulator has not are held to their role alone.
"""

from __future__ import annotations

import gc
import ssl
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from azure.containerregistry import ContainerRegistryClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION
from emulator.entra.directory import DEPLOYERS as DEPLOYERS_GROUP
from emulator.entra.directory import PIPELINE
from emulator.entra.principal import Principal
from emulator.entra.tokens import Tokens
from emulator.roles import BUILT_IN
from emulator.settings import TENANT_ID
from infra.permissions import DEPLOYERS, TABLE, Permission
from infra.role_assignments import Role
from tests.conftest import RunningEmulator, grant_deployers
from tests.contract.test_arm import Arm, wait_for

GROUP = f"{SUBSCRIPTION}/resourceGroups/role-table"
PROVIDERS = f"{GROUP}/providers"
IDS = {
    "ml": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/rolesml",
    "lake": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/roleslake",
    "lake-raw": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/roleslake/blobServices/default/containers/raw",
    "lake-curated": f"{PROVIDERS}/Microsoft.Storage/storageAccounts/roleslake/blobServices/default/containers/curated",
    "vault": f"{PROVIDERS}/Microsoft.KeyVault/vaults/kv-roles",
    "registry": f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/crroles",
    "insights": f"{PROVIDERS}/Microsoft.Insights/components/appi-roles",
    "workspace": f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/mlw-roles",
}
LOGS = f"{PROVIDERS}/Microsoft.OperationalInsights/workspaces/log-roles"
WEST = {"location": "westeurope"}
REFUSED = (401, 403)
"""A registry answers with 401 and a challenge, everything else with 403."""


@dataclass(frozen=True)
class Credential:
    """A managed identity's tokens, as its own endpoint would give them."""

    tokens: Tokens
    principal: Principal

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(*self.tokens.issue(scopes[0].removesuffix("/.default"), self.principal))


@dataclass
class World:
    """What the table's lines about the base platform are about, with all of them given."""

    emulator: RunningEmulator
    arm: Arm
    tokens: Tokens
    identities: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, path: str, body: dict[str, Any], version: str = "2024-03-01") -> dict[str, Any]:
        answer = self.arm.send("PUT", path, body, version)
        assert answer.is_success, answer.text
        settle(self.arm, answer)
        found: dict[str, Any] = self.arm.send("GET", path, version=version).json()
        return found

    def principal(self, who: str) -> str:
        return DEPLOYERS_GROUP if who == DEPLOYERS else str(self.identities[who]["properties"]["principalId"])

    def assignment(self, line: Permission) -> str:
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{line.who} {line.role} {line.where}")
        return f"{IDS[line.where]}/providers/{ROLE_ASSIGNMENT}/{name}"

    def give(self, line: Permission) -> None:
        definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{line.role.value}"
        properties = {"roleDefinitionId": definition, "principalId": self.principal(line.who)}
        self.put(self.assignment(line), {"properties": {**properties, "principalType": "ServicePrincipal"}})

    def take(self, line: Permission) -> None:
        assert self.arm.send("DELETE", self.assignment(line)).status_code == 200

    def credential(self, who: str) -> Any:
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


def make(emulator: RunningEmulator) -> World:
    settings = emulator.settings
    world = World(emulator, Arm(emulator), Tokens(settings.state, settings.base_url))
    world.put(GROUP, WEST)
    for who in ("workspace", "compute", "endpoint"):
        world.identities[who] = world.put(f"{PROVIDERS}/Microsoft.ManagedIdentity/userAssignedIdentities/{who}", WEST)
    account = {**WEST, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    for name in ("ml", "lake"):
        world.put(IDS[name], {**account, "properties": {"allowSharedKeyAccess": False}}, "2024-01-01")
    for container in (IDS["lake-raw"], IDS["lake-curated"], f"{IDS['ml']}/blobServices/default/containers/files"):
        world.put(container, {"properties": {}}, "2024-01-01")
    vault = {"tenantId": TENANT_ID, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
    world.put(IDS["vault"], {**WEST, "properties": vault})
    world.put(LOGS, {**WEST, "properties": {"sku": {"name": "PerGB2018"}}}, "2023-09-01")
    component = {"Application_Type": "web", "WorkspaceResourceId": LOGS, "DisableLocalAuth": True}
    world.put(IDS["insights"], {**WEST, "kind": "web", "properties": component}, "2020-02-02")
    world.put(IDS["registry"], {**WEST, "sku": {"name": "Basic"}}, "2023-07-01")
    for line in BASE:
        if line.where != "workspace":
            world.give(line)
    assert make_workspace(world, IDS["workspace"]).is_success
    for line in BASE:
        if line.where == "workspace":
            world.give(line)
    return world


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


def settle(arm: Arm, answer: httpx.Response) -> None:
    """Waits where there is something to wait for."""
    if "azure-asyncoperation" in answer.headers:
        wait_for(arm, answer)


# -- the calls: each gives the status of its answer


def workspace(world: World, who: str, where: str) -> int:
    """Azure ML looks at what the workspace's identity may do before it makes the workspace."""
    return make_workspace(world, f"{IDS['workspace']}-{uuid.uuid4().hex[:8]}").status_code


def blob(verb: str) -> Callable[[World, str, str], int]:
    """Reads or writes a blob of the place."""

    def call(world: World, who: str, where: str) -> int:
        account, _, container = where.partition("-")
        url = f"https://roles{account}.blob.{world.emulator.settings.storage_suffix()}"
        container = container or ("files" if account == "ml" else "raw")
        with BlobServiceClient(url, credential=world.credential(who), retry_total=0) as service:
            found = service.get_blob_client(container, f"{who}.txt")
            try:
                found.upload_blob(b"x", overwrite=True) if verb == "write" else found.download_blob().readall()
            except ResourceNotFoundError:
                return 200  # who may not read learns not even that
            except HttpResponseError as error:
                return error.status_code or 0
        return 200

    return call


def pull(world: World, who: str, where: str) -> int:
    """Asks for a manifest."""
    server = f"https://crroles.azurecr.localhost:{world.emulator.settings.https_port}"
    with ContainerRegistryClient(
        server, world.credential(who), audience="https://management.azure.com", retry_total=0
    ) as client:
        try:
            client.get_manifest("none", "latest")
        except HttpResponseError as error:
            return 200 if error.status_code == 404 else error.status_code or 0
    return 200


def telemetry(world: World, who: str, where: str) -> int:
    """Sends an item as the exporters do."""
    key = world.arm.send("GET", IDS["insights"], version="2020-02-02").json()["properties"]["ConnectionString"]
    parts = dict(part.split("=", 1) for part in key.split(";"))
    item = {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "iKey": parts["InstrumentationKey"],
        "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "here"}},
    }
    token = world.credential(who).get_token("https://monitor.azure.com/.default").token
    address = f"{parts['IngestionEndpoint'].rstrip('/')}/v2.1/track"
    trust = ssl.create_default_context(cafile=world.emulator.environment["SSL_CERT_FILE"])
    answer = httpx.post(address, json=[item], headers={"authorization": f"Bearer {token}"}, verify=trust)
    return answer.status_code


def model(world: World, who: str, where: str) -> int:
    """Registers a model's container."""
    token = world.credential(who).get_token("https://management.azure.com/.default").token
    path = f"{IDS['workspace']}/models/bike-buyer"
    headers = {"authorization": f"Bearer {token}"}
    answer = world.arm.send("PUT", path, {"properties": {}}, "2024-10-01", headers=headers)
    return answer.status_code


def secret(world: World, who: str, where: str) -> int:
    """Sets a secret."""
    url = f"https://kv-roles.vault.localhost:{world.emulator.settings.https_port}"
    with SecretClient(url, world.credential(who), verify_challenge_resource=False, retry_total=0) as client:
        try:
            client.set_secret("key", "value")
        except HttpResponseError as error:
            return error.status_code or 0
    return 200


CALLS: dict[tuple[str, Role, str], Callable[[World, str, str], int]] = {
    **{
        (line.who, line.role, line.where): workspace
        for line in TABLE
        if line.who == "workspace" and line.where != "workspace"
    },
    ("compute", Role.ACR_PULL, "registry"): pull,
    ("compute", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml"): blob("write"),
    ("compute", Role.STORAGE_BLOB_DATA_READER, "lake-raw"): blob("read"),
    ("compute", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake-curated"): blob("write"),
    ("endpoint", Role.ACR_PULL, "registry"): pull,
    ("endpoint", Role.STORAGE_BLOB_DATA_READER, "ml"): blob("read"),
    ("endpoint", Role.MONITORING_METRICS_PUBLISHER, "insights"): telemetry,
    (DEPLOYERS, Role.AZUREML_DATA_SCIENTIST, "workspace"): model,
    (DEPLOYERS, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml"): blob("write"),
    (DEPLOYERS, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake"): blob("write"),
    (DEPLOYERS, Role.KEY_VAULT_SECRETS_OFFICER, "vault"): secret,
}
BASE = [line for line in TABLE if (line.who, line.role, line.where) in CALLS]
REST = [line for line in TABLE if line not in BASE]


@pytest.fixture(name="world", scope="module")
def fixture_world(emulator: RunningEmulator) -> Iterator[World]:
    arm = Arm(emulator)
    given = arm.send("GET", f"{SUBSCRIPTION}/providers/{ROLE_ASSIGNMENT}").json()["value"]
    shared = [one for one in given if one["properties"]["principalId"] == DEPLOYERS_GROUP]
    for one in shared:  # the session's own, which would hide that a line is missing
        assert arm.send("DELETE", one["id"]).status_code == 200
    made = make(emulator)
    yield made
    grant_deployers()
    made.arm.client.close()
    arm.client.close()


@pytest.fixture(autouse=True)
def fixture_sockets() -> Iterator[None]:
    """azure-containerregistry never closes the clients it asks for tokens with."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def named(line: Permission) -> str:
    return f"{line.who}-{line.role.slug}-{line.where}"


@pytest.mark.parametrize("line", BASE, ids=named)
def test_without_its_line_a_call_is_refused(world: World, line: Permission) -> None:
    call = CALLS[(line.who, line.role, line.where)]
    world.take(line)
    try:
        assert call(world, line.who, line.where) in REFUSED
    finally:
        world.give(line)
    assert call(world, line.who, line.where) in (200, 201)


@pytest.mark.parametrize("line", REST, ids=named)
def test_the_role_of_every_other_line_is_one_of_azure_s_that_grants_something(line: Permission) -> None:
    permissions = BUILT_IN[line.role.value].permissions
    assert any(one.actions or one.data_actions for one in permissions)


def test_every_line_about_the_base_platform_has_its_call() -> None:
    base = {"workspace", "compute", "endpoint"}
    assert [named(line) for line in REST if line.who in base] == ["workspace-contributor-workspace"]

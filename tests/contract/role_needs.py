"""Why each line of the role table stands there: who makes which call, and what Azure asks for then, with the source.

A line is `called` where the emulator answers the call, and goes `by definition` where it has no such service: then the
action that the documented call needs has to be in that role and in no other one of the same identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.permissions import DEPLOYERS, Permission
from infra.role_assignments import Role
from tests.contract import role_calls as calls
from tests.contract.role_calls import ML, STORAGE, Call

LEARN = "https://learn.microsoft.com/azure"
WORKSPACE_TABLE = f"{LEARN}/machine-learning/how-to-identity-based-service-authentication#workspace"
"""The table of a user-assigned identity's roles."""
CLUSTER_IDENTITY = f"{LEARN}/machine-learning/how-to-identity-based-service-authentication#compute-cluster"
BLOB_CALLS = (
    "https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory"
    "#permissions-for-blob-service-operations"
)
QUEUE_CALLS = BLOB_CALLS.replace("blob", "queue")
EVENT_DELIVERY = f"{LEARN}/event-grid/deliver-events-using-managed-identity"
BATCH_CALLS = f"{LEARN}/machine-learning/how-to-authenticate-batch-endpoint#configure-rbac-for-batch-endpoints-invoke"
ACR_ROLES = f"{LEARN}/container-registry/container-registry-rbac-built-in-roles-overview"
HUB_ACTIONS = f"{LEARN}/iot-hub/iot-hub-dev-guide-azure-ad-rbac#permissions-for-iot-hub-service-apis"
DPS_ACTIONS = f"{LEARN}/iot-dps/concepts-control-access-dps-azure-ad#permissions-for-device-provisioning-service-apis"
REGISTRY_ACTIONS = f"{LEARN}/machine-learning/how-to-manage-registries#create-and-use-assets-from-the-registry"
SECRETS_PROVIDER = "https://github.com/google/go-cloud/blob/master/secrets/azurekeyvault/akv.go"
"""What `azurekeyvault://` of Pulumi is: `Encrypt` and `Decrypt`, not the wrapping of keys."""

WRITE_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
READ_BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
MESSAGES = "Microsoft.Storage/storageAccounts/queueServices/queues/messages"
REGISTRY = "Microsoft.ContainerRegistry/registries"
PULL = f"{REGISTRY}/pull/read"
HUB = "Microsoft.Devices/IotHubs"
ML_TYPE = "Microsoft.MachineLearningServices"
AKS = "Microsoft.ContainerService/managedClusters"

FORBIDDEN = (403, "AuthorizationFailed")
MISMATCH = (403, "AuthorizationPermissionMismatch")
MADE = "PUT https://management.azure.com/…/workspaces/{name}, on behalf of the identity"
QUEUE = "https://{account}.queue.core.windows.net/{queue}/messages"
BLOB = "https://{account}.blob.core.windows.net/{container}/{blob}"
SECRET = "PUT https://{vault}.vault.azure.net/secrets/{name}"
DECRYPT = "POST https://{vault}.vault.azure.net/keys/{name}/{version}/decrypt"


@dataclass(frozen=True)
class Need:
    """`request`: method, host and path of the call. `actions`: what Azure asks for; those of the role, actions or data
    actions. `refused`: status and code of the answer without the line.
    """

    who: str
    role: Role
    where: str
    request: str
    actions: tuple[str, ...]
    source: str
    call: Call | None = None
    refused: tuple[int, str] = FORBIDDEN

    @property
    def line(self) -> tuple[str, Role, str]:
        """What a line of the table is told by."""
        return self.who, self.role, self.where


def workspace(role: Role, where: str, action: str, source: str = WORKSPACE_TABLE) -> Need:
    """What Azure ML does by the workspace's identity, and looks at before it makes the workspace."""
    return Need("workspace", role, where, MADE, (action,), source, calls.workspace)


def writes(who: str, where: str, source: str = BLOB_CALLS) -> Need:
    """Puts a blob."""
    role, call = Role.STORAGE_BLOB_DATA_CONTRIBUTOR, calls.blob("write")
    return Need(who, role, where, f"PUT {BLOB}", (WRITE_BLOB,), source, call, MISMATCH)


def reads(who: str, where: str, source: str = BLOB_CALLS) -> Need:
    """Gets a blob."""
    role, call = Role.STORAGE_BLOB_DATA_READER, calls.blob("read")
    return Need(who, role, where, f"GET {BLOB}", (READ_BLOB,), source, call, MISMATCH)


def sends(who: str, where: str, source: str = QUEUE_CALLS) -> Need:
    """Puts a message into a queue."""
    role = Role.STORAGE_QUEUE_DATA_MESSAGE_SENDER
    return Need(who, role, where, f"POST {QUEUE}", (f"{MESSAGES}/add/action",), source)


def pulls(who: str, source: str = ACR_ROLES) -> Need:
    """Gets a manifest; the registry refuses with the scope that the token has not."""
    request = "GET https://{registry}.azurecr.io/v2/{repository}/manifests/{reference}"
    return Need(who, Role.ACR_PULL, "registry", request, (PULL,), source, calls.pull, (401, "repository:none:pull"))


def directs_devices(who: str) -> Need:
    """A deployment is a configuration of the hub with a target condition."""
    request = "PUT https://{hub}.azure-devices.net/configurations/{id}"
    return Need(who, Role.IOT_HUB_DATA_CONTRIBUTOR, "iot-hub", request, (f"{HUB}/configurations/write",), HUB_ACTIONS)


def makes_keys(who: str) -> Need:
    """Sets a secret."""
    action = "Microsoft.KeyVault/vaults/secrets/setSecret/action"
    source = f"{LEARN}/key-vault/general/rbac-guide"
    return Need(
        who,
        Role.KEY_VAULT_SECRETS_OFFICER,
        "vault",
        SECRET,
        (action,),
        source,
        calls.secret,
        (403, "Forbidden"),
    )


def unlocks_state(who: str) -> Need:
    """Pulumi encrypts and decrypts the data key of a stack."""
    keys = "Microsoft.KeyVault/vaults/keys"
    actions = (f"{keys}/encrypt/action", f"{keys}/decrypt/action")
    return Need(who, Role.KEY_VAULT_CRYPTO_USER, "keys", DECRYPT, actions, SECRETS_PROVIDER)


def submits(who: str) -> Need:
    """Registers a model; a job is asked for in the same way."""
    return Need(
        who,
        Role.AZUREML_DATA_SCIENTIST,
        "workspace",
        "PUT https://management.azure.com/…/workspaces/{name}/models/{model}",
        (f"{ML_TYPE}/workspaces/models/write", f"{ML_TYPE}/workspaces/jobs/write"),
        f"{LEARN}/machine-learning/how-to-assign-roles#default-roles",
        calls.manager("PUT", "/models/bike-buyer", {"properties": {}}, ML),
    )


NEEDS = (
    workspace(Role.CONTRIBUTOR, "ml", "Microsoft.Storage/storageAccounts/write"),
    workspace(Role.CONTRIBUTOR, "vault", "Microsoft.KeyVault/vaults/write"),
    workspace(Role.CONTRIBUTOR, "registry", "Microsoft.ContainerRegistry/registries/push/write"),
    workspace(Role.CONTRIBUTOR, "insights", "Microsoft.Insights/components/write"),
    Need(
        "workspace",
        Role.CONTRIBUTOR,
        "workspace",
        "PATCH https://management.azure.com/…/workspaces/{name}",
        (f"{ML_TYPE}/workspaces/write",),
        WORKSPACE_TABLE,
        calls.manager("PATCH", "", {"properties": {"description": "here"}}, ML),
    ),
    workspace(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", WRITE_BLOB),
    workspace(
        Role.STORAGE_FILE_DATA_PRIVILEGED_CONTRIBUTOR,
        "ml",
        "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write",
        f"{LEARN}/machine-learning/how-to-disable-local-auth-storage",
    ),
    workspace(Role.KEY_VAULT_ADMINISTRATOR, "vault", "Microsoft.KeyVault/vaults/secrets/setSecret/action"),
    workspace(
        Role.ENTERPRISE_NETWORK_CONNECTION_APPROVER,
        "lake",
        "Microsoft.Storage/storageAccounts/PrivateEndpointConnectionsApproval/action",
        f"{LEARN}/machine-learning/how-to-managed-network#approval-of-private-endpoints",
    ),
    pulls("compute", CLUSTER_IDENTITY),
    writes("compute", "ml", CLUSTER_IDENTITY),
    reads("compute", "lake-raw", CLUSTER_IDENTITY),
    writes("compute", "lake-curated", CLUSTER_IDENTITY),
    pulls("endpoint", f"{LEARN}/machine-learning/how-to-access-resources-from-endpoints-managed-identities"),
    reads("endpoint", "ml", f"{LEARN}/machine-learning/how-to-access-resources-from-endpoints-managed-identities"),
    Need(
        "endpoint",
        Role.MONITORING_METRICS_PUBLISHER,
        "insights",
        "POST https://{region}.in.applicationinsights.azure.com/v2.1/track",
        ("Microsoft.Insights/Telemetry/Write",),
        f"{LEARN}/azure-monitor/app/azure-ad-authentication",
        calls.telemetry,
        (403, "Unauthorized"),
    ),
    reads("databricks", "lake-raw"),
    writes("databricks", "lake-curated"),
    Need(
        "databricks",
        Role.STORAGE_BLOB_DELEGATOR,
        "lake",
        "POST https://{account}.blob.core.windows.net/?restype=service&comp=userdelegationkey",
        ("Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",),
        f"{LEARN}/databricks/connect/unity-catalog/cloud-storage/azure-managed-identities",
        calls.delegation_key,
        MISMATCH,
    ),
    Need(
        "kubernetes",
        Role.MANAGED_IDENTITY_OPERATOR,
        "kubelet",
        "PUT https://management.azure.com/…/managedClusters/{name}, on behalf of the identity",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",),
        f"{LEARN}/aks/use-managed-identity#add-role-assignment",
        calls.cluster,
        (400, "CustomKubeletIdentityMissingPermissionError"),
    ),
    Need(
        "kubernetes",
        Role.NETWORK_CONTRIBUTOR,
        "kubernetes-subnet",
        "PUT https://management.azure.com/…/managedClusters/{name}, on behalf of the identity",
        ("Microsoft.Network/virtualNetworks/subnets/join/action",),
        f"{LEARN}/aks/concepts-identity#aks-cluster-identity-permissions",
        calls.cluster,
        (403, "LinkedAuthorizationFailed"),
    ),
    pulls("kubelet"),
    submits("notebooks"),
    writes("notebooks", "ml"),
    reads("notebooks", "lake-raw"),
    reads("notebooks", "lake-curated"),
    sends("file-events", "new-files", EVENT_DELIVERY),
    writes("file-events", "dead-letters", EVENT_DELIVERY),
    Need(
        "file-trigger",
        Role.STORAGE_QUEUE_DATA_MESSAGE_PROCESSOR,
        "new-files",
        f"GET {QUEUE}, DELETE {QUEUE}/{{message}}",
        (f"{MESSAGES}/process/action",),
        QUEUE_CALLS,
    ),
    sends("file-trigger", "new-files-poison"),
    Need(
        "file-trigger",
        Role.AZUREML_DATA_SCIENTIST,
        "workspace",
        "POST https://{endpoint}.{region}.inference.ml.azure.com/jobs",
        (f"{ML_TYPE}/workspaces/batchEndpoints/jobs/write", f"{ML_TYPE}/workspaces/batchEndpoints/read"),
        BATCH_CALLS,
    ),
    reads("file-trigger", "lake-raw", BATCH_CALLS),
    writes("edge", "lake-raw", f"{LEARN}/iot-hub/iot-hub-managed-identity"),
    Need(
        "provisioning",
        Role.IOT_HUB_DATA_CONTRIBUTOR,
        "iot-hub",
        "PUT https://{hub}.azure-devices.net/devices/{id}",
        (f"{HUB}/devices/write", f"{HUB}/twins/write"),
        HUB_ACTIONS,
    ),
    reads("data-factory", "lake-raw"),
    writes("data-factory", "lake-curated"),
    Need(
        "data-factory",
        Role.CONTRIBUTOR,
        "databricks",
        "POST https://{workspace}.azuredatabricks.net/api/2.1/jobs/runs/submit, with the workspace's ARM id",
        ("Microsoft.Databricks/workspaces/assignWorkspaceAdmin/action", "Microsoft.Databricks/workspaces/read"),
        f"{LEARN}/databricks/dev-tools/auth/azure-sp",
    ),
    Need(
        "pipelines",
        Role.CONTRIBUTOR,
        "group",
        "PUT https://management.azure.com/…/userAssignedIdentities/{name}, and every other resource",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/write", f"{ML_TYPE}/registries/assets/write"),
        f"{LEARN}/role-based-access-control/built-in-roles/privileged#contributor",
        calls.makes_identity,
    ),
    Need(
        "pipelines",
        Role.RBAC_ADMINISTRATOR,
        "group",
        "PUT https://management.azure.com/…/roleAssignments/{name}",
        ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"),
        f"{LEARN}/role-based-access-control/delegate-role-assignments-overview",
        calls.gives(Role.ACR_PULL.value),
    ),
    writes("pipelines", "ml"),
    writes("pipelines", "lake"),
    directs_devices("pipelines"),
    makes_keys("pipelines"),
    Need(
        "reviews",
        Role.READER,
        "group",
        "GET https://management.azure.com/…, every resource",
        ("Microsoft.Storage/storageAccounts/read",),
        f"{LEARN}/role-based-access-control/built-in-roles/general#reader",
        calls.manager("GET", "/providers/Microsoft.Storage/storageAccounts/rolesml", None, STORAGE),
    ),
    submits(DEPLOYERS),
    writes(DEPLOYERS, "ml"),
    writes(DEPLOYERS, "lake"),
    Need(
        DEPLOYERS,
        Role.ACR_DATA_IMPORTER,
        "registry",
        "POST https://management.azure.com/…/registries/{name}/importImage, with the id of the other stack's registry",
        (f"{REGISTRY}/importImage/action", f"{REGISTRY}/read", PULL),
        "https://github.com/Azure/acr/issues/237",
        calls.imports_image,
    ),
    Need(
        DEPLOYERS,
        Role.AZUREML_REGISTRY_USER,
        "model-registry",
        "PUT https://management.azure.com/…/registries/{name}/models/{model}/versions/{version}",
        (f"{ML_TYPE}/registries/read", f"{ML_TYPE}/registries/assets/write"),
        REGISTRY_ACTIONS,
    ),
    directs_devices(DEPLOYERS),
    Need(
        DEPLOYERS,
        Role.DEVICE_PROVISIONING_DATA_CONTRIBUTOR,
        "device-provisioning",
        "PUT https://{service}.azure-devices-provisioning.net/enrollmentGroups/{id}",
        ("Microsoft.Devices/provisioningServices/enrollmentGroups/write",),
        DPS_ACTIONS,
    ),
    Need(
        DEPLOYERS,
        Role.AKS_CLUSTER_USER,
        "kubernetes",
        "POST https://management.azure.com/…/managedClusters/{name}/listClusterUserCredential",
        (f"{AKS}/listClusterUserCredential/action", f"{AKS}/read"),
        f"{LEARN}/aks/control-kubeconfig-access#available-cluster-roles-permissions",
        calls.manager("POST", "/listClusterUserCredential", None, "2025-09-01"),
    ),
    makes_keys(DEPLOYERS),
    writes(DEPLOYERS, "state"),
    unlocks_state(DEPLOYERS),
    writes("runner", "state"),
    unlocks_state("runner"),
)
"""In the order of the table."""


def need_of(line: Permission) -> Need | None:
    """Why a line stands there; None when nobody said."""
    return next((need for need in NEEDS if need.line == (line.who, line.role, line.where)), None)

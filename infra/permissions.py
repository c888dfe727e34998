"""The role table: who may do what, where, and why. Nothing is granted in the platform that is not a line of it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.role_assignments import Role

DEPLOYERS = "deployers"
"""The Entra group of the people and pipelines that run the program; every other `who` is an identity's role."""


@dataclass(frozen=True)
class Permission:
    """One line. `where` is the name of a scope; a line whose scope a stack does not have grants nothing there."""

    who: str
    role: Role
    where: str
    why: str
    only_closed: bool = False
    """Granted only where the network profile is not `open`."""
    on_request: bool = False
    """Granted only when a system asks for it."""
    table_only: bool = False
    """For a role that gives roles: it gives and takes those of this table, and itself to nobody."""


TABLE: tuple[Permission, ...] = (
    # The workspace's identity: Azure ML refuses a workspace without these ("Set up authentication between Azure Machine
    # Learning and other services", table of the user-assigned identity). Each on one resource and none on the group.
    Permission("workspace", Role.CONTRIBUTOR, "ml", "Azure ML makes its containers and shares"),
    Permission("workspace", Role.CONTRIBUTOR, "vault", "Azure ML manages the vault's secrets of the workspace"),
    Permission("workspace", Role.CONTRIBUTOR, "registry", "Azure ML pushes the images of environments"),
    Permission("workspace", Role.CONTRIBUTOR, "insights", "Azure ML links endpoints to Application Insights"),
    Permission("workspace", Role.CONTRIBUTOR, "workspace", "Azure ML works on the workspace itself"),
    Permission("workspace", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", "snapshots, logs and artefacts of jobs"),
    Permission("workspace", Role.STORAGE_FILE_DATA_PRIVILEGED_CONTRIBUTOR, "ml", "the file share of notebooks"),
    Permission("workspace", Role.KEY_VAULT_ADMINISTRATOR, "vault", "secrets of connections and datastores"),
    Permission(
        "workspace",
        Role.ENTERPRISE_NETWORK_CONNECTION_APPROVER,
        "lake",
        "the managed network asks for a private endpoint to the lake, and someone has to accept it",
        only_closed=True,
    ),
    # Jobs.
    Permission("compute", Role.ACR_PULL, "registry", "jobs pull the image of their environment"),
    Permission("compute", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", "jobs read data versions and write their outputs"),
    Permission("compute", Role.STORAGE_BLOB_DATA_READER, "lake-raw", "jobs read sources as they arrived"),
    Permission("compute", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake-curated", "jobs write what they make of them"),
    # Scoring servers.
    Permission("endpoint", Role.ACR_PULL, "registry", "scoring servers pull their image"),
    Permission("endpoint", Role.STORAGE_BLOB_DATA_READER, "ml", "scoring servers read their model"),
    Permission("endpoint", Role.MONITORING_METRICS_PUBLISHER, "insights", "scoring servers send telemetry"),
    # Databricks: the access connector's identity, with which Unity Catalog reads and writes for notebooks and jobs.
    Permission("databricks", Role.STORAGE_BLOB_DATA_READER, "lake-raw", "catalogues read sources as they arrived"),
    Permission("databricks", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake-curated", "catalogues write what Spark makes"),
    Permission("databricks", Role.STORAGE_BLOB_DELEGATOR, "lake", "a cluster gets a short-lived pass to one folder"),
    # Kubernetes: the cluster itself, and its nodes.
    Permission("kubernetes", Role.MANAGED_IDENTITY_OPERATOR, "kubelet", "the cluster gives its nodes their identity"),
    Permission("kubernetes", Role.NETWORK_CONTRIBUTOR, "kubernetes-subnet", "nodes and load balancers join the subnet"),
    Permission("kubelet", Role.ACR_PULL, "registry", "nodes pull images"),
    # Notebooks: what jobs may do, because a notebook is a job in the making.
    Permission("notebooks", Role.AZUREML_DATA_SCIENTIST, "workspace", "notebooks submit jobs and track runs"),
    Permission("notebooks", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", "notebooks read data versions and results"),
    Permission("notebooks", Role.STORAGE_BLOB_DATA_READER, "lake-raw", "notebooks read sources as they arrived"),
    Permission("notebooks", Role.STORAGE_BLOB_DATA_READER, "lake-curated", "notebooks read what jobs made of them"),
    # The file trigger. Event Grid and Logic Apps pass a storage account's firewall with the identity of the resource
    # itself and no other, so both principals are system-assigned.
    Permission(
        "file-events",
        Role.STORAGE_QUEUE_DATA_MESSAGE_SENDER,
        "new-files",
        "Event Grid puts each new file into the queue",
    ),
    Permission(
        "file-events", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "dead-letters", "Event Grid keeps what it could not deliver"
    ),
    Permission(
        "file-trigger",
        Role.STORAGE_QUEUE_DATA_MESSAGE_PROCESSOR,
        "new-files",
        "the Logic App takes messages, and deletes those whose job has been started",
    ),
    Permission(
        "file-trigger",
        Role.STORAGE_QUEUE_DATA_MESSAGE_SENDER,
        "new-files-poison",
        "the Logic App puts messages aside that failed too often",
    ),
    Permission(
        "file-trigger",
        Role.AZUREML_DATA_SCIENTIST,
        "workspace",
        "the Logic App invokes the batch endpoint: no built-in role that may is narrower",
    ),
    Permission("file-trigger", Role.STORAGE_BLOB_DATA_READER, "lake-raw", "its jobs read the file in its name"),
    # Devices.
    Permission("edge", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake-raw", "the hub writes what devices send"),
    Permission("provisioning", Role.IOT_HUB_DATA_CONTRIBUTOR, "iot-hub", "registers devices that show a certificate"),
    # Data Factory. Databricks lets a factory start clusters that is a contributor of the workspace, and no other.
    Permission("data-factory", Role.STORAGE_BLOB_DATA_READER, "lake-raw", "pipelines read sources as they arrived"),
    Permission("data-factory", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake-curated", "pipelines write curated files"),
    Permission("data-factory", Role.CONTRIBUTOR, "databricks", "pipelines run notebooks and jobs on new clusters"),
    # Pipelines that run the program. They make everything in the group and give what this table gives, so a person
    # with more rights has to run the program once first, and again whenever the table gets a new role. What a
    # contributor of the group may do on the workspace and the model registry needs no line of its own; data does.
    Permission("pipelines", Role.CONTRIBUTOR, "group", "makes what the program declares, submits jobs, moves models"),
    Permission(
        "pipelines", Role.RBAC_ADMINISTRATOR, "group", "gives the identities the roles of this table", table_only=True
    ),
    Permission("pipelines", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", "uploads data, code and job specifications"),
    Permission("pipelines", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake", "puts sources into the lake"),
    Permission("pipelines", Role.IOT_HUB_DATA_CONTRIBUTOR, "iot-hub", "tells devices what to run"),
    Permission(
        "pipelines", Role.KEY_VAULT_SECRETS_OFFICER, "vault", "makes the keys of container groups", on_request=True
    ),
    Permission("reviews", Role.READER, "group", "a pull request shows what it would change"),
    # Whoever runs the program, with their own token: there is no account key to fall back on.
    Permission(DEPLOYERS, Role.AZUREML_DATA_SCIENTIST, "workspace", "submits jobs, registers and rolls out models"),
    Permission(DEPLOYERS, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "ml", "uploads data, code and job specifications"),
    Permission(DEPLOYERS, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "lake", "puts sources into the lake"),
    Permission(
        DEPLOYERS,
        Role.ACR_DATA_IMPORTER,
        "registry",
        "imports the images of promoted models, and lets them be imported from here: Azure asks on both registries",
    ),
    Permission(DEPLOYERS, Role.AZUREML_REGISTRY_USER, "model-registry", "promotes models"),
    Permission(DEPLOYERS, Role.IOT_HUB_DATA_CONTRIBUTOR, "iot-hub", "tells devices what to run"),
    Permission(
        DEPLOYERS, Role.DEVICE_PROVISIONING_DATA_CONTRIBUTOR, "device-provisioning", "enrols devices by certificate"
    ),
    Permission(DEPLOYERS, Role.AKS_CLUSTER_USER, "kubernetes", "fetches a kubeconfig, which signs in with Entra"),
    Permission(
        DEPLOYERS,
        Role.KEY_VAULT_SECRETS_OFFICER,
        "vault",
        "makes the key that clients of a model in container groups send",
        on_request=True,
    ),
    # The stack bootstrap: the state of all other stacks, and the key of the secrets in it.
    Permission(DEPLOYERS, Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "state", "the state of every stack is read and written"),
    Permission(DEPLOYERS, Role.KEY_VAULT_CRYPTO_USER, "keys", "secrets in the state are encrypted and decrypted"),
    Permission("runner", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, "state", "the state of every stack is read and written"),
    Permission("runner", Role.KEY_VAULT_CRYPTO_USER, "keys", "secrets in the state are encrypted and decrypted"),
)


def table_condition() -> str:
    """Lets a role that gives roles give and take those of the table, to identities and groups, and never itself."""
    ids = ", ".join(sorted({line.role.value for line in TABLE if not line.table_only}))

    def only(action: str, source: str) -> str:
        about = f"@{source}[Microsoft.Authorization/roleAssignments:"
        roles = f"{about}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{ids}}}"
        whom = f"{about}PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal', 'Group'}}"
        return f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR ({roles} AND {whom}))"

    return f"{only('write', 'Request')} AND {only('delete', 'Resource')}"

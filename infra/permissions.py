"""The role map: what each identity may do, and where. Everything that is granted in the platform is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.role_assignments import Grant, Role

if TYPE_CHECKING:
    from infra.key_vault import KeyVault
    from infra.monitoring import Monitoring
    from infra.network import NetworkProfile
    from infra.registry import Registry
    from infra.storage import Storage
    from infra.workspace import Workspace


def workspace_identity(
    storage: Storage,
    lake: Storage,
    key_vault: KeyVault,
    registry: Registry,
    monitoring: Monitoring,
    network: NetworkProfile,
) -> list[Grant]:
    """The roles without which Azure ML refuses a workspace with a user-assigned identity ("Set up authentication
    between Azure Machine Learning and other services", table of the user-assigned identity), each on one resource and
    none on the group.
    """
    control = [Grant(Role.CONTRIBUTOR, part.scope) for part in (storage, key_vault, registry, monitoring)]
    data = [
        Grant(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, storage.scope),
        Grant(Role.STORAGE_FILE_DATA_PRIVILEGED_CONTRIBUTOR, storage.scope),
        Grant(Role.KEY_VAULT_ADMINISTRATOR, key_vault.scope),
    ]
    # The managed network asks for a private endpoint to the lake, and someone has to accept it.
    lake_endpoint = [] if network.is_open else [Grant(Role.ENTERPRISE_NETWORK_CONNECTION_APPROVER, lake.scope)]
    return control + data + lake_endpoint


def workspace_identity_on_workspace(workspace: Workspace) -> list[Grant]:
    """The last line of the same table, possible only once the workspace exists."""
    return [Grant(Role.CONTRIBUTOR, workspace.scope)]


def compute_identity(storage: Storage, lake: Storage, registry: Registry, *, reads: str, writes: str) -> list[Grant]:
    """Jobs pull their image, read and write the workspace's data, read the one container of the lake and write the
    other.
    """
    return [
        Grant(Role.ACR_PULL, registry.scope),
        Grant(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, storage.scope),
        Grant(Role.STORAGE_BLOB_DATA_READER, lake.container_scope(reads)),
        Grant(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, lake.container_scope(writes)),
    ]


def endpoint_identity(storage: Storage, registry: Registry, monitoring: Monitoring) -> list[Grant]:
    """Scoring servers pull their image, read their model and send telemetry."""
    return [
        Grant(Role.ACR_PULL, registry.scope),
        Grant(Role.STORAGE_BLOB_DATA_READER, storage.scope),
        Grant(Role.MONITORING_METRICS_PUBLISHER, monitoring.scope),
    ]


def key_makers(key_vault: KeyVault) -> list[Grant]:
    """Whoever rolls a model out to container groups makes the key that its clients send."""
    return [Grant(Role.KEY_VAULT_SECRETS_OFFICER, key_vault.scope)]


def deployers(storage: Storage, lake: Storage, workspace: Workspace) -> list[Grant]:
    """Whoever runs the program uploads data and submits jobs with their own token: there is no account key to fall back
    on.
    """
    return [
        Grant(Role.AZUREML_DATA_SCIENTIST, workspace.scope),
        Grant(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, storage.scope),
        Grant(Role.STORAGE_BLOB_DATA_CONTRIBUTOR, lake.scope),
    ]

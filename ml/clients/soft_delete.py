"""Deleted vaults and workspaces, which hold their names until they are purged, recovered, or Azure lets go of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.clients.arm import arm, manner
from ml.clients.errors import CloudError
from ml.clients.operations import Report, finish, quiet
from ml.clients.secrets import VAULT_VERSION
from ml.clients.workspace import API_VERSION

if TYPE_CHECKING:
    from ml.clients.arm import Arm

# The list is not among the published models: newer versions need not have it.
LIST_VERSION = "2024-10-01"
VAULTS = "Microsoft.KeyVault/vaults"
PURGE_SECONDS = 600.0
NOT_OFFERED = (400, 404, 501)


@dataclass(frozen=True)
class Holder:
    """Something deleted that holds a name: the id it had, until when Azure keeps it (ISO 8601; "" where Azure does not
    say), and whether it is protected from purging.
    """

    id: str
    until: str = ""
    protected: bool = False


def is_vault(resource_id: str) -> bool:
    """Whether an ARM id is that of a vault; else it is that of a workspace."""
    return f"/providers/{VAULTS}/".lower() in resource_id.lower()


def is_there(client: Arm, resource_id: str) -> bool:
    """Whether the vault or workspace exists, and is not deleted."""
    return client.get(resource_id, VAULT_VERSION if is_vault(resource_id) else API_VERSION) is not None


def holder(client: Arm, resource_id: str, location: str) -> Holder | None:
    """The deleted vault or workspace that holds this one's name; None when there is none, and for a workspace also
    where Azure does not list deleted ones. The list is the subscription's, which not everybody may read who may make
    something in it: it is asked for once.

    Raises:
        CloudError: it may not be read.
    """
    if is_vault(resource_id):
        return _vault_holder(client, resource_id, location)
    return Holder(resource_id) if resource_id.lower() in _deleted_workspaces(client, resource_id) else None


def purge(resource_id: str, location: str, report: Report = quiet) -> bool:
    """Removes a deleted vault or workspace for good and waits until its name is free. Whether there was one. To be
    asked of what is not there any more: a workspace that is goes as well.

    https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/purge-deleted,
    https://learn.microsoft.com/rest/api/azureml/workspaces/delete (`forceToPurge`).

    Raises:
        CloudError: it was refused.
    """
    if is_vault(resource_id):
        path = f"{deleted_vault(resource_id, location)}/purge"
        answer = arm().send("POST", path, VAULT_VERSION, accept=(404,))
    else:
        path = resource_id
        answer = arm().send("DELETE", path, API_VERSION, query={"forceToPurge": "true"}, accept=(404,))
    if answer.status_code == 202:
        finish(answer, path, report, PURGE_SECONDS)
    return answer.status_code in (200, 202)


def deleted_vault(resource_id: str, location: str) -> str:
    """The ARM id under which a deleted vault is found."""
    subscription, name = resource_id.split("/")[2], resource_id.rpartition("/")[2]
    place = location.lower().replace(" ", "")
    return f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{place}/deletedVaults/{name}"


def _vault_holder(client: Arm, resource_id: str, location: str) -> Holder | None:
    found = client.peek(deleted_vault(resource_id, location), VAULT_VERSION)
    if found is None:
        return None
    properties = found.get("properties") or {}
    return Holder(
        str(properties.get("vaultId") or resource_id),
        str(properties.get("scheduledPurgeDate") or ""),
        bool(properties.get("purgeProtectionEnabled")),
    )


def _deleted_workspaces(client: Arm, resource_id: str) -> set[str]:
    """Ids that deleted workspaces had, in small letters; none where Azure does not offer the list."""
    head, _, own = resource_id.rpartition("/")
    provider = f"/subscriptions/{resource_id.split('/')[2]}/providers/Microsoft.MachineLearningServices"
    try:
        with manner(patience=0.0):
            found = client.list(f"{provider}/deletedWorkspaces", LIST_VERSION)
    except CloudError as error:
        if error.status not in NOT_OFFERED:
            raise
        return set()
    ids = {str((one.get("properties") or {}).get("workspaceArmId") or one.get("id") or "").lower() for one in found}
    named = {f"{head}/{one.get('name')}".lower() for one in found if str(one.get("name")).lower() == own.lower()}
    return ids | named

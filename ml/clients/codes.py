"""Code assets: what azure-ai-ml uploads for a job, and uses again for every job with the same content."""

from __future__ import annotations

from ml.clients.arm import arm
from ml.clients.datastore import Folder, holds
from ml.clients.workspace import API_VERSION, Workspace


def forget_lost_code(workspace: Workspace) -> list[str]:
    """Deletes every code version whose files are gone, and gives their names: the SDK would name it to the next job
    with this code, and upload nothing.
    """
    path = f"{workspace.path}/codes"
    lost = []
    for code in arm().list(path, API_VERSION):
        for version in arm().list(f"{path}/{code['name']}/versions", API_VERSION):
            if not holds(Folder(workspace, str(version["properties"]["codeUri"]))):
                lost.append(f"{code['name']}:{version['name']}")
                arm().delete(f"{path}/{code['name']}/versions/{version['name']}", API_VERSION)
    return lost

"""Names of Azure ML's resource types, and the ids below a workspace."""

from __future__ import annotations

import re

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
DATASTORE = f"{WORKSPACE}/datastores"
COMPUTE = f"{WORKSPACE}/computes"
JOB = f"{WORKSPACE}/jobs"
SCHEDULE = f"{WORKSPACE}/schedules"
BLOB_STORE = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"
FILE_STORE = "workspacefilestore"
JOB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
ASSET_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_.]{0,254}")


def workspace_id(resource_id: str) -> str:
    """Id of the workspace that a resource lives in.

    Raises:
        ValueError: it lives in none.
    """
    parts = resource_id.split("/")
    lower = [part.lower() for part in parts]
    if "workspaces" not in lower:
        raise ValueError(f"'{resource_id}' is not inside a workspace")
    return "/".join(parts[: lower.index("workspaces") + 2])


def container_type(kind: str) -> str:
    """`Microsoft.MachineLearningServices/workspaces/models` for `models`."""
    return f"{WORKSPACE}/{kind}"


def version_type(kind: str) -> str:
    """`Microsoft.MachineLearningServices/workspaces/models/versions` for `models`."""
    return f"{WORKSPACE}/{kind}/versions"


def version_id(workspace: str, kind: str, name: str, version: str) -> str:
    """Id of one version of an asset."""
    return f"{workspace}/{kind}/{name}/versions/{version}"


def job_id(workspace: str, name: str) -> str:
    """Id of a job."""
    return f"{workspace}/jobs/{name}"

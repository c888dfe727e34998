"""The environment of a kind of job: its pinned packages as an Azure ML environment version."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ml.clients.errors import CloudError
from ml.clients.workspace import Workspace

FOLDER = Path("ml/environments")
# Azure's own base image for jobs on CPUs; the packages come from the lock file, this one brings conda and the system
# libraries.
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20250601.v1"
PYTHON = "3.11"


class EnvironmentFileError(Exception):
    """There is no such environment; the message names the file."""


def lock_file(name: str) -> Path:
    """`ml/environments/<name>.lock.txt`.

    Raises:
        EnvironmentFileError: there is none.
    """
    path = FOLDER / f"{name}.lock.txt"
    if not path.is_file():
        there = ", ".join(sorted(file.name.removesuffix(".lock.txt") for file in FOLDER.glob("*.lock.txt")))
        raise EnvironmentFileError(
            f"there is no environment '{name}': {path} does not exist; there are: {there or 'none'}"
        )
    return path


def requirements(name: str) -> list[str]:
    """The pinned packages with their hashes, one a line, in order, without comments."""
    text = lock_file(name).read_text().replace("\\\n", " ")
    lines = (line.partition(" #")[0].strip() for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [" ".join(line.split()) for line in lines if line]


def environment_digest(name: str) -> str:
    """12 hexadecimal digits of the packages, the Python version and the image: the only part of the environment in a
    job's identity.
    """
    text = "\n".join([IMAGE, PYTHON, *requirements(name)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ensure_environment(workspace: Workspace, name: str) -> str:
    """Registers the environment version unless it is there; how a job names it.

    Raises:
        CloudError: the registration was refused.
    """
    version = environment_digest(name)
    if workspace.get(f"/environments/{name}/versions/{version}") is None:
        from azure.ai.ml.entities import Environment
        from azure.core.exceptions import AzureError

        conda = {"name": name, "dependencies": [f"python={PYTHON}", "pip", {"pip": requirements(name)}]}
        try:
            workspace.sdk().environments.create_or_update(
                Environment(name=name, version=version, image=IMAGE, conda_file=conda)
            )
        except AzureError as error:
            raise CloudError(f"registering the environment {name}:{version} failed: {error}") from None
    return f"azureml:{name}:{version}"

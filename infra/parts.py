"""The parts of the platform that not every stack has, and what they are for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

FULL = "full"
"""Stands for every part in `mlops:platform`."""


class Part(StrEnum):
    """One part, by its name in the stack file."""

    OPERATIONS = "operations"
    """Alerts and whom they reach, diagnostic logs, a workbook, a budget."""
    FEDERATION = "federation"
    """Pipelines of GitHub and Azure DevOps sign in without a secret."""
    NOTEBOOKS = "notebooks"
    """A compute instance with JupyterLab and VS Code that stops when idle."""
    GPU = "gpu"
    """A cluster of GPU nodes, none of them while nothing runs."""
    BATCH = "batch"
    """An endpoint for scoring files."""
    MODEL_REGISTRY = "model_registry"
    """A registry that several workspaces share, for promotion."""
    DATABRICKS = "databricks"
    """A Databricks workspace that reads and writes the lake."""
    DATA_FACTORY = "data_factory"
    """Pipelines and data flows over the lake."""
    SQL = "sql"
    """A database that takes tokens only."""
    KUBERNETES = "kubernetes"
    """An AKS cluster for serving and training."""
    EDGE = "edge"
    """An IoT hub with device provisioning."""


def parts(given: Any) -> Any:
    """`full` as the tuple of all parts, a list as it is.

    Raises:
        ValueError: another word, or a part is in the list twice.
    """
    if given == FULL:
        return tuple(Part)
    if isinstance(given, str):
        raise ValueError(f"{given!r} is neither a list of parts nor {FULL!r}; the parts are {', '.join(Part)}")
    if isinstance(given, list | tuple) and (twice := sorted({one for one in given if given.count(one) > 1})):
        raise ValueError(f"{', '.join(twice)}: listed more than once")
    return given

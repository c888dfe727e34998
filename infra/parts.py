"""The parts of the platform that not every stack has, and what they are for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationInfo

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
    FILE_TRIGGER = "file_trigger"
    """A new file in the lake starts the endpoint for scoring files."""
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


NOT_IN_PRIVATE = frozenset({Part.FILE_TRIGGER})
"""Parts that nothing in a private network would answer to."""


def parts(given: Any, info: ValidationInfo) -> Any:
    """`full` as the tuple of all parts that the network profile knows, a list as it is.

    Raises:
        ValueError: another word, or a part is in the list twice.
    """
    if given == FULL:
        private = info.data.get("network_profile") == "private"
        return tuple(part for part in Part if not private or part not in NOT_IN_PRIVATE)
    if isinstance(given, str):
        raise ValueError(f"{given!r} is neither a list of parts nor {FULL!r}; the parts are {', '.join(Part)}")
    if isinstance(given, list | tuple) and (twice := sorted({one for one in given if given.count(one) > 1})):
        raise ValueError(f"{', '.join(twice)}: listed more than once")
    return given

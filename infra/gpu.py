"""The GPU cluster of the workspace: for jobs that train networks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from infra.compute import Compute

if TYPE_CHECKING:
    from infra.platform import Platform

GPU_CLUSTER = "gpu"


def declare(platform: Platform) -> None:
    """Declares a second cluster like the first, with the rights of the same jobs: no node and no cost while nothing
    runs, some 0.60 USD an hour a node of the default size while something does.
    """
    args = replace(platform.compute_args, settings=platform.settings.gpu, role=GPU_CLUSTER, logical_role=GPU_CLUSTER)
    Compute("gpu-compute", args, platform.child)

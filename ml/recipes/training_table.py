"""A system's training table in the lake, made by the stack's Data Factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.data_flow import FlowScript
from ml.data import training_flow
from ml.jobkit.errors import JobError
from ml.system import folder

if TYPE_CHECKING:
    from infra.platform import Platform


def declare(name: str, platform: Platform) -> None:
    """The data flow, its pipeline and its trigger.

    Raises:
        pulumi.RunError: the system's table is not one that a flow can make.
    """
    try:
        made = training_flow.load(folder(name))
    except JobError as error:
        raise pulumi.RunError(str(error)) from None
    script = FlowScript(
        lines=made.lines,
        sources=made.sources,
        transformations=made.transformations,
        sinks=made.sinks,
        refused=training_flow.REFUSED,
    )
    platform.data_flow(name, script)

"""What the stack has already: asked of the engine, which reads the state that this deployment starts from."""

from __future__ import annotations

import time
from typing import Any

import pulumi

# The function behind a reference to a stack; it reads a stack that has not been deployed yet as an empty one.
READ = "pulumi:pulumi:readStackResourceOutputs"
# Every system declares one, first of all its resources, and the last of them to go.
RETENTION = ":Retention"
CUT_OFF = "failed to load checkpoint"
"""What the engine says when the state's file is being written at this moment, which it does as the program starts."""
ATTEMPTS, PAUSE_SECONDS = 30, 0.1


def deployed_systems() -> frozenset[str]:
    """The systems that the running stack has resources of."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    kept = (one["outputs"] for one in _resources(stack).values() if one["type"].endswith(RETENTION))
    return frozenset(str(outputs["system"]) for outputs in kept)


def _resources(stack: str) -> dict[str, Any]:
    """The outputs of every resource of a stack, by its URN."""
    left = ATTEMPTS
    while True:
        left -= 1
        try:
            found: dict[str, Any] = pulumi.runtime.invoke(READ, {"stackName": stack}).value["outputs"]
        except Exception as error:  # the SDK has no class of its own for what an invoke answers
            if CUT_OFF not in str(error) or not left:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return found

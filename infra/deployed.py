"""What the stack has already: asked of the engine, which reads the state that this deployment starts from."""

from __future__ import annotations

from typing import Any

import pulumi

# The function behind a reference to a stack; it reads a stack that has not been deployed yet as an empty one.
READ = "pulumi:pulumi:readStackResourceOutputs"
# Every system declares one, first of all its resources, and the last of them to go.
RETENTION = ":Retention"


def deployed_systems() -> frozenset[str]:
    """The systems that the running stack has resources of."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    resources: dict[str, Any] = pulumi.runtime.invoke(READ, {"stackName": stack}).value["outputs"]
    kept = (one["outputs"] for one in resources.values() if one["type"].endswith(RETENTION))
    return frozenset(str(outputs["system"]) for outputs in kept)

"""A recording as the plan, and as the template, that `make export` makes of it."""

from __future__ import annotations

from typing import Any

from pulumi.output import Unknown

from policies.resource import SECRET, UNKNOWN, Resource
from tests.program.azure.declared import Declared
from tools.arm_template import arm_template


def template_of(stack: Declared) -> dict[str, Any]:
    """The ARM template of all that a stack declares."""
    return arm_template(plan_of(stack), stack.subscription)


def plan_of(stack: Declared) -> list[Resource]:
    """All that a stack declares, as a plan has it."""
    return [
        Resource(
            urn=one.urn,
            type=one.type,
            inputs={key: SECRET if key in one.secret_inputs else _known(value) for key, value in one.inputs.items()},
            depends_on=tuple(one.depends_on),
        )
        for one in stack.recording.resources
    ]


def _known(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _known(inner) for key, inner in value.items()}
    return [_known(inner) for inner in value] if isinstance(value, list) else value

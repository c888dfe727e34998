"""`make export`: the plan of a stack as one ARM template, made from nothing and without an account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator.resource_types import UnknownResourceTypeError
from policies.resource import Resource
from review.plan import resource
from tools.arm_template import arm_template
from tools.preview import offline, plan_of
from tools.progress import SetupError
from tools.stacks import Stack

PROVIDER = "pulumi:providers:azure-native"


def planned(document: Mapping[str, Any]) -> list[Resource]:
    """The resources of a preview from nothing, the provider among them."""
    return [resource(step["newState"]) for step in document.get("steps") or [] if step.get("newState")]


def subscription_of(plan: Iterable[Resource]) -> str:
    """The subscription that everything is made in."""
    return next(str(one.inputs["subscriptionId"]) for one in plan if one.type == PROVIDER)


def text(template: Mapping[str, Any]) -> str:
    """The template as a file has it."""
    return json.dumps(template, indent=2, ensure_ascii=False) + "\n"


def export(stack: Stack, profile: str = "") -> str:
    """The template of a stack, in another network profile than its own when one is given.

    Raises:
        SetupError: the program or a check failed, or a type is not in the table of resource types.
    """
    with offline(stack, profile) as (pulumi, words):
        plan = planned(plan_of(pulumi, words))
    try:
        return text(arm_template(plan, subscription_of(plan)))
    except UnknownResourceTypeError as error:
        raise SetupError(str(error)) from None


def resources(template: str) -> int:
    """How many resources there are in a template's text."""
    return template.count('"apiVersion"')


def require_place(file: str) -> None:
    """Refuses a file whose folder is not there, before anything is worked out for it.

    Raises:
        SetupError: names the folder.
    """
    folder = Path(file).absolute().parent
    if not folder.is_dir():
        raise SetupError(f"OUT={file}: there is no folder {folder}")


def write(content: str, file: str) -> str:
    """Keeps a text in a file; says where.

    Raises:
        SetupError: the file cannot be written.
    """
    try:
        Path(file).write_text(content)
    except OSError as error:
        raise SetupError(f"OUT={file}: {error.strerror}") from None
    return file

"""From a stack to its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.resource_types import UnknownResourceTypeError
from policies.resource import Resource
from tools.diagram.items import Items
from tools.diagram.picture import picture
from tools.diagram.sheet import sheet
from tools.export import planned, subscription_of
from tools.preview import offline, plan_of, with_profile
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack


def page(name: str, configuration: Mapping[str, Any], plan: Iterable[Resource]) -> str:
    """The SVG of a plan; `configuration` has the stack's keys without namespace.

    Raises:
        UnknownResourceTypeError: the table of resource types lacks one.
    """
    everything = list(plan)
    return sheet(picture(name, configuration, Items.of(everything, subscription_of(everything))))


def diagram(stack: Stack, profile: str = "") -> str:
    """The SVG of all that a stack declares, in another network profile than its own when one is given.

    Raises:
        SetupError: the program or a check failed, or a type is not in the table of resource types.
    """
    with offline(stack, profile) as (pulumi, words):
        plan = planned(plan_of(pulumi, words))
    config = with_profile(stack.configuration(), profile).get("config") or {}
    keys = {str(key).removeprefix(f"{PROJECT}:"): value for key, value in config.items()}
    try:
        return page(stack.name, keys, plan)
    except UnknownResourceTypeError as error:
        raise SetupError(str(error)) from None

"""Checks of single requests: the body, the names, the tags."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pulumi.output import Unknown

from emulator.resource_types import check_body, check_path
from infra.naming import LIMITS, Unique
from tests.program.azure.declared import Declared, Resource

REQUIRED_TAGS = {"application", "cost-center", "environment", "managed-by", "owner"}
NAMED_WITHOUT_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "microsoft.authorization/roleassignments": "a GUID",
        "microsoft.authorization/roledefinitions": "a GUID",
        "microsoft.insights/workbooks": "a GUID",
    }
)
"""Types without a line in `infra.naming.LIMITS`, and what their names are instead."""
GLOBAL_LOCATION = {"global"}


def bodies_follow_the_published_models(stack: Declared) -> Iterator[str]:
    """Unknown and read-only properties, missing ones, wrong types and values, broken limits: nothing of it is sent."""
    for one in stack.resources:
        for problem in check_body(one.entry, one.body, unknown=lambda value: isinstance(value, Unknown)):
            yield f"{one}: {problem}"
        for name in sorted(key for key, given in one.entry.inputs.items() if given.required):
            if one.inputs.get(name) is None:
                yield f"{one}: {name} is missing"


def nothing_is_named_by_chance(stack: Declared) -> Iterator[str]:
    """Every name is an input and known in a preview: the plugin draws none, and a killed create is found again."""
    yield from stack.unasked
    for one in stack.resources:
        if one.entry.autoname and not isinstance(one.inputs.get(one.entry.autoname.input), str):
            yield f"{one}: {one.entry.autoname.input} would be drawn by the plugin"


def names_keep_the_limits(stack: Declared) -> Iterator[str]:
    """Those of the published models, and those of Azure's list of naming rules."""
    for one in stack.resources:
        for problem in check_path(one.entry, one.id):
            yield f"{one}: {problem}"
        yield from _own_limits(one)


def _own_limits(one: Resource) -> Iterator[str]:
    if one.kind:
        limit = LIMITS[one.kind]
        fits = limit.shortest <= len(one.own_name) <= limit.longest
        if not fits or not re.fullmatch(limit.pattern, one.own_name, re.ASCII):
            yield f"{one}: {one.own_name!r} is no name for {one.kind}"
    elif NAMED_WITHOUT_LIMITS.get(one.arm_type) == "a GUID":
        if not _is_guid(one.own_name):
            yield f"{one}: {one.own_name!r} is not a GUID that follows from what it is for"
    elif not _fixed(one) and one.arm_type not in NAMED_WITHOUT_LIMITS:
        yield f"{one}: {one.arm_type} has no line in infra.naming.LIMITS"


def _fixed(one: Resource) -> bool:
    """Whether Azure takes one name only."""
    last = list(one.entry.parameters)[-1] if one.entry.parameters else ""
    values = one.entry.parameters[last].values if last else ()
    return one.own_name == "default" or one.own_name in values or not one.entry.path.text.rstrip("/").endswith("}")


def _is_guid(name: str) -> bool:
    try:
        return uuid.UUID(name).version == 5
    except ValueError:
        return False


def names_are_unique(stack: Declared) -> Iterator[str]:
    """No two resources have one id, nor one name where all of Azure, a region or a subscription shares the names."""
    for path, count in Counter(one.id.lower() for one in stack.resources).items():
        if count > 1:
            yield f"{path} is declared {count} times"
    wide = {Unique.GLOBALLY, Unique.REGION, Unique.SUBSCRIPTION}
    names = Counter(
        (one.kind.value, one.own_name.lower())
        for one in stack.resources
        if one.kind and LIMITS[one.kind].unique in wide
    )
    for (kind, name), count in names.items():
        if count > 1:
            yield f"{count} of {kind} are called {name}"


def everything_taggable_is_tagged(stack: Declared) -> Iterator[str]:
    """Whatever takes tags has the required ones, none of them empty."""
    for one in stack.resources:
        if "tags" in one.entry.inputs and one.entry.name != "resources:TagAtScope":
            tags = one.inputs.get("tags") or {}
            if missing := sorted(key for key in REQUIRED_TAGS if not tags.get(key)):
                yield f"{one}: no tag {', '.join(missing)}"


def everything_has_its_place(stack: Declared) -> Iterator[str]:
    """Whatever takes a location has the stack's, or is global; and whatever can be in a group is in a declared one."""
    for one in stack.resources:
        if "location" in one.entry.inputs and one.inputs.get("location") not in {
            stack.config["location"],
            *GLOBAL_LOCATION,
        }:
            yield f"{one}: its location is {one.inputs.get('location')!r}"

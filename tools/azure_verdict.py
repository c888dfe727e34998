"""`make verdict`: what Azure Policy would say of a stack's requests, before anything is sent and without an account."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from emulator.resource_types import ResourceEntry, ResourceTable, UnknownResourceTypeError
from emulator.resource_types.conversion import input_path, request
from emulator.resource_types.entry import ID_OF_TYPE
from emulator.resource_types.problem import Problem
from ml.data.source import VARIABLE as DATA_FOLDER
from policies.azure.aliases import EACH, steps_of
from policies.azure.errors import DefinitionsError
from policies.azure.folder import read_folder
from policies.azure.judging import Policies
from policies.azure.report import number as counted
from policies.azure.report import sentence
from policies.azure.subject import GROUP, Facts, Subject
from policies.azure.subscription import InForce, read_subscription
from policies.azure.verdict import Verdict
from policies.azure.waivers import waived
from policies.configuration import Configuration
from policies.exemptions import exemptions
from policies.resource import Resource
from tools import shell
from tools.deployed_system import require_emulator
from tools.export import planned, subscription_of
from tools.preview import offline, plan_of
from tools.progress import SetupError
from tools.stacks import PROJECT, Stack

ASSIGNED = "assigned"
"""In the place of a folder: what is assigned in the stack's subscription."""
VARIABLE = "MLOPS_AZURE_POLICY_DIR"
BELOW_DATA = "azure-policy"
"""Where the definitions are below the folder of the data."""


@dataclass(frozen=True)
class StackVerdict:
    """What Azure Policy says of a whole stack."""

    heading: tuple[str, ...]
    """What was judged by what, and what comes of it, in lines."""
    verdicts: list[Verdict]


def of_stack(stack: Stack, profile: str = "", definitions: str = "") -> StackVerdict:
    """Plans a stack from nothing and judges all that it would send, in another network profile when one is given.

    Raises:
        SetupError: the program or a check failed; or there are no definitions.
    """
    own = definitions == ASSIGNED
    folder = None if own else definitions_folder(definitions, data=_data_folder(stack))
    given = read(folder) if folder else None
    with offline(stack, profile) as (pulumi, words):
        plan = planned(plan_of(pulumi, words))
    number = subscription_of(plan)
    source = InForce(given, {}) if given else assigned_in(stack, number)
    try:
        requests = subjects(plan, number)
    except UnknownResourceTypeError as error:
        raise SetupError(str(error)) from None
    config = Configuration.from_stack(stack.configuration().get("config") or {})
    judged = source.policies.judge(requests, source.facts(number, groups(requests)))
    found = waived(judged, exemptions(config), config.today)
    where = f"stack {stack.name}, network profile {profile}" if profile else f"stack {stack.name}"
    by = f"assigned in subscription {number}" if own else f"of {folder}"
    by += ", each as if assigned with its default values" if not any(one.id for one in source.policies.assigned) else ""
    heading = f"{sentence(found, len(requests))} ({where})."
    return StackVerdict((heading, f"Judged by {counted(len(source.policies.assigned), 'definition')} {by}."), found)


def assigned_in(stack: Stack, number: str) -> InForce:
    """What is assigned in a stack's subscription. This process works on that stack from then on.

    Raises:
        SetupError: the emulator does not run, or the subscription cannot be read.
    """
    from ml.clients.arm import arm, manner
    from ml.clients.errors import CloudError

    require_emulator(stack)
    shell.enter(stack)
    logging.getLogger("azure.identity").addHandler(logging.NullHandler())  # whoever cannot sign in reads the error
    try:
        with manner(patience=0.0):
            return read_subscription(arm(), number)
    except (CloudError, DefinitionsError) as error:
        raise SetupError(f"what is assigned in subscription {number} cannot be read: {error}") from None


def _data_folder(stack: Stack) -> str:
    configured = stack.configuration().get("config", {}).get(f"{PROJECT}:data") or {}
    return str(configured.get("directory") or "")


def verdicts(
    resources: Iterable[Resource],
    subscription: str,
    source: Policies,
    config: Configuration | None = None,
) -> list[Verdict]:
    """What Azure Policy says of everything that azure-native would make, with the exemptions of a stack's file.

    Raises:
        UnknownResourceTypeError: the table of resource types lacks one.
    """
    found = subjects(resources, subscription)
    judged = source.judge(found, Facts(groups=groups(found)))
    return waived(judged, exemptions(config), config.today) if config else judged


def groups(found: Iterable[Subject]) -> dict[str, Mapping[str, object]]:
    """The resource groups among requests, as `resourceGroup()` shows them."""
    return {
        one.id.lower(): {"managedBy": None, "tags": {}, **one.body, "name": one.name}
        for one in found
        if one.type == GROUP
    }


def subjects(resources: Iterable[Resource], subscription: str) -> list[Subject]:
    """The requests that make resources.

    Raises:
        UnknownResourceTypeError: the table of resource types lacks one.
    """
    table = ResourceTable.load()
    azure = [one for one in resources if one.type.startswith(ID_OF_TYPE)]
    return [_subject(one, table.entry_for_token(one.type), subscription) for one in azure]


def _subject(one: Resource, entry: ResourceEntry, subscription: str) -> Subject:
    made = request(entry, {key: value for key, value in one.inputs.items() if key in entry.inputs}, subscription)
    return Subject.of(
        made.path,
        entry.api_version,
        made.body,
        urn=one.urn,
        indexed=indexed(entry),
        read_only=read_only(entry),
        spell=spelling(entry),
    )


@lru_cache(maxsize=512)
def _indexed(token: str) -> bool:
    entry = ResourceTable.load().entry_for_token(token)
    body = entry.body_type()
    properties = entry.schema.properties(body) if body else {}
    return all(name in properties and not properties[name].read_only for name in ("tags", "location"))


def indexed(entry: ResourceEntry) -> bool:
    """Whether resources of a type have tags and a location of their own."""
    return _indexed(entry.token)


def read_only(entry: ResourceEntry) -> frozenset[tuple[str, ...]]:
    """Steps to what only Azure writes, in lower case."""
    return frozenset(tuple(step.lower() for step in path) for path in entry.read_only)


def spelling(entry: ResourceEntry) -> Callable[[str], str]:
    """From a path in the body to the input of a program that writes it."""

    def spell(path: str) -> str:
        steps = tuple(step for step in steps_of(path) if step != EACH)
        if path.startswith("tags["):
            return path
        found = input_path(entry, Problem(steps, "WrongType", ""))
        placed = next((one for name, one in entry.inputs.items() if found[:1] == (name,)), None)
        said = ".".join(str(step) for step in found)
        within = placed is not None and placed.place.layout and len(steps) > len(placed.place.at)
        return f"{said} ({path})" if within else said

    return spell


def definitions_folder(given: str, environment: Mapping[str, str] = os.environ, data: str = "") -> Path:
    """The folder that is named; else the one of the variable; else that below the data's own folder, if it is there.

    Raises:
        SetupError: none is named; says how to.
    """
    if named := given or environment.get(VARIABLE, ""):
        return Path(named).expanduser()
    if folder := environment.get(DATA_FOLDER) or data:
        below = Path(folder).expanduser() / BELOW_DATA
        if below.is_dir():
            return below
    raise SetupError(
        f"Which definitions? DEFINITIONS={ASSIGNED} reads what is assigned in the subscription; DEFINITIONS=folder, or"
        f" {VARIABLE}, names a folder of Azure's own (docs/azure-verdict.md says how to make one)"
    )


def read(folder: Path) -> Policies:
    """The definitions of a folder.

    Raises:
        SetupError: it has none, or one cannot be read.
    """
    try:
        return read_folder(folder)
    except DefinitionsError as error:
        raise SetupError(str(error)) from None

"""Checks of who may do what, and of secrets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from infra.permissions import table_condition
from infra.role_assignments import Role
from tests.program.azure.declared import Declared

GIVES_ROLES = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
SECRET_SHAPES = re.compile(
    r"AccountKey=|SharedAccessKey|InstrumentationKey=|[?&]sig=|eyJ[\w-]+\.eyJ|\b[A-Za-z0-9+/]{40,}={1,2}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
SECRET_KEYS = re.compile(
    r"(password|secret|primarykey|secondarykey|accountkey|connectionstring|securevalue)$", re.IGNORECASE
)


ON_THE_GROUP = ("pipelines-identity-on-group-", "reviews-identity-on-group-")


def roles_are_few_and_narrow(stack: Declared) -> Iterator[str]:
    """Each role is one of the table's, on one resource; on the group only pipelines and pull requests have any. None
    can give roles, but for the pipelines' own, which a condition holds to the table.
    """
    for one in stack.of("authorization:RoleAssignment"):
        role = str(one.inputs["roleDefinitionId"]).rsplit("/", 1)[1]
        if role == Role.RBAC_ADMINISTRATOR.value and one.inputs.get("condition") == table_condition():
            continue
        if role in GIVES_ROLES:
            yield f"{one}: {GIVES_ROLES[role]} can give roles"
        elif role not in {known.value for known in Role} and role not in _own_roles(stack):
            yield f"{one}: {role} is no role of the table"
        if "/providers/" not in one.inputs["scope"] and not one.name.startswith(ON_THE_GROUP):
            yield f"{one}: is on {one.inputs['scope']}"
        if one.inputs.get("principalType") not in ("ServicePrincipal", "Group"):
            yield f"{one}: Azure would look for a new principal where it is not yet"
        if not one.registered.delete_before_replace:
            yield f"{one}: its successor has the same name"


RIGHTS_FROM_AZURE: Mapping[str, str] = MappingProxyType(
    {
        "machinelearningservices:Registry": "Azure ML takes no other kind, and gives it its rights in the group that "
        "it manages itself; nothing of the stack's own is used with it",
    }
)
"""Types with an identity of Azure's own making, and why that needs no line of the role table."""


def every_identity_is_one_of_the_table(stack: Declared) -> Iterator[str]:
    """An identity that Azure makes with a resource is known only afterwards: its rights would be given somewhere else
    or be missing, if no line of the table were about it.
    """
    assignments = stack.of("authorization:RoleAssignment")
    for one in stack.resources:
        kind = str((one.body.get("identity") or {}).get("type", ""))
        if "systemassigned" not in kind.lower() or one.entry.name in RIGHTS_FROM_AZURE:
            continue
        if not any(one.registered.urn in assignment.registered.depends_on for assignment in assignments):
            yield f"{one}: its identity is {kind}, and no line of the role table is about it"


def _own_roles(stack: Declared) -> set[str]:
    return {one.own_name for one in stack.of("authorization:RoleDefinition")}


def no_secret_is_plain(stack: Declared) -> Iterator[str]:
    """Nothing that looks like a secret, or stands where one belongs, is in an input or output that is not marked."""
    for one in stack.recording.resources:
        for key, value in one.inputs.items():
            if key in one.secret_inputs or key.startswith("__"):  # Pulumi's own, such as a provider's code
                continue
            if any(_looks_secret(text) for text in texts(value)) or any(_named_secrets(value, key)):
                yield f"{one.name}: {key} is a secret in plain text"
    for urn, outputs in stack.recording.outputs.items():
        for key, value in outputs.items():
            if "::pulumi:pulumi:Stack::" in urn and key in stack.recording.secret_exports:
                continue
            if SECRET_SHAPES.search(json.dumps(value, default=str)) or any(_named_secrets(value, key)):
                yield f"{urn.rsplit('::', 1)[1]}: shows {key}"


def _looks_secret(text: str) -> bool:
    """Whether there is a key or a token in a text; a script in base64 is read, not taken for a key."""
    for found in SECRET_SHAPES.finditer(text):
        try:
            inside = base64.b64decode(found[0], validate=True).decode()
        except ValueError:
            return True
        if not re.fullmatch(r"[\x20-\x7e\s]+", inside) or _looks_secret(inside):
            return True
    return False


def _named_secrets(value: Any, key: str) -> Iterator[str]:
    """Values under names that only secrets have."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _named_secrets(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_secrets(inner, key)
    elif isinstance(value, str) and value and SECRET_KEYS.search(key):
        yield key


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)

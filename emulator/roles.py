"""Azure's built-in roles as facts, and what a role's permissions grant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("built_in_roles.json")
KINDS = ("actions", "notActions", "dataActions", "notDataActions")

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ACR_PUSH = "8311e382-0749-4cb8-b61a-304f252e45ec"
KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
"""In spite of its name the role for all telemetry:
https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication.
"""
FILE_PRIVILEGED_CONTRIBUTOR = "69566ab7-960f-475b-8e7c-b3118f30c6bd"


@dataclass(frozen=True)
class Permission:
    """One permission of a role: what it grants and what it leaves out of that. What one role leaves out, another may
    grant: nothing here denies.
    """

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Permission:
        """From the JSON of a role definition."""
        return cls(*(tuple(given.get(kind) or ()) for kind in KINDS))

    def grants(self, action: str, *, data: bool) -> bool:
        """Whether an action is in."""
        granted, left_out = (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        return matches(granted, action) and not matches(left_out, action)


@dataclass(frozen=True)
class BuiltInRole:
    """A role that every subscription has; its id is the same everywhere."""

    id: str
    name: str
    permissions: tuple[Permission, ...]


def matches(patterns: Iterable[str], action: str) -> bool:
    """Whether one of the patterns stands for an action: `*` for any text, slashes included, case is nothing. `a/*/read`
    stands for `a/read` too: AzureML Data Scientist reads the workspace by it, and has `workspaces/delete` left out.
    """
    return any(pattern_of(pattern).fullmatch(action) for pattern in patterns)


@cache
def pattern_of(text: str) -> re.Pattern[str]:
    """An action of a role definition as a regular expression."""
    escaped = "(?:/.*)?/".join(re.escape(part) for part in text.split("/*/"))
    return re.compile(escaped.replace(re.escape("*"), ".*"), re.IGNORECASE)


def permissions_of(properties: Mapping[str, Any]) -> Sequence[Permission]:
    """The permissions of a role definition of ARM."""
    return [Permission.of(given) for given in properties.get("permissions") or ()]


def load() -> Mapping[str, BuiltInRole]:
    """The roles of the file by id."""
    return {
        one["id"]: BuiltInRole(one["id"], one["name"], (Permission.of(one),)) for one in json.loads(FILE.read_text())
    }


BUILT_IN = load()
"""Those that machine learning platforms give: the file says what each grants. Others of Azure's are not listed.

Held on 2026-11-29 to the dump of Azure's own list in github.com/iann0036/iam-dataset at 2073fa52
(`azure/built-in-roles-raw.json`, of 2026-08-22, 928 roles): every id, name, action and data action is that one's. Azure
documents the same roles at https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

"""What is assigned in a subscription, read through ARM: a login that may read is enough."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from policies.azure.aliases import Alias, Aliases, of_provider
from policies.azure.assembly import SET, Document, Documents, assemble
from policies.azure.errors import DefinitionsError
from policies.azure.judging import Policies
from policies.azure.subject import Facts


class Reader(Protocol):
    """Asks ARM."""

    def get(self, path: str, version: str, **query: str) -> Mapping[str, Any] | None:
        """The document at a path; None where there is none."""

    def list(self, path: str, version: str, **query: str) -> Sequence[Mapping[str, Any]]:
        """All documents of a collection, over all its pages."""


# https://learn.microsoft.com/rest/api/policy/: the newest versions that are no previews where there is one.
ASSIGNMENTS = "2023-04-01"
DEFINITIONS = "2023-04-01"
EXEMPTIONS = "2022-07-01-preview"
PROVIDERS = "2021-04-01"
SUBSCRIPTIONS = "2022-12-01"
FIELD = re.compile(r"""(?:"field"\s*:\s*"|(?:field|current)\('?)([A-Za-z][\w.]*\.[\w.]+)/""", re.IGNORECASE)
"""The namespace of an alias in the text of a rule."""


@dataclass(frozen=True)
class InForce:
    """What judges the requests to a subscription, and what is known of it."""

    policies: Policies
    subscription: Mapping[str, Any]
    """Display name and tags, as `subscription()` shows them."""

    def facts(self, number: str, groups: Mapping[str, Mapping[str, Any]]) -> Facts:
        """With the resource groups that are planned."""
        return Facts(groups=groups, subscriptions={number.lower(): self.subscription})


def read_subscription(reader: Reader, number: str) -> InForce:
    """Everything that is assigned to a subscription, its groups, and the management groups above.

    Raises:
        DefinitionsError: the subscription cannot be read.
    """
    path = f"/subscriptions/{number}"
    found = reader.get(path, SUBSCRIPTIONS)
    if found is None:
        raise DefinitionsError(f"subscription {number} cannot be read: is it the one you are logged in to?")
    documents = read_documents(reader, path)
    aliases = Aliases(read_aliases(reader, path, documents.definitions.values()))
    known = {key: found[key] for key in ("displayName", "tags", "state", "tenantId") if key in found}
    return InForce(assemble(documents, aliases), {"tags": {}, **known})


def read_documents(reader: Reader, path: str) -> Documents:
    """Assignments and exemptions, and the definitions and initiatives that the assignments name."""
    own = f"{path}/providers/Microsoft.Authorization"
    documents = Documents(
        assignments=list(reader.list(f"{own}/policyAssignments", ASSIGNMENTS)),
        exemptions=list(reader.list(f"{own}/policyExemptions", EXEMPTIONS)),
    )
    for named in {str(one["properties"].get("policyDefinitionId", "")) for one in documents.assignments}:
        _read_named(reader, named, documents)
    return documents


def _read_named(reader: Reader, named: str, documents: Documents) -> None:
    into = documents.sets if SET in named.lower() else documents.definitions
    if named.lower() in into or (found := reader.get(named, DEFINITIONS)) is None:
        return
    into[named.lower()] = found
    if into is documents.sets:
        for part in found["properties"].get("policyDefinitions") or []:
            _read_named(reader, str(part["policyDefinitionId"]), documents)


def read_aliases(reader: Reader, path: str, definitions: Iterable[Document]) -> Iterator[Alias]:
    """The aliases of every resource provider that a rule has one of."""
    for namespace in sorted(namespaces(definitions)):
        provider = reader.get(f"{path}/providers/{namespace}", PROVIDERS, **{"$expand": "resourceTypes/aliases"})
        if provider is not None:
            yield from of_provider(provider)


def namespaces(definitions: Iterable[Document]) -> set[str]:
    """`microsoft.storage`, …: those of the fields in rules."""
    rules = (json.dumps(one["properties"].get("policyRule") or {}) for one in definitions)
    return {found.lower() for rule in rules for found in FIELD.findall(rule)}

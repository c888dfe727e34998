"""What is in force: the assignments that are there, with their definitions, initiatives and exemptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.policy import built_in
from emulator.policy.aliases import model_aliases
from emulator.store import Document, Store
from policies.azure.aliases import Aliases
from policies.azure.assembly import Documents, assemble
from policies.azure.judging import Policies

DEFINITION = "Microsoft.Authorization/policyDefinitions"
SET = "Microsoft.Authorization/policySetDefinitions"
ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
EXEMPTION = "Microsoft.Authorization/policyExemptions"
NONE = Policies((), Aliases(()))


def all_aliases() -> Aliases:
    """Those of the models; where the definitions' folder has another path for a name, it is Azure's."""
    models = (alias for aliases in model_aliases().values() for alias in aliases)
    return Aliases((*models, *built_in.aliases()))


def shown(document: Document) -> dict[str, Any]:
    """A document as the policy API has it."""
    return {**document.body, "id": document.id, "name": document.name}


class InForce:
    """Put together anew whenever a document has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._version: tuple[tuple[str, str], ...] = ()
        self._policies = NONE

    def policies(self) -> Policies:
        """Everything that judges requests now."""
        assignments = self._store.of_type(ASSIGNMENT)
        if not assignments:
            return NONE
        others = [document for kind in (DEFINITION, SET, EXEMPTION) for document in self._store.of_type(kind)]
        version = tuple((document.key, document.etag) for document in (*assignments, *others))
        if version != self._version:
            self._policies = assemble(self.documents(assignments), all_aliases())
            self._version = version
        return self._policies

    def documents(self, assignments: list[Document]) -> Documents:
        """The documents that some assignments need."""
        sets: dict[str, Mapping[str, Any]] = {document.key: shown(document) for document in self._store.of_type(SET)}
        own: dict[str, Mapping[str, Any]] = {
            document.key: shown(document) for document in self._store.of_type(DEFINITION)
        }
        named = {str(document.properties.get("policyDefinitionId", "")) for document in assignments}
        for one in sets.values():
            named |= {str(part["policyDefinitionId"]) for part in one["properties"].get("policyDefinitions") or []}
        return Documents(
            [shown(document) for document in assignments],
            {**_azures_own(named), **own},
            sets,
            [shown(document) for document in self._store.of_type(EXEMPTION)],
        )


def _azures_own(named: set[str]) -> dict[str, Mapping[str, Any]]:
    found = {one.lower(): built_in.definition(one.rsplit("/", 1)[-1]) for one in named}
    return {one: document for one, document in found.items() if document}

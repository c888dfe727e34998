"""What is in force, put together from the documents of the policy API: assignments, definitions, initiatives
(policySetDefinitions) and exemptions (https://learn.microsoft.com/rest/api/policy/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from policies.azure.aliases import Aliases
from policies.azure.assignment import Assigned, Exemption
from policies.azure.context import Context
from policies.azure.definition import Definition, read_definition
from policies.azure.errors import UnknownConstructError
from policies.azure.expressions import template
from policies.azure.judging import Policies
from policies.azure.subject import Facts, Subject
from policies.azure.values import Undecided

Document = Mapping[str, Any]
PROVIDER = "/providers/microsoft.authorization/"
SET = "/policysetdefinitions/"
NOBODY = Subject("/subscriptions/-", "", "", {})
"""What the values of an initiative's definitions are worked out on: they depend on its parameters alone."""


@dataclass
class Documents:
    """Everything that was read, definitions and initiatives by their id in lower case."""

    assignments: list[Document] = field(default_factory=list)
    definitions: dict[str, Document] = field(default_factory=dict)
    sets: dict[str, Document] = field(default_factory=dict)
    exemptions: list[Document] = field(default_factory=list)


def assemble(documents: Documents, aliases: Aliases) -> Policies:
    """Every definition of every assignment, initiatives taken apart."""
    assigned = (one for document in documents.assignments for one in _Assignment(document, documents, aliases).parts())
    return Policies(tuple(assigned), aliases)


def scope_of(arm_id: str) -> str:
    """What an id of Microsoft.Authorization lies on."""
    return arm_id[: arm_id.lower().rindex(PROVIDER)]


def unread(arm_id: str, problem: str) -> Definition:
    """In the place of a definition that cannot be judged."""
    name = arm_id.rsplit("/", 1)[-1]
    return Definition(arm_id, name, name, "All", {}, problem=problem)


@dataclass(frozen=True)
class _Assignment:
    document: Document
    documents: Documents
    aliases: Aliases

    @property
    def properties(self) -> Document:
        return self.document.get("properties") or {}

    def parts(self) -> Iterator[Assigned]:
        """The assigned definition, or those of the assigned initiative."""
        named = str(self.properties.get("policyDefinitionId", ""))
        values = {name: one.get("value") for name, one in (self.properties.get("parameters") or {}).items()}
        if SET not in named.lower():
            yield self._assigned(named, values)
            return
        initiative = self.documents.sets.get(named.lower())
        if initiative is None:
            yield self._refused(unread(named, f"initiative {named} could not be read"))
            return
        given = _with_defaults(initiative, values)
        for part in initiative["properties"].get("policyDefinitions") or []:
            inner = _evaluated(part.get("parameters") or {}, given)
            reference = str(part.get("policyDefinitionReferenceId") or "")
            assigned = self._assigned(str(part["policyDefinitionId"]), inner, reference)
            yield replace(assigned, set_id=str(initiative.get("id") or named))

    def _assigned(self, named: str, values: Mapping[str, Any], reference: str = "") -> Assigned:
        base = self._refused(self._definition(named), reference)
        try:
            effect = self._override(reference)
        except UnknownConstructError as error:
            return replace(base, definition=unread(named, f"assignment {base.title}: {error}"))
        known = {name.lower(): value for name, value in values.items() if not isinstance(value, Undecided)}
        return replace(base, values=known, effect=effect)

    def _definition(self, named: str) -> Definition:
        document = self.documents.definitions.get(named.lower())
        if document is None:
            return unread(named, f"definition {named} could not be read")
        try:
            return read_definition(document, self.aliases)
        except UnknownConstructError as error:
            return unread(named, str(error))

    def _refused(self, definition: Definition, reference: str = "") -> Assigned:
        arm_id = str(self.document["id"])
        own = [one for one in self.documents.exemptions if _exempts(one, arm_id)]
        return Assigned(
            definition,
            title=str(self.properties.get("displayName") or arm_id.rsplit("/", 1)[-1]),
            id=arm_id,
            enforced=str(self.properties.get("enforcementMode") or "Default").lower() != "donotenforce",
            scope=str(self.properties.get("scope") or scope_of(arm_id)),
            not_scopes=tuple(self.properties.get("notScopes") or ()),
            exemptions=tuple(map(exemption, own)),
            reference=reference,
        )

    def _override(self, reference: str) -> str:
        """The effect that the assignment puts in the place of a definition's own."""
        if self.properties.get("resourceSelectors"):
            raise UnknownConstructError("resourceSelectors are not known")
        for override in self.properties.get("overrides") or []:
            if override.get("kind") != "policyEffect":
                raise UnknownConstructError(f"override {override.get('kind')} is not known")
            if all(_selects(one, reference) for one in override.get("selectors") or []):
                return str(override["value"])
        return ""


def _selects(selector: Document, reference: str) -> bool:
    if selector.get("kind") != "policyDefinitionReferenceId":
        raise UnknownConstructError(f"selector {selector.get('kind')} is not known")
    named = {str(one).lower() for one in selector.get("in") or selector.get("notIn") or []}
    return (reference.lower() in named) is ("in" in selector)


def _with_defaults(initiative: Document, values: Mapping[str, Any]) -> dict[str, Any]:
    parameters = initiative["properties"].get("parameters") or {}
    defaults = {name.lower(): one["defaultValue"] for name, one in parameters.items() if "defaultValue" in one}
    return {**defaults, **{name.lower(): value for name, value in values.items()}}


def _evaluated(parameters: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    context = Context(NOBODY, Aliases(()), Facts(), given)
    return {name: template(one.get("value")).evaluate(context) for name, one in parameters.items()}


def _exempts(document: Document, assignment: str) -> bool:
    return str(document["properties"].get("policyAssignmentId", "")).lower() == assignment.lower()


def exemption(document: Document) -> Exemption:
    """An exemption as the policy API has it."""
    properties = document["properties"]
    expires = properties.get("expiresOn")
    until = datetime.fromisoformat(str(expires)) if expires else None
    references = frozenset(str(one).lower() for one in properties.get("policyDefinitionReferenceIds") or ())
    if until and until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return Exemption(scope_of(str(document["id"])), until, references)

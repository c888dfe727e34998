"""The resources of Azure Policy. What the evaluator does not know is refused when it is declared, not when judging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.errors import ServiceError, unsupported
from emulator.policy import built_in
from emulator.policy.in_force import ASSIGNMENT, DEFINITION, EXEMPTION, SET, InForce, all_aliases, shown
from emulator.resource_id import ResourceId
from emulator.service import ResourceType
from emulator.store import Document, Store
from policies.azure.assembly import assemble
from policies.azure.definition import read_definition
from policies.azure.errors import UnknownConstructError

NOT_SUPPORTED = "The policy definition '{name}': {problem}; this"


class PolicyDefinition(ResourceType):
    """A definition of the subscription's own; Azure's come from the folder that this machine has them in."""

    type = DEFINITION

    def prepare(self, document: Document, old: Document | None) -> None:
        try:
            read = read_definition(shown(document), all_aliases())
        except UnknownConstructError as error:
            message = f"The policy definition '{document.name}' is invalid: {error}."
            raise ServiceError(400, "InvalidCreatePolicyDefinitionRequest", message) from None
        if read.problem:
            raise unsupported(NOT_SUPPORTED.format(name=document.name, problem=read.problem))
        document.properties.setdefault("policyType", "Custom")
        document.properties.setdefault("mode", "Indexed")

    def implicit(self, resource: ResourceId) -> Document | None:
        found = built_in.definition(resource.name) if resource.subscription is None else None
        return Document(resource.text, {"properties": dict(found["properties"])}) if found else None


class PolicySetDefinition(ResourceType):
    """An initiative: definitions that are assigned together."""

    type = SET

    def __init__(self, store: Store) -> None:
        self._store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        for part in document.properties.get("policyDefinitions") or []:
            named = str(part.get("policyDefinitionId", ""))
            if part.get("parameters") or not stops_nothing(named):
                require_definition(self._store, named)
        document.properties.setdefault("policyType", "Custom")


class PolicyAssignment(ResourceType):
    """A definition or an initiative in force on a scope and everything below."""

    type = ASSIGNMENT

    def __init__(self, store: Store) -> None:
        self._store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        named = str(document.properties.get("policyDefinitionId", ""))
        definition = require_definition(self._store, named)
        check_parameters(document, definition)
        document.properties["scope"] = document.resource.scope
        document.properties.setdefault("enforcementMode", "Default")
        assigned = assemble(InForce(self._store).documents([document]), all_aliases()).assigned
        for one in assigned:
            found = one.definition
            if found.problem and (one.values or one.effect or not stops_nothing(found.id)):
                raise unsupported(NOT_SUPPORTED.format(name=found.name, problem=found.problem))


class PolicyExemption(ResourceType):
    """A scope that an assignment leaves out, for good or until a day."""

    type = EXEMPTION

    def __init__(self, store: Store) -> None:
        self._store = store

    def prepare(self, document: Document, old: Document | None) -> None:
        named = str(document.properties.get("policyAssignmentId", ""))
        if self._store.get(named) is None:
            message = f"The policy assignment '{named}' could not be found."
            raise ServiceError(404, "PolicyAssignmentNotFound", message)


def stops_nothing(named: str) -> bool:
    """Whether a definition is one of Azure's own that can be in force without being known here."""
    return named.lower().startswith("/providers/") and named.rsplit("/", 1)[-1].lower() in built_in.audited()


def require_definition(store: Store, named: str) -> Mapping[str, Any]:
    """The document of a definition or an initiative.

    Raises:
        ServiceError: 404 when there is none.
    """
    own = store.get(named) if named else None
    found = shown(own) if own else built_in.definition(named.rsplit("/", 1)[-1])
    if found is None:
        hint = f" {built_in.HINT}." if built_in.folder() is None and named.lower().startswith("/providers/") else ""
        raise ServiceError(
            404, "PolicyDefinitionNotFound", f"The policy definition '{named}' could not be found.{hint}"
        )
    return found


def check_parameters(document: Document, definition: Mapping[str, Any]) -> None:
    """400 for a parameter that is missing, not defined, or has a value that is not allowed."""
    properties = definition["properties"]
    defined = {name.lower(): one for name, one in (properties.get("parameters") or {}).items()}
    given = {name: one.get("value") for name, one in (document.properties.get("parameters") or {}).items()}
    words = (f"The policy assignment '{document.name}'", f"in the policy definition '{definition['name']}'.")
    known = {name.lower() for name in given}
    missing = [name for name, one in defined.items() if "defaultValue" not in one and name not in known]
    _refuse("MissingPolicyParameter", missing, "{0} is missing the parameter(s) '{2}' as defined {1}", words)
    undefined = [name for name in given if name.lower() not in defined]
    _refuse("UndefinedPolicyParameter", undefined, "{0} has the parameter(s) '{2}' which are not defined {1}", words)
    for name, value in given.items():
        allowed = defined[name.lower()].get("allowedValues")
        if allowed and value not in allowed and not isinstance(value, list):
            message = (
                f"The value '{value}' is not allowed for policy parameter '{name}' {words[1][:-1]}."
                f" The allowed values are '{', '.join(map(str, allowed))}'."
            )
            raise ServiceError(400, "PolicyParameterValueNotAllowed", message)


def _refuse(code: str, names: Iterable[str], message: str, words: tuple[str, str]) -> None:
    if listed := ",".join(names):
        raise ServiceError(400, code, message.format(*words, listed))

"""What policies do to a request before the service sees it: append and modify first, then deny
(https://learn.microsoft.com/azure/governance/policy/concepts/effect-basics#order-of-evaluation).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from emulator.policy.in_force import InForce
from emulator.policy.violation import violation
from emulator.resource_id import ResourceId
from emulator.resource_types import ResourceTable
from emulator.resource_types.path import type_key
from emulator.store import Store
from policies.azure.judging import Judgement, Policies
from policies.azure.subject import Facts, Subject
from policies.azure.verdict import Outcome

GROUP = "Microsoft.Resources/resourceGroups"


class Admission:
    """Judges every request that makes or changes a resource."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_force = InForce(store)

    def admit(self, resource: ResourceId, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body as policies leave it.

        Raises:
            ServiceError: 403 `RequestDisallowedByPolicy` when one of them denies it.
        """
        policies = self._in_force.policies()
        if not policies.assigned:
            return body
        facts = self._facts(resource)
        subject = Subject.of(resource.text, version, body, indexed=indexed(type_key(resource.text)))
        subject = self._changed(policies, subject, facts)
        denying = [one for one in judging(policies, subject, facts) if (said := one.verdict) and said.blocks]
        if denying:
            raise violation(resource, denying)
        return dict(subject.body)

    def _changed(self, policies: Policies, subject: Subject, facts: Facts) -> Subject:
        for assigned in policies.assigned:
            judgement = policies.on(assigned, subject, facts)
            said = judgement.verdict if assigned.definition.rule else None
            if said and said.outcome is Outcome.MODIFY and said.enforced:
                subject = replace(subject, body=judgement.changed().body)
        return subject

    def _facts(self, resource: ResourceId) -> Facts:
        groups = {
            one.key: {"managedBy": None, "tags": {}, **one.body, "name": one.name} for one in self._store.of_type(GROUP)
        }
        subscription = {"displayName": "Emulator", "tags": {}, "state": "Enabled"}
        return Facts(groups=groups, subscriptions={resource.subscription or "": subscription}, sent=True)


def judging(policies: Policies, subject: Subject, facts: Facts) -> list[Judgement]:
    """The definitions that can be judged, on a request."""
    return [policies.on(one, subject, facts) for one in policies.assigned if one.definition.rule]


@cache
def indexed(key: tuple[str, ...]) -> bool:
    """Whether resources of a type have tags and a location; types without a model are taken to have them."""
    table = ResourceTable.load()
    entry = next((one for one in map(table.entry_for_token, table.tokens) if one.path.key == key), None)
    body = entry.body_type() if entry else None
    if entry is None or body is None:
        return True
    properties = entry.schema.properties(body)
    return "tags" in properties and "location" in properties

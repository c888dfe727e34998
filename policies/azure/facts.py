"""What rules ask about the surroundings of a request: the resource group, the subscription."""

from __future__ import annotations

from typing import Any

from policies.azure.context import Context
from policies.azure.values import Undecided


def resource_group(context: Context) -> Any:
    """`resourceGroup()`: of a group that is there or planned."""
    subject = context.subject
    if not subject.group:
        return Undecided("resourceGroup() asks for a group, and this lies in none")
    found = context.facts.groups.get(subject.group)
    if found is None:
        return Undecided(f"resourceGroup() asks for {subject.group.rsplit('/', 1)[-1]}, which is not in this plan")
    return {"id": "/".join(subject.id.split("/")[:5]), **found}


def subscription(context: Context) -> Any:
    """`subscription()`: its id is in every path; the rest only where it was read."""
    number = context.subject.id.split("/")[2]
    path = f"/subscriptions/{number}"
    unread = {
        key: Undecided(f"subscription().{key} was not read") for key in ("displayName", "tags", "state", "tenantId")
    }
    return {**unread, "id": path, "subscriptionId": number, **context.facts.subscriptions.get(number.lower(), {})}

"""Checks of what happens by itself: events that are delivered, and workflows that send requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.program.azure.declared import Declared

OWN = "SystemAssigned"
DELIVERIES = (
    ("deliveryWithResourceIdentity", "destination"),
    ("deadLetterWithResourceIdentity", "deadLetterDestination"),
)


def events_are_delivered_with_an_identity(stack: Declared) -> Iterator[str]:
    """Whatever is delivered or given up goes out in the topic's name, by the identity that a firewall of Storage lets
    in; and nobody listens to all of an account.
    """
    for one in stack.of("eventgrid:SystemTopicEventSubscription"):
        for way, destination in DELIVERIES:
            given = one.properties.get(way) or {}
            if not given.get(destination):
                yield f"{one}: {way} has no {destination}"
            elif (given.get("identity") or {}).get("type") != OWN:
                yield f"{one}: the firewall of its {destination} lets in system-assigned identities only"
        if not (one.properties.get("filter") or {}).get("subjectBeginsWith"):
            yield f"{one}: hears of every file of the account"
    for one in stack.of("eventgrid:SystemTopic", "logic:Workflow"):
        if (one.body.get("identity") or {}).get("type") != OWN:
            yield f"{one}: has no identity that a firewall of Storage lets in"


def workflows_hold_no_credential(stack: Declared) -> Iterator[str]:
    """A token that is written into a workflow ends within an hour, a key never, and a connection has one of the two."""
    for one in stack.of("logic:Workflow"):
        for name, step in _steps(one.properties.get("definition") or {}):
            inputs = step.get("inputs")
            if str(step.get("type")).startswith("ApiConnection"):
                yield f"{one}: {name} goes by a connection"
            if step.get("type") not in ("Http", "HttpWebhook") or not isinstance(inputs, Mapping):
                continue
            if (inputs.get("authentication") or {}).get("type") != "ManagedServiceIdentity":
                yield f"{one}: {name} does not sign in with the workflow's identity"
            if any(header.lower() == "authorization" for header in inputs.get("headers") or {}):
                yield f"{one}: {name} has a token in it"


def _steps(value: Any, name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Triggers and actions by name, those inside of others too."""
    if not isinstance(value, Mapping):
        return
    if "type" in value and ("inputs" in value or "actions" in value):
        yield name, value
    for key, inner in value.items():
        yield from _steps(inner, key)

"""Events and workflows: Event Grid and Logic Apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import SECRET
from policies.rule import ADVICE, ALWAYS, STRICTER, Rule, Severity, Sources, must_have
from policies.view import NotKnownYet, View

TOPIC = ("eventgrid:SystemTopic",)
SUBSCRIPTION = ("eventgrid:SystemTopicEventSubscription", "eventgrid:EventSubscription")
WORKFLOW = ("logic:Workflow",)
EVENTS, WORKFLOWS = "infra/file_events.py", "infra/file_workflow.py"
MOST_MINUTES, MOST_ATTEMPTS = 1440, 30
"""Azure's own limits: https://learn.microsoft.com/azure/event-grid/manage-event-delivery."""
LEAST_SECONDS = 60
SECONDS = {"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86_400, "Week": 604_800, "Month": 2_592_000}
IDENTITY = "ManagedServiceIdentity"


def _delivers(one: View) -> Iterator[str]:
    if not one.has("deliveryWithResourceIdentity"):
        kind = one.get("destination.endpointType")
        yield f"delivers to {'a ' + str(kind) if kind else 'nothing'} without an identity"


def _retries(one: View) -> Iterator[str]:
    minutes = one.get("retryPolicy.eventTimeToLiveInMinutes", MOST_MINUTES)
    attempts = one.get("retryPolicy.maxDeliveryAttempts", MOST_ATTEMPTS)
    if not 1 <= minutes <= MOST_MINUTES or not 1 <= attempts <= MOST_ATTEMPTS:
        yield f"tries {attempts} times in {minutes} minutes; Azure takes 1 to {MOST_ATTEMPTS} and 1 to {MOST_MINUTES}"


def _dead_letters(one: View) -> Iterator[str]:
    if not (one.has("deadLetterWithResourceIdentity") or one.has("deadLetterDestination")):
        yield "drops what it cannot deliver"
    elif one.has("deadLetterDestination"):
        yield "puts aside what it cannot deliver with a key, not an identity"


def _filter(one: View) -> Iterator[str]:
    if not one.get("filter.includedEventTypes") and not one.get("filter.subjectBeginsWith"):
        yield "takes every event of its source"


def _acts(one: View) -> Iterator[str]:
    if one.get("identity.type", "None") == "None":
        yield "has no identity"


def _actions(actions: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All actions of a workflow, those inside of others too."""
    for name in actions:
        action = actions[name]
        yield name, action
        yield from _actions(action.get("actions") or {})
        for branch in (action.get("else") or {}, *(action.get("cases") or {}).values(), action.get("default") or {}):
            yield from _actions(branch.get("actions") or {})


def _signs_in(one: View) -> Iterator[str]:
    for name, action in _actions(one.get("definition.actions", {})):
        if action.get("type") == "Http":
            kind = ((action.get("inputs") or {}).get("authentication") or {}).get("type")
            if kind != IDENTITY:
                yield f"action {name} calls with {kind or 'no authentication'}, not its own identity"


def _plain(one: View) -> Iterator[str]:
    """A parameter of type String that is called like a secret shows its value to every reader of the workflow."""
    types: Mapping[str, Any] = one.get("definition.parameters", {})
    for name in types:
        secret = any(word in name.lower() for word in ("password", "secret", "key", "token", "connectionstring"))
        if secret and str(types[name].get("type", "")).lower() != "securestring":
            try:
                value = one.get(f"parameters.{name}.value", "")
            except NotKnownYet:
                value = "not known yet"
            if value != SECRET or value:
                yield f"parameter {name} is no SecureString"


def _often(one: View) -> Iterator[str]:
    triggers: Mapping[str, Any] = one.get("definition.triggers", {})
    for name in triggers:
        recurrence: Mapping[str, Any] = triggers[name].get("recurrence") or {}
        seconds = SECONDS.get(str(recurrence.get("frequency")), LEAST_SECONDS) * (recurrence.get("interval") or 1)
        if seconds < LEAST_SECONDS:
            yield f"trigger {name} runs every {seconds} seconds, and each run is paid for"


def _open_trigger(one: View) -> Iterator[str]:
    triggers: Mapping[str, Any] = one.get("definition.triggers", {})
    for name in triggers:
        if triggers[name].get("type") == "Request" and not one.has("accessControl.triggers"):
            yield f"trigger {name} starts for whoever knows its address"


TOPIC_IDENTITY = Rule(
    id="V-01",
    name="topic-own-identity",
    title="A topic has an identity to deliver with",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=TOPIC,
    fix=f"Leave identity in {EVENTS}",
    sources=Sources(
        benchmark=("IM-3",), page="https://learn.microsoft.com/azure/event-grid/enable-identity-system-topics"
    ),
    check=_acts,
)
DELIVERS = Rule(
    id="V-02",
    name="events-by-identity",
    title="Events are delivered by identity",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=SUBSCRIPTION,
    fix="Use delivery_with_resource_identity, as infra/file_trigger.py does",
    sources=Sources(benchmark=("IM-3",), page="https://learn.microsoft.com/azure/event-grid/managed-service-identity"),
    check=_delivers,
)
DEAD_LETTERS = Rule(
    id="V-03",
    name="events-put-aside",
    title="An event that cannot be delivered is put aside, by identity",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=SUBSCRIPTION,
    fix="Use dead_letter_with_resource_identity, as infra/file_trigger.py does",
    sources=Sources(page="https://learn.microsoft.com/azure/event-grid/manage-event-delivery"),
    check=_dead_letters,
)
RETRIES = Rule(
    id="V-04",
    name="events-retries-bounded",
    title="Delivery of an event is tried as often as Azure takes",
    severity=Severity.LOW,
    levels=ALWAYS,
    types=SUBSCRIPTION,
    fix="Leave retry_policy as infra/file_trigger.py has it",
    sources=Sources(page="https://learn.microsoft.com/azure/event-grid/manage-event-delivery"),
    check=_retries,
)
FILTERED = Rule(
    id="V-05",
    name="events-filtered",
    title="A subscription says which events it is for",
    severity=Severity.LOW,
    levels=ADVICE,
    types=SUBSCRIPTION,
    fix="Name kinds of events or where subjects begin; the folder is that of mlops:fileTrigger",
    sources=Sources(page="https://learn.microsoft.com/azure/event-grid/event-filtering"),
    check=_filter,
)
WORKFLOW_IDENTITY = Rule(
    id="V-06",
    name="workflow-own-identity",
    title="A workflow acts under an identity of its own",
    severity=Severity.MEDIUM,
    levels=ALWAYS,
    types=WORKFLOW,
    fix="Leave identity in infra/file_trigger.py",
    sources=Sources(
        benchmark=("IM-3",), page="https://learn.microsoft.com/azure/logic-apps/authenticate-with-managed-identity"
    ),
    check=_acts,
)
SIGNS_IN = Rule(
    id="V-07",
    name="workflow-calls-by-identity",
    title="Every call that a workflow makes is signed by its identity",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=WORKFLOW,
    fix=f"Give the action authentication of type {IDENTITY} in {WORKFLOWS}",
    sources=Sources(
        benchmark=("IM-3",), page="https://learn.microsoft.com/azure/logic-apps/authenticate-with-managed-identity"
    ),
    check=_signs_in,
)
NO_PLAIN_SECRET = Rule(
    id="V-08",
    name="workflow-no-plain-secret",
    title="No parameter of a workflow shows a secret",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=WORKFLOW,
    fix=f"Declare it as SecureString in {WORKFLOWS}, or let the workflow ask Key Vault with its identity",
    sources=Sources(
        benchmark=("IM-8",), page="https://learn.microsoft.com/azure/logic-apps/logic-apps-securing-a-logic-app"
    ),
    check=_plain,
)
NOT_TOO_OFTEN = Rule(
    id="V-09",
    name="workflow-not-too-often",
    title="No workflow runs more often than every minute",
    severity=Severity.LOW,
    levels=STRICTER,
    types=WORKFLOW,
    fix="Write `intervalMinutes: 5` below mlops:fileTrigger",
    sources=Sources(page="https://learn.microsoft.com/azure/logic-apps/logic-apps-pricing"),
    check=_often,
)
NO_OPEN_TRIGGER = Rule(
    id="V-10",
    name="workflow-no-open-trigger",
    title="No workflow starts for whoever knows its address",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=WORKFLOW,
    fix=f"Say in access_control who may start it, or start it by a schedule as {WORKFLOWS} does",
    sources=Sources(
        benchmark=("NS-2",), page="https://learn.microsoft.com/azure/logic-apps/logic-apps-securing-a-logic-app"
    ),
    check=_open_trigger,
)
SCHEMA = Rule(
    id="V-11",
    name="events-cloud-events",
    title="Events are delivered in the form of CloudEvents",
    severity=Severity.LOW,
    levels=ADVICE,
    types=SUBSCRIPTION,
    fix="Leave event_delivery_schema in infra/file_trigger.py: the workflow reads that form",
    sources=Sources(page="https://learn.microsoft.com/azure/event-grid/cloud-event-schema"),
    check=must_have("eventDeliverySchema"),
)

"""What a policy pack said during a preview, read from the engine's stream of events.

`pulumi preview --json` runs a pack and leaves out what it says. With PULUMI_ENABLE_STREAMING_JSON_PREVIEW the engine
prints one event a line instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.judgement import DEFERRED, name_of
from tools.engine_events import parse

STREAM = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
VIOLATION, REMEDIATION, DIAGNOSTIC, SUMMARY = "policyEvent", "policyRemediationEvent", "diagnosticEvent", "summaryEvent"
WANTED = (VIOLATION, REMEDIATION, DIAGNOSTIC, SUMMARY)
MANDATORY = "mandatory"
FAILED = "preview failed"
"""How the engine ends when a mandatory rule has been broken; the rule has said why before."""


@dataclass(frozen=True, order=True)
class PolicyEvent:
    """That a rule of a pack found something on a resource."""

    rule: str
    resource: str
    """Its logical name; `stack` for the stack as a whole."""
    message: str
    level: str
    urn: str

    @property
    def deferred(self) -> bool:
        """Whether the rule can be checked only at the update."""
        return self.message.startswith(DEFERRED)

    @property
    def blocks(self) -> bool:
        """Whether an update would stop here."""
        return self.level == MANDATORY and not self.deferred


@dataclass
class PolicyEvents:
    """All that a pack said, sorted, and how the preview ended."""

    found: list[PolicyEvent] = field(default_factory=list)
    mended: list[PolicyEvent] = field(default_factory=list)
    """What rules have added to resources: `message` says what."""
    errors: list[str] = field(default_factory=list)
    """What went wrong besides."""
    resources: int = 0
    """How many resources the stack would have."""

    @property
    def blocking(self) -> list[PolicyEvent]:
        """What would stop an update."""
        return [one for one in self.found if one.blocks]


def read(lines: Iterable[str]) -> PolicyEvents:
    """What is in a stream of events; lines that are none are left out."""
    events = PolicyEvents()
    for line in lines:
        if any(name in line for name in WANTED) and (event := parse(line)):
            _take(events, event)
    events.found = sorted(set(events.found))
    events.mended = sorted(set(events.mended))
    return events


def _take(events: PolicyEvents, event: Mapping[str, Any]) -> None:
    if found := event.get(VIOLATION):
        events.found.append(_event(found, found["message"].strip()))
    elif found := event.get(REMEDIATION):
        events.mended.append(_event(found, _difference(found.get("before") or {}, found.get("after") or {})))
    elif (found := event.get(DIAGNOSTIC)) and found.get("severity") == "error":
        text = str(found.get("message", "")).strip()
        if text and text != FAILED:
            events.errors.append(text)
    elif found := event.get(SUMMARY):
        events.resources = sum((found.get("resourceChanges") or {}).values())


def _event(found: Mapping[str, Any], message: str) -> PolicyEvent:
    urn = str(found.get("resourceUrn", ""))
    return PolicyEvent(found["policyName"], name_of(urn), message, str(found.get("enforcementLevel", "remediate")), urn)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What was added, in words: `tags: cost-center=data-science`."""
    said = []
    for key in sorted(after):
        old, new = before.get(key), after[key]
        if isinstance(new, Mapping):
            added = [f"{name}={new[name]}" for name in sorted(new) if (old or {}).get(name) != new[name]]
            said += [f"{key}: {', '.join(added)}"] if added else []
        elif old != new:
            said.append(f"{key}={new}")
    return "; ".join(said)

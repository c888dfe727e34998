"""What `make policy` prints, and the reader of the engine's stream of events."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from policies.configuration import Configuration
from tools.policy import lines
from tools.policy_events import PolicyEvents, read

TYPE = "azure-native:storage:StorageAccount"
FIX = "Leave allow_shared_key_access=False in infra/storage.py; who needs data gets a role in infra/permissions.py"


def event(rule: str, level: str, message: str, name: str = "lake") -> str:
    """One line of the stream, as the engine writes it."""
    urn = f"urn:pulumi:prod::mlops::{TYPE}::{name}" if name else ""
    found = {"resourceUrn": urn, "message": f"{message}\n", "policyName": rule, "enforcementLevel": level}
    return json.dumps({"sequence": 1, "policyEvent": found})


def other(kind: str, **values: Any) -> str:
    return json.dumps({"sequence": 2, kind: values})


STREAM = [
    other("diagnosticEvent", severity="error", message="preview failed\n"),
    event("storage-no-shared-key", "mandatory", f"allowSharedKeyAccess is true, not false. {FIX}"),
    event("storage-no-shared-key", "mandatory", f"allowSharedKeyAccess is true, not false. {FIX}", "storage"),
    event("no-secret-outputs", "mandatory", "output a shows a key", ""),
    event("storage-redundancy", "advisory", "sku.name is Standard_LRS"),
    event("storage-tls-https", "advisory", "checked at update: minimumTlsVersion is known only then"),
    event("from-another-pack", "advisory", "says something"),
    other(
        "policyRemediationEvent",
        resourceUrn=f"urn:pulumi:prod::mlops::{TYPE}::lake",
        policyName="required-tags",
        before={"tags": {"owner": "me"}},
        after={"tags": {"owner": "me", "stack": "prod"}, "kind": "StorageV2"},
    ),
    other("summaryEvent", resourceChanges={"create": 3, "same": 1}),
    '{"policyEvent": cut off',
    "no event",
]


def shown(events: PolicyEvents, **policy: Any) -> list[str]:
    return list(lines("prod", events, Configuration({"policy": policy}, dt.date(2026, 11, 30))))


def test_the_stream_is_read_line_by_line() -> None:
    events = read(STREAM)
    assert (len(events.found), len(events.blocking), events.resources, events.errors) == (6, 3, 4, [])
    assert [one.rule for one in events.found if one.deferred] == ["storage-tls-https"]
    (mended,) = events.mended
    assert mended.message == "kind=StorageV2; tags: stack=prod"
    assert read([other("diagnosticEvent", severity="error", message="no such module\n")]).errors == ["no such module"]


def test_the_report_has_the_worst_first_and_says_what_to_do() -> None:
    exemption = {"rule": "R-09", "resource": "registry", "reason": "until it is moved", "expires": "2027-01-31"}
    ended = exemption | {"expires": "2026-11-29"}
    first, *rest = shown(read(STREAM), exemptions=[exemption, ended])
    assert first.startswith("Policies of stack prod: 3 findings stop an update, 2 are advice, 1 is checked at update; ")
    assert rest[:9] == [
        "",
        "Stops an update (3)",
        "  R-17 no-secret-outputs, critical: No output of a stack shows a secret",
        "    stack: output a shows a key",
        "    -> Export it as pulumi.Output.secret(…), or not at all: `make key` reads an endpoint's key",
        "  R-08 storage-no-shared-key, high: A storage account opens to identities, not to its key",
        "    lake: allowSharedKeyAccess is true, not false",
        "    storage: allowSharedKeyAccess is true, not false",
        f"    -> {FIX}",
    ]
    assert rest[-11:] == [
        "  from-another-pack",
        "    lake: says something",
        "",
        "Added",
        "  lake: kind=StorageV2; tags: stack=prod (T-01 required-tags)",
        "",
        "Checked at update",
        "  D-02 storage-tls-https: lake (minimumTlsVersion is known only then)",
        "",
        "Exempted",
        "  R-09 for registry until 2027-01-31: until it is moved",
    ]


def test_nothing_found_is_one_line() -> None:
    (line,) = shown(read([other("summaryEvent", resourceChanges={"create": 1})]))
    assert line.startswith("Policies of stack prod: nothing found; ")
    assert line.endswith(" rules, 1 resource.")

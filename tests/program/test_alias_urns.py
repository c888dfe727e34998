"""URNs of aliases, which no engine of today asks for, are not worked out; the aliases reach the engine all the same."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from tests.program.recorder import _Recorder, run

OLD = "urn:pulumi:test::mlops::mlops:test:Shelf::rack"


def program() -> None:
    """A component that had another type, and one that had another URN."""
    kind = "mlops:test:Shelf"
    pulumi.ComponentResource(kind, "a", None, pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="mlops:test:Rack")]))
    pulumi.ComponentResource(kind, "b", None, pulumi.ResourceOptions(aliases=[OLD]))


@pytest.fixture(name="requests")
def fixture_requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the engine is asked for."""
    found, register = list[Any](), _Recorder.RegisterResource

    def noted(self: _Recorder, request: Any) -> Any:
        found.append(request)
        return register(self, request)

    monkeypatch.setattr(_Recorder, "RegisterResource", noted)
    return found


def test_aliases_are_sent_and_their_urns_not_worked_out(requests: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = list[object]()
    monkeypatch.setattr("infra.alias_urns._work_out", lambda *given: worked_out.append(given))
    run(program, {})
    sent = [one.urn or one.spec.type for request in requests for one in request.aliases]
    assert (sorted(sent), worked_out) == (["mlops:test:Rack", OLD], [])


def test_an_engine_that_takes_urns_alone_gets_them(requests: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("infra.alias_urns", "pulumi.runtime.resource"):
        monkeypatch.setattr(f"{module}.monitor_supports_feature", lambda feature: False)
    run(program, {})
    sent = [urn for request in requests for urn in request.aliasURNs]
    assert sorted(sent) == ["urn:pulumi:test::mlops::mlops:test:Rack::a", OLD]

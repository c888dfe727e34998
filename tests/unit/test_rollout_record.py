"""What rollouts and rollbacks leave in a system's history, with the history in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ml.clients.errors import CloudError
from ml.clients.events import Event
from ml.clients.models import ModelRecord
from ml.progress import Failure
from ml.rollout.core import record as rollout_record
from ml.rollout.core.record import record_return, recorded

WRITTEN: list[Event] = []


class History:
    """Takes the place of `Events`."""

    broken = False

    def __init__(self, *_: object) -> None:
        pass

    def append(self, event: Event) -> str:
        if self.broken:
            return "the history of the system could not be written (away)"
        WRITTEN.append(event)
        return ""

    def newest(self, *kinds: str) -> Event | None:
        if self.broken:
            raise CloudError("away")
        return next((event for event in reversed(WRITTEN) if event.kind in kinds), None)


class Site:
    """A system whose versions were trained on real data, except version 1."""

    workspace, system = None, "bike_buyer"

    def __init__(self, champion: int | None) -> None:
        self.notes: list[str] = []
        self.row = SimpleNamespace(note=self.notes.append)
        self.models = SimpleNamespace(champion=lambda: champion, client=SimpleNamespace(get=version))


def version(number: int) -> ModelRecord:
    source = "generated" if number == 1 else "real"
    properties = {"job": f"job-{number}", "metrics": '{"auc": 0.9}', "dataSource": source}
    return ModelRecord(number, {}, properties, "", False)


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    WRITTEN.clear()
    monkeypatch.setattr(rollout_record, "Events", History)
    tags = {"verdict": "promoted", "challenger_job": "job-2", "reason": "auc +0.0100: promoted"}
    judged = SimpleNamespace(of_experiment=lambda _: [SimpleNamespace(tags=tags)])
    monkeypatch.setattr(rollout_record, "Jobs", lambda _: judged)


def roll_out(site: Site, number: int, *, rejected: str = "", fails: bool = False) -> None:
    """A rollout of a version as `bring` records it."""
    run: Any = SimpleNamespace(target=SimpleNamespace(version=number), rejected=rejected)
    place: Any = site
    with recorded(place, run):
        if fails or rejected:
            raise Failure("it ended early")


def back(site: Site, before: int) -> None:
    place: Any = site
    record_return(place, before, "wrong answers")


def seen() -> list[tuple[str, int | None, int | None]]:
    return [(event.kind, event.version, event.before) for event in WRITTEN]


def test_a_promotion_says_what_the_gate_said_and_is_written_once() -> None:
    for champion in (1, 2):
        roll_out(Site(champion), 2)
    assert seen() == [("promoted", 2, 1)]
    assert (WRITTEN[0].reason, WRITTEN[0].job, WRITTEN[0].figures) == ("auc +0.0100: promoted", "job-2", {"auc": 0.9})


def test_a_rejection_says_why_and_any_other_end_is_no_event() -> None:
    with pytest.raises(Failure):
        roll_out(Site(1), 2, fails=True)
    assert seen() == []
    with pytest.raises(Failure):
        roll_out(Site(1), 2, rejected="in staging it crashed")
    assert seen() == [("rejected", 2, 1)]
    assert WRITTEN[0].reason == "in staging it crashed"


def test_what_a_person_asked_for_names_the_person() -> None:
    WRITTEN.append(Event(kind="promoted", version=2, reason=""))
    WRITTEN.append(Event(kind="lifted", version=2, reason="", who="anna"))
    roll_out(Site(2), 2)
    assert (WRITTEN[-1].kind, WRITTEN[-1].reason) == ("promoted", "asked for by anna")


def test_going_back_to_generated_data_is_a_warning() -> None:
    site = Site(1)
    back(site, 2)
    assert seen() == [("rolled_back", 1, 2)]
    assert site.notes == [
        "bike_buyer: warning: version 1 was trained on generated data: what it says of customers means nothing"
    ]
    back(real := Site(2), 3)
    assert real.notes == []


def test_after_a_rollback_the_rollout_that_finds_it_adds_nothing() -> None:
    back(Site(2), 3)
    roll_out(Site(2), 2)
    assert seen() == [("rolled_back", 2, 3)]


def test_a_history_that_is_away_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(History, "broken", True)
    site = Site(1)
    roll_out(site, 2)
    back(site, 2)
    assert site.notes[0] == "bike_buyer: the history of the system could not be written: away"
    assert len(site.notes) == 3  # the last is the warning of generated data

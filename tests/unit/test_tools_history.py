"""`make history`: events as lines; `make logs JOB=`: a text that grows, each piece once."""

from __future__ import annotations

from ml.clients.events import Event
from tools import history
from tools.jobs import growing

PROMOTED = Event(
    kind="promoted",
    version=2,
    before=1,
    reason="passed 10 % and 50 %",
    job="bike-buyer-0-1",
    figures={"auc": 0.86},
    time="no time",
    who="ana@example.com, process 7 on host",
)


def test_an_event_says_what_when_why_and_who() -> None:
    assert list(history.lines([PROMOTED], 160)) == [
        "no time  promoted     version 2 after version 1: passed 10 % and 50 %",
        "                      auc 0.8600   bike-buyer-0-1   by ana@example.com, process 7 on host",
    ]


def test_a_narrow_terminal_gets_more_lines_not_longer_ones() -> None:
    assert max(len(line) for text in history.lines([PROMOTED], 60) for line in text.splitlines()) <= 60


def test_what_a_version_came_after_or_was_judged_against() -> None:
    def said(kind: str, version: int | None, before: int | None) -> str:
        return history.subject(Event(kind=kind, version=version, before=before, reason=""))  # type: ignore[arg-type]

    assert said("kept", None, 3) == "a challenger against version 3"
    assert said("rolled_back", 1, 2) == "version 1 after version 2"
    assert said("promoted", 1, None) == said("lifted", 1, 1) == "version 1"


def test_a_log_is_printed_as_it_grows_and_read_once_more_after_the_end() -> None:
    texts, ends = iter(["", "a\n", "a\nb\n", "a\nb\nc\n"]), iter([False, False, True])
    pauses: list[float] = []
    assert list(growing(lambda: next(texts), lambda: next(ends), pauses.append)) == ["a\n", "b\n", "c\n"]
    assert len(pauses) == 2

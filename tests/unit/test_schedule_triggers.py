"""Triggers of schedules: when they fire next, in their own time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.machine_learning.schedules.triggers import next_time, read_trigger

START = "2026-01-05T10:30:00"  # a Monday


def times(after: str, count: int = 3, **given: Any) -> list[str]:
    """The next moments of a trigger after a moment, all in UTC."""
    trigger = read_trigger({"startTime": START, **given}, 0.0)
    moment: float | None = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found: list[str] = []
    while len(found) < count and moment is not None and (moment := next_time(trigger, moment)):
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%a %d.%m. %H:%M"))
    return found


def recurrence(frequency: str, interval: int = 1, **more: Any) -> dict[str, Any]:
    return {"triggerType": "Recurrence", "frequency": frequency, "interval": interval, **more}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (recurrence("Minute", 15), ["Tue 06.01. 12:15", "Tue 06.01. 12:30", "Tue 06.01. 12:45"]),
        (recurrence("Hour", 5), ["Tue 06.01. 16:30", "Tue 06.01. 21:30", "Wed 07.01. 02:30"]),
        (recurrence("Day", 2), ["Wed 07.01. 10:30", "Fri 09.01. 10:30", "Sun 11.01. 10:30"]),
        (
            recurrence("Day", schedule={"hours": [4, 14], "minutes": [0, 30]}),
            ["Tue 06.01. 14:00", "Tue 06.01. 14:30", "Wed 07.01. 04:00"],
        ),
        (
            recurrence("Week", 2, schedule={"hours": [8], "weekDays": ["Wednesday", "Monday"]}),
            ["Wed 07.01. 08:00", "Mon 19.01. 08:00", "Wed 21.01. 08:00"],
        ),
        (
            recurrence("Month", schedule={"hours": [0], "monthDays": [1, 31]}),
            ["Sat 31.01. 00:00", "Sun 01.02. 00:00", "Sun 01.03. 00:00"],
        ),
        (
            {"triggerType": "Cron", "expression": "0 6 * * 1-5", "timeZone": "Pacific Standard Time"},
            ["Tue 06.01. 14:00", "Wed 07.01. 14:00", "Thu 08.01. 14:00"],
        ),
        (recurrence("Day", endTime="2026-01-08T10:30:00"), ["Wed 07.01. 10:30", "Thu 08.01. 10:30"]),
    ],
)
def test_next_times(given: dict[str, Any], found: list[str]) -> None:
    assert times("2026-01-06T12:00:00", **given) == found


def test_nothing_fires_before_its_start() -> None:
    assert times("2025-12-01T00:00:00", 1, triggerType="Cron", expression="*/30 * * * *") == ["Mon 05.01. 10:30"]
    assert times("2025-12-01T00:00:00", 1, **recurrence("Hour")) == ["Mon 05.01. 10:30"]


def test_hour_of_the_day_stays_when_clocks_change() -> None:
    given = recurrence("Day", timeZone="W. Europe Standard Time", schedule={"hours": [9]})
    assert times("2026-03-28T00:00:00", 2, **given) == ["Sat 28.03. 08:00", "Sun 29.03. 07:00"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"triggerType": "Cron", "expression": "0 6 * *"}, "must have five fields"),
        ({"triggerType": "Cron", "expression": "61 * * * *"}, "must have five fields"),
        ({"triggerType": "Cron", "expression": "* * * * *", "timeZone": "Mars"}, "no time zone: 'Mars'"),
        ({"triggerType": "Once"}, "must be Cron or Recurrence, not 'Once'"),
        (recurrence("Fortnight"), "'trigger.frequency' of the schedule must be one of"),
        (recurrence("Day", 0), "at least 1, not 0"),
        (recurrence("Day", schedule={"hours": [24]}), "from 0 to 23"),
        (recurrence("Week", schedule={"weekDays": ["Someday"]}), "not 'Someday'"),
        (recurrence("Day", startTime="soon"), "must be a time such as"),
    ],
)
def test_what_cannot_work_is_refused_by_key(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        read_trigger(given, 0.0)

"""When a schedule is due: cron expressions by croniter, recurrences as Azure ML counts them."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from emulator.errors import ServiceError

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
FREQUENCIES = ("minute", "hour", "day", "week", "month")
RETIRED = {"Mid-Atlantic Standard Time": "Etc/GMT+2", "Kamchatka Standard Time": "Asia/Kamchatka"}
"""Zones that Windows has given up and Azure ML still takes."""
MONTHS_AHEAD = 600


@dataclass(frozen=True)
class Trigger:
    """A trigger of ARM, read and found good; `start` and `end` are in its own zone."""

    zone: tzinfo
    start: datetime
    end: datetime | None
    expression: str = ""
    frequency: str = ""
    interval: int = 1
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()


def read_trigger(given: dict[str, Any], created: float) -> Trigger:
    """A trigger from a schedule's properties; without a start it begins when the schedule was made.

    Raises:
        ServiceError: 400, naming the key.
    """
    kind = str(given.get("triggerType") or "").lower()
    if kind not in ("cron", "recurrence"):
        raise refusal("trigger.triggerType", f"must be Cron or Recurrence, not '{given.get('triggerType')}'")
    zone = zone_of(str(given.get("timeZone") or "UTC"))
    start = moment("startTime", given.get("startTime"), zone) or datetime.fromtimestamp(created, zone)
    end = moment("endTime", given.get("endTime"), zone)
    if kind == "cron":
        return Trigger(zone, start, end, expression=expression(str(given.get("expression") or "")))
    frequency = str(given.get("frequency") or "").lower()
    interval = int(given.get("interval") or 0)
    if frequency not in FREQUENCIES:
        raise refusal("trigger.frequency", f"must be one of {', '.join(FREQUENCIES)}, not '{given.get('frequency')}'")
    if interval < 1:
        raise refusal("trigger.interval", f"must be at least 1, not {given.get('interval')}")
    pattern = given.get("schedule") or {}
    return Trigger(
        zone,
        start,
        end,
        frequency=frequency,
        interval=interval,
        hours=numbers("hours", pattern.get("hours"), 0, 23),
        minutes=numbers("minutes", pattern.get("minutes"), 0, 59),
        days=tuple(sorted(weekday(str(day)) for day in pattern.get("weekDays") or ())),
        month_days=numbers("monthDays", pattern.get("monthDays"), 1, 31),
    )


def next_time(trigger: Trigger, after: float) -> float | None:
    """The first moment later than `after` at which the trigger fires; None when it never does again."""
    moments = cron_times(trigger, after) if trigger.expression else recurrence_times(trigger, after)
    found = next((one for one in moments if one.timestamp() > after and one >= trigger.start), None)
    return None if found is None or (trigger.end and found > trigger.end) else found.timestamp()


def cron_times(trigger: Trigger, after: float) -> Iterator[datetime]:
    """All moments of a cron expression, in the trigger's zone, from `after` or the start on."""
    from croniter import croniter

    begin = max(datetime.fromtimestamp(after, trigger.zone), trigger.start - timedelta(seconds=1))
    moments = croniter(trigger.expression, begin)
    while True:
        yield moments.get_next(datetime)


def recurrence_times(trigger: Trigger, after: float) -> Iterator[datetime]:
    """All moments of a recurrence, counted from its start."""
    if step := STEPS.get(trigger.frequency):
        every = step * trigger.interval
        passed = max(0, int((after - trigger.start.timestamp()) // every.total_seconds()))
        while True:
            yield (trigger.start.astimezone(UTC) + every * passed).astimezone(trigger.zone)
            passed += 1
    for day in days_of(trigger, after):
        for hour in trigger.hours or (trigger.start.hour,):
            for minute in trigger.minutes or ((0,) if trigger.hours else (trigger.start.minute,)):
                yield day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def days_of(trigger: Trigger, after: float) -> Iterator[datetime]:
    """The days of a recurrence by day, week or month, from the one before `after` on."""
    first = trigger.start
    if trigger.frequency == "month":
        for passed in range(0, MONTHS_AHEAD, trigger.interval):
            year, month = first.year + (first.month - 1 + passed) // 12, (first.month - 1 + passed) % 12 + 1
            length = calendar.monthrange(year, month)[1]
            for number in trigger.month_days or (first.day,):
                if number <= length:
                    yield first.replace(year=year, month=month, day=number)
        return
    weekly = trigger.frequency == "week"
    days = trigger.days or ((first.weekday(),) if weekly else tuple(range(7)))
    monday = first - timedelta(days=first.weekday())
    passed = max(0, (datetime.fromtimestamp(after, trigger.zone) - first).days - 1)
    while True:
        day = first + timedelta(days=passed)
        due = (day - monday).days // 7 % trigger.interval == 0 if weekly else passed % trigger.interval == 0
        if due and day.weekday() in days:
            yield day
        passed += 1


def expression(text: str) -> str:
    """A cron expression of five fields, as Azure ML has them."""
    from croniter import croniter

    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise refusal(
            "trigger.expression", f"must have five fields: MINUTES HOURS DAYS MONTHS DAYS-OF-WEEK, not '{text}'"
        )
    return text


def numbers(name: str, given: Any, low: int, high: int) -> tuple[int, ...]:
    """A list of numbers between two others."""
    found = tuple(sorted(int(one) for one in given or ()))
    if any(not low <= one <= high for one in found):
        raise refusal(f"trigger.schedule.{name}", f"must be from {low} to {high}, not {list(found)}")
    return found


def weekday(name: str) -> int:
    """The number of a day of the week; Monday is 0."""
    if name.lower() not in DAYS:
        raise refusal("trigger.schedule.weekDays", f"must be days such as Monday, not '{name}'")
    return DAYS.index(name.lower())


def moment(name: str, given: Any, zone: tzinfo) -> datetime | None:
    """A time in the trigger's zone; what says its own zone keeps it."""
    if not given:
        return None
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError:
        raise refusal(f"trigger.{name}", f"must be a time such as 2026-03-01T10:00:00, not '{given}'") from None
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def zone_of(name: str) -> tzinfo:
    """A time zone by the name that Windows gives it, which is Azure's, or by its name everywhere else."""
    try:
        return ZoneInfo(windows_zones().get(name.lower(), name))
    except (ZoneInfoNotFoundError, ValueError):
        raise refusal(
            "trigger.timeZone", f"is no time zone: '{name}'; examples are UTC and W. Europe Standard Time"
        ) from None


@cache
def windows_zones() -> dict[str, str]:
    """Time zones by their names in Windows, in lower case."""
    from tzlocal.windows_tz import win_tz

    return {name.lower(): zone for name, zone in {**RETIRED, **win_tz}.items()}


def refusal(target: str, message: str) -> ServiceError:
    """400 for a schedule that cannot work."""
    return ServiceError(400, "UserError", f"'{target}' of the schedule {message}.", target=target)

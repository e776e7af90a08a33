"""Weeks of the class: from Monday to Sunday, in its time zone.

What belongs here: which week is meant, where it begins and ends. What does not: what happened in it (``content``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_platform.errors import WebError


@dataclass(frozen=True, order=True)
class Week:
    """A week, known by its Monday."""

    monday: date

    def __str__(self) -> str:
        return self.monday.isoformat()

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=6)

    @property
    def days(self) -> tuple[date, ...]:
        """Its seven days."""
        return tuple(self.monday + timedelta(days=number) for number in range(7))

    @property
    def before(self) -> Week:
        """The week before it."""
        return Week(self.monday - timedelta(days=7))

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Its first moment and the first one after it, in UTC."""
        first, after = (
            datetime.combine(day, time(), zone).astimezone(UTC)
            for day in (self.monday, self.monday + timedelta(days=7))
        )
        return first, after


def last_week(now: datetime, zone: ZoneInfo) -> Week:
    """The last week that is over."""
    today = now.astimezone(zone).date()
    return Week(today - timedelta(days=today.weekday() + 7))


def parse_week(text: str, now: datetime, zone: ZoneInfo) -> Week:
    """A week that is over, from the date of its Monday.

    Raises:
        WebError: CP-WEB-057.
    """
    try:
        found = Week(date.fromisoformat(text))
    except ValueError:
        raise WebError("CP-WEB-057") from None
    # The lower bound keeps arithmetic on dates inside of the calendar.
    if found.monday.weekday() != 0 or found.monday.year < 2000 or found > last_week(now, zone):
        raise WebError("CP-WEB-057", str(found))
    return found

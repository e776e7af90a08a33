"""Slack's time stamps, which are also its message ids.

What belongs here: reading ``ts`` and relating it to days. What does not: anything about messages.

A ``ts`` is text, ``"<unix seconds>.<6 digits>"``, unique within a channel; an edited message keeps it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_TS = re.compile(r"(\d{1,11})\.(\d{1,6})", re.ASCII)


def sent_at(ts: object) -> datetime | None:
    """The moment of a ``ts``, in UTC and to the microsecond; ``None`` when it is not one."""
    match = _TS.fullmatch(ts) if isinstance(ts, str) else None
    if match is None:
        return None
    seconds, fraction = match.groups()
    try:
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(fraction.ljust(6, "0")))
    except (OverflowError, ValueError, OSError):
        return None


def day_of(ts: object, zone: tzinfo) -> date | None:
    """The day of a ``ts`` in the class's time zone; ``None`` when it is not a time stamp."""
    moment = sent_at(ts)
    return None if moment is None else moment.astimezone(zone).date()


def start_of(day: date, zone: tzinfo) -> float:
    """First moment of a day in ``zone``, in unix seconds."""
    return datetime.combine(day, time.min, zone).timestamp()

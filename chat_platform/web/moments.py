"""Moments as numbers: microseconds since 1970 in UTC, as DuckDB's ``epoch_us`` gives them.

What belongs here: from a moment to its number and back. What does not: how a moment is shown (``rendering``), seconds
of a recording (``seconds``).

Of a thousand moments with a zone DuckDB takes longer to make Python's objects than to find them; of numbers it does
not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """The number of a moment, which must have a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The moment of a number, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND

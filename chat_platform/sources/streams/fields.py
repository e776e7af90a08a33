"""Single values of answers and files that came from outside, read whatever they hold.

What belongs here: tolerant readers of one value each. What does not: which values a format has.

What is not of the right kind is ``None``, never a default that could be taken for a fact.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from chat_platform.sources.records import nfc

_LARGEST = 2**63 - 1
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


def mapping(value: object) -> dict[str, Any]:
    """An object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A list; empty where it is none."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A text that is not empty, in NFC and without what tables cannot hold."""
    return nfc(value) if isinstance(value, str) and value else None


def ident(value: object) -> str | None:
    """An id as text; formats write the same id as a number here and as a text there."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


def count(value: object) -> int | None:
    """A whole number from 0, written as a number or in digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        return None
    return value


def flag(value: object) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def number(value: object) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def moment(value: object) -> datetime | None:
    """A time in ISO 8601, in UTC; one without a zone is UTC. The year 1 means that there is none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed >= _EARLIEST else None


def epoch_ms(value: object) -> datetime | None:
    """Milliseconds since 1970, as a number or in digits."""
    whole = count(value)
    try:
        parsed = None if whole is None else datetime.fromtimestamp(whole / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if parsed is not None and parsed >= _EARLIEST else None


def shifted(at: datetime, seconds: float) -> datetime | None:
    """A moment so many seconds later; ``None`` where the calendar has none."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return None

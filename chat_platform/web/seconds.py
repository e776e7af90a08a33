"""Seconds of a recording: as people type them, and the address that opens it there.

What belongs here: reading and checking a typed time, links into a recording. What does not: recordings (the marts),
showing a time (``rendering.clock``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chat_platform.errors import WebError
from chat_platform.web.recordings import at_moment

LONGEST_S = 24 * 3600.0
"""What is taken where the length of a recording is not known."""
_TYPED = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,6}(?:\.\d{1,3})?)")


def second_of(typed: str, recording: Mapping[str, Any] | None) -> float | None:
    """Second that was typed as 1:02:03, 62:03 or 3723; ``None`` for an empty text.

    Args:
        typed: as typed.
        recording: lecture with ``duration_s``; ``None`` where there is no lecture.

    Raises:
        WebError: CP-WEB-022 when it is no time, or outside of the recording.
    """
    typed = typed.strip()
    if not typed:
        return None
    match = _TYPED.fullmatch(typed) if typed.isascii() else None
    if match is None or recording is None:
        raise WebError("CP-WEB-022", typed[:40])
    hours, minutes, rest = match.groups()
    second = float(rest)
    if minutes is not None:
        largest = 60 if hours is not None else 1_000
        if second >= 60 or int(minutes) >= largest:
            raise WebError("CP-WEB-022", typed)
        second += 60 * int(minutes) + 3600 * int(hours or 0)
    if second > (recording["duration_s"] or LONGEST_S):
        raise WebError("CP-WEB-022", typed)
    return second


def opened_at(recording: Mapping[str, Any] | None, second: float | None) -> str | None:
    """Address that opens a recording at a second, as the marts make it; ``None`` without one.

    Args:
        recording: lecture with ``link`` and ``started_at``.
        second: from its start.
    """
    if recording is None or second is None or recording["started_at"] is None:
        return None
    return at_moment(recording["link"], recording["started_at"] + timedelta(seconds=second))

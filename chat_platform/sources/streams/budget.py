"""The request budget of a platform, shared by every process that asks it.

What belongs here: how many requests may still be made in the platform's window, and waiting for the next. What does
not: making requests (``http``), how many a piece of work needs.

The platform is the judge: its headers (``Ratelimit-Limit``, ``-Remaining``, ``-Reset``) correct what is counted here,
and a 429 closes the window for everybody until it says. In between each request is counted before it is sent, so
that several processes together never ask for more than the window holds. Nobody waits longer than the window lasts.

The count lies in one small file under a lock of the kernel's. A process that is killed frees the lock at once and
leaves at most its own request counted, which the next window forgets.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from chat_platform.errors import StreamError
from chat_platform.sources.streams.clock import Clock

LONGEST_WINDOW_S = 3_600.0
_RECORD = struct.Struct("<8sdddd?")
_MAGIC = b"budget1\n"
_SAME_WINDOW_S = 1.0
_TOLERATED_SKEW_S = 2.0
_SMALLEST_EPOCH = 10**8
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)


@dataclass
class _Window:
    """What the file holds.

    Attributes:
        limit: requests a window; infinite while nobody has said.
        used: requests counted in it.
        reset: when it ends, unix seconds.
        blocked: nobody may ask before, unix seconds.
        assumed: its end is our own assumption; no answer has confirmed it yet.
    """

    limit: float
    used: float
    reset: float
    blocked: float
    assumed: bool


class Budget:
    """Requests to one platform in each window of time. Safe between threads and processes.

    Args:
        path: file that the processes share; one a platform (and API, where one has several limits).
        name: what it is the budget of, for errors.
        limit: requests a window until the platform says otherwise; ``None``: no limit until then.
        window_s: length of a window until the platform says otherwise.
        clock: what time it is.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        limit: int | None,
        window_s: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self._path = path
        self._limit = math.inf if limit is None else float(limit)
        self._window_s = window_s
        self._clock = clock or Clock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def acquire(self, max_wait_s: float = math.inf) -> float:
        """Count one request, waiting for the next window when this one is used up.

        Returns:
            Seconds waited.

        Raises:
            StreamError: CP-STREAM-003 when that would take longer than ``max_wait_s``.
        """
        began = self._clock.now()
        while (moment := self._take()) is not None:
            if moment - began > max_wait_s:
                raise StreamError("CP-STREAM-003", f"{self.name}: {moment - began:.0f} s")
            self._clock.sleep_until(moment)
        return self._clock.now() - began

    def learn(self, headers: Mapping[str, str], asked_at: float) -> None:
        """Correct the count by an answer's headers; headers without a limit change nothing.

        Args:
            asked_at: when the question was sent, unix seconds.
        """
        limit, remaining = _number(headers, "Ratelimit-Limit"), _number(headers, "Ratelimit-Remaining")
        reset = self._reset_of(headers, asked_at)
        if limit is None or remaining is None or reset is None or limit < 1:
            return
        with self._locked() as window:
            if reset <= self._clock.now() or (not window.assumed and reset < window.reset - _SAME_WINDOW_S):
                return  # the answer comes late, from a window that is over
            counted = window.used
            if not window.assumed and reset > window.reset + _SAME_WINDOW_S:
                counted = 0.0  # the platform began a new one before we thought
            # What is under way is counted here and not yet there; what others ask is there and not here.
            window.used = max(counted, limit - remaining)
            window.limit, window.reset, window.assumed = limit, reset, False

    def refused(self, headers: Mapping[str, str], asked_at: float, *, at_least_s: float = 0.25) -> None:
        """A 429: nobody asks until the moment that it names.

        Args:
            asked_at: when the question was sent, unix seconds.
            at_least_s: shortest wait, whatever it names.
        """
        now = self._clock.now()
        wait = _number(headers, "Retry-After")
        reset = self._reset_of(headers, asked_at)
        named = [moment for moment in (None if wait is None else now + wait, reset) if moment is not None]
        until = max(*named, now + at_least_s) if named else now + max(1.0, at_least_s)
        with self._locked() as window:
            window.blocked = max(window.blocked, min(until, now + LONGEST_WINDOW_S))
            window.reset, window.assumed = window.blocked, False

    def _take(self) -> float | None:
        """Count a request, or say until when to wait before trying again."""
        now = self._clock.now()
        with self._locked() as window:
            if now < window.blocked:
                return window.blocked
            if window.reset <= now:
                window.used, window.reset, window.assumed = 0.0, now + self._window_s, True
            if window.used >= window.limit:
                return window.reset
            window.used += 1
            return None

    @contextmanager
    def _locked(self) -> Iterator[_Window]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            window = self._parse(os.pread(descriptor, _RECORD.size, 0))
            yield window
            # One write of one size: a kill leaves the old record or the new one.
            os.pwrite(
                descriptor,
                _RECORD.pack(_MAGIC, window.limit, window.used, window.reset, window.blocked, window.assumed),
                0,
            )
        finally:
            os.close(descriptor)

    def _parse(self, record: bytes) -> _Window:
        fresh = _Window(self._limit, 0.0, 0.0, 0.0, assumed=True)
        if len(record) != _RECORD.size or not record.startswith(_MAGIC):
            return fresh
        window = _Window(*_RECORD.unpack(record)[1:])
        # A clock that was set back would otherwise make everybody wait for a day that has been.
        horizon = self._clock.now() + LONGEST_WINDOW_S
        return window if window.reset <= horizon and window.blocked <= horizon else fresh

    def _reset_of(self, headers: Mapping[str, str], asked_at: float) -> float | None:
        """When the platform says that its window ends, on our clock."""
        reset = _number(headers, "Ratelimit-Reset")
        now = self._clock.now()
        if reset is None:
            return None
        if reset < _SMALLEST_EPOCH:
            return now + min(reset, LONGEST_WINDOW_S)
        return min(reset - _skew(headers, asked_at, now), now + LONGEST_WINDOW_S)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    value = headers.get(name, "").strip()
    return float(value) if _NUMBER.fullmatch(value) else None


def _skew(headers: Mapping[str, str], asked_at: float, now: float) -> float:
    """By how much the platform's clock is ahead of ours.

    It wrote its date between question and answer, which may lie far apart; only beyond them a clock is wrong.
    """
    try:
        theirs = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    if theirs > now + _TOLERATED_SKEW_S:
        return theirs - now
    return min(0.0, theirs - asked_at) if theirs < asked_at - _TOLERATED_SKEW_S else 0.0

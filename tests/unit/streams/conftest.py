"""A clock that only counts, for every test of streams."""

from __future__ import annotations

import threading

import pytest

from chat_platform.sources.streams.clock import Clock


class FastClock(Clock):
    """Waiting moves it on at once; waiters for one moment move it there once."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self._now += seconds

    def sleep_until(self, moment: float) -> None:
        with self._lock:
            if moment > self._now:
                self.sleeps.append(moment - self._now)
                self._now = moment

    def set(self, moment: float) -> None:
        self._now = moment


@pytest.fixture
def clock() -> FastClock:
    """A clock that only counts."""
    return FastClock()

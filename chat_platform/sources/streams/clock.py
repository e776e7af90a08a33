"""The clock that limits are counted on.

What belongs here: reading the time and waiting, as one replaceable thing. What does not: limits (``budget``).

It is wall-clock time, because platforms say in it when a limit ends and because processes share it.
"""

from __future__ import annotations

import time


class Clock:
    """The machine's clock; tests pass one that only counts."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def sleep_until(self, moment: float) -> None:
        """Wait until a moment, unix seconds; not at all when it has been."""
        wait = moment - self.now()
        if wait > 0:
            self.sleep(wait)

"""How often programs may ask.

What belongs here: counting requests in this process: a limit that protects the process needs no database, and must
hold while there is none. What does not: limits that all processes share (``storage.throttles``).
"""

from __future__ import annotations

import time

from chat_platform.errors import WebError

STRETCH_S = 60.0


class RequestLimits:
    """Requests that an account may make through tokens, counted in this process.

    A stretch of a minute begins with its first request.

    Args:
        limit: requests in a stretch.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stretches: dict[int, tuple[float, int]] = {}

    def take(self, account_id: int) -> None:
        """Count a request.

        Raises:
            WebError: CP-WEB-007, with the seconds to wait.
        """
        now = time.monotonic()
        began, taken = self._stretches.get(account_id, (now, 0))
        if now - began >= STRETCH_S:
            began, taken = now, 0
        if taken >= self._limit:
            raise WebError("CP-WEB-007", f"{max(1, round(STRETCH_S - (now - began)))} s")
        # Two threads may count one request for two; nobody is refused for that.
        self._stretches[account_id] = (began, taken + 1)

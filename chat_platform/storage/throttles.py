"""How often something may be tried: failures that make wait, and limits on what is allowed.

What belongs here: counting under a key, for all processes of the portal together. What does not: which keys a sign-in
counts under (``web.passwords``), limits of other pages.

A key may be made of what a visitor typed, so only its SHA-256 is stored.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.accounts import hashed
from chat_platform.storage.app_database import write_session, writing
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import Throttle

FORGET = timedelta(days=1)
"""What was counted under a key is forgotten when nothing was added for so long."""
CLEAN_EVERY_S = 600.0


@dataclass(frozen=True)
class Patience:
    """How failures make wait: not at first, then twice as long with each one.

    Attributes:
        free: failures without any wait.
        first: wait after the next one.
        longest: wait that is never exceeded.
    """

    free: int = 5
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)

    def wait(self, failures: int) -> timedelta:
        """How long to wait after so many failures."""
        beyond = failures - self.free
        # 2 ** 40 first waits are longer than any longest one; the cap keeps the number small.
        return min(self.longest, self.first * 2 ** min(beyond - 1, 40)) if beyond > 0 else timedelta()


class Throttles:
    """Counts in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cleaned = time.monotonic()
        self._lock = threading.Lock()

    def attempt(self, key: str, patience: Patience, *, now: datetime | None = None) -> None:
        """Count an attempt as failed before it is made; ``clear`` when it succeeded.

        Counting first lets no number of attempts at once slip through.

        Raises:
            WebError: CP-WEB-007, with the seconds to wait, while the key has to wait; nothing is counted then.
        """
        now = now or utc_now()
        self._clean(now)
        with write_session(self._engine) as session:
            row = _row(session, key, now)
            if row.blocked_until is not None and row.blocked_until > now:
                raise _too_many(row.blocked_until - now)
            if now - row.updated_at >= FORGET:
                row.failures = 0
            row.failures += 1
            row.updated_at = now
            row.blocked_until = now + patience.wait(row.failures)

    def take(self, key: str, limit: int, per_seconds: float, *, now: datetime | None = None) -> None:
        """Allow something ``limit`` times in a stretch of ``per_seconds``, which begins with its first use.

        Raises:
            WebError: CP-WEB-007, with the seconds to wait, for every further one.
        """
        now = now or utc_now()
        self._clean(now)
        with write_session(self._engine) as session:
            row = _row(session, key, now)
            # Of a limit, `updated_at` is the beginning of the stretch and `blocked_until` its end.
            if row.blocked_until is None or row.blocked_until <= now:
                row.failures, row.updated_at = 0, now
                row.blocked_until = now + timedelta(seconds=per_seconds)
            if row.failures >= limit:
                raise _too_many(row.blocked_until - now)
            row.failures += 1

    def clear(self, key: str) -> None:
        """Forget what was counted under a key."""
        with writing(self._engine) as connection:
            connection.execute(delete(Throttle).where(Throttle.throttle_key == hashed(key)))

    def _clean(self, now: datetime) -> None:
        """Delete what is forgotten anyway, once in a while."""
        with self._lock:
            if time.monotonic() - self._cleaned < CLEAN_EVERY_S:
                return
            self._cleaned = time.monotonic()
        over = Throttle.blocked_until.is_(None) | (Throttle.blocked_until < now)
        with writing(self._engine) as connection:
            connection.execute(delete(Throttle).where(Throttle.updated_at < now - FORGET, over))


def _row(session: Session, key: str, now: datetime) -> Throttle:
    row = session.get(Throttle, hashed(key))
    if row is None:
        row = Throttle(throttle_key=hashed(key), failures=0, blocked_until=None, updated_at=now)
        session.add(row)
    return row


def _too_many(wait: timedelta) -> WebError:
    return WebError("CP-WEB-007", f"{max(1, round(wait.total_seconds()))} s")

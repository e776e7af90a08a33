"""Whether a process that works on this home is alive.

What belongs here: a lock that every run's process shares while it lives. What does not: what the run does.

Dagster's storage remembers a run as started until somebody says otherwise; after a killed process or a power cut
nobody does. The kernel frees a lock in any case.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class RunGuard:
    """A shared lock on ``<home>/.runs.lock``."""

    def __init__(self, home: Path) -> None:
        self._path = home / ".runs.lock"
        self._file: IO[str] | None = None

    def hold(self) -> None:
        """Share the lock until ``release`` or the end of this process."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def anybody_alive(self) -> bool:
        """Whether some process shares the lock now."""
        if not self._path.exists():
            return False
        with self._path.open("w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

"""Who listens to live chat, and whether they still do: signs of life that outlive their process.

What belongs here: the file in which a capture says that it lives, and what an old one means. What does not: listening
and what is heard (``ingestion.streams.live``), who shows it (``chatp status``, ``chatp doctor``, the sensor
``live_captures``, the operators' page).

A capture writes ``<home>/captures/<platform>-<channels>.json`` again and again while it is connected, and removes it
when it is told to stop. So a file that grows old is a capture that was killed, that failed, or that cannot connect;
the next capture of the same channels takes its place.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chat_platform.errors import ChatPlatformError, StreamError
from chat_platform.storage.files import replace_text_atomic
from chat_platform.tables.ids import digest

SIGN_S = 15.0
# A lost connection is looked for again within this time, or the capture ends with an error.
LOST_AFTER = timedelta(seconds=180)
_FOLDER = "captures"


@dataclass(frozen=True)
class Capture:
    """A capture, by its last sign of life.

    Attributes:
        channels: logins.
        pid: its process.
        begun_at: when it began to listen.
        listening_at: when it last was connected.
        heard_at: when somebody last said something; ``None``: nobody did yet.
        lines: lines that it heard.
        code: code of the error that ended it.
    """

    platform: str
    channels: tuple[str, ...]
    pid: int
    begun_at: datetime
    listening_at: datetime
    heard_at: datetime | None = None
    lines: int = 0
    code: str | None = None

    @property
    def name(self) -> str:
        """Platform and channels, for people."""
        return f"{self.platform}: {', '.join(self.channels)}"

    def problem(self, now: datetime) -> StreamError | None:
        """CP-STREAM-011 when it no longer listens."""
        if self.code is None and now - self.listening_at <= LOST_AFTER:
            return None
        why = "" if self.code is None else f" ({self.code})"
        return StreamError("CP-STREAM-011", f"{self.name}, since {self.listening_at:%Y-%m-%d %H:%M} UTC{why}")


class SignOfLife:
    """The sign of one capture, for as long as it runs.

    Args:
        home: the home.
        platform: short name of the platform.
        channels: logins.
    """

    def __init__(self, home: Path, platform: str, channels: Sequence[str]) -> None:
        now = datetime.now(UTC)
        names = tuple(sorted(channels))
        self._path = _path(home, platform, names)
        self._sign = Capture(platform, names, os.getpid(), begun_at=now, listening_at=now)
        self._write()

    def give(self, lines: int) -> None:
        """Still connected, with so many lines heard; written once in a while."""
        now = datetime.now(UTC)
        heard_at = now if lines > self._sign.lines else self._sign.heard_at
        self._sign = replace(self._sign, listening_at=now, heard_at=heard_at, lines=lines)
        if time.monotonic() - self._written >= SIGN_S:
            self._write()

    def failed(self, error: ChatPlatformError) -> None:
        """It ends, and nobody wanted that."""
        self._sign = replace(self._sign, code=error.code)
        self._write()

    def end(self) -> None:
        """It ends because it was told to."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        replace_text_atomic(self._path, json.dumps(asdict(self._sign), default=datetime.isoformat))
        self._written = time.monotonic()


def captures(home: Path) -> list[Capture]:
    """Every capture that runs, or ended without being told to."""
    paths = sorted((home / _FOLDER).glob("*.json"))
    return [found for path in paths if (found := _read(path)) is not None]


def forget_lost(home: Path, *, dry_run: bool = False) -> list[Capture]:
    """Take away the signs of those that no longer listen, which nobody wants back; gives them."""
    now = datetime.now(UTC)
    lost = [capture for capture in captures(home) if capture.problem(now)]
    for capture in [] if dry_run else lost:
        _path(home, capture.platform, capture.channels).unlink(missing_ok=True)
    return lost


def _path(home: Path, platform: str, channels: Sequence[str]) -> Path:
    return home / _FOLDER / f"{platform}-{digest(*channels)}.json"


def _read(path: Path) -> Capture | None:
    """``None`` when it ended a moment ago."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    times = {
        name: None if facts[name] is None else datetime.fromisoformat(facts[name])
        for name in ("begun_at", "listening_at", "heard_at")
    }
    return Capture(**{**facts, **times, "channels": tuple(facts["channels"])})

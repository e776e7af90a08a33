"""What a recording is on its way in, whichever way it comes.

What belongs here: the types that the strategies share. What does not: HTTP, browsers, parsing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import SecretStr


@dataclass(frozen=True)
class RecordingTicket:
    """What opens a recording. The link may carry the passcode too, so neither is shown by ``repr``."""

    recording_id: str
    link: str = field(repr=False)
    passcode: SecretStr | None = field(default=None, repr=False)


@dataclass(frozen=True)
class RawAnswer:
    """The body of one ``play/info`` answer, exactly as it arrived; clips count from 1."""

    clip: int
    body: str = field(repr=False)


@dataclass(frozen=True)
class FetchedRecording:
    """Every clip's answer of a recording, and how they were got."""

    recording_id: str
    strategy: Literal["http", "browser"]
    answers: list[RawAnswer]
    fetched_at: datetime


class RecordingStrategy(Protocol):
    """One way to get at a recording."""

    def fetch(self, ticket: RecordingTicket) -> FetchedRecording:
        """The answers of every clip.

        Raises:
            PageDoesNotYieldError: another strategy may get in.
            ZoomError: nobody will, now or ever, as its code says.
        """


class PageDoesNotYieldError(Exception):
    """The page does not say to this strategy what it needs; internal to the source."""

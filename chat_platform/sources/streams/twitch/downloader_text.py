"""Chat of a video as TwitchDownloaderCLI writes it as text.

What belongs here: from the bytes of such a file to comments. What does not: the JSON of the same program.

A line is ``[0:12:34] Name: message`` (Relative), ``[2022-04-18 12:34:56 UTC] Name: message`` (Utc), the same with
milliseconds (UtcFull) or ``Name: message`` (None). The form that most of the first lines have is the file's; a line
of another form is quarantined as ``line_malformed``. Older builds begin again at 0:00:00 after 24 hours; newer ones
go on counting. The text shows neither ids nor which words are emotes of Twitch, so none are claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from chat_platform.errors import InputError
from chat_platform.sources.streams.chat import ChatBuilder, Comment
from chat_platform.sources.streams.fields import moment
from chat_platform.sources.streams.port import StandIn, StreamChat, Video
from chat_platform.sources.streams.twitch.downloader_json import SOURCE, decoded
from chat_platform.sources.streams.twitch.helix import TWITCH

Form = Literal["relative", "utc", "none"]
DAY_S = 24 * 3_600
_PROBE_LINES = 200
_DISORDER_S = 60
_LINE_END = re.compile(r"\r\n|\n|\r")
_RELATIVE = re.compile(r"\[(\d{1,4}):([0-5]\d):([0-5]\d)\] (.*)", re.ASCII | re.DOTALL)
_UTC = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,7})?) UTC\] (.*)", re.ASCII | re.DOTALL)
_UNREADABLE = "erased"
_SPOKEN = re.compile(r"([^\s:][^:]{0,60}): (.*)", re.DOTALL)


def read_downloader_text(data: bytes, filename: str, video: Video) -> StreamChat:
    """Read a file.

    Args:
        filename: its name, for the text of errors.
        video: what the chat belongs to; its start is needed by the forms that do not date their lines.

    Raises:
        InputError: CP-TWITCH-001 when it is no text, -002 when no line looks like chat, -003 when the lines carry no
            date and the start of the video is not known.
    """
    lines = [line for line in _LINE_END.split(decoded(data, filename)) if line]
    form = _form_of(lines)
    if form is None:
        raise InputError("CP-TWITCH-002", f"{filename}: {len(lines)} lines")
    if form != "utc" and video.started_at is None:
        raise InputError("CP-TWITCH-003", filename)
    builder = ChatBuilder(
        TWITCH,
        video.conversation_id,
        source=SOURCE,
        title=video.title or None,
        started_at=video.started_at,
        duration_s=video.duration_s,
    )
    days = _Days()
    for line in lines:
        comment = _comment(line, form, days, video.started_at)
        if comment is None:
            builder.quarantine("line_malformed", excerpt=line)
        else:
            builder.add(comment)
    return builder.build()


def erase_from_text(data: bytes, filename: str, stand_in: StandIn) -> bytes:
    """A file without somebody, in UTF-8; see ``StandIn``.

    A line that cannot be read and follows one of theirs is taken for the rest of it: a message may hold line ends.

    Raises:
        InputError: CP-TWITCH-001.
    """
    lines = _LINE_END.split(decoded(data, filename))
    form = _form_of([line for line in lines if line])
    kept: list[str] = []
    theirs = False
    for line in lines:
        spoken = _spoken(line, form)
        parts = _SPOKEN.fullmatch(spoken) if spoken is not None else None
        if parts is not None:
            instead = stand_in(parts[1])
            theirs = instead is not None
            kept.append(f"{line[: len(line) - len(parts[0])]}{instead}: " if theirs else line)
        else:
            kept.append(_UNREADABLE if theirs and line else line)
    return "\n".join(kept).encode("utf-8") if kept != lines else data


class _Days:
    """Counts the midnights of a clock that begins again after 24 hours."""

    def __init__(self) -> None:
        self._before = 0
        self._days = 0

    def seconds(self, clock_s: int) -> float:
        """Seconds from the start; a leap back of more than half a day is a new day, a smaller one disorder."""
        if self._days and self._before < _DISORDER_S and DAY_S - _DISORDER_S <= clock_s < DAY_S:
            return float(clock_s + (self._days - 1) * DAY_S)  # a straggler from before midnight
        if clock_s < DAY_S and self._before - clock_s > DAY_S // 2 and self._before < DAY_S:
            self._days += 1
        self._before = clock_s
        return float(clock_s + self._days * DAY_S)


def _form_of(lines: list[str]) -> Form | None:
    seen: Counter[Form] = Counter(form for line in lines[:_PROBE_LINES] for form in _forms(line))
    return seen.most_common(1)[0][0] if seen else None


def _forms(line: str) -> Iterator[Form]:
    if _RELATIVE.fullmatch(line):
        yield "relative"
    elif _UTC.fullmatch(line):
        yield "utc"
    elif _SPOKEN.fullmatch(line):
        yield "none"


def _spoken(line: str, form: Form | None) -> str | None:
    """What follows the time; ``None`` where a line has none of its form."""
    match = (
        {"relative": _RELATIVE, "utc": _UTC}[form].fullmatch(line) if form in ("relative", "utc") else None
    )
    if match is not None:
        return str(match[match.re.groups])
    return line if form == "none" else None


def _comment(line: str, form: Form, days: _Days, started_at: datetime | None) -> Comment | None:
    sent_at: datetime | None = None
    offset_s: float | None = None
    spoken = line
    if form == "relative":
        match = _RELATIVE.fullmatch(line)
        if match is None:
            return None
        offset_s = days.seconds(int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]))
        spoken = match[4]
    elif form == "utc":
        match = _UTC.fullmatch(line)
        sent_at = moment(f"{match[1]}+00:00") if match else None
        if match is None or sent_at is None:
            return None
        spoken = match[2]
        offset_s = (sent_at - started_at).total_seconds() if started_at else None
    else:
        sent_at = started_at.astimezone(UTC) if started_at else None
    parts = _SPOKEN.fullmatch(spoken)
    if parts is None:
        return None
    return Comment(None, text=parts[2], sent_at=sent_at, offset_s=offset_s, author_name=parts[1])

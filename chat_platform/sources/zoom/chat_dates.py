"""When the records of saved chats were sent.

What belongs here: dates from a given day, from dated headers or from names of files and folders; midnight;
offsets from a recording's start; the class's zone to UTC. What does not: reading lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_platform.errors import InputError
from chat_platform.sources.zoom.dialects import Dialect, Header
from chat_platform.sources.zoom.scan import Record, ScannedFile

_HALF_A_DAY = 12 * 3600
_DAY = timedelta(days=1)
_A_NIGHT = timedelta(hours=6)
_PLAUSIBLE_YEARS = range(1990, 2101)
_CLOUD_NAME = re.compile(r"GMT([0-9]{8})-([0-9]{6})")
_FOLDER_NAME = re.compile(
    r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})[ _]+([0-9]{2})[.:-]([0-9]{2})[.:-]([0-9]{2})(?:[ _]+([^/\\]+))?"
)
_PLAIN_DATE = re.compile(r"(?<![0-9])([0-9]{4})[-_.]([0-9]{2})[-_.]([0-9]{2})(?![0-9])")


@dataclass(frozen=True)
class NameStamp:
    """What a file's name or folder says: the local day, and the start where it says that too (UTC)."""

    day: date
    start: datetime | None
    title: str | None = None


def read_name(name: str, zone: ZoneInfo) -> NameStamp | None:
    """The stamp in a name such as ``2026-03-02 19.00.00 Title/meeting_saved_chat.txt`` or ``GMT20230703-000000``.

    The first is local time, the second UTC; of several the last one counts, being nearest to the file.
    """
    for match in reversed(list(_CLOUD_NAME.finditer(name))):
        start = _valid(datetime.strptime, "".join(match.groups()), "%Y%m%d%H%M%S")
        if start is not None:
            start = start.replace(tzinfo=UTC)
            return NameStamp(start.astimezone(zone).date(), start)
    for match in reversed(list(_FOLDER_NAME.finditer(name))):
        start = _valid(datetime, *(int(part) for part in match.groups()[:6]))
        if start is not None:
            title = (match.group(7) or "").strip() or None
            if title is not None and match.end() == len(name):
                title = re.sub(r"\.[A-Za-z]{1,4}$", "", title)
            return NameStamp(start.date(), start.replace(tzinfo=zone).astimezone(UTC), title)
    for match in reversed(list(_PLAIN_DATE.finditer(name))):
        day = _valid(datetime, *(int(part) for part in match.groups()))
        if day is not None:
            return NameStamp(day.date(), None)
    return None


def _valid(make, *parts) -> datetime | None:  # type: ignore[no-untyped-def]
    try:
        moment = make(*parts)
    except ValueError:
        return None
    return moment if moment.year in _PLAUSIBLE_YEARS else None


@dataclass
class Dates:
    """Where the dates of a conversation come from.

    Attributes:
        origin: ``given``, ``headers`` or ``name``.
        started_at: start of the recording or meeting, UTC, where it is known.
        warnings: stable words: ``date_differs_from_name``, ``start_not_known``.
    """

    origin: str
    started_at: datetime | None = None
    title: str | None = None
    warnings: list[str] = field(default_factory=list)


class Calendar:
    """Gives the records of files their time.

    Args:
        files: the files of one meeting.
        day: the meeting's local date, where somebody gave it.
        zone: the zone of the clocks in the files.
        start: local time at which the recording began, where somebody gave it.

    Raises:
        InputError: CP-FILE-004 when no date is known, CP-FILE-006 when the given date is none of the file's.
    """

    def __init__(
        self, files: Sequence[ScannedFile], day: date | None, zone: ZoneInfo, start: time | None
    ) -> None:
        self._zone = zone
        self._base = base_day(files, day, zone)
        self._stamps = {file.name: read_name(file.name, zone) for file in files}
        stamps = [stamp for stamp in self._stamps.values() if stamp is not None]
        named = min((stamp.day for stamp in stamps), default=None)
        dated = any(_header_day(record) for file in files for record in file.records)
        # A given date moves the names' dates, so that parts of different days stay apart.
        self._shift = (day - named) if day is not None and named is not None else timedelta(0)
        self._start = start
        self.dates = Dates("given" if day else "headers" if dated else "name")
        if self._shift:
            self.dates.warnings.append("date_differs_from_name")
        self.dates.title = next((stamp.title for stamp in stamps if stamp.title), None)

    def date_all(self, files: Sequence[ScannedFile]) -> Dates:
        """Set ``sent_at``, ``offset_s`` and ``order`` of every record."""
        for file in files:
            self._date_file(file, self._first_day(file))
        for file in _after_midnight(files):
            if self._start_of(file) is None:
                self._date_file(file, self._first_day(file) + _DAY)
        starts = [start for start in map(self._start_of, files) if start is not None]
        self.dates.started_at = min(starts, default=None)
        for file in files:
            self._set_offsets(file)
        return self.dates

    def _first_day(self, file: ScannedFile) -> date:
        dated = next(filter(None, map(_header_day, file.records)), None)
        if dated is not None:
            return dated
        stamp = self._stamps.get(file.name)
        return stamp.day + self._shift if stamp is not None else self._base

    def _start_of(self, file: ScannedFile) -> datetime | None:
        if self._start is not None:
            return datetime.combine(self._base, self._start, self._zone).astimezone(UTC)
        stamp = self._stamps.get(file.name)
        if stamp is None or stamp.start is None:
            return None
        return stamp.start + self._shift

    def _date_file(self, file: ScannedFile, first_day: date) -> None:
        start = self._start_of(file)
        day = first_day
        previous: int | None = None
        if start is not None:
            clock = start.astimezone(self._zone)
            previous = clock.hour * 3600 + clock.minute * 60 + clock.second
        for record in file.records:
            header = record.header
            if header is None:
                continue
            if header.dialect is Dialect.V4:
                record.sent_at = self._by_offset(header, start, first_day)
                continue
            seconds = _seconds(header)
            if seconds is None:
                continue
            if header.day is not None:
                written = _header_day(record)
                if written is None:
                    continue
                day = written
            elif previous is not None and previous - seconds > _HALF_A_DAY:
                day += _DAY
            elif previous is not None and seconds - previous > _HALF_A_DAY and day > first_day:
                # A clock that lags behind a midnight that was already passed.
                day -= _DAY
            previous = seconds
            record.sent_at = (
                datetime.combine(day, time(), self._zone).replace(
                    hour=header.hour, minute=header.minute, second=header.second
                )
            ).astimezone(UTC)
        _set_order(file.records)

    def _by_offset(self, header: Header, start: datetime | None, day: date) -> datetime | None:
        if header.minute > 59 or header.second > 59 or header.hour > 240:
            return None
        if start is None:
            if "start_not_known" not in self.dates.warnings:
                self.dates.warnings.append("start_not_known")
            start = datetime.combine(day, time(), self._zone).astimezone(UTC)
        return start + timedelta(hours=header.hour, minutes=header.minute, seconds=header.second)

    def _set_offsets(self, file: ScannedFile) -> None:
        start = self._start_of(file) or self.dates.started_at
        for record in file.records:
            if record.header is None or record.sent_at is None:
                continue
            if record.header.dialect is Dialect.V4:
                header = record.header
                record.offset_s = float(header.hour * 3600 + header.minute * 60 + header.second)
            elif start is not None and record.sent_at >= start:
                record.offset_s = (record.sent_at - start).total_seconds()


def base_day(files: Sequence[ScannedFile], day: date | None, zone: ZoneInfo) -> date:
    """The local date on which the chat begins: given, else from dated headers, else from a name.

    Raises:
        InputError: CP-FILE-004 when no date is known, CP-FILE-006 when the given date is none of the file's.
    """
    if day is not None and day.year not in _PLAUSIBLE_YEARS:
        raise InputError("CP-FILE-006", f"{day.isoformat()} is not plausible")
    dated = {found for file in files for found in map(_header_day, file.records) if found}
    if day is not None:
        if dated and not min(dated) <= day <= max(dated):
            # A given date must not move a file that knows its own dates.
            raise InputError("CP-FILE-006", f"given {day.isoformat()}, in the file {min(dated).isoformat()}")
        return day
    stamps = [stamp.day for file in files if (stamp := read_name(file.name, zone)) is not None]
    found = min(dated, default=None) or min(stamps, default=None)
    if found is None:
        raise InputError("CP-FILE-004", ", ".join(file.name for file in files)[:120])
    return found


def _header_day(record: Record) -> date | None:
    if record.header is None or record.header.day is None:
        return None
    found = _valid(datetime.strptime, record.header.day, "%Y-%m-%d")
    return found.date() if found is not None else None


def _seconds(header: Header) -> int | None:
    if header.hour > 23 or header.minute > 59 or header.second > 59:
        return None
    return header.hour * 3600 + header.minute * 60 + header.second


def _set_order(records: Sequence[Record]) -> None:
    latest = min((r.sent_at.timestamp() for r in records if r.sent_at is not None), default=0.0)
    for record in records:
        if record.sent_at is not None:
            latest = max(latest, record.sent_at.timestamp())
        record.order = latest


def _after_midnight(files: Sequence[ScannedFile]) -> list[ScannedFile]:
    """Undated files that continue past midnight what other files began the evening before.

    Parts of one evening all start on the given day. When the hole in the middle of that day is wide and the way
    over midnight is short, the parts meet at midnight.
    """
    spans = sorted(
        (
            (min(times), max(times), index)
            for index, file in enumerate(files)
            if (times := [r.sent_at for r in file.records if r.sent_at is not None])
            and not any(map(_header_day, file.records))
            and file.dialect is not Dialect.V4
        ),
    )
    latest: datetime | None = None
    for number, (first, last, _) in enumerate(spans):
        if latest is not None and first - latest > _A_NIGHT:
            over_midnight = spans[0][0] + _DAY - max(span[1] for span in spans)
            if timedelta(0) <= over_midnight < min(_A_NIGHT, (first - latest) / 2):
                return [files[index] for _, _, index in spans[:number]]
        latest = last if latest is None else max(latest, last)
    return []

"""Lines of a saved chat, divided into records: each header with its body.

What belongs here: which line belongs to which record. What does not: dates, quotes, what a body says.

Every line belongs to exactly one record. A record is a header with the lines up to the next header (blank ones
included); what stands before the first header is one record too, without header. Blank lines at the very top
belong to the first record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chat_platform.sources.records import nfc
from chat_platform.sources.zoom.dialects import Dialect, Header, Style, read_header
from chat_platform.sources.zoom.quotes import Body, read_body, trim

_TAB_BEFORE_BODY = (Dialect.V2, Dialect.V3)


@dataclass(slots=True, eq=False)
class Record:
    """One record of a file.

    Attributes:
        file: index of its file (or of files that were joined).
        line: number of its first line, from 1.
        lines: how many lines it has.
        header: ``None`` for lines before the first header.
        text: the body, without blank lines around it and without the dialect's own leading tabs.
        body: what the text says.
        sent_at: time in UTC; ``None`` while not known or not valid.
        order: seconds of the latest time seen so far in the file; records are merged by it.
    """

    file: int
    line: int
    lines: int
    header: Header | None
    text: str
    body: Body
    sent_at: datetime | None = None
    offset_s: float | None = None
    order: float = 0.0

    @property
    def sender(self) -> str:
        """Name of who sent it; empty before the first header."""
        return "" if self.header is None else self.header.sender

    @property
    def recipient(self) -> str | None:
        """Whom a direct message went to."""
        return None if self.header is None else self.header.recipient

    @property
    def problem(self) -> str | None:
        """Why the record cannot be used, as a stable reason, or ``None``."""
        if self.header is None:
            return "text_before_first_header"
        if self.sent_at is None:
            return "bad_time"
        if not self.header.sender:
            return "no_sender"
        return None if self.text else "empty_body"

    @property
    def key(self) -> tuple[str, ...]:
        """What two copies of one record share, besides the time."""
        if self.header is None:
            return ("before", self.text)
        problem = self.problem
        if problem is not None:
            header = self.header
            clock = f"{header.day} {header.hour}:{header.minute}:{header.second}"
            return (problem, clock, header.sender, header.recipient or "", self.text)
        said = self.body.text if self.body.kind in ("message", "reply") else self.text
        return (self.body.kind, self.sender, self.recipient or "", said)


@dataclass
class ScannedFile:
    """A file, divided into records.

    Attributes:
        name: as given, perhaps with its folder.
        ends_with_newline: whether the last line is complete.
    """

    name: str
    encoding: str
    lines: list[str]
    ends_with_newline: bool
    records: list[Record] = field(default_factory=list)

    def dialects(self) -> dict[Dialect, int]:
        """Headers by dialect."""
        counts: dict[Dialect, int] = {}
        for record in self.records:
            if record.header is not None:
                counts[record.header.dialect] = counts.get(record.header.dialect, 0) + 1
        return counts

    @property
    def dialect(self) -> Dialect:
        """The dialect of most headers."""
        counts = self.dialects()
        return max(counts, key=lambda dialect: counts[dialect])

    @property
    def has_preamble(self) -> bool:
        """Whether there are lines before the first header."""
        return bool(self.records) and self.records[0].header is None


def scan(lines: Sequence[str], style: Style) -> list[Record]:
    """Records of the lines, in order; together they have exactly these lines."""
    records: list[Record] = []
    header: Header | None = None
    start = 0
    for number, line in enumerate(lines):
        found = read_header(line, style)
        if found is None:
            continue
        if header is not None or any(earlier.strip() for earlier in lines[:number]):
            records.append(_record(lines, start, number, header))
            start = number
        header = found
    if lines:
        records.append(_record(lines, start, len(lines), header))
    return records


def _record(lines: Sequence[str], start: int, end: int, header: Header | None) -> Record:
    below = list(lines[start:end])
    if header is None:
        text = trim("\n".join(below))
        return Record(0, start + 1, end - start, None, text, Body("message", text))
    while not below[0].strip():
        below.pop(0)
    below[0] = header.text
    if header.dialect in _TAB_BEFORE_BODY and not header.text.strip():
        below = [line.removeprefix("\t") for line in below]
    text = trim(nfc("\n".join(below)))
    header.sender = nfc(header.sender)
    header.recipient = None if header.recipient is None else nfc(header.recipient)
    return Record(0, start + 1, end - start, header, text, read_body(text))

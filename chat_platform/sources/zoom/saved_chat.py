"""Saved chats of Zoom, from bytes to a parsed conversation.

What belongs here: the way from files to records to messages, replies, reactions and removals, and the account of
every line. What does not: the words of headers (``dialects``), of quotes (``quotes``), dates (``chat_dates``),
merging of files (``chat_merge``).

A *record* is a header line with the lines up to the next header. Lines before the first header are one record,
which goes to quarantine. Every line belongs to exactly one record, and every record ends as exactly one of
message, reply, reaction, removal, quarantine or duplicate (``SavedChatReport.spans``).

Format: ../shared/formats.md section 1.4.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chat_platform.errors import InputError
from chat_platform.sources.records import (
    EXCERPT_LENGTH,
    ChatMessage,
    ChatReaction,
    ParsedConversation,
    QuarantinedRecord,
    nfc,
)
from chat_platform.sources.zoom.chat_dates import Calendar, Dates
from chat_platform.sources.zoom.chat_merge import join_cut_files, merge, ranked
from chat_platform.sources.zoom.dialects import Dialect, Style, detect_dialect, style_of
from chat_platform.sources.zoom.quotes import Target, TargetIndex, channel_of, fold_emoji
from chat_platform.sources.zoom.scan import Record, ScannedFile, scan
from chat_platform.sources.zoom.text_file import decode, split_lines
from chat_platform.tables.ids import digest

__all__ = [
    "MAX_BYTES",
    "Dialect",
    "FileReport",
    "LineSpan",
    "ParsedSavedChat",
    "SavedChatReport",
    "SavedFile",
    "decode",
    "detect_dialect",
    "parse_saved_chat",
    "split_lines",
]

MAX_BYTES = 256 * 1024 * 1024
CLASS_ZONE = ZoneInfo("Asia/Seoul")
KINDS = ("message", "reply", "reaction", "removal", "quarantine", "duplicate")


@dataclass(frozen=True)
class SavedFile:
    """A file that somebody gave us.

    Attributes:
        name: file name, with its folder where that is known: the folder's name may hold the date.
        data: its bytes.
    """

    name: str
    data: bytes


class LineSpan(NamedTuple):
    """Lines ``first`` to ``last`` (from 1, both included) of file ``file`` are one record of this kind."""

    file: int
    first: int
    last: int
    kind: str


@dataclass(frozen=True)
class FileReport:
    """What was found in one file, or in files that were cut inside a record and are read as one."""

    name: str
    encoding: str
    lines: int
    records: int
    dialects: dict[str, int]


@dataclass
class SavedChatReport:
    """The account of an import.

    Attributes:
        spans: one for each record; together they cover every line of ``files`` exactly once.
        lines_by_kind: lines for each of ``KINDS``; blank lines count with the record above them.
        replies_without_parent: replies whose quote fits no earlier message.
        ambiguous: replies and reactions whose quote fits several earlier messages.
        identical_files: files left out because another has the same bytes.
        date_origin: ``given``, ``headers`` or ``name``.
        warnings: ``date_differs_from_name``; ``start_not_known`` (offsets were counted from midnight).
    """

    files: list[FileReport] = field(default_factory=list)
    spans: list[LineSpan] = field(default_factory=list)
    replies_without_parent: int = 0
    ambiguous: int = 0
    identical_files: int = 0
    date_origin: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """Lines of all files."""
        return sum(file.lines for file in self.files)

    @property
    def lines_by_kind(self) -> dict[str, int]:
        """Lines of records of each kind."""
        counts = dict.fromkeys(KINDS, 0)
        for span in self.spans:
            counts[span.kind] += span.last - span.first + 1
        return counts


@dataclass
class ParsedSavedChat(ParsedConversation):
    """A parsed conversation with the account of its lines."""

    report: SavedChatReport = field(default_factory=SavedChatReport)


def parse_saved_chat(
    files: Sequence[SavedFile],
    *,
    conversation_id: str,
    day: date | None,
    zone: ZoneInfo,
    start: time | None = None,
) -> ParsedSavedChat:
    """Everything in the saved chat of one meeting.

    Args:
        files: parts or overlapping copies of the meeting's chat, in any order. A record that several files hold
            counts once.
        conversation_id: id of the meeting.
        day: local date of the meeting; ``None`` takes it from dated headers, else from folder or file name.
        zone: zone of the clocks in the files.
        start: local time at which the recording began; needed only for a cloud recording's chat (offsets) whose
            name does not say it.

    Returns:
        The conversation, with ``source="zoom_file"``; times in UTC, ``offset_s`` where the start is known.

    Raises:
        InputError: CP-FILE-001 … 006; nothing else, whatever the bytes are.
    """
    distinct = {file.data: file for file in sorted(files, key=lambda file: file.name, reverse=True)}
    _check_size(distinct)
    scanned = [_open(file) for file in distinct.values()]
    style = style_of(line for file in scanned for line in file.lines)
    _scan_all(scanned, style)
    dates = Calendar(scanned, day, zone, start).date_all(scanned)
    ordered = ranked(scanned)
    joined = join_cut_files(ordered)
    if len(joined) < len(ordered):
        _scan_all([file for file in joined if not file.records], style)
        dates = Calendar(joined, day, zone, start).date_all(joined)
    for index, file in enumerate(joined):
        for record in file.records:
            record.file = index
    records, copies = merge(joined)
    parsed = ParsedSavedChat(conversation_id, source="zoom_file", system="zoom")
    parsed.records = sum(len(file.records) for file in joined)
    parsed.duplicates = len(copies)
    parsed.report = _report(joined, copies, len(files) - len(distinct), dates)
    _Resolver(parsed, records).resolve()
    sent = [record.sent_at for record in records if record.sent_at is not None]
    parsed.started_at = dates.started_at or min(sent, default=None)
    parsed.title = nfc(dates.title) if dates.title else None
    parsed.check_conservation()
    return parsed


def _check_size(data: dict[bytes, SavedFile]) -> None:
    if not data:
        raise InputError("CP-FILE-001", "no file")
    size = sum(map(len, data))
    if size > MAX_BYTES:
        raise InputError("CP-FILE-005", f"{size:,} bytes, at most {MAX_BYTES:,}")


def _open(file: SavedFile) -> ScannedFile:
    text, encoding = decode(file.data)
    return ScannedFile(file.name, encoding, split_lines(text), text.endswith(("\n", "\r")))


def _scan_all(files: Sequence[ScannedFile], style: Style) -> None:
    for file in files:
        file.records = scan(file.lines, style)
        if not file.dialects():
            raise InputError("CP-FILE-003", f"{file.name}: {len(file.lines)} lines")


def _report(
    files: Sequence[ScannedFile], copies: Sequence[Record], identical: int, dates: Dates
) -> SavedChatReport:
    return SavedChatReport(
        files=[
            FileReport(
                file.name,
                file.encoding,
                len(file.lines),
                len(file.records),
                {dialect.value: number for dialect, number in file.dialects().items()},
            )
            for file in files
        ],
        spans=[_span(record, "duplicate") for record in copies],
        identical_files=identical,
        date_origin=dates.origin,
        warnings=list(dates.warnings),
    )


def _span(record: Record, kind: str) -> LineSpan:
    return LineSpan(record.file, record.line, record.line + record.lines - 1, kind)


class _Resolver:
    """Turns records into messages and reactions, in the order of the chat."""

    def __init__(self, parsed: ParsedSavedChat, records: Sequence[Record]) -> None:
        self._parsed = parsed
        self._records = records
        self._index = TargetIndex(_quotes(records))
        self._ordinals: Counter[tuple[str, ...]] = Counter()
        self._last_message: int | None = None
        # Reactions not yet taken back, by what a removal can say about them.
        self._by_target: dict[tuple[str, str, int], list[ChatReaction]] = defaultdict(list)
        self._by_quote: dict[tuple[str, str, str], list[ChatReaction]] = defaultdict(list)

    def resolve(self) -> None:
        """Put every record where it belongs."""
        for position, record in enumerate(self._records):
            kind = self._place(position, record)
            self._parsed.report.spans.append(_span(record, kind))

    def _place(self, position: int, record: Record) -> str:
        problem = record.problem
        if problem is not None:
            return self._quarantine(record, problem)
        if record.body.kind == "message":
            return self._message(position, record)
        if record.body.kind == "reply":
            return self._reply(position, record)
        if record.body.kind == "reaction":
            return self._reaction(position, record)
        return self._removal(record)

    def _message(self, position: int, record: Record) -> str:
        self._add_message(position, record, record.text)
        self._index.add(len(self._parsed.messages) - 1, record.text, _channel(record))
        return "message"

    def _reply(self, position: int, record: Record) -> str:
        text, target = self._parent(record)
        message = self._add_message(position, record, text)
        message.kind = "reply"
        if target is None:
            self._parsed.report.replies_without_parent += 1
        else:
            message.parent_id = self._parsed.messages[target.key].message_id
            message.ambiguous_parent = target.ambiguous
            self._parsed.report.ambiguous += target.ambiguous
        # A reply is quoted by its own text, by some clients with its head.
        key = len(self._parsed.messages) - 1
        self._index.add(key, text, _channel(record))
        self._index.add(key, record.text, _channel(record))
        return "reply"

    def _parent(self, record: Record) -> tuple[str, Target | None]:
        """Text and parent of a reply: the first way to divide quote and text whose quote is found."""
        guess: tuple[str, Target] | None = None
        for quote, text in record.body.candidates:
            target = self._index.find(quote, _channel(record))
            if target is not None and not target.guessed:
                return text, target
            if target is not None and guess is None:
                guess = (text, target)
        return guess or (record.body.text, None)

    def _reaction(self, position: int, record: Record) -> str:
        target = self._target(record)
        if target is None:
            return self._quarantine(record, "reaction_target_not_found")
        reaction = ChatReaction(
            message_id=self._parsed.messages[target.key].message_id,
            position=position,
            emoji=record.body.emoji,
            reactor_name=record.sender,
            reacted_at=record.sent_at,
            ambiguous_target=target.ambiguous,
        )
        self._parsed.reactions.append(reaction)
        self._parsed.report.ambiguous += target.ambiguous
        sender, emoji = record.sender, fold_emoji(record.body.emoji)
        self._by_target[(sender, emoji, target.key)].append(reaction)
        self._by_quote[(sender, emoji, record.body.quote or "")].append(reaction)
        return "reaction"

    def _removal(self, record: Record) -> str:
        """Take back the sender's latest such reaction on the quoted message.

        When the quote fits a nearer message that the sender did not react to, the reaction that was given with
        the same quote is meant.
        """
        sender, emoji = record.sender, fold_emoji(record.body.emoji)
        target = self._target(record)
        stacks = [self._by_quote.get((sender, emoji, record.body.quote or ""), [])]
        if target is not None:
            stacks.insert(0, self._by_target.get((sender, emoji, target.key), []))
        for stack in stacks:
            # A reaction stands on two stacks: one may have been taken back by way of the other.
            while stack:
                reaction = stack.pop()
                if not reaction.removed:
                    reaction.removed = True
                    self._parsed.removals += 1
                    return "removal"
        return self._quarantine(record, "removal_target_not_found")

    def _target(self, record: Record) -> Target | None:
        if record.body.quote is None:
            return None if self._last_message is None else Target(self._last_message, ambiguous=False)
        return self._index.find(record.body.quote, _channel(record))

    def _add_message(self, position: int, record: Record, text: str) -> ChatMessage:
        author, sent_at = record.sender, self._moment(record)
        moment = sent_at.isoformat()
        ordinal = self._ordinals[(author, moment, text)]
        self._ordinals[(author, moment, text)] += 1
        message = ChatMessage(
            message_id=digest(self._parsed.conversation_id, author, moment, text, ordinal),
            position=position,
            author_name=author,
            sent_at=sent_at,
            text=text,
            offset_s=record.offset_s,
            visibility="everyone" if record.recipient is None else "direct",
            recipient_name=record.recipient,
        )
        self._last_message = len(self._parsed.messages)
        self._parsed.messages.append(message)
        return message

    @staticmethod
    def _moment(record: Record) -> datetime:
        if record.sent_at is None:
            raise ValueError("a record without time belongs in quarantine")
        return record.sent_at

    def _quarantine(self, record: Record, reason: str) -> str:
        where = f"lines {record.line}-{record.line + record.lines - 1}"
        if len(self._parsed.report.files) > 1:
            where = f"file {record.file + 1}, {where}"
        self._parsed.quarantined.append(QuarantinedRecord(record.line, reason, where, _excerpt(record)))
        return "quarantine"


def _quotes(records: Sequence[Record]) -> set[str]:
    quotes = {record.body.quote for record in records if record.body.quote is not None}
    return quotes | {quote for record in records for quote, _ in record.body.candidates}


def _channel(record: Record) -> str:
    return channel_of(record.sender, record.recipient)


def _excerpt(record: Record) -> str:
    return nfc(record.text[: 2 * EXCERPT_LENGTH])[:EXCERPT_LENGTH]

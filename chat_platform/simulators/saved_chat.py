"""Writes saved chat files as Zoom does, in every dialect and locale.

What belongs here: a small picture of a chat and its writing as the bytes of a file. What does not: inventing
chats (``class_generator``), reading files (``sources.zoom.saved_chat``, of which this uses only the table of
words, so that both agree on what a locale is).

Format: ../shared/formats.md section 1.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from chat_platform.simulators.truth import GeneratedRecording, Utterance
from chat_platform.sources.zoom.dialects import Dialect, Locale, locale

_RUSSIAN_QUOTES = {
    "reply": "Ответ на «{quote}»:",
    "reaction": 'Реакция на "{quote}" с помощью {emoji}',
    "removal": 'Элемент {emoji} удален из "{quote}"',
}
_ENGLISH_QUOTES = {
    "reply": 'Replying to "{quote}"',
    "reaction": 'Reacted to "{quote}" with {emoji}',
    "removal": 'Removed a {emoji} reaction from "{quote}"',
}
# Every other locale that was seen holds the English phrases.
_QUOTES = {"ru": _RUSSIAN_QUOTES, "uk": {**_ENGLISH_QUOTES, "reply": 'Відповідь на "{quote}"'}}
_DATED_REPLY = "Reply to «{quote}»:"


@dataclass(frozen=True)
class SavedReaction:
    """An emoji that somebody put on a message, or took back from it."""

    sender: str
    time: datetime
    emoji: str


@dataclass(frozen=True)
class SavedMessage:
    """A message with what hangs on it.

    Attributes:
        time: local time as the clock of the class shows it, without zone.
        recipient: whom a direct message went to; ``None`` for everyone.
        replies: messages that answer this one, perhaps with reactions and replies of their own.
        reactions: emojis given to it.
        removals: emojis taken back from it.
        absent: deleted before the chat was saved: not in the file, though replies still quote it.
    """

    sender: str
    time: datetime
    text: str
    recipient: str | None = None
    replies: tuple[SavedMessage, ...] = ()
    reactions: tuple[SavedReaction, ...] = ()
    removals: tuple[SavedReaction, ...] = ()
    absent: bool = False


@dataclass(frozen=True)
class _Line:
    """One record to write: the body is already in words."""

    time: datetime
    sender: str
    recipient: str | None
    body: str


def saved_messages(recording: GeneratedRecording, zone: ZoneInfo) -> list[SavedMessage]:
    """A generated lecture as its saved chat shows it: edited texts, nothing of what was deleted."""
    replies: dict[str | None, list[Utterance]] = defaultdict(list)
    for utterance in recording.utterances:
        replies[utterance.parent_id].append(utterance)

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone).replace(tzinfo=None)

    def entry(said: Utterance) -> SavedMessage:
        removals = [
            SavedReaction(r.reactor_name, local(r.removed_at), r.emoji)
            for r in said.reactions
            if r.removed_at is not None
        ]
        return SavedMessage(
            said.sender_name,
            local(said.sent_at),
            said.text,
            said.recipient_name,
            tuple(entry(reply) for reply in replies[said.message_id]),
            tuple(SavedReaction(r.reactor_name, local(r.reacted_at), r.emoji) for r in said.reactions),
            tuple(removals),
            absent=said.deleted,
        )

    return [entry(said) for said in replies[None]]


def write_saved_chat(
    entries: Sequence[SavedMessage],
    dialect: Dialect | str,
    locale_code: str = "en",
    *,
    newline: str = "\n",
    encoding: str = "utf-8",
    quote_length: int = 20,
    start: datetime | None = None,
    receivers: bool = True,
    wide: bool = False,
    inline_replies: bool = False,
    reactions: bool = True,
    ellipsis: str = "...",
    encoding_errors: str = "strict",
) -> bytes:
    r"""The file that Zoom would save.

    Args:
        entries: the chat; records are written in the order of their times.
        dialect: ``V1`` … ``V4`` or ``G``. V4 knows no direct messages and leaves them out, as Zoom does.
        locale_code: language of the headers; V4 and G have only one.
        newline: ``\n``, ``\r\n``, ``\r\r\n``, ``\r`` or ``\n\r``.
        encoding: a Python codec; ``utf-8-sig`` and ``utf-16`` write a BOM.
        quote_length: characters of a text that a quote keeps.
        start: local start of the recording, needed by V4.
        receivers: V1 only: name the receiver ``Everyone``, as files since 2021 do.
        wide: two blanks around names.
        inline_replies: text of a reply on the line of its quote.
        reactions: V3 files of Zoom hold no reactions; pass ``False`` to write one like that.
        ellipsis: behind a quote that was cut: ``...`` or ``…``.
        encoding_errors: as in ``str.encode``.

    Raises:
        ValueError: V4 without start.
        UnicodeEncodeError: the encoding lacks a character and ``encoding_errors`` is ``strict``.
    """
    dialect = Dialect(dialect)
    words = locale(locale_code)
    quotes = _Quotes(dialect, words, quote_length, ellipsis, inline_replies)
    lines = [line for entry in entries for line in _records(entry, quotes, reactions=reactions)]
    writer = _Writer(dialect, words, start, receivers=receivers, gap="  " if wide else " ")
    text = "".join(writer.write(line) for line in sorted(lines, key=lambda line: line.time))
    return text.replace("\n", newline).encode(encoding, encoding_errors)


@dataclass(frozen=True)
class _Quotes:
    """How a file quotes."""

    dialect: Dialect
    words: Locale
    length: int
    ellipsis: str
    inline: bool

    def cut(self, text: str) -> str:
        """Beginning of a text on one line."""
        flat = " ".join(text.split("\n"))
        return flat if len(flat) <= self.length else flat[: self.length] + self.ellipsis

    def reply(self, quoted: str, text: str) -> str:
        phrases = _QUOTES.get(self.words.code, _ENGLISH_QUOTES)
        dated = self.dialect is Dialect.V3 and self.words.code == "en"
        head = (_DATED_REPLY if dated else phrases["reply"]).format(quote=self.cut(quoted))
        if self.inline:
            return f"{head} {text}"
        return f"{head}\n{text}" if self.dialect is Dialect.V3 else f"{head}\n\n{text}"

    def reaction(self, kind: str, quoted: str, emoji: str) -> str:
        phrases = _QUOTES.get(self.words.code, _ENGLISH_QUOTES)
        return phrases[kind].format(quote=self.cut(quoted), emoji=emoji)


def _records(
    entry: SavedMessage, quotes: _Quotes, *, reactions: bool, parent: SavedMessage | None = None
) -> Iterator[_Line]:
    if not entry.absent:
        body = entry.text if parent is None else quotes.reply(parent.text, entry.text)
        yield _Line(entry.time, entry.sender, entry.recipient, body)
    for reply in entry.replies:
        yield from _records(reply, quotes, reactions=reactions, parent=entry)
    if not reactions or entry.absent:
        return
    for kind, marks in (("reaction", entry.reactions), ("removal", entry.removals)):
        for mark in marks:
            # A reaction to a direct message is seen by the same two people.
            other = entry.recipient if entry.recipient != mark.sender else entry.sender
            body = quotes.reaction(kind, entry.text, mark.emoji)
            yield _Line(mark.time, mark.sender, other, body)


class _Writer:
    r"""Writes one record after another in one dialect, with ``\\n`` as line end."""

    def __init__(
        self, dialect: Dialect, words: Locale, start: datetime | None, *, receivers: bool, gap: str
    ) -> None:
        if dialect is Dialect.V4 and start is None:
            raise ValueError("V4 counts from the start of the recording: start is needed")
        self._dialect = dialect
        self._words = words
        self._start = start
        self._receivers = receivers
        self._gap = gap

    def write(self, line: _Line) -> str:
        """The record's lines."""
        if self._dialect is Dialect.V1:
            return f"{line.time:%H:%M:%S}\t {self._names(line)} : {line.body}\n"
        if self._dialect is Dialect.V4:
            return self._with_offset(line)
        if self._dialect is Dialect.G:
            return f"{self._window_header(line)}\n{line.body}\n"
        day = f"{line.time:%Y-%m-%d} " if self._dialect is Dialect.V3 else ""
        body = "\n".join(f"\t{text}" for text in line.body.split("\n"))
        return f"{day}{line.time:%H:%M:%S} {self._names(line)}:\n{body}\n"

    def _names(self, line: _Line) -> str:
        names = f"{self._words.senders[0]}{self._gap}{line.sender}"
        to = f"{self._gap}{self._words.receivers[0]}{self._gap}"
        if line.recipient is not None:
            # Older files say (Privately); a language without a word of its own keeps the English one.
            direct = (*self._words.direct, "Direct Message")[0]
            return f"{names}{to}{line.recipient}({direct})"
        if self._dialect is Dialect.V1 and not self._receivers:
            return names
        return f"{names}{to}{self._words.everyone[0]}"

    def _with_offset(self, line: _Line) -> str:
        if line.recipient is not None:
            return ""
        passed = int((line.time - self._start).total_seconds()) if self._start is not None else 0
        clock = f"{passed // 3600:02d}:{passed // 60 % 60:02d}:{passed % 60:02d}"
        return f"{clock}\t{line.sender}:\t{line.body}\n"

    @staticmethod
    def _window_header(line: _Line) -> str:
        half = "오후" if line.time.hour >= 12 else "오전"
        hour = (line.time.hour + 11) % 12 + 1
        return f"{line.sender} 님이 {line.recipient or '모두'}에게:    {half} {hour}:{line.time.minute:02d}"

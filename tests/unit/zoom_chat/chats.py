"""Random chats for the tests of saved chat files: what was said, its file, and what a parser must find."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from chat_platform.simulators.saved_chat import SavedMessage, SavedReaction, write_saved_chat
from chat_platform.sources.records import ParsedConversation
from chat_platform.sources.zoom.dialects import LOCALES, Dialect, Style, read_header
from chat_platform.sources.zoom.saved_chat import ParsedSavedChat, SavedFile, parse_saved_chat

SEOUL = ZoneInfo("Asia/Seoul")
DAY = date(2026, 3, 2)
NEWLINES = ("\n", "\r\n", "\r\r\n", "\r", "\n\r")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949")
CODES = tuple(locale.code for locale in LOCALES)
TABBED = (Dialect.V2, Dialect.V3)

# One meeting's names: blanks, receiver words, colons, parentheses, emoji, suffixes, numbers.
NAMES = (
    "Kim Ga",
    "김가나_온라인",
    "20241234 이나라",
    "Road to Learn",
    "Team: A",
    "a:b",
    "Ava Kim (she/her)",
    "😀 Lee 👩‍💻",
    "강사_라마바",
    "Dev Rao - Helper",
    'O\'Neil "Nil"',
    "Имя Фамилия",
    "LM 다라마 / 3팀",
)
PLAIN_NAMES = ("Kim Ga", "김가나_온라인", "20241234 이나라", "Team: A", "강사_라마바", "Dev Rao - Helper")
OFFSET_NAMES = (*NAMES, "Von Berg", "De la Cruz", "From Kim")
EMOJIS = ("👍", "❤️", "❤", "🙌🏻", "👩‍💻", "🇰🇷", "1️⃣", "☝️", ":party_parrot:")
CP949_EMOJIS = ("♥", "☎", "★")
LINES = (
    "",
    "    indented = True",
    "\tfor x in y:",
    'he said "yes" with a smile',
    'Reacted to "nothing',
    "Replying to nobody",
    "https://example.org/a?b=c:d",
    "trailing colon:",
    "좋은 아침이예요!",
    "뭐라구요...",
    "ㅋㅋㅋㅋ ㅠㅠ",
    " to Everyone : ",
    "12:30에 만나요",
)
# Only where every line of a body is marked by a tab may it look like a header.
HEADER_LIKE = (
    "10:00:00 From Kim Ga to Everyone:",
    "00:01:02\tKim Ga:\thello",
    "김가나 님이 모두에게:    오전 8:46",
)


@dataclass
class Said:
    """A message as it was said."""

    sender: str
    recipient: str | None
    time: datetime
    text: str
    parent: int | None = None
    reactions: list[SavedReaction] = field(default_factory=list)
    removals: list[SavedReaction] = field(default_factory=list)
    removed: list[SavedReaction] = field(default_factory=list)


@dataclass
class Chat:
    """A random chat with the form of its file."""

    dialect: Dialect
    locale: str
    newline: str
    encoding: str
    options: dict[str, Any]
    start: datetime
    said: list[Said]

    def entries(self) -> list[SavedMessage]:
        """The chat as the writer takes it."""
        return [self._entry(index) for index, said in enumerate(self.said) if said.parent is None]

    def _entry(self, index: int) -> SavedMessage:
        said = self.said[index]
        replies = tuple(self._entry(at) for at, other in enumerate(self.said) if other.parent == index)
        return SavedMessage(
            said.sender,
            said.time,
            said.text,
            said.recipient,
            replies,
            tuple(said.reactions),
            tuple(said.removals),
        )

    def data(self) -> bytes:
        """The file."""
        return write_saved_chat(
            self.entries(),
            self.dialect,
            self.locale,
            newline=self.newline,
            encoding=self.encoding,
            start=self.start,
            **self.options,
        )

    def sent_at(self, moment: datetime) -> datetime:
        """Time as the file can say it, in UTC."""
        if self.dialect is Dialect.G:
            moment = moment.replace(second=0)
        return moment.replace(tzinfo=SEOUL).astimezone(UTC)

    def expected(self) -> tuple[list[Any], list[Any]]:
        """Messages and reactions that a parser must find, in the form of ``found``."""
        messages = [
            (
                "message" if said.parent is None else "reply",
                said.sender,
                said.recipient,
                "everyone" if said.recipient is None else "direct",
                self.sent_at(said.time),
                said.text,
                None if said.parent is None else self.said[said.parent].text,
                False,
            )
            for said in self.said
        ]
        reactions = [
            (said.text, mark.sender, mark.emoji, self.sent_at(mark.time), mark in said.removed, False)
            for said in self.said
            for mark in said.reactions
        ]
        return messages, sorted(reactions, key=repr)

    def parse(self, *files: SavedFile) -> ParsedSavedChat:
        """The parsed file, or files that hold parts of it."""
        return parse_saved_chat(
            files or [SavedFile("chat.txt", self.data())],
            conversation_id="c1",
            day=self.start.date(),
            zone=SEOUL,
            start=self.start.time() if self.dialect is Dialect.V4 else None,
        )


def found(parsed: ParsedConversation) -> tuple[list[Any], list[Any]]:
    """Messages and reactions of a parsed conversation, with texts instead of ids."""
    texts = {message.message_id: message.text for message in parsed.messages}
    messages = [
        (
            m.kind,
            m.author_name,
            m.recipient_name,
            m.visibility,
            m.sent_at,
            m.text,
            None if m.parent_id is None else texts[m.parent_id],
            m.ambiguous_parent,
        )
        for m in parsed.messages
    ]
    reactions = [
        (texts[r.message_id], r.reactor_name, r.emoji, r.reacted_at, r.removed, r.ambiguous_target)
        for r in parsed.reactions
    ]
    return messages, sorted(reactions, key=repr)


def tables_of(parsed: ParsedConversation) -> tuple[Any, Any, dict[str, int]]:
    """What must not depend on how a meeting was cut into files."""
    ids = [(m.message_id, m.parent_id, m.sent_at, m.text, m.kind) for m in parsed.messages]
    reactions = [(r.message_id, r.reactor_name, r.emoji, r.removed) for r in parsed.reactions]
    counts = {name: n for name, n in parsed.counts().items() if name not in ("records", "duplicates")}
    return sorted(ids, key=repr), sorted(reactions, key=repr), counts


def every_line_is_accounted_for(parsed: ParsedSavedChat) -> bool:
    """Whether the spans cover each line of each file exactly once, and agree with the counts."""
    report = parsed.report
    covered: dict[int, int] = dict.fromkeys(range(len(report.files)), 0)
    for span in sorted(report.spans):
        if span.first != covered[span.file] + 1 or span.last < span.first:
            return False
        covered[span.file] = span.last
    counts = parsed.counts()
    kinds = {
        "message": "messages",
        "reply": "replies",
        "reaction": "reactions",
        "removal": "removals",
        "quarantine": "quarantined",
        "duplicate": "duplicates",
    }
    by_kind = {kind: sum(span.kind == kind for span in report.spans) for kind in kinds}
    return (
        all(covered[index] == file.lines for index, file in enumerate(report.files))
        and sum(report.lines_by_kind.values()) == report.lines
        and len(report.spans) == parsed.records
        and all(by_kind[kind] == counts[name] for kind, name in kinds.items())
    )


def _texts(draw: st.DrawFn, dialect: Dialect, number: int, *, korean: bool) -> str:
    """A text that begins like no other one, without blank lines around it."""
    pool = (*LINES, *HEADER_LIKE) if dialect in TABBED else LINES
    alphabet = (
        st.sampled_from("가나다라마바 abcXYZ019.,?!\"'()[]:ㅋㅠ\t")
        if korean
        else st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\x00")
    )
    line = st.sampled_from(pool) | st.text(alphabet, max_size=40)
    first = draw(st.text(alphabet, max_size=40))
    more = draw(st.lists(line, max_size=3))
    if dialect not in TABBED:
        more = [text for text in more if _is_no_header(text)]
    lines = [f"[{number}] 가나 {first}", *more]
    while not lines[-1].strip():
        lines.pop()
    return unicodedata.normalize("NFC", "\n".join(lines).rstrip())


def _is_no_header(line: str) -> bool:
    return all(read_header(line, Style(bare, block)) is None for bare in (0, 1) for block in (0, 1))


@st.composite
def chats(
    draw: st.DrawFn,
    *,
    dialects: tuple[Dialect, ...] = tuple(Dialect),
    encodings: tuple[str, ...] = ENCODINGS,
    longest_step: int = 3 * 3600,
    fewest: int = 1,
) -> Chat:
    """A random chat in a random dialect, locale, line end and encoding."""
    dialect = draw(st.sampled_from(dialects))
    encoding = draw(st.sampled_from(encodings))
    korean = encoding == "cp949"
    # CP949 has no «, which V3 quotes with in English.
    code = draw(
        st.sampled_from(("ko",) if korean and dialect is Dialect.V3 else ("en", "ko") if korean else CODES)
    )
    receivers = dialect is not Dialect.V1 or code != "en" or draw(st.booleans())
    names = PLAIN_NAMES if korean or not receivers else OFFSET_NAMES if dialect is Dialect.V4 else NAMES
    options = {
        "wide": draw(st.booleans()),
        "receivers": receivers,
        "inline_replies": draw(st.booleans()),
        "quote_length": draw(st.sampled_from((17, 18, 19, 20, 24, 50))),
        "ellipsis": "..." if korean else draw(st.sampled_from(("...", "…"))),
    }
    clock = time(draw(st.integers(0, 23)), draw(st.integers(0, 59)), draw(st.integers(0, 59)))
    chat = Chat(
        dialect,
        code,
        draw(st.sampled_from(NEWLINES)),
        encoding,
        options,
        datetime.combine(DAY, clock),
        [],
    )
    moment = chat.start
    for _ in range(draw(st.integers(fewest, 14))):
        _add(draw, chat, moment, names, CP949_EMOJIS if korean else EMOJIS)
        moment += timedelta(seconds=draw(st.integers(1, longest_step)))
    return chat


def _add(
    draw: st.DrawFn, chat: Chat, moment: datetime, names: tuple[str, ...], emojis: tuple[str, ...]
) -> None:
    """One more message, reply, reaction or removal."""
    kind = draw(st.sampled_from(("message", "direct", "reply", "reaction", "reaction", "removal")))
    given_back = [(said, mark) for said in chat.said for mark in said.reactions if mark not in said.removed]
    if kind == "removal" and given_back:
        said, mark = draw(st.sampled_from(given_back))
        said.removals.append(SavedReaction(mark.sender, moment, mark.emoji))
        said.removed.append(_latest_like(said, mark))
        return
    target = draw(st.sampled_from(range(len(chat.said)))) if chat.said else None
    if kind == "reaction" and target is not None:
        said = chat.said[target]
        # A receiver's name with a receiver word in it cannot be told from the sender's.
        pair = (said.sender, said.recipient) if " to " not in said.sender else (said.sender,)
        sender = draw(st.sampled_from(pair if said.recipient else names))
        said.reactions.append(SavedReaction(sender, moment, draw(st.sampled_from(emojis))))
        return
    sender = draw(st.sampled_from(names))
    recipient: str | None = None
    parent: int | None = None
    if kind == "reply" and target is not None:
        parent = target
        above = chat.said[target]
        if above.recipient is not None:
            sender, recipient = above.recipient, above.sender
            if " to " in recipient:
                sender, recipient = recipient, sender
    elif kind == "direct" and chat.dialect is not Dialect.V4:
        recipient = draw(st.sampled_from([name for name in names if name != sender and " to " not in name]))
    text = _texts(draw, chat.dialect, len(chat.said), korean=chat.encoding == "cp949")
    chat.said.append(Said(sender, recipient, moment, text, parent))


def _latest_like(said: Said, mark: SavedReaction) -> SavedReaction:
    same = [
        other
        for other in said.reactions
        if other.sender == mark.sender
        and other.emoji.replace("\ufe0f", "") == mark.emoji.replace("\ufe0f", "")
        and other not in said.removed
    ]
    return max(same, key=lambda other: other.time)

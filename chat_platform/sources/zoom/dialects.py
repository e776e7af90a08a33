"""Header lines of Zoom's saved chats: which dialect, when, from whom, to whom.

What belongs here: the words of each locale and the reading of one header line. What does not: bodies, quotes,
dates of files.

======== ==================================================================================
dialect  header (``→`` is a tab)
======== ==================================================================================
V1       ``15:00:49→ From  Kim Ga  to  Everyone : hello``; without receiver before 2021
V2       ``15:00:49 From Kim Ga to Everyone:``, then a body of lines that start with a tab
V3       as V2 with a date in front
V4       ``00:58:04→Kim Ga:→hello``: seconds since the recording began (cloud recording)
G        ``김가나 님이 모두에게:    오전 8:46``: copied from the chat window
======== ==================================================================================

Every line is judged by itself, so that dialects and locales may be mixed in one file. Only where a line can be
read in two ways, ``Style`` (what the unambiguous lines of the file look like) decides.

Format: ../shared/formats.md section 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chat_platform.errors import InputError

# A header's names stand within so many characters; nothing here ever looks at the rest of a long line.
HEAD = 700
_STYLE_SAMPLE = 5_000


class Dialect(StrEnum):
    """The five forms that a saved chat has."""

    V1 = "V1"
    V2 = "V2"
    V3 = "V3"
    V4 = "V4"
    G = "G"


@dataclass(frozen=True)
class Locale:
    """Words of a header in one language; the first of each is what Zoom writes today."""

    code: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    everyone: tuple[str, ...]
    direct: tuple[str, ...]


# Words that no public sample confirms: ko 시작, 받는 사람, 모두, 다이렉트 메시지, 비공개; everyone in de, es and
# ja; receivers in es and ja. They are accepted because nothing else would be meant by them in that place.
LOCALES = (
    Locale(
        "en",
        ("From",),
        ("to", "To"),
        ("Everyone", "Everyone in Meeting", "All Panelists and Attendees", "All Panelists"),
        ("Direct Message", "Privately"),
    ),
    Locale(
        "ko", ("발신자", "시작"), ("수신자", "받는 사람"), ("모두에게", "모두"), ("다이렉트 메시지", "비공개")
    ),
    Locale("ru", ("От",), ("кому",), ("Все", "Всем"), ("Личное сообщение",)),
    Locale("uk", ("Від",), ("до",), ("Всі", "Усі"), ()),
    Locale("de", ("Von",), ("an", "An"), ("Alle", "Jeden", "Jeder"), ("Direktnachricht",)),
    Locale("es", ("De",), ("a", "para"), ("Todos", "Todo el mundo"), ("Mensaje directo",)),
    Locale("ja", ("開始",), ("に", "宛先"), ("全員", "皆さん"), ("ダイレクトメッセージ",)),
)
_ENGLISH = LOCALES[0]


def locale(code: str) -> Locale:
    """The locale with that code.

    Raises:
        KeyError: there is none.
    """
    return {entry.code: entry for entry in LOCALES}[code]


@dataclass(slots=True)
class Header:
    """One header line.

    Attributes:
        day: ``YYYY-MM-DD`` as written (V3), else ``None``.
        hour, minute, second: clock, or offset from the start (V4); not checked for range.
        recipient: whom a direct message was sent to; ``None`` when it went to everyone.
        text: text on the header line itself, without the one blank that separates it.
    """

    dialect: Dialect
    day: str | None
    hour: int
    minute: int
    second: int
    sender: str
    recipient: str | None
    text: str


@dataclass(frozen=True)
class Style:
    """How the unambiguous headers of a conversation look.

    Attributes:
        bare: headers mostly name no receiver (``From Kim Ga : hello``).
        block: the text mostly starts on the line after the header.
    """

    bare: bool = False
    block: bool = False


_CLOCK = re.compile(
    r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2})[ \t]+)?([0-9]{1,6}):([0-9]{2}):([0-9]{2})([ \t]+)(?=[^ \t])"
)
_TABBED_NAME = re.compile(r"([^\t]{1,300}?):\t")
_TABBED_NAME_ONLY = re.compile(r"([^\t]{1,300}?):[ \t]*\Z")
# 오전/오후 or AM/PM, before or after the clock; minutes only, though seconds do no harm.
_HALF_DAY = r"(오전|오후|AM|PM|am|pm)"
_WINDOW_CLOCK = re.compile(
    r"(에게)?(?: ?\((?:다이렉트 메시지|비공개|Direct Message|Privately)\))?:[ \t]+"
    rf"(?:{_HALF_DAY} ?([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}}))?"
    rf"|([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}}))? ?{_HALF_DAY})[ \t]*\Z"
)
_WINDOW_ENDS = frozenset("0123456789MmJ전후 \t")
_EVERYONE_IN_WINDOW = {"모두", "everyone"}


class _Words:
    """Compiled words of a locale; English receivers are understood behind any sender word."""

    def __init__(self, entry: Locale) -> None:
        self.receivers = tuple(dict.fromkeys((*entry.receivers, *_ENGLISH.receivers)))
        everyone = dict.fromkeys((*entry.everyone, *_ENGLISH.everyone))
        direct = dict.fromkeys((*entry.direct, *_ENGLISH.direct))
        # One blank before the word, so that a run of blanks is not scanned again from each of its places.
        self.to_everyone = re.compile(
            rf"[ \t](?:{_any_of(self.receivers)})[ \t]+(?:{_any_of(everyone)})[ \t]*:", re.IGNORECASE
        )
        self.to_one = re.compile(rf"\((?:{_any_of(direct)})\)[ \t]*:", re.IGNORECASE)

    def split_receiver(self, names: str) -> tuple[str, str] | None:
        """Sender and receiver around the *last* receiver word; a sender's name may hold such a word itself."""
        flat = names.replace("\t", " ")
        at, word = max((flat.rfind(f" {word} "), word) for word in self.receivers)
        if at < 0:
            return None
        return names[:at].strip(), names[at + len(word) + 2 :].strip()


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_WORDS = {sender: _Words(entry) for entry in LOCALES for sender in entry.senders}
_SENDER = re.compile(rf"({_any_of(_WORDS)})[ \t]+")


def style_of(lines: Iterable[str]) -> Style:
    """What the unambiguous headers look like; looks at the first 5,000 lines that start with a clock."""
    with_receiver = bare = block = 0
    seen = 0
    for line in lines:
        if not "0" <= line[:1] <= "9":
            continue
        clock = _CLOCK.match(line[:HEAD])
        sender = _SENDER.match(line[:HEAD], clock.end()) if clock else None
        if sender is None:
            continue
        seen += 1
        if seen > _STYLE_SAMPLE:
            break
        words = _WORDS[sender.group(1)]
        head = line[sender.end() : HEAD]
        found = _first(words.to_everyone.search(head), words.to_one.search(head))
        if found and ":" not in head[: found.start()]:
            with_receiver += 1
            block += not head[found.end() :].strip()
        elif found is None and (spaced := head.find(" : ")) >= 0 and not words.split_receiver(head[:spaced]):
            bare += 1
    return Style(bare=bare > with_receiver, block=block * 2 > with_receiver)


def detect_dialect(text_lines: Iterable[str]) -> Dialect:
    """The dialect of most headers.

    Args:
        text_lines: the lines of a file, or its whole text.

    Raises:
        InputError: CP-FILE-003 when no line is a header.
    """
    lines = re.split(r"[\r\n]+", text_lines) if isinstance(text_lines, str) else list(text_lines)
    style = style_of(lines)
    counts: dict[Dialect, int] = {}
    for line in lines:
        header = read_header(line, style)
        if header is not None:
            counts[header.dialect] = counts.get(header.dialect, 0) + 1
    if not counts:
        raise InputError("CP-FILE-003", f"{len(lines)} lines")
    return max(counts, key=lambda dialect: counts[dialect])


def read_header(line: str, style: Style) -> Header | None:
    """The header that the line is, or ``None`` for a line of a body."""
    if "0" <= line[:1] <= "9":
        clock = _CLOCK.match(line[:HEAD])
        if clock is not None:
            header = _after_clock(line, clock, style)
            if header is not None:
                return header
    if line[-1:] in _WINDOW_ENDS and len(line) <= HEAD and line[:1] not in " \t":
        return _window_header(line)
    return None


def _after_clock(line: str, clock: re.Match[str], style: Style) -> Header | None:
    head = line[:HEAD]
    sender = _SENDER.match(head, clock.end())
    tabbed = _TABBED_NAME.match(head, clock.end())
    if sender is not None and not _is_tabbed(tabbed, clock.group(5)):
        return _from_header(line, clock, sender, style)
    if tabbed is not None:
        return _header(Dialect.V4, clock, tabbed.group(1), None, line[tabbed.end() :])
    if clock.group(5) == "\t" and len(line) <= HEAD:
        alone = _TABBED_NAME_ONLY.match(line, clock.end())
        if alone is not None:
            return _header(Dialect.V4, clock, alone.group(1), None, "")
    return None


def _is_tabbed(tabbed: re.Match[str] | None, gap: str) -> bool:
    """Whether a name that starts with a sender word (``Von Berg:→hi``) stands in a V4 line.

    V1 has a blank between its tab and the sender word, and blanks around its colon.
    """
    if tabbed is None:
        return False
    name = tabbed.group(1)
    return " : " not in name and not name.endswith(" ") and gap in ("\t", " ")


def _from_header(line: str, clock: re.Match[str], sender: re.Match[str], style: Style) -> Header | None:
    words = _WORDS[sender.group(1)]
    start = sender.end()
    head = line[start:HEAD]
    spaced = _spaced_colon(head)
    everyone = words.to_everyone.search(head)
    one = words.to_one.search(head)
    found = _first(everyone, one)
    if found is not None and not (style.bare and 0 <= spaced < found.start()):
        text = line[start + found.end() :]
        if found is everyone:
            return _header(_inline_or_block(clock, text), clock, head[: found.start()], None, text)
        names = words.split_receiver(head[: found.start()])
        if names is not None:
            return _header(_inline_or_block(clock, text), clock, names[0], names[1], text)
    block = _block_names(line, head, words, spaced, style)
    if block is not None:
        return _header(_inline_or_block(clock, ""), clock, block[0], block[1], "")
    colon = spaced + 1 if spaced >= 0 else head.find(":")
    if colon < 0:
        return None
    text = line[start + colon + 1 :]
    pair = None if style.bare else words.split_receiver(head[:colon])
    name, recipient = pair if pair is not None else (head[:colon], None)
    return _header(_inline_or_block(clock, text), clock, name, recipient, text)


def _block_names(line: str, head: str, words: _Words, spaced: int, style: Style) -> tuple[str, str] | None:
    """Names of ``… to Lee Na:`` at the end of a line, where the receiver is nobody we know to be everyone."""
    if len(line) > HEAD or not head.rstrip().endswith(":"):
        return None
    names = head.rstrip()[:-1]
    pair = words.split_receiver(names)
    if pair is None or not pair[1]:
        return None
    before_receiver = spaced >= 0 and spaced < names.rfind(pair[1])
    if spaced >= 0 and not (style.block and before_receiver):
        return None
    return pair


def _spaced_colon(head: str) -> int:
    at = head.find(" : ")
    if at < 0 and head.rstrip().endswith(" :"):
        return len(head.rstrip()) - 2
    return at


def _first(*matches: re.Match[str] | None) -> re.Match[str] | None:
    return min((m for m in matches if m is not None), key=lambda m: m.end(), default=None)


def _inline_or_block(clock: re.Match[str], text: str) -> Dialect:
    if clock.group(1) is not None:
        return Dialect.V3
    return Dialect.V1 if text.strip() else Dialect.V2


def _header(dialect: Dialect, clock: re.Match[str], sender: str, recipient: str | None, text: str) -> Header:
    if dialect is not Dialect.V4:
        text = text[1:] if text.startswith(" ") else text
    return Header(
        dialect,
        clock.group(1),
        int(clock.group(2)),
        int(clock.group(3)),
        int(clock.group(4)),
        sender.strip(),
        recipient,
        text,
    )


def _window_header(line: str) -> Header | None:
    found = _WINDOW_CLOCK.search(line)
    if found is None:
        return None
    before = line[: found.start()]
    if found.group(1):
        cut = before.rfind(" 님이 ")
        names = (before[:cut], before[cut + 4 :]) if cut > 0 else None
    else:
        names = _WORDS["From"].split_receiver(before[5:]) if before[:5].casefold() == "from " else None
    if names is None or not names[1].strip():
        return None
    half, hour, minute, second = (
        (found.group(2), found.group(3), found.group(4), found.group(5))
        if found.group(2)
        else (found.group(9), found.group(6), found.group(7), found.group(8))
    )
    recipient = names[1].strip()
    return Header(
        Dialect.G,
        None,
        _hour_of_day(int(hour), half),
        int(minute),
        int(second or 0),
        names[0].strip(),
        None if recipient.casefold() in _EVERYONE_IN_WINDOW else recipient,
        "",
    )


def _hour_of_day(hour: int, half: str) -> int:
    """24-hour clock; an hour that no 12-hour clock shows stays out of range."""
    if hour > 12:
        return 99
    return hour % 12 + (12 if half in ("오후", "PM", "pm") else 0)

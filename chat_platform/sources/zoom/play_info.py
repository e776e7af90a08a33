"""Chat of a recording, from the archived answers of Zoom's ``play/info``.

What belongs here: reading the answers of all clips of one recording, in each of the shapes that they have had.
What does not: fetching them; saved chat files.

======= =============================================================== ==========================
since   where                                                           an entry
======= =============================================================== ==========================
2023    ``result.xmppList``                                             id, replies, reactions
2021    ``result.meetingChatList``                                      name, offset, text
older   ``result.chatList``, or a page with ``chatList.push({…})``      name, offset, text
======= =============================================================== ==========================

Every message, every entry of ``comments`` and every emoji of ``chatEmojiDetailMap`` is one record; they are
counted before anything is decided about them.

Format: ../shared/formats.md section 1.2.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chat_platform.errors import ZoomError
from chat_platform.sources.records import (
    EXCERPT_LENGTH,
    ChatMessage,
    ChatReaction,
    ParsedConversation,
    QuarantinedRecord,
    nfc,
)
from chat_platform.sources.zoom.quotes import fold_emoji, is_emoji
from chat_platform.tables.ids import digest

CHAT_LISTS = ("xmppList", "meetingChatList", "chatList")
_NAME_FIELDS = ("senderName", "userName", "username")
_SENDER_NUMBER = re.compile(r"([0-9]{1,18})-")
_OFFSET = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{4,200}={0,2}")
_PLAUSIBLE = (datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2101, 1, 1, tzinfo=UTC).timestamp())
_LONGEST_DURATION_S = 14 * 24 * 3600.0
_LONGEST_COUNT = 10**9


@dataclass
class ParsedPlayInfo(ParsedConversation):
    """A parsed recording.

    Attributes:
        chat_lists: which list the chat of each answer was in; ``""`` for a recording without chat.
        missing_comments: replies that ``commentTotal`` promises and the answer does not hold.
    """

    chat_lists: list[str] = field(default_factory=list)
    missing_comments: int = 0


def parse_play_info(
    answers: Sequence[str], *, conversation_id: str, zone: ZoneInfo, fallback_day: date | None
) -> ParsedPlayInfo:
    """Everything in the chat of one recording.

    Args:
        answers: the bodies of the answers of all clips, as archived.
        conversation_id: id of the recording.
        zone: zone of ``meetingStartTimeStr`` and of ``fallback_day``.
        fallback_day: local date of the lecture, for old answers that hold offsets only.

    Returns:
        The conversation with ``source="zoom"``; times in UTC. An entry that several clips hold counts once.

    Raises:
        ZoomError: CP-ZOOM-040 an answer is not readable, 041 its status is false, 042 it has no result,
            043 its chat has a form that we do not know.
    """
    parsed = ParsedPlayInfo(conversation_id, source="zoom", system="zoom")
    reader = _Reader(parsed)
    clips = [_clip(answer, index, zone, fallback_day) for index, answer in enumerate(answers)]
    for clip in clips:
        parsed.chat_lists.append(clip.chat_list)
        reader.read(clip)
    starts = [clip.started_at for clip in clips if clip.started_at is not None]
    parsed.started_at = min(starts, default=None)
    parsed.duration_s = _duration(clips)
    parsed.title = next((clip.title for clip in clips if clip.title), None)
    parsed.check_conservation()
    return parsed


# --- one answer ------------------------------------------------------------------------------------------


@dataclass
class _Clip:
    """One answer: its chat, and what is known about its start.

    Attributes:
        started_at: start of the clip, UTC, as the answer says it.
        assumed_start: midnight of the lecture's day, where nothing better is known.
    """

    index: int
    chat_list: str
    entries: list[Any]
    started_at: datetime | None = None
    assumed_start: datetime | None = None
    duration_s: float | None = None
    title: str | None = None


def _clip(answer: str, index: int, zone: ZoneInfo, fallback_day: date | None) -> _Clip:
    midnight = None if fallback_day is None else datetime.combine(fallback_day, time(), zone).astimezone(UTC)
    if "window.__data__" in answer and not answer.lstrip().startswith("{"):
        return _Clip(index, "chatList", list(_pushed(answer)), assumed_start=midnight)
    result = _result(answer, index)
    chat_list, entries = _chat(result, index)
    meet = result.get("meet")
    meet = meet if isinstance(meet, dict) else {}
    topic = meet.get("topic")
    return _Clip(
        index,
        chat_list,
        entries,
        _moment(result.get("fileStartTime")) or _meeting_start(meet.get("meetingStartTimeStr"), zone),
        midnight,
        _number(result.get("duration"), _LONGEST_DURATION_S),
        nfc(topic) if isinstance(topic, str) and topic.strip() else None,
    )


def _result(answer: str, index: int) -> dict[str, Any]:
    try:
        document = json.loads(answer.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        raise ZoomError("CP-ZOOM-040", f"answer {index}, {len(answer)} characters") from None
    if not isinstance(document, dict):
        raise ZoomError("CP-ZOOM-040", f"answer {index} is no JSON object")
    if document.get("status") is False:
        raise ZoomError("CP-ZOOM-041", f"answer {index}, errorCode {_error_code(document)}")
    result = document.get("result")
    if not isinstance(result, dict):
        raise ZoomError(
            "CP-ZOOM-042", f"answer {index}, fields {', '.join(sorted(map(repr, document)))[:80]}"
        )
    return result


def _error_code(document: dict[str, Any]) -> str:
    code = document.get("errorCode")
    return str(code) if isinstance(code, int) and abs(code) < _LONGEST_COUNT else "none"


def _chat(result: dict[str, Any], index: int) -> tuple[str, list[Any]]:
    """The first list that holds something; a recording without any has no chat."""
    present = ""
    for name in CHAT_LISTS:
        entries = result.get(name)
        if entries is None:
            continue
        if not isinstance(entries, list):
            raise ZoomError("CP-ZOOM-043", f"answer {index}, {name} is a {type(entries).__name__}")
        if entries:
            return name, entries
        present = present or name
    return present, []


def _meeting_start(text: object, zone: ZoneInfo) -> datetime | None:
    """``Jul 3, 2023 09:00 AM``, local time."""
    if not isinstance(text, str):
        return None
    try:
        local = datetime.strptime(text.strip(), "%b %d, %Y %I:%M %p")
    except ValueError:
        return None
    moment = local.replace(tzinfo=zone).timestamp() if local.year > 2000 else 0.0
    return datetime.fromtimestamp(moment, UTC) if _PLAUSIBLE[0] <= moment <= _PLAUSIBLE[1] else None


def _duration(clips: Sequence[_Clip]) -> float | None:
    """From the start of the first clip to the end of the last; the longest clip where starts are not known."""
    known = [
        (clip.started_at, clip.duration_s)
        for clip in clips
        if clip.started_at is not None and clip.duration_s is not None
    ]
    if known:
        end = max(start + timedelta(seconds=length) for start, length in known)
        return (end - min(start for start, _ in known)).total_seconds()
    return max((clip.duration_s for clip in clips if clip.duration_s is not None), default=None)


# --- values ----------------------------------------------------------------------------------------------


def _number(value: object, largest: float) -> float | None:
    """A number that is not negative, written as such or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", value.strip()):
        return None
    if isinstance(value, int) and not 0 <= value <= largest:
        return None
    number = float(value)
    return number if 0 <= number <= largest else None


def _moment(value: object) -> datetime | None:
    """Epoch milliseconds as UTC; 0, and what is no date of our time, is not known."""
    number = _number(value, _PLAUSIBLE[1] * 1000)
    if number is None or number / 1000 < _PLAUSIBLE[0]:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)


def _offset(value: object) -> float | None:
    """Seconds of ``HH:MM:SS``."""
    match = _OFFSET.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match.group(2)) > 59 or int(match.group(3)) > 59:
        return None
    fraction = float(f"0.{match.group(4)}") if match.group(4) else 0.0
    return int(match.group(1)) * 3600 + int(match.group(2)) * 60 + int(match.group(3)) + fraction


def _clip_start(value: object) -> datetime | None:
    """``YYYYMMDD-HHMMSS`` in UTC."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{8}-[0-9]{6}", value.strip()):
        return None
    try:
        moment = datetime.strptime(value.strip(), "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if _PLAUSIBLE[0] <= moment.timestamp() <= _PLAUSIBLE[1] else None


def _emoji(key: str) -> str:
    """The emoji of a key, which may be base64 of its UTF-8."""
    if _BASE64.fullmatch(key):
        padded = key.rstrip("=") + "=" * (-len(key.rstrip("=")) % 4)
        try:
            decoded = base64.b64decode(padded, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return nfc(key)
        if is_emoji(decoded):
            return nfc(decoded)
    return nfc(key)


# --- entries ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Problem:
    reason: str
    detail: str


@dataclass(frozen=True)
class _Entry:
    """The fields of a message or comment that are needed, checked."""

    source_id: str | None
    sender: str
    text: str
    sent_at: datetime
    offset_s: float | None
    edited: bool
    deleted: bool


class _Reader:
    """Reads clips one after another into the conversation; knows what it has seen."""

    def __init__(self, parsed: ParsedPlayInfo) -> None:
        self._parsed = parsed
        self._messages: dict[str, ChatMessage] = {}
        self._reactions: dict[tuple[str, str], ChatReaction] = {}
        self._ordinals: Counter[tuple[str, ...]] = Counter()

    def read(self, clip: _Clip) -> None:
        """All entries of a clip."""
        # Among the entries of one clip equal ones are different messages; equal ones of two clips are copies.
        self._ordinals = Counter()
        for index, entry in enumerate(clip.entries):
            where = f"answer {clip.index}, {clip.chat_list}[{index}]"
            position = self._next()
            message = self._message(entry, clip, position, where, parent=None)
            if isinstance(entry, dict):
                self._comments(entry, clip, message, where)
                self._emojis(entry, message, where)

    def _comments(self, entry: dict[str, Any], clip: _Clip, parent: ChatMessage | None, where: str) -> None:
        comments = entry.get("comments")
        if comments is not None and not isinstance(comments, list):
            self._quarantine(self._next(), "malformed_comments", f"{where}.comments", comments)
            return
        comments = comments or []
        promised = _number(entry.get("commentTotal"), _LONGEST_COUNT) or 0
        self._parsed.missing_comments += max(0, int(promised) - len(comments))
        for index, comment in enumerate(comments):
            at = f"{where}.comments[{index}]"
            position = self._next()
            reply = self._message(comment, clip, position, at, parent=parent, kind="reply")
            if isinstance(comment, dict):
                self._emojis(comment, reply, at)

    def _message(
        self,
        raw: object,
        clip: _Clip,
        position: int,
        where: str,
        *,
        parent: ChatMessage | None,
        kind: str = "message",
    ) -> ChatMessage | None:
        entry = _read_entry(raw, clip, parent)
        if isinstance(entry, _Problem):
            self._quarantine(position, entry.reason, f"{where}: {entry.detail}", raw)
            return None
        message_id = entry.source_id or self._made_id(entry, kind, parent)
        known = self._messages.get(message_id)
        if known is not None:
            self._parsed.duplicates += 1
            known.edited = known.edited or entry.edited
            known.removed = known.removed or entry.deleted
            return known
        number = _SENDER_NUMBER.match(entry.source_id or "")
        message = ChatMessage(
            message_id=message_id,
            position=position,
            author_name=entry.sender,
            sent_at=entry.sent_at,
            text=entry.text,
            author_ref=number.group(1) if number else None,
            offset_s=entry.offset_s,
            kind=kind,
            parent_id=None if parent is None else parent.message_id,
            edited=entry.edited,
            removed=entry.deleted,
        )
        self._messages[message_id] = message
        self._parsed.messages.append(message)
        return message

    def _made_id(self, entry: _Entry, kind: str, parent: ChatMessage | None) -> str:
        above = parent.message_id if parent is not None else ""
        key = (kind, above, entry.sent_at.isoformat(), entry.sender, entry.text)
        ordinal = self._ordinals[key]
        self._ordinals[key] += 1
        return digest(self._parsed.conversation_id, *key, ordinal)

    def _emojis(self, entry: dict[str, Any], message: ChatMessage | None, where: str) -> None:
        emojis = entry.get("chatEmojiDetailMap")
        if emojis is None:
            return
        if not isinstance(emojis, dict):
            self._quarantine(self._next(), "malformed_reactions", f"{where}.chatEmojiDetailMap", emojis)
            return
        for key, value in emojis.items():
            self._reaction(_emoji(key), value, message, where)

    def _reaction(self, emoji: str, value: object, message: ChatMessage | None, where: str) -> None:
        position = self._next()
        if message is None:
            self._quarantine(position, "reaction_target_not_found", where, emoji)
            return
        count = _number(value.get("count") if isinstance(value, dict) else value, _LONGEST_COUNT)
        if not count or count != int(count) or not emoji.strip():
            self._quarantine(position, "malformed_reaction", where, {emoji: value})
            return
        known = self._reactions.get((message.message_id, fold_emoji(emoji)))
        if known is not None:
            self._parsed.duplicates += 1
            known.count = max(known.count, int(count))
            return
        reaction = ChatReaction(message.message_id, position, emoji, count=int(count))
        self._reactions[(message.message_id, fold_emoji(emoji))] = reaction
        self._parsed.reactions.append(reaction)

    def _next(self) -> int:
        """Count one more record; its position."""
        self._parsed.records += 1
        return self._parsed.records - 1

    def _quarantine(self, position: int, reason: str, detail: str, raw: object) -> None:
        self._parsed.quarantined.append(QuarantinedRecord(position, reason, detail, _shown(raw)))


def _shown(value: object) -> str:
    """Start of a value as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = type(value).__name__
    return nfc(text[: 2 * EXCERPT_LENGTH])[:EXCERPT_LENGTH]


def _read_entry(raw: object, clip: _Clip, parent: ChatMessage | None) -> _Entry | _Problem:
    if not isinstance(raw, dict):
        return _Problem("malformed_entry", f"a {type(raw).__name__} instead of an object")
    sender = next((raw[name] for name in _NAME_FIELDS if raw.get(name) is not None), None)
    text = raw.get("content")
    if not isinstance(sender, str) or not sender.strip():
        return _Problem("malformed_entry", "no sender name")
    if text is not None and not isinstance(text, str):
        return _Problem("malformed_entry", f"content is a {type(text).__name__}")
    if not text or not text.strip():
        return _Problem("empty_body", "no content")
    source_id = raw.get("id")
    if source_id is not None and not isinstance(source_id, str):
        return _Problem("malformed_entry", f"id is a {type(source_id).__name__}")
    when = _when(raw, clip)
    if when is None:
        return _Problem("no_time", f"time {_shown(raw.get('time'))[:40]}")
    sent_at, offset = when
    if offset is None and parent is not None and parent.offset_s is not None:
        # A reply has no offset of its own; it follows its parent on the same clock.
        offset = parent.offset_s + (sent_at - parent.sent_at).total_seconds()
    if offset is None and clip.started_at is not None:
        offset = (sent_at - clip.started_at).total_seconds()
    return _Entry(
        nfc(source_id) if source_id and source_id.strip() else None,
        nfc(sender.strip()),
        nfc(text),
        sent_at,
        offset if offset is not None and offset >= 0 else None,
        raw.get("edited") is True,
        raw.get("deleted") is True,
    )


def _when(raw: dict[str, Any], clip: _Clip) -> tuple[datetime, float | None] | None:
    """Time in UTC and seconds from the clip's start, as far as the entry itself says them."""
    offset = _offset(raw.get("timeFromMeetingStart"))
    moment = _moment(raw.get("time"))
    if moment is not None:
        return moment, offset
    start = _clip_start(raw.get("recordingClipTimeStr")) or clip.started_at
    if offset is None:
        # Answers before 2023 hold the offset where the time stands now, and often no start at all.
        offset = _offset(raw.get("time"))
        start = start or clip.assumed_start
    if offset is None or start is None:
        return None
    return start + timedelta(seconds=offset), offset


# --- pages before 2021 -----------------------------------------------------------------------------------

_PUSH = re.compile(r"window\.__data__\.chatList\.push\(\s*\{")
_FIELD = re.compile(
    r"""\s*+,?\s*+(?:"(?P<dq>[A-Za-z_]\w{0,40})"|'(?P<sq>[A-Za-z_]\w{0,40})'|(?P<bare>[A-Za-z_]\w{0,40}))\s*+:\s*+"""
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*+)"|'(?P<single>(?:[^'\\]|\\.)*+)'|(?P<other>[\w.+-]{1,40}))""",
    re.DOTALL,
)
_OBJECT_END = re.compile(r"\s*+,?\s*+\}\s*+\)")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\x00", "\n": ""}


def _pushed(page: str) -> Iterator[object]:
    """Entries of ``window.__data__.chatList.push({username: "…", time: "00:01:02", content: "…"})``.

    What cannot be read comes as its text, which is then quarantined as malformed.
    """
    for push in _PUSH.finditer(page):
        fields: dict[str, str] = {}
        at = push.end()
        while (found := _FIELD.match(page, at)) is not None:
            name = found["dq"] or found["sq"] or found["bare"]
            quoted = found["double"] if found["double"] is not None else found["single"]
            fields[name] = found["other"] if quoted is None else _unescaped(quoted)
            at = found.end()
        whole = _OBJECT_END.match(page, at) is not None
        yield fields if whole else page[push.start() : push.start() + 2 * EXCERPT_LENGTH]


def _unescaped(text: str) -> str:
    r"""Text of a JavaScript string; ``\ud83d\udc4d`` is one character."""

    def replace(match: re.Match[str]) -> str:
        digits = match.group(1) or match.group(2)
        if digits:
            return chr(int(digits, 16))
        return _SIMPLE_ESCAPES.get(match.group(3), match.group(3))

    return _ESCAPE.sub(replace, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

"""The chat of a lecture: a page of threads, what was searched, one message in its place.

What belongs here: reading ``core.messages`` and ``core.reactions`` of one lecture. What does not: metrics of a
lecture (``lecture_facts``), pages. Direct and removed messages are in no answer, nor is anything that hangs on them
but public replies, which then stand alone.

A thread is a message and all that hangs on it; pages are cut between threads, by their position in the chat. Names
are as shown at the source: who was in the room saw them.

Every query says between which moments the lecture's messages lie: DuckDB then skips the rest of the table
(``int_chat_spans``); by the conversation alone it would read the column of all messages ever.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from chat_platform.web.chat_text import Piece, pieces
from chat_platform.web.moments import microseconds, moment
from chat_platform.web.published import PinnedReader

THREADS = 60
"""Threads on a page."""
REPLIES = 200
"""Replies of a thread that are shown."""
FOUND = 100
"""Messages that a search shows."""
BEFORE = 15
"""Threads shown before the one that is linked to."""

_SEPARATOR = "\x1f"


class Bone(NamedTuple):
    """Of a message what a chat is cut by.

    Attributes:
        parent_id: message that it hangs on, which need not be there.
        position: in the chat.
        second: of the recording.
    """

    message_id: str
    parent_id: str | None
    position: int
    second: float


_POSITION = attrgetter("position")

# Moments are read as numbers (``moments``). Where a source gives no second of the recording, it is counted from the
# beginning of the lecture. Rows are put in order in Python: DuckDB takes half as long to sort a few as to find them.
# What a chat is cut by, without what was said: of thousands of messages a page shows dozens.
_BONES = """
    select
        message_id, parent_id, position,
        coalesce(offset_s, (epoch_us(sent_at) - $zero_us) / 1e6) as offset_s
    from core.messages
    where conversation_id = $lecture and sent_at between $first and $last
        and visibility = 'everyone' and not removed
"""
_WHOLE = """
    select
        message_id, kind, epoch_us(sent_at) as sent_us, author_name, text, edited,
        coalesce(offset_s, (epoch_us(sent_at) - $zero_us) / 1e6) as offset_s
    from core.messages
    where conversation_id = $lecture and sent_at between $first and $last
        and position between $from and $to and list_contains(string_split($ids, chr(31)), message_id)
"""
_SEARCH = """
    with public as materialized (
        select
            message_id, kind, position, epoch_us(sent_at) as sent_us, author_name, text, edited,
            coalesce(offset_s, (epoch_us(sent_at) - $zero_us) / 1e6) as offset_s
        from core.messages
        where conversation_id = $lecture and sent_at between $first and $last
            and visibility = 'everyone' and not removed
    )
    select *, count(*) over () as total from public
    where contains(lower(text), lower($text)) or (
        contains(lower(author_name), lower($text))
        and not list_contains(string_split($nameless, chr(31)), message_id)
    )
    order by position limit $limit
"""
_SOME = """
    select message_id, author_name, coalesce(offset_s, (epoch_us(sent_at) - $zero_us) / 1e6) as offset_s
    from core.messages
    where conversation_id = $lecture and sent_at between $first and $last
        and visibility = 'everyone' and not removed
        and list_contains(string_split($ids, chr(31)), message_id)
"""
# By the rows among which the reactions of the lecture lie: nothing else lets DuckDB skip the others. To add up
# the few that are shown takes DuckDB longer than to hand over all of a lecture.
_REACTIONS = """
    select message_id, emoji, "count" as number
    from core.reactions
    where rowid between $first_row and $last_row and not removed
"""
_REACTION_ROWS = """
    select conversation_id, min(rowid) as first_row, max(rowid) as last_row
    from core.reactions group by conversation_id
"""


@dataclass(frozen=True)
class Message:
    """A message as it is shown.

    Attributes:
        name: as shown at the source; ``None`` where the author of a question hides.
        replies_left_out: replies of the thread beyond those shown.
    """

    message_id: str
    name: str | None
    sent_at: datetime
    offset_s: float | None
    pieces: list[Piece]
    edited: bool
    is_reply: bool
    reactions: list[tuple[str, int]]
    replies: list[Message] = field(default_factory=list)
    replies_left_out: int = 0


@dataclass(frozen=True)
class ChatPage:
    """Some threads of a chat.

    Attributes:
        first: position of the first thread in the chat, from 1; 0 where there is none.
        threads: in all.
        previous: ``after`` of the page before; ``None`` on the first.
        next: ``after`` of the page after; ``None`` on the last.
        missing: a message was linked to that is not shown.
    """

    messages: list[Message]
    first: int = 0
    last: int = 0
    threads: int = 0
    previous: int | None = None
    next: int | None = None
    missing: bool = False


@dataclass(frozen=True)
class Found:
    """What a search found: the first messages, and how many there are in all."""

    messages: list[Message]
    total: int


class Chat:
    """The public chat of a lecture.

    Args:
        published: version that is read.
        lecture: row of marts.lectures.
        nameless: ids of messages whose author is not shown.
    """

    def __init__(
        self, published: PinnedReader, lecture: Mapping[str, Any], nameless: frozenset[str] = frozenset()
    ) -> None:
        self._published = published
        self._lecture = lecture
        self._nameless = nameless
        zero = lecture["started_at"] or lecture["first_at"]
        self._span = {
            "lecture": lecture["conversation_id"],
            "first": lecture["first_at"],
            "last": lecture["last_at"],
            "zero_us": microseconds(zero) if zero else 0,
        }

    def page(self, *, after: int = -1, around: str | None = None, at: float | None = None) -> ChatPage:
        """A page of threads.

        Args:
            after: position in the chat after which the page begins.
            around: message that the page shows, with threads before it.
            at: second of the recording from which the page shows threads.
        """
        if self._lecture["first_at"] is None:
            return ChatPage([], missing=around is not None)
        bones = map(Bone._make, self._published.tuples(_BONES, self._span))
        threads = _threads(sorted(bones, key=_POSITION))
        roots = [thread[0] for thread in threads]
        positions = [bone.position for bone in roots]
        begin, missing = bisect_left(positions, after + 1), False
        if around is not None:
            found = next(
                (i for i, thread in enumerate(threads) if any(bone.message_id == around for bone in thread)),
                None,
            )
            missing = found is None
            begin = max(0, found - BEFORE) if found is not None else 0
        elif at is not None:
            begin = next((i for i, bone in enumerate(roots) if bone.second >= at), max(0, len(roots) - 1))
        shown = positions[begin : begin + THREADS]
        if not shown:
            return ChatPage([], threads=len(positions), missing=missing)
        end = begin + len(shown)
        before = max(0, begin - THREADS)
        return ChatPage(
            self._messages(threads[begin:end]),
            first=begin + 1,
            last=end,
            threads=len(positions),
            previous=(positions[before] - 1) if begin else None,
            next=shown[-1] if end < len(positions) else None,
            missing=missing,
        )

    def search(self, text: str) -> Found:
        """Messages that hold a text, or whose author's name does, in their order."""
        if self._lecture["first_at"] is None:
            return Found([], 0)
        asked = {
            **self._span,
            "text": text,
            "limit": FOUND,
            "nameless": _SEPARATOR.join(sorted(self._nameless)),
        }
        rows = self._published.query(_SEARCH, asked)
        reactions = self._reactions([row["message_id"] for row in rows])
        messages = [self._message(row, reactions) for row in rows]
        return Found(messages, rows[0]["total"] if rows else 0)

    def some(self, message_ids: list[str]) -> list[dict[str, Any]]:
        """message_id, author_name of public messages of the lecture."""
        if self._lecture["first_at"] is None or not message_ids:
            return []
        asked = {**self._span, "ids": _SEPARATOR.join(message_ids)}
        return self._published.query(_SOME, asked)

    def _messages(self, threads: list[list[Bone]]) -> list[Message]:
        """Threads with what was said in them, each cut after its first replies."""
        bones = [bone for thread in threads for bone in thread[: REPLIES + 1]]
        ids = [bone.message_id for bone in bones]
        positions = [bone.position for bone in bones]
        asked = {
            **self._span,
            "from": min(positions),
            "to": max(positions),
            "ids": _SEPARATOR.join(ids),
        }
        rows = {row["message_id"]: row for row in self._published.query(_WHOLE, asked)}
        reactions = self._reactions(ids)
        found = []
        for thread in threads:
            first, *replies = (rows[bone.message_id] for bone in thread[: REPLIES + 1])
            shown = [self._message(row, reactions) for row in replies]
            left_out = len(thread) - 1 - len(replies)
            found.append(replace(self._message(first, reactions), replies=shown, replies_left_out=left_out))
        return found

    def _message(self, row: Mapping[str, Any], reactions: Mapping[str, list[tuple[str, int]]]) -> Message:
        return Message(
            row["message_id"],
            None if row["message_id"] in self._nameless else row["author_name"] or "",
            moment(row["sent_us"]),
            row["offset_s"],
            pieces(row["text"]),
            row["edited"],
            row["kind"] == "reply",
            reactions.get(row["message_id"], []),
        )

    def _reactions(self, message_ids: list[str]) -> dict[str, list[tuple[str, int]]]:
        """Message id → emoji and how many, the most frequent first; messages without any are left out."""
        lies = reaction_rows(self._published).get(self._span["lecture"])
        if not message_ids or lies is None:
            return {}
        wanted = frozenset(message_ids)
        found: dict[str, Counter[str]] = {}
        for row in self._published.query(_REACTIONS, {"first_row": lies[0], "last_row": lies[1]}):
            if row["message_id"] in wanted:
                found.setdefault(row["message_id"], Counter())[row["emoji"]] += row["number"]
        return {
            message_id: sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            for message_id, counts in found.items()
        }


def reaction_rows(published: PinnedReader) -> dict[str, tuple[int, int]]:
    """Conversation id → first and last row of ``core.reactions`` among which its reactions lie."""

    def read() -> dict[str, tuple[int, int]]:
        rows = published.query(_REACTION_ROWS)
        return {row["conversation_id"]: (row["first_row"], row["last_row"]) for row in rows}

    return published.kept(("reaction rows",), read, lasting=True)


def _threads(bones: list[Bone]) -> list[list[Bone]]:
    """Threads in the order of their first messages, each with all that hangs on it in its order.

    A message whose parent is not there begins a thread; messages that hang on each other in a ring are in none.
    """
    known = {bone.message_id for bone in bones}
    hanging: dict[str, list[Bone]] = {}
    roots = []
    for bone in bones:
        if bone.parent_id in known:
            hanging.setdefault(bone.parent_id, []).append(bone)
        else:
            roots.append(bone)
    return [[root, *sorted(_below(root, hanging), key=_POSITION)] for root in roots]


def _below(root: Bone, hanging: Mapping[str, list[Bone]]) -> list[Bone]:
    found: list[Bone] = []
    left = [root]
    while left:
        replies = hanging.get(left.pop().message_id, [])
        found += replies
        left += replies
    return found

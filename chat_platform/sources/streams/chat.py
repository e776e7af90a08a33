"""Comments of a stream as records.

What belongs here: how what any format says of a comment becomes a message, a native emote or a quarantined record.
What does not: any one format.

A comment counts before it is looked at; then it is a message, a duplicate (its id came before) or quarantined with
the reason ``comment_malformed``, ``comment_without_time``, ``page_malformed`` or ``line_malformed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chat_platform.sources.records import EXCERPT_LENGTH, ChatMessage, ParsedConversation, QuarantinedRecord
from chat_platform.sources.streams.fields import shifted
from chat_platform.sources.streams.port import (
    DELETED_AUTHOR,
    NativeEmoteUse,
    StreamChat,
    Video,
    message_id,
)
from chat_platform.tables.ids import digest

EmoteHit = tuple[str | None, str]
"""Id and code of one emote at one place of a message."""


@dataclass(frozen=True)
class Comment:
    """What a format says of one comment.

    Attributes:
        comment_id: its own id; ``None`` where the format has none: then it gets one from what it says.
        sent_at: when; ``None``: from ``offset_s`` and the start of the video.
        author_ref: id of the account; ``None``: not said, or the account is gone.
        author_name: name as shown; ``DELETED_AUTHOR`` when the account is gone.
        emotes: the platform's emotes, one entry for each place.
    """

    comment_id: str | None
    text: str
    sent_at: datetime | None = None
    offset_s: float | None = None
    author_ref: str | None = None
    author_name: str = DELETED_AUTHOR
    emotes: tuple[EmoteHit, ...] = ()


class ChatBuilder:
    """Collects the comments of one conversation, in the order in which they came.

    Args:
        platform: where accounts and ids live.
        source: way in: the platform's name, or that with ``_file`` or ``_live``.
        started_at: start of the video, from which offsets count.
        duration_s: length of the video, seconds.
    """

    def __init__(
        self,
        platform: str,
        conversation_id: str,
        *,
        source: str,
        title: str | None = None,
        started_at: datetime | None = None,
        duration_s: float | None = None,
    ) -> None:
        self._platform = platform
        self._chat = StreamChat(
            ParsedConversation(
                conversation_id,
                source=source,
                system=platform,
                title=title,
                started_at=started_at,
                duration_s=duration_s,
            )
        )
        self._by_id: dict[str, ChatMessage] = {}
        self._by_author: dict[str, list[ChatMessage]] = {}

    @classmethod
    def of_video(cls, platform: str, video: Video) -> ChatBuilder:
        """For a chat as the platform itself gives it."""
        return cls(
            platform,
            video.conversation_id,
            source=platform,
            title=video.title or None,
            started_at=video.started_at,
            duration_s=video.duration_s,
        )

    def add(self, comment: Comment) -> None:
        """Take a comment in."""
        conversation = self._chat.conversation
        sent_at = comment.sent_at or self._moment(comment.offset_s)
        if sent_at is None:
            self.quarantine("comment_without_time", excerpt=comment.text)
            return
        position = conversation.records
        conversation.records += 1
        identity = message_id(self._platform, comment.comment_id or self._derived(comment, position))
        if identity in self._by_id:
            conversation.duplicates += 1
            return
        message = ChatMessage(
            message_id=identity,
            position=position,
            author_name=comment.author_name,
            author_ref=comment.author_ref,
            sent_at=sent_at,
            text=comment.text,
            offset_s=comment.offset_s,
        )
        self._by_id[identity] = message
        if comment.author_ref:
            self._by_author.setdefault(comment.author_ref, []).append(message)
        conversation.messages.append(message)
        self._chat.native_emotes += _uses(identity, comment.emotes)

    def quarantine(self, reason: str, detail: str = "", excerpt: str = "") -> None:
        """Count a record that cannot be used, and say why."""
        conversation = self._chat.conversation
        conversation.quarantined.append(
            QuarantinedRecord(conversation.records, reason, detail, excerpt[:EXCERPT_LENGTH])
        )
        conversation.records += 1

    def remove(self, *, comment_id: str | None = None, author_ref: str | None = None) -> None:
        """Count a record by which the platform took back a message, or everything of an account."""
        conversation = self._chat.conversation
        conversation.records += 1
        conversation.removals += 1
        found = self._by_id.get(message_id(self._platform, comment_id or ""))
        for message in ([found] if found else []) + self._by_author.get(author_ref or "", []):
            message.removed = True

    def build(self) -> StreamChat:
        """Everything so far."""
        conversation = self._chat.conversation
        if conversation.started_at is None:
            conversation.started_at = min((m.sent_at for m in conversation.messages), default=None)
        return self._chat

    def _moment(self, offset_s: float | None) -> datetime | None:
        started_at = self._chat.conversation.started_at
        return None if started_at is None or offset_s is None else shifted(started_at, offset_s)

    def _derived(self, comment: Comment, position: int) -> str:
        return digest(
            self._chat.conversation.conversation_id,
            position,
            comment.author_name,
            comment.sent_at or comment.offset_s,
            comment.text,
        )


def _uses(identity: str, hits: Iterable[EmoteHit]) -> list[NativeEmoteUse]:
    counts: dict[EmoteHit, int] = {}
    for hit in hits:
        counts[hit] = counts.get(hit, 0) + 1
    return [NativeEmoteUse(identity, emote_id, code, times) for (emote_id, code), times in counts.items()]

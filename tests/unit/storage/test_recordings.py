"""A meeting that is shared twice gives two recordings whose messages have keys of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from chat_platform.ingestion.recordings import with_own_ids
from chat_platform.sources.records import ChatMessage, ChatReaction, ParsedConversation


def parsed(conversation_id: str) -> ParsedConversation:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    messages = [
        ChatMessage("47-AB", 0, "김가나", at, "안녕하세요"),
        ChatMessage("52-CD", 1, "이나다", at, "네", kind="reply", parent_id="47-AB"),
    ]
    return ParsedConversation(
        conversation_id, "zoom", "zoom", 3, messages, [ChatReaction("52-CD", 0, "👍", count=2)]
    )


def test_keys_differ_between_recordings_and_still_belong_together() -> None:
    first, second = (with_own_ids(parsed(f"zoom-20260302-{key}")) for key in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"))
    assert {m.message_id for m in first.messages} & {m.message_id for m in second.messages} == set()
    for conversation in (first, second):
        message, reply = conversation.messages
        assert reply.parent_id == message.message_id
        assert conversation.reactions[0].message_id == reply.message_id
        assert len(message.message_id) <= 50

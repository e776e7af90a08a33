"""Questions to a raw message, answered whatever the message holds.

What belongs here: reading single fields of messages that came from outside. What does not: what they add up to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TOMBSTONE = "tombstone"

# What people and apps post; every other subtype is Slack speaking.
WRITTEN_SUBTYPES = frozenset(
    {"", "bot_message", "me_message", "file_share", "thread_broadcast", "reply_broadcast"}
)


def subtype_of(message: Mapping[str, Any]) -> str:
    """``subtype``; empty for a plain message."""
    return str(message.get("subtype") or "")


def is_written(message: Mapping[str, Any]) -> bool:
    """Whether somebody (or an app) wrote this and it is still there."""
    return subtype_of(message) in WRITTEN_SUBTYPES and not message.get("_removed")


def writer_ids(message: Mapping[str, Any]) -> list[str]:
    """User id and bot id of who wrote it, as far as given, the user first."""
    ids = (message.get("user"), message.get("bot_id"))
    return [value for value in ids if isinstance(value, str) and value]


def messages_of(payload: Mapping[str, Any]) -> list[Any]:
    """Top-level messages of a payload, as they are."""
    return payload.get("messages") or []


def thread_of(payload: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Replies to a message; what is no message at all is left out."""
    replies = (payload.get("replies") or {}).get(str(message.get("ts"))) or []
    return (reply for reply in replies if isinstance(reply, Mapping))

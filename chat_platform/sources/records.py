"""What every chat source's parser returns, and how that becomes tables.

What belongs here: plain records that any chat source can fill, and the conversion to Arrow tables. What does
not: anything about one source's format, cleaning of text, identity resolution.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from chat_platform.errors import DataError
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE, REACTIONS
from chat_platform.tables.ids import digest, identity_id

EXCERPT_LENGTH = 120


@dataclass
class ChatMessage:
    """A message or, with ``kind="reply"``, a reply. Times are timezone-aware UTC."""

    message_id: str
    position: int
    author_name: str
    sent_at: datetime
    text: str
    author_ref: str | None = None
    offset_s: float | None = None
    kind: str = "message"
    parent_id: str | None = None
    visibility: str = "everyone"
    recipient_name: str | None = None
    edited: bool = False
    removed: bool = False
    ambiguous_parent: bool = False


@dataclass
class ChatReaction:
    """An emoji on a message. ``reactor_name`` is ``None`` where the source gives counts only."""

    message_id: str
    position: int
    emoji: str
    reactor_name: str | None = None
    reactor_ref: str | None = None
    count: int = 1
    reacted_at: datetime | None = None
    removed: bool = False
    ambiguous_target: bool = False


@dataclass
class QuarantinedRecord:
    """A record that could not be used. ``reason`` is a stable snake_case word."""

    position: int
    reason: str
    detail: str = ""
    excerpt: str = ""


@dataclass
class ParsedConversation:
    """Everything a parser found in one raw answer or file.

    Attributes:
        source: ``zoom``, ``zoom_file``, ``slack``, or a streaming platform, with ``_file`` or ``_live`` for those
            ways in.
        system: where names and ids live: ``zoom``, ``slack`` or the streaming platform.
        records: records in the payload, counted *before* they are classified.
        removals: records that took a reaction back (the reaction's row has ``removed=True``).
        duplicates: records that the source gave more than once.
    """

    conversation_id: str
    source: str
    system: str
    records: int = 0
    messages: list[ChatMessage] = field(default_factory=list)
    reactions: list[ChatReaction] = field(default_factory=list)
    quarantined: list[QuarantinedRecord] = field(default_factory=list)
    removals: int = 0
    duplicates: int = 0
    title: str | None = None
    started_at: datetime | None = None
    duration_s: float | None = None

    def counts(self) -> dict[str, int]:
        """Counts by kind; the conservation rule is over these."""
        replies = sum(message.kind == "reply" for message in self.messages)
        return {
            "records": self.records,
            "messages": len(self.messages) - replies,
            "replies": replies,
            "reactions": len(self.reactions),
            "removals": self.removals,
            "quarantined": len(self.quarantined),
            "duplicates": self.duplicates,
        }

    def check_conservation(self) -> None:
        """Nothing is dropped without a row that says why.

        Raises:
            DataError: CP-DATA-002 when the counts do not add up.
        """
        counts = self.counts()
        used = sum(number for name, number in counts.items() if name != "records")
        if used != counts["records"]:
            raise DataError("CP-DATA-002", f"{self.conversation_id}: {counts}")


def nfc(text: str) -> str:
    """Text in NFC and without lone surrogates and NULs, which neither Arrow nor DuckDB can hold."""
    if text.isascii() and "\x00" not in text:
        return text
    cleaned = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", cleaned)


def to_tables(parsed: ParsedConversation) -> dict[str, pa.Table]:
    """Arrow tables ``messages``, ``reactions``, ``participants`` and ``quarantine`` of a conversation.

    ``clean_text`` is the text itself and ``language`` is null: the text kernels fill them.

    Raises:
        DataError: CP-DATA-001 or CP-DATA-002 when a rule of the tables is broken.
    """
    parsed.check_conservation()
    common = {"source": parsed.source, "conversation_id": parsed.conversation_id}
    identities = _Identities(parsed.system)
    messages = [
        {
            **common,
            "message_id": m.message_id,
            "kind": m.kind,
            "position": m.position,
            "author_name": nfc(m.author_name),
            "author_ref": m.author_ref,
            "identity_id": identities[_identity_key(parsed.system, m.author_name, m.author_ref)],
            "sent_at": m.sent_at,
            "offset_s": m.offset_s,
            "text": (text := nfc(m.text)),
            "clean_text": text,
            "language": None,
            "parent_id": m.parent_id,
            "visibility": m.visibility,
            "recipient_name": None if m.recipient_name is None else nfc(m.recipient_name),
            "edited": m.edited,
            "removed": m.removed,
            "ambiguous_parent": m.ambiguous_parent,
        }
        for m in parsed.messages
    ]
    reactions = [
        {
            **common,
            "reaction_id": digest(r.message_id, r.emoji, r.reactor_name, r.reactor_ref, r.position),
            "message_id": r.message_id,
            "emoji": nfc(r.emoji),
            "reactor_name": None if r.reactor_name is None else nfc(r.reactor_name),
            "identity_id": None
            if r.reactor_name is None and r.reactor_ref is None
            else identities[_identity_key(parsed.system, r.reactor_name or "", r.reactor_ref)],
            "count": r.count,
            "reacted_at": r.reacted_at,
            "removed": r.removed,
            "ambiguous_target": r.ambiguous_target,
        }
        for r in parsed.reactions
    ]
    quarantine = [
        {
            **common,
            "quarantine_id": digest(parsed.conversation_id, q.position, q.reason, ordinal),
            "position": q.position,
            "reason": q.reason,
            "detail": nfc(q.detail),
            "excerpt": nfc(q.excerpt)[:EXCERPT_LENGTH],
        }
        for ordinal, q in enumerate(parsed.quarantined)
    ]
    return {
        "messages": MESSAGES.table(messages),
        "reactions": REACTIONS.table(reactions),
        "participants": PARTICIPANTS.table(_participants(parsed, identities)),
        "quarantine": QUARANTINE.table(quarantine),
    }


def _identity_key(system: str, name: str, ref: str | None) -> str:
    """The account's id; Zoom's chat shows a name only (its sender number changes with each meeting)."""
    return ref if system != "zoom" and ref else name


class _Identities(dict[str, str]):
    """Ids of names and accounts at a system; who writes often is hashed once."""

    def __init__(self, system: str) -> None:
        super().__init__()
        self._system = system

    def __missing__(self, key: str) -> str:
        self[key] = found = identity_id(self._system, key)
        return found


def _participants(parsed: ParsedConversation, identities: _Identities) -> list[dict[str, Any]]:
    people: dict[str, dict[str, Any]] = {}
    senders: dict[str, set[str]] = defaultdict(set)
    seen: list[tuple[str, str | None, datetime | None, int]] = [
        (m.author_name, m.author_ref, m.sent_at, 1) for m in parsed.messages
    ]
    seen += [
        (r.reactor_name or "", r.reactor_ref, r.reacted_at, 0)
        for r in parsed.reactions
        if r.reactor_name is not None or r.reactor_ref is not None
    ]
    for name, ref, at, written in seen:
        key = _identity_key(parsed.system, name, ref)
        who = identities[key]
        row = people.get(who)
        if row is None:
            row = people[who] = {
                "conversation_id": parsed.conversation_id,
                "identity_id": who,
                "system": parsed.system,
                "identity_key": nfc(key),
                "display_name": nfc(name),
                "messages": 0,
                "first_at": at,
                "last_at": at,
            }
        row["messages"] += written
        if ref:
            senders[who].add(ref)
        if at is not None:
            row["first_at"] = at if row["first_at"] is None else min(row["first_at"], at)
            row["last_at"] = at if row["last_at"] is None else max(row["last_at"], at)
    return [{**row, "senders": max(1, len(senders[who]))} for who, row in people.items()]

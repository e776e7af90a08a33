"""A channel-day as records.

What belongs here: raw messages and replies to ``ParsedConversation``. What does not: collecting them, cleaning
their text, or recognising announcements.

Records of a payload: one for each message and reply, and for each reaction entry one for every user in it and
one more when its ``count`` is larger than its list of users, which Slack cuts short. Passcodes are taken out of
every text: only the raw vault keeps them.

Reasons for quarantine: ``message_malformed``, ``system_message`` (joins, topics, …), ``message_without_author``,
``reaction_malformed``, ``reaction_on_unused_message``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chat_platform.settings import AnnouncementRules
from chat_platform.sources.records import (
    EXCERPT_LENGTH,
    ChatMessage,
    ChatReaction,
    ParsedConversation,
    QuarantinedRecord,
)
from chat_platform.sources.slack.announcements import announced_secrets
from chat_platform.sources.slack.body import Leaf, bodies, text_lines
from chat_platform.sources.slack.emoji_names import emoji_of, with_emoji
from chat_platform.sources.slack.raw import (
    TOMBSTONE,
    WRITTEN_SUBTYPES,
    messages_of,
    subtype_of,
    writer_ids,
)
from chat_platform.sources.slack.redaction import redact
from chat_platform.sources.slack.stamps import sent_at


def message_id(channel_id: str, ts: str) -> str:
    """``slack-<channel>-<ts>``: bots and joins have no ``client_msg_id``, and edits keep ``ts``."""
    return f"slack-{channel_id}-{ts}"


def parse_channel_day(
    payload: Mapping[str, Any],
    *,
    conversation_id: str,
    channel_id: str,
    rules: AnnouncementRules,
    users: Mapping[str, str],
    title: str | None = None,
    secrets: Iterable[str] = (),
) -> ParsedConversation:
    """Messages, replies and reactions of a channel-day; nothing is dropped without a row that says why.

    Args:
        payload: as ``collect`` makes it, perhaps with ``merge_deleted``.
        conversation_id: ``channel_day_id`` of the payload.
        channel_id: channel of the payload.
        rules: labels and pattern by which passcodes are found.
        users: user id → name to show (``user_names``).
        title: title of the conversation; usually the channel's name.
        secrets: passcodes of other days to take out of texts too.

    Returns:
        A conversation whose counts add up. Messages are in the order sent, replies among them, and
        ``position`` counts that order.
    """
    known = frozenset({*secrets, *announced_secrets(payload, rules)})
    parsed = ParsedConversation(conversation_id, source="slack", system="slack", title=title)
    posts = _posts(payload)
    reader = _Reader(
        parsed, channel_id, users, rules, known, {post.ts for post in posts if post.thread is None}
    )
    for position, post in enumerate(posts):
        reader.read(position, post)
    parsed.started_at = min((message.sent_at for message in parsed.messages), default=None)
    return parsed


@dataclass(frozen=True)
class _Post:
    """A raw message, or a raw reply with the ``ts`` of its thread; ``ts`` is empty when it is malformed."""

    raw: Mapping[str, Any]
    thread: str | None
    moment: datetime | None

    @property
    def ts(self) -> str:
        return str(self.raw["ts"]) if self.moment is not None else ""


def _posts(payload: Mapping[str, Any]) -> list[_Post]:
    posts = [_post(raw, None) for raw in messages_of(payload)]
    for thread, replies in (payload.get("replies") or {}).items():
        posts += [_post(raw, thread) for raw in replies]
    # What has no time stands last; the sort keeps the order of equals.
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(posts, key=lambda post: post.moment or last)


def _post(raw: object, thread: str | None) -> _Post:
    fields = raw if isinstance(raw, Mapping) else {}
    return _Post(fields, thread, sent_at(fields.get("ts")))


class _Reader:
    """Turns posts into records of one conversation."""

    def __init__(
        self,
        parsed: ParsedConversation,
        channel_id: str,
        users: Mapping[str, str],
        rules: AnnouncementRules,
        secrets: frozenset[str],
        parents: set[str],
    ) -> None:
        self._parsed = parsed
        self._channel = channel_id
        self._users = users
        self._labels = tuple(rules.passcode_labels)
        self._secrets = secrets
        self._parents = parents
        self._seen: set[str] = set()

    def read(self, position: int, post: _Post) -> None:
        """Add a post and its reactions to the conversation."""
        raw = post.raw
        self._parsed.records += 1 + sum(1 for _ in reaction_records(raw))
        if post.ts and post.ts in self._seen:
            self._parsed.duplicates += 1 + sum(1 for _ in reaction_records(raw))
            return
        self._seen.add(post.ts)
        problem = self._problem(post)
        if problem is not None:
            self._quarantine(position, problem, subtype_of(raw), raw)
            for _ in reaction_records(raw):
                self._quarantine(position, "reaction_on_unused_message")
            return
        self._message(position, post)
        self._reactions(position, post)

    def _problem(self, post: _Post) -> str | None:
        raw = post.raw
        if post.moment is None:
            return "message_malformed"
        if subtype_of(raw) not in (WRITTEN_SUBTYPES | {TOMBSTONE}):
            return "system_message"
        return None if author_of(raw, self._users)[1] else "message_without_author"

    def _message(self, position: int, post: _Post) -> None:
        raw = post.raw
        ref, name = author_of(raw, self._users)
        tombstone = subtype_of(raw) == TOMBSTONE
        parent = post.thread if post.thread in self._parents else None
        assert post.moment is not None  # noqa: S101 - _problem has seen to it
        self._parsed.messages.append(
            ChatMessage(
                message_id=message_id(self._channel, post.ts),
                position=position,
                author_name=name,
                author_ref=ref,
                sent_at=post.moment,
                text="" if tombstone else self._text(raw),
                kind="message" if post.thread is None else "reply",
                parent_id=None if parent is None else message_id(self._channel, parent),
                edited=bool(raw.get("edited")),
                removed=tombstone or bool(raw.get("_removed")),
            )
        )

    def _reactions(self, position: int, post: _Post) -> None:
        seen: set[tuple[str, str]] = set()
        for record in reaction_records(post.raw):
            if record.name is None or record.count < 1:
                self._quarantine(position, "reaction_malformed")
                continue
            emoji = emoji_of(record.name)
            if record.user is not None and (emoji, record.user) in seen:
                self._parsed.duplicates += 1
                continue
            seen.add((emoji, record.user or ""))
            self._parsed.reactions.append(
                ChatReaction(
                    message_id=message_id(self._channel, post.ts),
                    position=position,
                    emoji=emoji,
                    reactor_ref=record.user,
                    reactor_name=None if record.user is None else self._users.get(record.user, record.user),
                    count=record.count,
                    removed=bool(post.raw.get("_removed")),
                )
            )

    def _text(self, raw: Mapping[str, Any]) -> str:
        # Passcodes go first: an emoji name within one would hide a part of it.
        return with_emoji(redact(readable_text(raw, self._users), self._secrets, self._labels))

    def _quarantine(
        self, position: int, reason: str, detail: str = "", raw: Mapping[str, Any] | None = None
    ) -> None:
        excerpt = "" if raw is None else self._text(raw)[:EXCERPT_LENGTH]
        self._parsed.quarantined.append(QuarantinedRecord(position, reason, detail, excerpt))


@dataclass(frozen=True)
class ReactionRecord:
    """One user of a reaction entry, or the users that Slack did not list (``user`` is ``None``)."""

    name: str | None
    user: str | None
    count: int


def reaction_records(raw: Mapping[str, Any]) -> Iterator[ReactionRecord]:
    """The records of a message's reactions, as they count for conservation."""
    entries = raw.get("reactions")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            yield ReactionRecord(None, None, 0)
            continue
        listed = entry.get("users")
        users = [user for user in listed if isinstance(user, str)] if isinstance(listed, list) else []
        count = entry.get("count")
        unlisted = (count if isinstance(count, int) else len(users)) - len(users)
        for user in users:
            yield ReactionRecord(entry["name"], user, 1)
        if unlisted > 0 or not users:
            yield ReactionRecord(entry["name"], None, unlisted)


def author_of(raw: Mapping[str, Any], users: Mapping[str, str]) -> tuple[str | None, str]:
    """Id and name of who wrote a message; an app without a user is known by its bot id."""
    ref = next(iter(writer_ids(raw)), None)
    profile = raw.get("bot_profile")
    candidates = (
        users.get(ref) if ref else None,
        raw.get("username"),
        profile.get("name") if isinstance(profile, Mapping) else None,
        ref,
    )
    return ref, next((name for name in candidates if isinstance(name, str) and name), "")


def readable_text(raw: Mapping[str, Any], users: Mapping[str, str]) -> str:
    """A message's text as people read it: entities unescaped, mentions as ``@name``, links as addresses.

    ``text`` comes first, because it is what the writer typed; blocks and attachments serve where it is empty.
    """
    lines = text_lines(raw.get("text")) if raw.get("text") else next(iter(bodies(raw)), [])
    return "\n".join("".join(_readable(leaf, users) for leaf in line) for line in lines)


def _readable(leaf: Leaf, users: Mapping[str, str]) -> str:
    if leaf.kind == "user":
        return f"@{users.get(leaf.url or '', leaf.text)}"
    if leaf.kind == "broadcast":
        return f"@{leaf.text}"
    if leaf.kind == "channel":
        return f"#{leaf.text}"
    if leaf.kind == "link" and leaf.text != leaf.url:
        return f"{leaf.text} ({leaf.url})"
    return leaf.text

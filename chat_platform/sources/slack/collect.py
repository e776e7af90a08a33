"""Days of Slack channels, as they arrived.

What belongs here: which pages to ask for, and how messages and replies become channel-days with a revision.
What does not: HTTP (``client``), what messages mean (``messages``, ``announcements``), where payloads are kept.

A payload is ``{"channel": id, "day": "2026-03-02", "messages": […], "replies": {thread_ts: […]}}``: the raw
messages that were posted on that day of the class's time zone, oldest first, and the raw replies of their
threads whenever those were posted. Slack sends a reply that was also posted to the channel twice; it is kept
once, in its thread.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Any

from chat_platform.errors import SlackError
from chat_platform.sources.slack.client import SlackClient
from chat_platform.sources.slack.raw import TOMBSTONE, subtype_of
from chat_platform.sources.slack.stamps import day_of, sent_at, start_of
from chat_platform.tables.ids import digest

Message = dict[str, Any]
Payload = dict[str, Any]

# What a person can change. Everything else (unread marks, avatars, signed addresses of files) changes by itself.
_CONTENT = ("ts", "thread_ts", "subtype", "user", "bot_id", "username", "text")


@dataclass(frozen=True)
class ChannelDay:
    """What a channel holds of one day, replies included.

    Attributes:
        channel_id: Slack's id.
        channel_name: name without ``#``.
        day: day in the class's time zone.
        payload: raw messages and replies (see the module); JSON-serialisable. Not in the ``repr``: it may
            hold passcodes.
        revision: hash of what was written; the same whatever the order it arrived in.
    """

    channel_id: str
    channel_name: str
    day: date
    payload: Payload = field(repr=False)
    revision: str

    @property
    def conversation_id(self) -> str:
        """Conversation id and lake partition."""
        return channel_day_id(self.channel_id, self.day)

    @property
    def is_empty(self) -> bool:
        """Nothing is there (any more)."""
        return not self.payload["messages"] and not self.payload["replies"]


def channel_day_id(channel_id: str, day: date) -> str:
    """``slack-C0AAAAAAA-20260302``."""
    return f"slack-{channel_id}-{day:%Y%m%d}"


def collect_days(
    client: SlackClient,
    channels: Mapping[str, str],
    *,
    since: date | None,
    until: date | None,
    zone: tzinfo,
    previous: Mapping[str, Payload] | None = None,
    recheck: Callable[[str], bool] | None = None,
) -> list[ChannelDay]:
    """Every channel's days from ``since`` to ``until``, both included.

    The history of a channel is read once for the whole window; replies are asked for where there are some.

    Args:
        client: the workspace.
        channels: channel id → name.
        since: first day; ``None``: all history.
        until: last day; ``None``: up to now.
        zone: the class's time zone.
        previous: payloads that we hold, by conversation id. A held day of which nothing is left comes back
            empty instead of not at all, and threads that look unchanged need not be asked for again.
        recheck: thread ts → whether to ask for an unchanged-looking thread all the same. Edits of replies and
            reactions to them do not show on the parent, so every thread must have its turn
            (``rotating_recheck``). ``None``: ask for all.

    Returns:
        Days with something in them, and held days that are empty now. A day before ``since`` can be among them:
        a reply to it was posted to the channel within the window, so all of it was read again.

    Raises:
        SlackError: any of CP-SLACK-002 to 011.
    """
    reader = _Reader(client, zone, previous or {}, recheck)
    return [
        channel_day
        for channel_id, name in channels.items()
        for channel_day in reader.days(channel_id, name, since, until)
    ]


def rotating_recheck(turn: int, of: int) -> Callable[[str], bool]:
    """Let one thread in ``of`` be asked for at each turn, each thread once in ``of`` turns."""
    return lambda ts: int(digest(ts), 16) % of == turn % of


def revision_of(payload: Mapping[str, Any]) -> str:
    """Hash of what people wrote in a payload: the same for any order and for what changes by itself.

    Neither what ``merge_deleted`` keeps nor tombstones count, so that a merged payload has the revision of
    the answer it was made from.
    """
    messages = [*payload["messages"], *(r for replies in payload["replies"].values() for r in replies)]
    return digest(*sorted(_content(message) for message in messages if not _is_gone(message)))


def merge_deleted(previous: Mapping[str, Any], payload: Mapping[str, Any]) -> Payload:
    """``payload``, and what ``previous`` had and is gone now, marked ``"_removed": true``.

    A tombstone that stands for a message we have seen is replaced by that message, marked as removed.
    """
    held_replies = previous["replies"]
    threads = {**dict.fromkeys(held_replies), **dict.fromkeys(payload["replies"])}
    return {
        **payload,
        "messages": _with_removed(previous["messages"], payload["messages"]),
        "replies": {
            ts: _with_removed(held_replies.get(ts, []), payload["replies"].get(ts, [])) for ts in threads
        },
    }


def find_channels(
    listed: Iterable[Mapping[str, Any]],
    *,
    ids: Iterable[str] = (),
    names: Iterable[str] = (),
    every: bool = False,
) -> dict[str, str]:
    """Channel id → name of the channels that settings ask for.

    Args:
        listed: channels as ``SlackClient.channels`` gives them.
        ids: channel ids.
        names: channel names, with or without ``#``.
        every: also every channel that the app is a member of.

    Raises:
        SlackError: CP-SLACK-004 when one that is asked for is not listed.
    """
    by_id = {str(channel["id"]): channel for channel in listed if channel.get("id")}
    by_name = {channel.get("name"): key for key, channel in by_id.items()}
    wanted = [*ids, *(by_name.get(name.removeprefix("#"), name) for name in names)]
    missing = [key for key in wanted if key not in by_id]
    if missing:
        raise SlackError("CP-SLACK-004", ", ".join(missing))
    if every:
        wanted += [key for key, channel in by_id.items() if channel.get("is_member")]
    return {key: str(by_id[key].get("name") or key) for key in wanted}


class _Reader:
    """Reads channels one after the other; keeps nothing between them."""

    def __init__(
        self,
        client: SlackClient,
        zone: tzinfo,
        previous: Mapping[str, Payload],
        recheck: Callable[[str], bool] | None,
    ) -> None:
        self._client = client
        self._zone = zone
        self._previous = previous
        self._recheck = recheck

    def days(self, channel: str, name: str, since: date | None, until: date | None) -> list[ChannelDay]:
        messages = self._history(channel, since, until)
        days: dict[date, dict[str, Message]] = defaultdict(dict)
        answers: dict[date, dict[str, dict[str, Message]]] = defaultdict(lambda: defaultdict(dict))
        for ts, message in messages.items():
            parent = _parent_ts(message)
            day = day_of(parent or ts, self._zone)
            if day is None:
                continue
            if parent is None:
                days[day][ts] = message
            else:
                answers[day][parent][ts] = message
        for day in sorted(set(answers) - set(days)):
            # Somebody answered an older message in the channel: read that day again, whole.
            if since is not None and day < since:
                days[day] = {
                    ts: message
                    for ts, message in self._history(channel, day, day).items()
                    if _parent_ts(message) is None
                }
        for day in self._held_days(channel, since, until):
            days.setdefault(day, {})
        return [
            self._channel_day(channel, name, day, days[day], answers[day])
            for day in sorted(set(days) | set(answers))
        ]

    def _history(self, channel: str, since: date | None, until: date | None) -> dict[str, Message]:
        """Messages by ``ts``; of one that came twice, the later copy, which is the fresher one."""
        oldest = None if since is None else start_of(since, self._zone)
        latest = None if until is None else start_of(until + timedelta(days=1), self._zone)
        found: dict[str, Message] = {}
        for page in self._client.history(channel, oldest, latest):
            for message in page["messages"]:
                day = day_of(message.get("ts"), self._zone) if isinstance(message, dict) else None
                if day is None:
                    raise SlackError("CP-SLACK-008", f"{channel}: a message without a time stamp")
                # Slack's bounds are moments, and the upper one is the next day's first.
                if (since is None or since <= day) and (until is None or day <= until):
                    found[message["ts"]] = message
        return found

    def _held_days(self, channel: str, since: date | None, until: date | None) -> list[date]:
        held = [
            date.fromisoformat(payload["day"])
            for payload in self._previous.values()
            if payload["channel"] == channel
        ]
        return [d for d in held if (since is None or since <= d) and (until is None or d <= until)]

    def _channel_day(
        self,
        channel: str,
        name: str,
        day: date,
        messages: Mapping[str, Message],
        answers: Mapping[str, Mapping[str, Message]],
    ) -> ChannelDay:
        held = self._previous.get(channel_day_id(channel, day))
        replies: dict[str, dict[str, Message]] = {ts: dict(found) for ts, found in answers.items()}
        for ts, message in messages.items():
            if _has_replies(message):
                replies.setdefault(ts, {}).update(self._replies(channel, message, held))
        payload: Payload = {
            "channel": channel,
            "day": day.isoformat(),
            "messages": _in_order(messages),
            "replies": {ts: _in_order(replies[ts]) for ts in sorted(replies) if replies[ts]},
        }
        return ChannelDay(channel, name, day, payload, revision_of(payload))

    def _replies(self, channel: str, parent: Message, held: Payload | None) -> dict[str, Message]:
        ts = parent["ts"]
        if held is not None and self._recheck is not None and not self._recheck(ts):
            before: Message = next((m for m in held["messages"] if m["ts"] == ts), {})
            if all(before.get(key) == parent.get(key) for key in ("reply_count", "latest_reply")):
                return {r["ts"]: r for r in held["replies"].get(ts, []) if not r.get("_removed")}
        try:
            pages = list(self._client.replies(channel, ts))
        except SlackError as error:
            # Deleted between the two calls.
            if error.code == "CP-SLACK-011" and "thread_not_found" in error.detail:
                return {}
            raise
        return {
            message["ts"]: message
            for page in pages
            for message in page["messages"]
            if isinstance(message, dict) and sent_at(message.get("ts")) and message["ts"] != ts
        }


def _parent_ts(message: Mapping[str, Any]) -> str | None:
    """The ``ts`` of the thread's parent when this is a reply; a parent names itself."""
    thread = message.get("thread_ts")
    return thread if thread != message.get("ts") and sent_at(thread) else None


def _has_replies(message: Mapping[str, Any]) -> bool:
    count = message.get("reply_count")
    return isinstance(count, int) and count > 0


def _in_order(messages: Mapping[str, Message]) -> list[Message]:
    return sorted(messages.values(), key=lambda message: (sent_at(message["ts"]), message["ts"]))


def _is_tombstone(message: Mapping[str, Any]) -> bool:
    return subtype_of(message) == TOMBSTONE


def _is_gone(message: Mapping[str, Any]) -> bool:
    return bool(message.get("_removed")) or _is_tombstone(message)


def _content(message: Mapping[str, Any]) -> str:
    """What people wrote and how others reacted, as text that compares equal when nothing of it changed."""
    edited = message.get("edited")
    content = {
        **{key: message.get(key) for key in _CONTENT},
        "edited": edited.get("ts") if isinstance(edited, dict) else None,
        "blocks": _without_block_ids(message.get("blocks")),
        "files": [_some(entry, "id", "name") for entry in _dicts(message.get("files"))],
        "attachments": [
            {
                **_some(entry, "pretext", "title", "text", "title_link", "fields"),
                "blocks": _without_block_ids(entry.get("blocks")),
            }
            for entry in _dicts(message.get("attachments"))
        ],
        "reactions": sorted(
            [str(entry.get("name")), str(entry.get("count")), *sorted(map(str, entry.get("users") or []))]
            for entry in _dicts(message.get("reactions"))
        ),
    }
    return json.dumps(content, sort_keys=True)


def _some(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: entry.get(key) for key in keys}


def _without_block_ids(value: object) -> object:
    if isinstance(value, list):
        return [_without_block_ids(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_block_ids(item) for key, item in value.items() if key != "block_id"}
    return value


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _with_removed(held: Iterable[Message], present: Iterable[Message]) -> list[Message]:
    merged = {message["ts"]: message for message in present}
    for message in held:
        now = merged.get(message["ts"])
        if now is None or (_is_gone(now) and not _is_tombstone(message)):
            merged[message["ts"]] = {**message, "_removed": True}
    return _in_order(merged)

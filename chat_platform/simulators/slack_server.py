"""Slack's Web API over a workspace that can be changed while it is being read.

What belongs here: the workspace's state and its mutators, and the methods ``auth.test``, ``conversations.list``,
``conversations.history``, ``conversations.replies``, ``users.list`` and ``chat.postMessage``. What does not: what
people post (``slack_generator``), transport faults (``server``).

Shapes follow Slack's documentation: errors come with HTTP 200 and ``ok: false``, history is newest first, cursors
are opaque, replies are not in history. Methods take GET with a query and POST with a form or JSON; the token
comes as ``Authorization: Bearer`` or as parameter ``token``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.rich_text import RichText
from chat_platform.simulators.server import SimulatorServer, parameters_of, rate_limited
from chat_platform.simulators.slack_generator import PRIVATE_CHANNEL, TEAM_ID, SlackMessage, SlackStory

DEFAULT_SCOPES = ("channels:history", "channels:read", "chat:write", "users:read", "users:read.email")
NEEDED_SCOPES = {
    "conversations.list": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "users.list": "users:read",
    "chat.postMessage": "chat:write",
}
LONGEST_TEXT, MOST_BLOCKS, LONGEST_SECTION, LONGEST_HEADING = 40_000, 50, 3_000, 150
"""Limits of a posted message, as Slack documents them."""
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)
DEFAULT_LIMIT, LARGEST_LIMIT = 100, 999
RATE_WINDOW_S = 60.0
REACTORS_SHOWN = 8
"""Slack counts every reactor of an emoji but does not name them all."""
Payload = dict[str, Any]
Stamp = tuple[int, int]
"""Seconds and microseconds of a ``ts``."""


class SlackApiError(Exception):
    """An answer ``{"ok": false, "error": …}``; never leaves the server."""

    def __init__(self, name: str, **extra: str) -> None:
        super().__init__(name)
        self.answer = {"ok": False, "error": name, **extra}


@dataclass
class _Channel:
    """Top-level messages by time stamp (and these in order), and replies by their parent's."""

    messages: dict[str, Payload] = field(default_factory=dict)
    order: list[Stamp] = field(default_factory=list)
    replies: dict[str, dict[str, Payload]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


class SlackWorkspace:
    """Everything a workspace holds, as the API shows it. Safe to change while it is being read.

    Messages later than ``now`` are not visible yet. Time stamps (``ts``) are texts, as in the API.

    Attributes:
        skew_s: seconds by which Slack's clock is off for messages posted through ``say`` and ``reply``.
    """

    def __init__(self, story: SlackStory) -> None:
        self.story = story
        self.skew_s = 0.0
        self._lock = threading.RLock()
        self._now: datetime | None = None
        self._latest = datetime.combine(story.generated.first_day, datetime.min.time(), UTC)
        self._channels = {name: _Channel() for name in story.channel_ids}
        self._names = {channel_id: name for name, channel_id in story.channel_ids.items()}

    @property
    def now(self) -> datetime:
        """Slack's clock: set by ``set_now``, else a second after the newest message posted."""
        return self._now or self._latest + timedelta(seconds=1)

    def set_now(self, moment: datetime | None) -> None:
        """Set Slack's clock; ``None`` lets it follow the messages again."""
        self._now = moment

    def channel_id(self, channel: str) -> str:
        """Id of a channel by name; ids are returned as they are."""
        return self.story.channel_ids.get(channel, channel)

    def post(self, message: SlackMessage) -> str:
        """Post a generated message with its replies; returns its ``ts``."""
        channel = self._channels[message.channel]
        with self._lock:
            ts = self._free_ts(channel, message.sent_at)
            channel.messages[ts] = _payload(message, ts)
            insort(channel.order, _key(ts))
            self._latest = max(self._latest, message.sent_at)
            for reply in message.replies:
                self._attach(channel, ts, reply)
        return ts

    def say(self, channel: str, user: str, text: str, *, at: datetime | None = None) -> str:
        """Post a plain message now (or at a moment); returns its ``ts``."""
        content = RichText().say(text)
        sent_at = (at or self.now) + timedelta(seconds=self.skew_s)
        return self.post(SlackMessage(self._name(channel), user, sent_at, content, "chatter"))

    def reply(self, channel: str, ts: str, user: str, text: str, *, at: datetime | None = None) -> str:
        """Add a (late) reply to a message; returns the reply's ``ts``."""
        content = RichText().say(text)
        sent_at = (at or self.now) + timedelta(seconds=self.skew_s)
        name = self._name(channel)
        with self._lock:
            self._existing(name, ts)
            return self._attach(
                self._channels[name], ts, SlackMessage(name, user, sent_at, content, "answer")
            )

    def say_as_app(self, channel: str, text: str, **parts: Any) -> Payload:
        """Post a message of the app now, with ``blocks`` and ``metadata`` where given; returns it as it is kept."""
        with self._lock:
            held = self._channels[self._name(channel)]
            moment = self.now + timedelta(seconds=self.skew_s)
            ts = self._free_ts(held, moment)
            held.messages[ts] = {
                "type": "message",
                "ts": ts,
                "user": self.story.bot_user,
                "bot_id": self.story.bot_id,
                "bot_profile": {"id": self.story.bot_id, "name": "수업 알리미", "deleted": False},
                "team": TEAM_ID,
                "text": text,
                **{name: part for name, part in parts.items() if part},
            }
            insort(held.order, _key(ts))
            self._latest = max(self._latest, moment)
            return dict(held.messages[ts])

    def edit(self, channel: str, ts: str, text: str) -> None:
        """Change what a message or reply says; it keeps its ``ts`` and gains ``edited``."""
        with self._lock:
            message = self._existing(self._name(channel), ts)
            content = RichText()
            for line in text.split("\n"):
                content.say(line)
            message["text"] = content.mrkdwn()
            message["blocks"] = content.blocks(f"e{ts[-4:]}")
            message["edited"] = {"user": message.get("user"), "ts": _ts(self.now)}

    def delete(self, channel: str, ts: str, *, tombstone: bool = False) -> None:
        """Delete a message or reply: it vanishes, or leaves a tombstone (what Slack does when it has replies)."""
        with self._lock:
            held = self._channels[self._name(channel)]
            message = self._existing(self._name(channel), ts)
            if tombstone:
                kept = ("ts", "thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply")
                left = {key: message[key] for key in kept if key in message}
                message.clear()
                message |= {
                    "type": "message",
                    "subtype": "tombstone",
                    "hidden": True,
                    "user": "USLACKBOT",
                    "text": "This message was deleted.",
                    **left,
                }
                return
            if held.messages.pop(ts, None) is not None:
                held.order.remove(_key(ts))
                held.replies.pop(ts, None)
                return
            parent = message["thread_ts"]
            del held.replies[parent][ts]
            self._refresh_thread(held, parent)

    def react(self, channel: str, ts: str, user: str, name: str, *, remove: bool = False) -> None:
        """Add or take back one person's reaction."""
        with self._lock:
            message = self._existing(self._name(channel), ts)
            reactions = message.setdefault("reactions", [])
            entry = next((reaction for reaction in reactions if reaction["name"] == name), None)
            if entry is None:
                entry = {"name": name, "users": [], "count": 0}
                reactions.append(entry)
            if remove == (user in entry["users"]):
                entry["users"].remove(user) if remove else entry["users"].append(user)
                entry["count"] += -1 if remove else 1
            message["reactions"] = [reaction for reaction in reactions if reaction["count"]]
            if not message["reactions"]:
                del message["reactions"]

    def messages(self, channel: str) -> list[Payload]:
        """Visible top-level messages of a channel, oldest first."""
        newest_first, _ = self.page(channel, limit=None)
        return newest_first[::-1]

    def page(
        self,
        channel: str,
        *,
        oldest: Stamp | None = None,
        latest: Stamp | None = None,
        inclusive: bool = False,
        limit: int | None,
    ) -> tuple[list[Payload], str | None]:
        """Visible messages between two stamps, newest first, and the ``ts`` of the one after the page."""
        now = _key(_ts(self.now))
        with self._lock:
            held = self._channels[self._name(channel)]
            end = bisect_right(held.order, now)
            start = 0
            if latest is not None:
                end = min(end, (bisect_right if inclusive else bisect_left)(held.order, latest))
            if oldest is not None:
                start = (bisect_left if inclusive else bisect_right)(held.order, oldest)
            first = start if limit is None else max(start, end - limit)
            page = [_shown(held.messages[_text(stamp)]) for stamp in reversed(held.order[first:end])]
            return page, _text(held.order[first - 1]) if start < first <= end else None

    def thread(self, channel: str, ts: str) -> list[Payload]:
        """A message and its visible replies, oldest first.

        Raises:
            KeyError: there is no such message.
        """
        now = _key(_ts(self.now))
        with self._lock:
            held = self._channels[self._name(channel)]
            replies = held.replies.get(ts, {})
            shown = [_shown(replies[at]) for at in sorted(replies, key=_key) if _key(at) <= now]
            return [_shown(held.messages[ts]), *shown]

    def _name(self, channel: str) -> str:
        return self._names.get(channel, channel)

    def _existing(self, name: str, ts: str) -> Payload:
        held = self._channels[name]
        if ts in held.messages:
            return held.messages[ts]
        for replies in held.replies.values():
            if ts in replies:
                return replies[ts]
        raise KeyError(f"no message {ts} in {name}")

    def _attach(self, channel: _Channel, parent: str, reply: SlackMessage) -> str:
        ts = self._free_ts(channel, reply.sent_at)
        channel.replies.setdefault(parent, {})[ts] = {
            **_payload(reply, ts),
            "thread_ts": parent,
            "parent_user_id": channel.messages[parent].get("user"),
        }
        self._latest = max(self._latest, reply.sent_at)
        self._refresh_thread(channel, parent)
        return ts

    def _refresh_thread(self, channel: _Channel, parent: str) -> None:
        replies = channel.replies.get(parent, {})
        message = channel.messages[parent]
        if not replies:
            for key in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"):
                message.pop(key, None)
            return
        users = list(dict.fromkeys(replies[ts]["user"] for ts in sorted(replies, key=_key)))
        message |= {
            "thread_ts": parent,
            "reply_count": len(replies),
            "reply_users": users[:5],
            "reply_users_count": len(users),
            "latest_reply": max(replies, key=_key),
            "is_locked": False,
            "subscribed": False,
        }

    def _free_ts(self, channel: _Channel, moment: datetime) -> str:
        """The time stamp of a moment, a microsecond later while another message has it."""
        while (ts := _ts(moment)) in channel.used:
            moment += timedelta(microseconds=1)
        channel.used.add(ts)
        return ts


class SlackServer(SimulatorServer):
    """The Web API of one workspace.

    Args:
        workspace: what it holds.
        token: the app's token; anything else is ``invalid_auth``.
        scopes: granted scopes; without ``users:read.email`` the profiles have no e-mail.
        requests_per_minute: real rate limit of each method, besides the fault script; ``None``: no limit.
    """

    name = "slack"

    def __init__(
        self,
        workspace: SlackWorkspace,
        token: str,
        *,
        faults: FaultScript | None = None,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        requests_per_minute: int | None = None,
    ) -> None:
        super().__init__(faults)
        self.workspace = workspace
        self.scopes = tuple(scopes)
        self.requests_per_minute = requests_per_minute
        self._token = token
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._methods: dict[str, Callable[[dict[str, str], Fault | None], Payload]] = {
            "auth.test": self._auth_test,
            "conversations.list": self._conversations_list,
            "conversations.history": self._conversations_history,
            "conversations.replies": self._conversations_replies,
            "users.list": self._users_list,
            "chat.postMessage": self._chat_post_message,
        }

    def routes(self) -> list[BaseRoute]:
        """One route a method, under ``/api/``."""
        return [self._route(method) for method in self._methods]

    def refuse(self, request: Request, endpoint: str) -> Response | None:
        """HTTP 429 when a method was called too often within a minute."""
        if self.requests_per_minute is None:
            return None
        now, recent = time.monotonic(), self._recent[endpoint]
        while recent and now - recent[0] > RATE_WINDOW_S:
            recent.popleft()
        if len(recent) >= self.requests_per_minute:
            return rate_limited(int(RATE_WINDOW_S - (now - recent[0])) + 1)
        recent.append(now)
        return None

    def _route(self, method: str) -> BaseRoute:
        async def call(request: Request, fault: Fault | None) -> Response:
            parameters = await parameters_of(request)
            if fault is not None and fault.kind == "clock_skew":
                self.workspace.skew_s = float(fault.parameters.get("seconds", 120))
            try:
                self._authorise(request, parameters, method)
                answer = self._methods[method](parameters, fault)
            except SlackApiError as error:
                answer = error.answer
            if fault is not None and answer["ok"]:
                self._change_afterwards(parameters, answer, fault)
            return JSONResponse(answer, headers={"x-oauth-scopes": ",".join(self.scopes)})

        return self.endpoint(f"/api/{method}", method, call, ("GET", "POST"))

    def _authorise(self, request: Request, parameters: dict[str, str], method: str) -> None:
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() if header else parameters.get("token", "")
        if not token:
            raise SlackApiError("not_authed")
        if token != self._token:
            raise SlackApiError("invalid_auth")
        needed = NEEDED_SCOPES.get(method)
        if needed is not None and needed not in self.scopes:
            raise SlackApiError("missing_scope", needed=needed, provided=",".join(self.scopes))

    # Methods

    def _auth_test(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        story = self.workspace.story
        return {
            "ok": True,
            "url": f"{self.origin}/",
            "team": "가상 클래스",
            "team_id": TEAM_ID,
            "user": "class_helper",
            "user_id": story.bot_user,
            "bot_id": story.bot_id,
            "is_enterprise_install": False,
        }

    def _conversations_list(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        types = parameters.get("types", "public_channel").split(",")
        channels = [
            channel
            for channel in self._channels()
            if ("private_channel" if channel["is_private"] else "public_channel") in types
        ]
        page, cursor = _numbered_page(channels, parameters, default=DEFAULT_LIMIT)
        return {"ok": True, "channels": page, "response_metadata": {"next_cursor": cursor}}

    def _channels(self) -> list[Payload]:
        created = int(
            datetime.combine(self.workspace.story.generated.first_day, datetime.min.time(), UTC).timestamp()
        )
        return [
            {
                "id": channel_id,
                "name": name,
                "name_normalized": name,
                "is_channel": True,
                "is_private": False,
                "is_archived": False,
                "is_member": name != PRIVATE_CHANNEL,
                "created": created - 86_400,
                "num_members": len(self.workspace.story.in_slack),
                "topic": {"value": ""},
                "purpose": {"value": ""},
            }
            for name, channel_id in self.workspace.story.channel_ids.items()
        ]

    def _conversations_history(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        channel = self._readable_channel(parameters)
        limit = _limit(parameters)
        oldest, latest, inclusive = _bounds(parameters)
        if cursor := parameters.get("cursor"):
            # The cursor's message opens the page, whatever the caller says about bounds.
            latest = _key(_decode(cursor, "next_ts:"))
            oldest, inclusive = (_after(oldest, inclusive), True)
        bounds: dict[str, Any] = {"oldest": oldest, "latest": latest, "inclusive": inclusive}
        page, following = self.workspace.page(channel, limit=limit, **bounds)
        if fault is not None and fault.kind == "short_page":
            page, following = self.workspace.page(channel, limit=max(1, len(page) // 2), **bounds)
        if fault is not None and fault.kind == "duplicate_page" and page:
            following = page[0]["ts"]
        if parameters.get("include_all_metadata", "").lower() not in ("1", "true"):
            page = [{key: value for key, value in row.items() if key != "metadata"} for row in page]
        answer: Payload = {
            "ok": True,
            "messages": page,
            "has_more": following is not None,
            "pin_count": 0,
            "channel_actions_ts": None,
            "channel_actions_count": 0,
        }
        for bound in ("oldest", "latest"):
            if bound in parameters:
                answer[bound] = parameters[bound]
        if following is not None:
            answer["response_metadata"] = {"next_cursor": _encode("next_ts:", following)}
        return answer

    def _conversations_replies(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        channel = self._readable_channel(parameters)
        ts = parameters.get("ts", "")
        try:
            parent, *replies = self.workspace.thread(channel, ts)
        except KeyError:
            raise SlackApiError("thread_not_found") from None
        oldest, latest, inclusive = _bounds(parameters)
        oldest = _after(oldest, inclusive)
        replies = [
            reply
            for reply in replies
            if (oldest is None or _key(reply["ts"]) >= oldest)
            and (latest is None or _key(reply["ts"]) < latest or (inclusive and _key(reply["ts"]) == latest))
        ]
        limit = _limit(parameters)
        start = int(_decode(parameters["cursor"], "reply:")) if parameters.get("cursor") else 0
        # The parent opens the first page and counts towards its limit.
        end = start + limit - (1 if start == 0 else 0)
        page = ([parent] if start == 0 else []) + replies[start:end]
        answer: Payload = {"ok": True, "messages": page, "has_more": end < len(replies)}
        if end < len(replies):
            answer["response_metadata"] = {"next_cursor": _encode("reply:", str(end))}
        return answer

    def _users_list(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        members = self.workspace.story.members
        if "users:read.email" not in self.scopes:
            members = [{**member, "profile": _without_email(member["profile"])} for member in members]
        page, cursor = _numbered_page(members, parameters, default=len(members) or 1)
        cache_ts = int(self.workspace.now.timestamp())
        return {
            "ok": True,
            "members": page,
            "cache_ts": cache_ts,
            "response_metadata": {"next_cursor": cursor},
        }

    def _chat_post_message(self, parameters: dict[str, str], fault: Fault | None) -> Payload:
        channel = self._readable_channel(parameters)
        text = parameters.get("text", "")
        blocks, metadata = _json(parameters, "blocks", list), _json(parameters, "metadata", dict)
        if not text and not blocks:
            raise SlackApiError("no_text")
        if len(text) > LONGEST_TEXT:
            raise SlackApiError("msg_too_long")
        if not _blocks_fit(blocks):
            raise SlackApiError("invalid_blocks")
        if metadata and not (
            _EVENT_TYPE.fullmatch(str(metadata.get("event_type", "")))
            and isinstance(metadata.get("event_payload"), dict)
        ):
            raise SlackApiError("invalid_metadata_format")
        message = self.workspace.say_as_app(channel, text, blocks=blocks, metadata=metadata)
        return {"ok": True, "channel": channel, "ts": message["ts"], "message": message}

    def _readable_channel(self, parameters: dict[str, str]) -> str:
        channel = parameters.get("channel", "")
        known = {channel["id"]: channel for channel in self._channels()}
        if channel not in known:
            raise SlackApiError("channel_not_found")
        if not known[channel]["is_member"]:
            raise SlackApiError("not_in_channel")
        return channel

    def _change_afterwards(self, parameters: dict[str, str], answer: Payload, fault: Fault) -> None:
        """Late replies, edits and deletions happen once the answer is made, so that only a second look sees them."""
        wanted = fault.parameters
        if fault.kind not in ("late_reply", "edited", "deleted") or "channel" not in parameters:
            return
        candidates = [message for message in answer["messages"] if message.get("subtype") is None]
        ts = wanted.get("ts") or (candidates[0]["ts"] if candidates else None)
        if ts is None:
            return
        channel = parameters["channel"]
        if fault.kind == "late_reply":
            user = str(self.workspace.story.in_slack[0].slack_id)
            self.workspace.reply(channel, ts, user, wanted.get("text", "늦게 답합니다"))
        elif fault.kind == "edited":
            self.workspace.edit(channel, ts, wanted.get("text", "고친 글입니다"))
        else:
            self.workspace.delete(channel, ts, tombstone=bool(wanted.get("tombstone", False)))


def _payload(message: SlackMessage, ts: str) -> Payload:
    """A message as the API shows it. Bots and joins have no ``client_msg_id``."""
    payload: Payload = {"type": "message", "ts": ts, "text": message.content.mrkdwn()}
    if message.subtype:
        payload["subtype"] = message.subtype
    if message.user:
        payload["user"] = message.user
    if message.bot_id:
        payload["bot_id"] = message.bot_id
        payload["bot_profile"] = {"id": message.bot_id, "name": "수업 알리미", "deleted": False}
    if message.subtype != "channel_join":
        payload["team"] = TEAM_ID
        payload["blocks"] = message.content.blocks(f"b{ts[-4:]}")
    if message.client_msg_id:
        payload["client_msg_id"] = message.client_msg_id
    if message.reactions:
        payload["reactions"] = [
            {"name": reaction.name, "users": list(reaction.users), "count": len(reaction.users)}
            for reaction in message.reactions
        ]
    return payload


def _shown(message: Payload) -> Payload:
    """A copy of a message for an answer."""
    reactions = [
        {**reaction, "users": reaction["users"][:REACTORS_SHOWN]} for reaction in message.get("reactions", [])
    ]
    return {**message, "reactions": reactions} if reactions else dict(message)


def _ts(moment: datetime) -> str:
    whole = moment.astimezone(UTC)
    return f"{int(whole.timestamp())}.{whole.microsecond:06d}"


def _text(stamp: Stamp) -> str:
    return f"{stamp[0]}.{stamp[1]:06d}"


def _key(ts: str) -> Stamp:
    """Numeric order of time stamps, given with any number of decimals.

    Raises:
        ValueError: not a time stamp.
    """
    seconds, _, decimals = ts.partition(".")
    return int(seconds), int(decimals[:6].ljust(6, "0"))


def _bounds(parameters: dict[str, str]) -> tuple[Stamp | None, Stamp | None, bool]:
    """``oldest``, ``latest`` and whether a message exactly at a bound belongs to the answer."""
    inclusive = parameters.get("inclusive", "").lower() in ("1", "true")
    try:
        oldest = _key(parameters["oldest"]) if parameters.get("oldest") else None
        latest = _key(parameters["latest"]) if parameters.get("latest") else None
    except ValueError:
        raise SlackApiError("invalid_arguments") from None
    return oldest, latest, inclusive


def _after(oldest: Stamp | None, inclusive: bool) -> Stamp | None:
    """The same lower bound, as an inclusive one."""
    return oldest if oldest is None or inclusive else (oldest[0], oldest[1] + 1)


def _limit(parameters: dict[str, str]) -> int:
    value = parameters.get("limit", str(DEFAULT_LIMIT))
    if not value.isdigit() or not 1 <= int(value) <= LARGEST_LIMIT:
        raise SlackApiError("invalid_limit")
    return int(value)


def _numbered_page(
    items: list[Payload], parameters: dict[str, str], default: int
) -> tuple[list[Payload], str]:
    """A page of a list whose cursor is a position, and the next cursor (empty at the end)."""
    limit = _limit(parameters) if parameters.get("limit") else default
    start = int(_decode(parameters["cursor"], "item:")) if parameters.get("cursor") else 0
    end = start + limit
    return items[start:end], _encode("item:", str(end)) if end < len(items) else ""


def _encode(prefix: str, value: str) -> str:
    return base64.b64encode(f"{prefix}{value}".encode()).decode("ascii")


def _decode(cursor: str, prefix: str) -> str:
    try:
        text = base64.b64decode(cursor, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackApiError("invalid_cursor") from None
    value = text.removeprefix(prefix)
    if value == text or not value.replace(".", "", 1).isdigit():
        raise SlackApiError("invalid_cursor")
    return value


def _json(parameters: dict[str, str], name: str, kind: type) -> Any:
    """A parameter that is written as JSON; empty where it was not given."""
    try:
        value = json.loads(parameters.get(name) or "null")
    except ValueError:
        raise SlackApiError("invalid_json") from None
    if value is not None and not isinstance(value, kind):
        raise SlackApiError("invalid_arguments")
    return value or kind()


def _blocks_fit(blocks: list[Any]) -> bool:
    """Whether Slack would show these blocks, of the kinds that it documents limits for."""
    for block in blocks:
        if not isinstance(block, dict):
            return False
        texts = [block.get("text"), *(block.get("elements") or [])]
        if block.get("type") in ("section", "header") and not isinstance(block.get("text"), dict):
            return False
        longest = LONGEST_HEADING if block.get("type") == "header" else LONGEST_SECTION
        for text in (part for part in texts if isinstance(part, dict)):
            if (
                text.get("type") not in ("plain_text", "mrkdwn")
                or not 0 < len(text.get("text", "")) <= longest
            ):
                return False
    return len(blocks) <= MOST_BLOCKS


def _without_email(profile: Payload) -> Payload:
    return {key: value for key, value in profile.items() if key != "email"}

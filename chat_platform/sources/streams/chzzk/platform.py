"""CHZZK, as the house sees it.

What belongs here: CHZZK's addresses, its answers about channels, videos and emotes, and the parts put together. What
does not: its chat (``chat``).

Format: answers are ``{"code": 200, "message": null, "content": …}``. Channels come from the open API, with client id
and secret as headers; videos and chat from the API of the web page, which wants neither and is given neither. No
public source confirms the fields in detail: the local simulator defines what is relied on. Times without a zone are
Korean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from chat_platform.errors import StreamError
from chat_platform.sources.http import HeaderAuth
from chat_platform.sources.streams.chzzk.chat import CHZZK, emote_code, erase_page, parse_pages, read_page
from chat_platform.sources.streams.fields import (
    count,
    epoch_ms,
    flag,
    ident,
    items,
    mapping,
    number,
    text,
)
from chat_platform.sources.streams.http import Call, PlatformHttp, base_urls, credential, open_http
from chat_platform.sources.streams.paging import follow, newest_first
from chat_platform.sources.streams.port import (
    NATIVE,
    Channel,
    ChannelReference,
    ChannelTotals,
    ChatPage,
    Connection,
    Emote,
    PlatformSpec,
    Video,
)

BASE_URLS = {
    "open": "https://openapi.chzzk.naver.com/open/v1",
    "web": "https://api.chzzk.naver.com/service",
}
SITE = "https://chzzk.naver.com"
BATCH = 20
VIDEOS_A_PAGE = 50
_CHANNEL_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_VIDEO_ID = re.compile(r"[0-9]{1,15}", re.ASCII)
_KOREA = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True)
class _VideoPage:
    data: list[Any]
    next_cursor: str | None


class ChzzkPlatform:
    """CHZZK, open for questions.

    Raises:
        StreamError: CP-STREAM-001 when the credentials cannot be any.
        ConfigurationError: CP-CONF-001 when they would travel unprotected.
    """

    name = CHZZK

    def __init__(self, connection: Connection) -> None:
        self._urls = base_urls(connection, BASE_URLS)
        headers = {
            "Client-Id": credential(connection.client_id, CHZZK),
            "Client-Secret": credential(connection.client_secret, CHZZK),
        }
        self._open = open_http(connection, CHZZK, "open", auth=HeaderAuth(lambda: headers))
        self._web = open_http(connection, CHZZK, "web")

    def channels_by_login(self, logins: Sequence[str]) -> list[Channel]:
        """None: channels of CHZZK have ids only."""
        return []

    def channels_by_id(self, ids: Sequence[str]) -> list[Channel]:
        """Profiles by id, with their followers."""
        wanted = list(dict.fromkeys(value for value in ids if _CHANNEL_ID.fullmatch(value)))
        found: dict[str, Channel] = {}
        for first in range(0, len(wanted), BATCH):
            batch = wanted[first : first + BATCH]
            call = Call(
                "channels",
                f"{self._urls['open']}/channels",
                [("channelIds", value) for value in batch],
                usable=lambda body: isinstance(_content(body).get("data"), list),
            )
            for channel in filter(None, map(_channel, items(self._ask(self._open, call).get("data")))):
                found.setdefault(channel.channel_id, channel)
        return list(found.values())

    def totals(self, channel: Channel) -> ChannelTotals:
        """Followers, as the profile said; CHZZK has no views of channels."""
        return ChannelTotals(CHZZK, channel.channel_id, followers=channel.followers)

    def videos(self, channel_id: str, *, published_since: datetime | None = None) -> Iterator[Video]:
        """Videos, newest first; see the port."""
        if not _CHANNEL_ID.fullmatch(channel_id):
            return iter(())
        pages = follow(lambda cursor: self._video_page(channel_id, cursor), f"chzzk videos {channel_id}")
        videos = (filter(None, (_video(item, channel_id) for item in page.data)) for page in pages)
        return newest_first(videos, published_since)

    def video(self, video_id: str) -> Video | None:
        """A video by id; see the port."""
        if not _VIDEO_ID.fullmatch(video_id):
            return None
        url = f"{self._urls['web']}/v2/videos/{video_id}"
        content = self._ask(self._web, Call("video", url, usable=_has_content), missing_is_empty=True)
        return _video(content, ident(mapping(content.get("channel")).get("channelId")) or "")

    def chat_page(self, video_id: str, cursor: str | None = None) -> ChatPage:
        """A page of chat; see the port."""
        return read_page(self._web, self._urls["web"], video_id, cursor)

    def emotes(self, channel_id: str | None) -> list[Emote]:
        """Emotes; see the port."""
        if channel_id is not None and not _CHANNEL_ID.fullmatch(channel_id):
            return []
        path = "emoji-packs" if channel_id is None else f"channels/{channel_id}/emoji-packs"
        content = self._ask(
            self._web, Call("emoji-packs", f"{self._urls['web']}/v1/{path}", usable=_has_content)
        )
        return list(_emotes(content, channel_id))

    def close(self) -> None:
        """Close the connections."""
        self._open.close()
        self._web.close()

    def _video_page(self, channel_id: str, cursor: str | None) -> _VideoPage:
        page = int(cursor or 0)
        content = self._ask(
            self._web,
            Call(
                "videos",
                f"{self._urls['web']}/v1/channels/{channel_id}/videos",
                [("sortType", "LATEST"), ("page", str(page)), ("size", str(VIDEOS_A_PAGE))],
                usable=lambda body: isinstance(_content(body).get("data"), list),
            ),
        )
        more = page + 1 < (count(content.get("totalPages")) or 0)
        return _VideoPage(items(content.get("data")), str(page + 1) if more else None)

    def _ask(self, http: PlatformHttp, call: Call, *, missing_is_empty: bool = False) -> Mapping[str, Any]:
        """Content of an answer.

        Raises:
            StreamError: any of CP-STREAM-002 to 005 and 008.
        """
        answer = http.call(call)
        if answer.status in (401, 403):
            raise StreamError("CP-STREAM-002", f"chzzk {call.where}: HTTP {answer.status}")
        if answer.status == 404 and missing_is_empty:
            return {}
        if answer.status != 200:
            raise StreamError("CP-STREAM-008", f"chzzk {call.where}: HTTP {answer.status}")
        return _content(answer.body)


def reference(path: str) -> ChannelReference | None:
    """The channel of an address: its id is the first part of the path that looks like one (``/live/<id>`` too)."""
    for part in path.lower().strip("/").split("/")[:2]:
        if _CHANNEL_ID.fullmatch(part):
            return ChannelReference(CHZZK, "id", part)
    return None


def _content(body: object) -> Mapping[str, Any]:
    return mapping(mapping(body).get("content"))


def _has_content(body: object) -> bool:
    return isinstance(mapping(body).get("content"), Mapping)


def _channel(item: object) -> Channel | None:
    fields = mapping(item)
    channel_id = ident(fields.get("channelId"))
    if channel_id is None:
        return None
    verified = flag(fields.get("verifiedMark"))
    return Channel(
        platform=CHZZK,
        channel_id=channel_id,
        login=None,
        display_name=text(fields.get("channelName")) or channel_id,
        description=text(fields.get("channelDescription")),
        kind=None if verified is None else ("verified" if verified else ""),
        url=f"{SITE}/{quote(channel_id, safe='')}",
        image_url=text(fields.get("channelImageUrl")),
        followers=count(fields.get("followerCount")),
    )


def _video(item: object, channel_id: str) -> Video | None:
    fields = mapping(item)
    video_id = ident(fields.get("videoNo"))
    if video_id is None or not channel_id:
        return None
    kind = text(fields.get("videoType"))
    return Video(
        platform=CHZZK,
        video_id=video_id,
        channel_id=channel_id,
        title=text(fields.get("videoTitle")) or "",
        kind="archive" if kind == "REPLAY" else kind.lower() if kind else None,
        started_at=_korean(fields.get("liveOpenDate")),
        published_at=epoch_ms(fields.get("publishDateAt")) or _korean(fields.get("publishDate")),
        duration_s=number(fields.get("duration")),
        views=count(fields.get("readCount")),
        url=f"{SITE}/video/{quote(video_id, safe='')}",
    )


def _emotes(content: Mapping[str, Any], channel_id: str | None) -> Iterator[Emote]:
    for group, tier in (("emojiPacks", None), ("subscriptionEmojiPacks", "subscription")):
        for pack in map(mapping, items(content.get(group))):
            for emoji in map(mapping, items(pack.get("emojis"))):
                emote_id = ident(emoji.get("emojiId"))
                if emote_id is not None:
                    yield Emote(
                        platform=CHZZK,
                        provider=NATIVE,
                        emote_id=emote_id,
                        code=emote_code(emote_id),
                        channel_id=channel_id,
                        zero_width=False,
                        tier=tier,
                        image_url=text(emoji.get("imageUrl")),
                    )


def _korean(value: object) -> datetime | None:
    """A time as the web page writes it: ``2026-03-02 19:00:00``."""
    try:
        local = datetime.strptime(value, "%Y-%m-%d %H:%M:%S") if isinstance(value, str) else None  # noqa: DTZ007
        return None if local is None else local.replace(tzinfo=_KOREA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def video_link(video_id: str, seconds: float) -> str:
    """Address of a moment in a video."""
    return f"{SITE}/video/{quote(video_id, safe='')}?currentTime={max(0, int(seconds))}"


PLATFORM = PlatformSpec(
    name=CHZZK,
    label="CHZZK",
    hosts=("chzzk.naver.com",),
    reference=reference,
    connect=ChzzkPlatform,
    parse_chat=parse_pages,
    erase_page=erase_page,
    video_link=video_link,
)

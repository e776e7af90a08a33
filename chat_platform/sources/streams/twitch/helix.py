"""Twitch's Helix API.

What belongs here: users, videos, followers and emotes, with batches, pages and the app token. What does not: chat
(``vod_chat``, ``irc``).

Format: answers are ``{"data": […], "pagination": {"cursor": …} or {}, …}``; the last page has no cursor. Users that
are unknown or banned are left out without a word. One malformed login makes Helix refuse the whole batch, so such
are not asked for: nobody can have them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from chat_platform.errors import StreamError
from chat_platform.sources.http import HeaderAuth
from chat_platform.sources.streams.fields import count, ident, items, mapping, moment, number, text
from chat_platform.sources.streams.http import Answer, Call, PlatformHttp
from chat_platform.sources.streams.paging import follow, newest_first
from chat_platform.sources.streams.port import NATIVE, Channel, ChannelTotals, Emote, Video
from chat_platform.sources.streams.twitch.token import AppToken

TWITCH = "twitch"
SITE = "https://www.twitch.tv"
BATCH = 100
LOGIN = re.compile(r"[a-z0-9_]{1,25}", re.ASCII)
ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)


@dataclass(frozen=True)
class _HelixPage:
    data: list[Any]
    next_cursor: str | None


class Helix:
    """Questions to Helix.

    Args:
        connect: makes the HTTP side with the given credentials.
        base_url: address of the API.
    """

    def __init__(self, connect: Callable[[HeaderAuth], PlatformHttp], base_url: str, token: AppToken) -> None:
        self._token = token
        self._http = connect(HeaderAuth(token.headers))
        self._base_url = base_url

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def users(self, parameter: str, values: Sequence[str]) -> list[Channel]:
        """Profiles by ``login`` or ``id``, a hundred a request; who is unknown or banned is left out."""
        form = LOGIN if parameter == "login" else ID
        wanted = list(dict.fromkeys(value.lower() for value in values if form.fullmatch(value.lower())))
        found: dict[str, Channel] = {}
        for first in range(0, len(wanted), BATCH):
            batch = wanted[first : first + BATCH]
            page = self._page("users", [(parameter, value) for value in batch])
            for channel in filter(None, map(_channel, page.data)):
                found.setdefault(channel.channel_id, channel)
        return list(found.values())

    def followers(self, channel_id: str) -> ChannelTotals:
        """How many follow a channel; Helix has no views of channels any more."""
        params = [("broadcaster_id", channel_id), ("first", "1")]
        answer = self._ask("channels/followers", params)
        return ChannelTotals(TWITCH, channel_id, followers=count(mapping(answer.body).get("total")))

    def videos(self, channel_id: str, published_since: datetime | None) -> Iterator[Video]:
        """Videos, newest first, each once."""
        base = [("user_id", channel_id), ("first", str(BATCH)), ("sort", "time")]

        def fetch(cursor: str | None) -> _HelixPage:
            return self._page("videos", base + ([("after", cursor)] if cursor else []))

        pages = follow(fetch, f"twitch videos {channel_id}")
        return newest_first((_videos(page.data) for page in pages), published_since)

    def video(self, video_id: str) -> Video | None:
        """A video by id; Helix answers 404 for one that is gone."""
        if not ID.fullmatch(video_id):
            return None
        return next(_videos(self._page("videos", [("id", video_id)], missing_is_empty=True).data), None)

    def emotes(self, channel_id: str | None) -> list[Emote]:
        """Emotes of a channel, or the global ones."""
        if channel_id is None:
            page = self._page("chat/emotes/global", [])
        else:
            page = self._page("chat/emotes", [("broadcaster_id", channel_id)])
        return [emote for emote in (_emote(item, channel_id) for item in page.data) if emote is not None]

    def _page(
        self, endpoint: str, params: Sequence[tuple[str, str]], *, missing_is_empty: bool = False
    ) -> _HelixPage:
        answer = self._ask(endpoint, params, missing_is_empty=missing_is_empty)
        body = mapping(answer.body) if answer.status == 200 else {}
        cursor = mapping(body.get("pagination")).get("cursor")
        return _HelixPage(items(body.get("data")), cursor if isinstance(cursor, str) and cursor else None)

    def _ask(
        self, endpoint: str, params: Sequence[tuple[str, str]], *, missing_is_empty: bool = False
    ) -> Answer:
        """One question; a token that is refused is replaced once.

        Raises:
            StreamError: any of CP-STREAM-002 to 005 and 008.
        """
        call = Call(
            endpoint,
            f"{self._base_url}/{endpoint}",
            params,
            usable=lambda body: isinstance(mapping(body).get("data"), list),
        )
        generation = self._token.generation
        answer = self._http.call(call)
        if answer.status == 401:
            self._token.discard(max(generation, 1))
            answer = self._http.call(call)
        if answer.status == 401:
            raise StreamError("CP-STREAM-002", f"twitch {endpoint}: HTTP 401")
        if answer.status != 200 and not (missing_is_empty and answer.status == 404):
            raise StreamError("CP-STREAM-008", f"twitch {endpoint}: HTTP {answer.status}")
        return answer


def duration_s(value: object) -> float | None:
    """Seconds of ``3h21m33s``; any of the parts may be missing, but not all."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def _channel(item: object) -> Channel | None:
    fields = mapping(item)
    channel_id, login = ident(fields.get("id")), text(fields.get("login"))
    if channel_id is None or login is None:
        return None
    return Channel(
        platform=TWITCH,
        channel_id=channel_id,
        login=login.lower(),
        display_name=text(fields.get("display_name")) or login,
        description=text(fields.get("description")),
        kind=fields["broadcaster_type"] if isinstance(fields.get("broadcaster_type"), str) else None,
        url=f"{SITE}/{quote(login.lower(), safe='')}",
        image_url=text(fields.get("profile_image_url")),
        created_at=moment(fields.get("created_at")),
    )


def _videos(data: Iterable[object]) -> Iterator[Video]:
    for item in data:
        fields = mapping(item)
        video_id, channel_id = ident(fields.get("id")), ident(fields.get("user_id"))
        if video_id is not None and channel_id is not None:
            yield _video(fields, video_id, channel_id)


def _video(fields: Mapping[str, Any], video_id: str, channel_id: str) -> Video:
    muted = fields.get("muted_segments")
    return Video(
        platform=TWITCH,
        video_id=video_id,
        channel_id=channel_id,
        title=text(fields.get("title")) or "",
        kind=text(fields.get("type")),
        started_at=moment(fields.get("created_at")),
        published_at=moment(fields.get("published_at")),
        duration_s=duration_s(fields.get("duration")),
        views=count(fields.get("view_count")),
        language=text(fields.get("language")),
        url=text(fields.get("url")),
        stream_id=ident(fields.get("stream_id")),
        muted_s=None
        if not isinstance(muted, list)
        else sum(number(mapping(part).get("duration")) or 0.0 for part in muted),
    )


def _emote(item: object, channel_id: str | None) -> Emote | None:
    fields = mapping(item)
    emote_id, code = ident(fields.get("id")), text(fields.get("name"))
    if emote_id is None or code is None:
        return None
    return Emote(
        platform=TWITCH,
        provider=NATIVE,
        emote_id=emote_id,
        code=code,
        channel_id=channel_id,
        animated="animated" in items(fields.get("format")),
        zero_width=False,
        tier=text(fields.get("tier")) or text(fields.get("emote_type")),
        image_url=text(mapping(fields.get("images")).get("url_1x")),
    )

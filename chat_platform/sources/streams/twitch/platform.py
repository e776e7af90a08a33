"""Twitch, as the house sees it.

What belongs here: the parts of the adapter put together, Twitch's addresses and its limits. What does not: the
protocols (``helix``, ``vod_chat``) and the files (``downloader_json``, ``downloader_text``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from chat_platform.sources.http import HeaderAuth
from chat_platform.sources.streams.http import base_urls, credential, open_http
from chat_platform.sources.streams.port import (
    Channel,
    ChannelReference,
    ChannelTotals,
    ChatPage,
    Connection,
    Emote,
    PlatformSpec,
    Video,
)
from chat_platform.sources.streams.twitch.chat_file import erase_chat_file, read_chat_file
from chat_platform.sources.streams.twitch.helix import LOGIN, SITE, TWITCH, Helix
from chat_platform.sources.streams.twitch.irc import TwitchLive
from chat_platform.sources.streams.twitch.token import AppToken
from chat_platform.sources.streams.twitch.vod_chat import VodChat, erase_page, parse_pages

BASE_URLS = {
    "helix": "https://api.twitch.tv/helix",
    "auth": "https://id.twitch.tv",
    "gql": "https://gql.twitch.tv",
}
POINTS_PER_MINUTE = 800
NOT_A_LOGIN = frozenset(
    {"directory", "videos", "p", "jobs", "downloads", "settings", "search", "team", "store"}
)
"""First parts of addresses that lead to pages of Twitch itself."""


class TwitchPlatform:
    """Twitch, open for questions.

    Raises:
        StreamError: CP-STREAM-001 when the credentials cannot be any.
        ConfigurationError: CP-CONF-001 when they would travel unprotected.
    """

    name = TWITCH

    def __init__(self, connection: Connection) -> None:
        urls = base_urls(connection, BASE_URLS)
        self._auth_http = open_http(connection, TWITCH, "auth")
        token = AppToken(self._auth_http, urls["auth"], connection.client_id, connection.client_secret)
        self._helix = Helix(
            lambda auth: open_http(connection, TWITCH, "helix", limit=POINTS_PER_MINUTE, auth=auth),
            urls["helix"],
            token,
        )
        web_id = credential(connection.web_client_id or connection.client_id, TWITCH)
        web_auth = HeaderAuth(lambda: {"Client-ID": web_id})
        self._vod_chat = VodChat(open_http(connection, TWITCH, "gql", auth=web_auth), urls["gql"])

    def channels_by_login(self, logins: Sequence[str]) -> list[Channel]:
        """Profiles by login; see the port."""
        return self._helix.users("login", logins)

    def channels_by_id(self, ids: Sequence[str]) -> list[Channel]:
        """Profiles by id; see the port."""
        return self._helix.users("id", ids)

    def totals(self, channel: Channel) -> ChannelTotals:
        """Followers; one request a channel."""
        return self._helix.followers(channel.channel_id)

    def videos(self, channel_id: str, *, published_since: datetime | None = None) -> Iterator[Video]:
        """Videos, newest first; see the port."""
        return self._helix.videos(channel_id, published_since)

    def video(self, video_id: str) -> Video | None:
        """A video by id; see the port."""
        return self._helix.video(video_id)

    def chat_page(self, video_id: str, cursor: str | None = None) -> ChatPage:
        """A page of chat; see the port."""
        return self._vod_chat.page(video_id, cursor)

    def emotes(self, channel_id: str | None) -> list[Emote]:
        """Emotes; see the port."""
        return self._helix.emotes(channel_id)

    def close(self) -> None:
        """Close the connections."""
        for part in (self._auth_http, self._helix, self._vod_chat):
            part.close()


def reference(path: str) -> ChannelReference | None:
    """The channel of an address: its path begins with the login."""
    login = path.strip("/").split("/")[0].lower()
    if not LOGIN.fullmatch(login) or login in NOT_A_LOGIN:
        return None
    return ChannelReference(TWITCH, "login", login)


def video_link(video_id: str, seconds: float) -> str:
    """Address of a moment in a video."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hour, minute = divmod(minutes, 60)
    return f"{SITE}/videos/{quote(video_id, safe='')}?t={hour}h{minute}m{second}s"


PLATFORM = PlatformSpec(
    name=TWITCH,
    label="Twitch",
    hosts=("twitch.tv", "go.twitch.tv"),
    reference=reference,
    connect=TwitchPlatform,
    parse_chat=parse_pages,
    erase_page=erase_page,
    video_link=video_link,
    third_party_emotes=True,
    names_are_logins=True,
    read_chat_file=read_chat_file,
    erase_chat_file=erase_chat_file,
    live=TwitchLive(),
)

"""What a streaming platform is to the rest of the house.

What belongs here: the protocol that each platform fulfils and the plain facts that it returns. What does not:
HTTP, the format of any one platform, tables, the counting of emotes.

Nothing here may name a platform: a new one is a folder beside this module and a line in ``registry``. A figure
that a platform does not have, or did not say, is ``None``; zero means that it said zero. Ids are texts as the
platform gives them. Times are timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from chat_platform.sources.records import ParsedConversation
from chat_platform.sources.streams.clock import Clock

NATIVE = "native"
StandIn = Callable[[str], str | None]
"""Account id, or name where a record shows no id → what is to stand in its place; ``None``: somebody else's.

It tells who is taken out of what is archived. Their records stay, with id, time and place, so that counts do; of what
was said and who said it nothing stays. What holds nobody of them comes back as the same bytes.
"""
DELETED_AUTHOR = ""
"""``author_name`` of a message whose account is gone; it has no ``author_ref`` either."""


@dataclass(frozen=True)
class ChannelReference:
    """What an address says about a channel: its login (which may change hands) or its id (which may not).

    Attributes:
        value: the login in lower case, or the id.
    """

    platform: str
    kind: Literal["login", "id"]
    value: str


@dataclass(frozen=True)
class Channel:
    """A streamer's profile, as the platform shows it at the moment.

    Attributes:
        login: name in addresses, lower case; ``None`` where a platform has none.
        kind: the platform's word for its standing (``partner``, ``affiliate``, ``verified``, …); empty for none.
        followers: where the profile says it; else ``totals`` may.
    """

    platform: str
    channel_id: str
    login: str | None
    display_name: str
    description: str | None = None
    kind: str | None = None
    url: str | None = None
    image_url: str | None = None
    created_at: datetime | None = None
    followers: int | None = None


@dataclass(frozen=True)
class ChannelTotals:
    """Figures of a channel at a moment.

    Attributes:
        views: views of the channel as the platform counts them; not the sum over its videos.
    """

    platform: str
    channel_id: str
    followers: int | None
    views: int | None = None


@dataclass(frozen=True)
class Video:
    """A recorded stream, highlight or upload.

    Attributes:
        kind: the platform's word: ``archive``, ``highlight``, ``upload``, …
        started_at: when the stream (or video) began; offsets of its chat count from here.
        duration_s: length, seconds.
        views: views so far.
        muted_s: seconds without sound.
    """

    platform: str
    video_id: str
    channel_id: str
    title: str
    kind: str | None = None
    started_at: datetime | None = None
    published_at: datetime | None = None
    duration_s: float | None = None
    views: int | None = None
    language: str | None = None
    url: str | None = None
    stream_id: str | None = None
    muted_s: float | None = None

    @property
    def conversation_id(self) -> str:
        """Id of the chat of this video as a conversation."""
        return video_conversation_id(self.platform, self.video_id)


@dataclass(frozen=True)
class ChatPage:
    """One answer with chat, exactly as it arrived.

    Attributes:
        raw: the answer's body; the archive keeps it, ``PlatformSpec.parse_chat`` reads it.
        records: comments in it, usable or not.
        next_cursor: what to ask with for the next page, also after a restart; ``None``: this is the last.
        first_s, last_s: offsets of its first and last comment from the start of the video, seconds.
        doubtful_s: offset of a second of which comments may be missing, because the platform would not page
            through it; ``None``: none.
    """

    raw: bytes = field(repr=False)
    records: int
    next_cursor: str | None
    first_s: float | None = None
    last_s: float | None = None
    doubtful_s: float | None = None


@dataclass(frozen=True)
class NativeEmoteUse:
    """An emote of the platform itself in a message, as the platform marks it; never guessed from the text.

    Attributes:
        emote_id: id at the platform; ``None`` where a format shows only the code.
        code: as written in the message.
        count: how often in this message.
    """

    message_id: str
    emote_id: str | None
    code: str
    count: int


@dataclass
class StreamChat:
    """A parsed chat: the same records as of a class, and the platform's emotes in them.

    Third-party emotes are no part of it: they are plain words of ``messages[].text``.
    """

    conversation: ParsedConversation
    native_emotes: list[NativeEmoteUse] = field(default_factory=list)


@dataclass(frozen=True)
class ChatFile:
    """What a file of chat holds that another program wrote.

    Attributes:
        video: the video; its figures are those of the day of the download.
        chat: the comments.
        emotes: emotes whose pictures the file carries, that is, those that somebody used.
    """

    video: Video
    chat: StreamChat
    emotes: list[Emote]


@dataclass(frozen=True)
class Emote:
    """An emote that can be used at the moment.

    Attributes:
        provider: ``native``, ``bttv``, ``ffz``, ``7tv``, or ``unknown`` where a file does not tell.
        channel_id: channel that it belongs to; ``None``: everywhere on the platform.
        code: what is typed; matched as a whole word, upper and lower case apart.
        animated, zero_width: ``None`` where the provider does not say. A zero-width emote lies over the one before.
        tier: what it takes to use it, in the platform's word; ``None``: nothing, or not said.
    """

    platform: str
    provider: str
    emote_id: str
    code: str
    channel_id: str | None = None
    animated: bool | None = None
    zero_width: bool | None = None
    tier: str | None = None
    image_url: str | None = None


class StreamPlatform(Protocol):
    """One platform, open for questions. Every method may raise ``StreamError`` (any of CP-STREAM-001 to 011)."""

    name: str

    def channels_by_login(self, logins: Sequence[str]) -> list[Channel]:
        """Profiles by login, any number; who is unknown or banned is left out, and the order means nothing."""

    def channels_by_id(self, ids: Sequence[str]) -> list[Channel]:
        """Profiles by id, any number; who is unknown or banned is left out, and the order means nothing."""

    def totals(self, channel: Channel) -> ChannelTotals:
        """Figures of a channel; without a request where its profile holds them."""

    def videos(self, channel_id: str, *, published_since: datetime | None = None) -> Iterator[Video]:
        """Videos of a channel, newest first, each once; back to a moment, or all that the platform keeps."""

    def video(self, video_id: str) -> Video | None:
        """A video by id; ``None`` when it is gone."""

    def chat_page(self, video_id: str, cursor: str | None = None) -> ChatPage:
        """The page of a video's chat that a cursor leads to; the first page without one.

        Raises:
            StreamError: CP-STREAM-007 when the video or its chat is gone.
        """

    def emotes(self, channel_id: str | None) -> list[Emote]:
        """Emotes of a channel, or with ``None`` those that everybody can use."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Silence:
    """A time in which nobody listened."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Connection:
    """What a platform is opened with.

    Attributes:
        client_id, client_secret: credentials of an application at the platform.
        web_client_id: id that the platform's own web page names itself with, where an adapter needs one.
        base_urls: addresses by the adapter's own names, where they are not the platform's.
        workspace: folder that processes share, for the request budget.
        timeout_s: longest silence of the network before an attempt is given up, seconds.
        max_wait_s: longest that one call may wait for the platform's limits and between attempts, seconds.
    """

    workspace: Path
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    web_client_id: SecretStr | None = None
    base_urls: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 20.0
    max_wait_s: float = 900.0
    clock: Clock = field(default_factory=Clock)


class LiveListener(Protocol):
    """Somebody who listens to channels while they stream, and connects again where the connection is lost."""

    def lines(self, stop: Callable[[], bool]) -> Iterator[str]:
        """Lines of chat as they come, until ``stop`` says so; raises ``StreamError`` when there is no way back."""

    @property
    def silences(self) -> Sequence[Silence]:
        """Times so far in which nobody listened."""


class LiveChatSource(Protocol):
    """How a platform's chat is heard live; raw lines are what is kept."""

    def listen(self, base_urls: Mapping[str, str], logins: Sequence[str]) -> LiveListener:
        """Listen to channels; raises ``ConfigurationError`` when they would be heard unprotected."""

    def login_of(self, line: str) -> str | None:
        """Login of the channel that a line is about."""

    def channel_of(self, line: str) -> str | None:
        """Id of the channel that a line is about, where the line says it."""

    def parse(self, lines: Iterable[str], conversation_id: str) -> StreamChat:
        """Lines of one channel as records; what was heard twice counts once."""

    def erase(self, data: bytes, stand_in: StandIn) -> bytes:
        """Archived lines without somebody; see ``StandIn``."""


@dataclass(frozen=True)
class PlatformSpec:
    """A platform as ``registry`` knows it.

    Attributes:
        name: short name, as in tables and settings.
        label: name as people write it.
        hosts: host names of its addresses, without ``www.`` and ``m.``.
        reference: path of an address (without host) → the channel it leads to; ``None``: to no channel.
        connect: open it.
        parse_chat: archived pages of a video, in order, as records. It needs no open platform: what is archived can
            be parsed for ever, also without credentials. A comment on two pages counts once, and nothing is raised
            for what a page holds: what cannot be used is quarantined.
        erase_page: an archived page of a video without somebody; see ``StandIn``.
        video_link: video and seconds from its start → address that plays it from there.
        third_party_emotes: whether BTTV, FFZ and 7TV know its channels by the platform's ids.
        names_are_logins: an account is also known by the name that is shown: nobody else has it at the time, and case
            does not tell names apart.
        read_chat_file: bytes and name of a file, what is known of a video by its id, and the video's id where
            somebody said it → the file's chat; raises ``InputError``. ``None``: there are no such files.
        erase_chat_file: bytes and name of such a file → it without somebody; see ``StandIn``.
        live: how chat is heard while a channel streams; ``None``: it is not.
    """

    name: str
    label: str
    hosts: tuple[str, ...]
    reference: Callable[[str], ChannelReference | None]
    connect: Callable[[Connection], StreamPlatform]
    parse_chat: Callable[[Video, Iterable[bytes]], StreamChat]
    erase_page: Callable[[Video, bytes, StandIn], bytes]
    video_link: Callable[[str, float], str]
    third_party_emotes: bool = False
    names_are_logins: bool = False
    read_chat_file: Callable[[bytes, str, Callable[[str], Video | None], str | None], ChatFile] | None = None
    erase_chat_file: Callable[[bytes, str, StandIn], bytes] | None = None
    live: LiveChatSource | None = None


def video_conversation_id(platform: str, video_id: str) -> str:
    """``<platform>-<video>``: one conversation a video, whichever way its chat came."""
    return f"{platform}-{video_id}"


def live_conversation_id(platform: str, channel_id: str, day: date) -> str:
    """``<platform>-live-<channel>-<day>``: what was heard live on a day, before there is a video."""
    return f"{platform}-live-{channel_id}-{day.isoformat()}"


def message_id(platform: str, comment_id: str) -> str:
    """``<platform>-<comment>``, for comments with an id of their own."""
    return f"{platform}-{comment_id}"

"""A seeded world of streamers: figures day by day, videos, chat and emotes, with the truth about them.

What belongs here: who streams, what is planted (rises, falls, steps, gaps, bots, renames, memes), what is said. What
does not: how a platform shows any of it (``twitch_server``, ``chzzk_server``, ``emote_servers``,
``twitch_irc_server``).

Everything about a streamer depends on ``(seed, index)``, everything about a video on its id, so a world of any size
costs nothing until a part of it is asked for. All people, words and emotes are invented.
"""

# Random numbers here must repeat from a seed; nothing of it protects anything.
# ruff: noqa: S311
from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

from chat_platform.simulators import stream_words as words

Trend = Literal["rise", "fall", "flat"]
Event = Literal["step_up", "step_down", "gap", "bot_spike", "rename"]
PLANTED: tuple[tuple[Trend, Event | None], ...] = (
    ("rise", None),
    ("flat", None),
    ("fall", None),
    ("flat", "bot_spike"),
    ("rise", "gap"),
    ("flat", "rename"),
    ("fall", "rename"),
    ("rise", "step_up"),
    ("flat", "gap"),
    ("fall", "step_down"),
)
"""What the streamers of ten in a row do."""

ZONE = ZoneInfo("Asia/Seoul")
FIRST_VIDEO_ID = 2_000_000_000
VIDEOS_KEPT = 10_000
GAP_DAYS = 4
SPIKE_DAYS = 3
_BEGIN = time(20, 0)
_SLOT = re.compile(r"\{(\w)\}")


@dataclass(frozen=True)
class Streamer:
    """Somebody who streams, and what is planted.

    Attributes:
        trend: what a good measure finds.
        event: what should not mislead it.
        turn: day (from 0) on which the trend sets in.
        event_day: day of the event; a gap lasts ``GAP_DAYS``, a spike of bots ``SPIKE_DAYS``.
        later_login: login from the day of a rename on.
        weekdays: days of the week (Monday is 0) on which they stream.
    """

    index: int
    channel_id: str
    chzzk_id: str
    login: str
    later_login: str
    display_name: str
    followers: int
    trend: Trend
    event: Event | None
    turn: int
    event_day: int
    weekdays: tuple[int, ...]
    prefix: str


@dataclass(frozen=True)
class GeneratedVideo:
    """A stream that was recorded."""

    video_id: str
    streamer: int
    number: int
    day: date
    started_at: datetime
    duration_s: int
    title: str
    final_views: int
    muted_s: int


@dataclass(frozen=True)
class GeneratedEmote:
    """An emote of somebody's.

    Attributes:
        provider: ``native``, ``bttv``, ``ffz`` or ``7tv``.
        shared: BTTV: belongs to another channel and is shared with this one.
    """

    provider: str
    emote_id: str
    code: str
    animated: bool = False
    zero_width: bool = False
    shared: bool = False


@dataclass(frozen=True)
class Viewer:
    """An account that writes."""

    user_id: str
    login: str
    display_name: str


@dataclass(frozen=True)
class GeneratedComment:
    """A message in a stream.

    Attributes:
        offset_ms: from the start of the video.
        viewer: ``None``: the account is gone.
        parts: text, and id of the native emote that it is.
    """

    comment_id: str
    offset_ms: int
    viewer: Viewer | None
    parts: tuple[tuple[str, str | None], ...]

    @property
    def text(self) -> str:
        """The message as people read it."""
        return "".join(part for part, _ in self.parts)


class StreamWorld:
    """Streamers over some days.

    Args:
        seed: same seed, same world.
        streamers: how many.
        days: days of the world.
        messages_per_video: messages of a video, about.

    Attributes:
        today: the day that platforms show; set it to move time.
        deleted: videos that are gone.
        renamed: streamer → login since a rename made by hand, beside those planted.
        partial: video → share of its chat that can be seen so far, for a chat that grows.
        emote_changes: days on which an emote came or went, by hand: (day, streamer, emote, added).
    """

    def __init__(
        self,
        seed: int,
        *,
        streamers: int = 30,
        days: int = 60,
        first_day: date = date(2026, 3, 2),
        messages_per_video: int = 300,
    ) -> None:
        self.seed = seed
        self.streamers = streamers
        self.days = days
        self.first_day = first_day
        self.messages_per_video = messages_per_video
        self.today = first_day + timedelta(days=days - 1)
        self.deleted: set[str] = set()
        self.renamed: dict[int, str] = {}
        self.partial: dict[str, float] = {}
        self.emote_changes: list[tuple[date, int, GeneratedEmote, bool]] = []
        self._streamers = [self._streamer(index) for index in range(streamers)]
        self._by_channel = {s.channel_id: s for s in self._streamers} | {
            s.chzzk_id: s for s in self._streamers
        }
        self._chat = lru_cache(maxsize=64)(self._written)
        self._recorded = lru_cache(maxsize=None)(self._recordings)

    @property
    def now(self) -> datetime:
        """An hour before midnight of today, in Korea."""
        return datetime.combine(self.today, time(23, 0), ZONE).astimezone(UTC)

    def day(self, index: int) -> date:
        """A day of the world, from 0."""
        return self.first_day + timedelta(days=index)

    def everybody(self) -> list[Streamer]:
        """All streamers, whether their channels can be seen today or not."""
        return list(self._streamers)

    def by_channel(self, channel_id: str) -> Streamer | None:
        """A streamer by either platform's channel id."""
        return self._by_channel.get(channel_id)

    def by_login(self, login: str) -> Streamer | None:
        """Who has a login today."""
        return self._logins(self.today, tuple(sorted(self.renamed.items()))).get(login)

    def login(self, streamer: Streamer, day: date | None = None) -> str:
        """Login on a day; the old one belongs to nobody after a rename."""
        if streamer.index in self.renamed:
            return self.renamed[streamer.index]
        renamed = streamer.event == "rename" and self._number(day or self.today) >= streamer.event_day
        return streamer.later_login if renamed else streamer.login

    def visible(self, streamer: Streamer, day: date | None = None) -> bool:
        """Whether a channel can be seen: not in its gap, in which it is suspended."""
        number = self._number(day or self.today)
        return streamer.event != "gap" or not streamer.event_day <= number < streamer.event_day + GAP_DAYS

    def followers(self, streamer: Streamer, day: date | None = None) -> int:
        """Followers on a day."""
        number = self._number(day or self.today)
        slope = {"rise": 0.02, "fall": -0.012, "flat": 0.0}[streamer.trend]
        level = 1.0 + slope * max(0, number - streamer.turn)
        if streamer.event in ("step_up", "step_down") and number >= streamer.event_day:
            level += 0.25 if streamer.event == "step_up" else -0.15
        if streamer.event == "bot_spike" and streamer.event_day <= number < streamer.event_day + SPIKE_DAYS:
            level += 0.8
        noise = Random(f"{self.seed}/followers/{streamer.index}/{number}").gauss(0, 0.0015)
        return max(1, round(streamer.followers * (level + noise)))

    def videos(self, streamer: Streamer) -> list[GeneratedVideo]:
        """Videos that can be seen now, newest first."""
        return [video for video in self._recorded(streamer) if self._is_seen(video)][::-1]

    def video(self, video_id: str) -> GeneratedVideo | None:
        """A video by id, when it can be seen now."""
        place = int(video_id) - FIRST_VIDEO_ID if video_id.isascii() and video_id.isdigit() else -1
        index, _ = divmod(place, VIDEOS_KEPT)
        if not 0 <= index < self.streamers:
            return None
        return next((v for v in self.videos(self._streamers[index]) if v.video_id == video_id), None)

    def views(self, video: GeneratedVideo, day: date | None = None) -> int:
        """Views of a video on a day; most come in the first days."""
        age = max(0, ((day or self.today) - video.day).days) + 0.3
        return round(video.final_views * (1 - math.exp(-age / 4)))

    def chat(self, video: GeneratedVideo) -> tuple[GeneratedComment, ...]:
        """Messages of a video in the order of time."""
        written = self._chat(video)
        return written[: round(len(written) * self.partial.get(video.video_id, 1.0))]

    def native_uses(self, video: GeneratedVideo) -> Counter[tuple[str, str]]:
        """Truth: how often each native emote (id, code) stands in a video's chat."""
        return Counter(
            (emote_id, part) for comment in self.chat(video) for part, emote_id in comment.parts if emote_id
        )

    def emotes(
        self, provider: str, streamer: Streamer | None, day: date | None = None
    ) -> list[GeneratedEmote]:
        """Emotes of a channel on a day, or those of everybody."""
        if streamer is None:
            return list(_GLOBAL.get(provider, ()))
        on = day or self.today
        if provider == "native":
            return [_emote("native", streamer.prefix + name) for name in words.NATIVE_NAMES]
        held = {emote.code: emote for emote in self._third_party(provider, streamer, on)}
        for since, index, emote, added in self.emote_changes:
            if index == streamer.index and emote.provider == provider and since <= on:
                held.pop(emote.code, None)
                held |= {emote.code: emote} if added else {}
        return list(held.values())

    def meme_day(self, meme: int, streamer: Streamer) -> int | None:
        """Truth: day on which a meme reaches a channel; ``None``: it never does."""
        born = (meme + 1) * self.days // (len(words.MEMES) + 1)
        distance = (streamer.index - 7 * meme) % max(1, self.streamers)
        reached = born + (0 if distance == 0 else 1 + distance // 3)
        return reached if reached < self.days else None

    def _third_party(self, provider: str, streamer: Streamer, day: date) -> Iterator[GeneratedEmote]:
        number = self._number(day)
        chosen = Random(f"{self.seed}/emotes/{streamer.index}").sample(words.CHANNEL_EMOTES, 6)
        if provider == "bttv":
            yield from (_emote("bttv", code, shared=place == 1) for place, code in enumerate(chosen[:3]))
        if provider == "ffz":
            yield _emote("ffz", chosen[3])
        if provider == "7tv":
            # From the middle of the world on, every fifth channel has one emote less.
            kept = chosen[4:5] if streamer.index % 5 == 0 and number >= self.days // 2 else chosen[4:]
            yield from (_emote("7tv", code, animated=True) for code in kept)
            for meme, code in enumerate(words.MEMES):
                since = self.meme_day(meme, streamer)
                if since is not None and number >= since:
                    yield _emote("7tv", code, animated=True)
        if provider in ("bttv", "7tv") and streamer.index % 4 == 0:
            yield _emote(provider, words.SHARED_CODE)

    def _written(self, video: GeneratedVideo) -> tuple[GeneratedComment, ...]:
        rng = Random(f"{self.seed}/chat/{video.video_id}")
        streamer = self._streamers[video.streamer]
        writer = _Writer(self, streamer, video, rng)
        wanted = max(1, round(self.messages_per_video * rng.uniform(0.7, 1.3)))
        peak = rng.uniform(0.2, 0.9) * video.duration_s * 1000
        offsets = sorted(
            min(video.duration_s * 1000 - 1, max(0, int(rng.gauss(peak, 60_000))))
            if rng.random() < 0.15
            else rng.randrange(video.duration_s * 1000)
            for _ in range(wanted)
        )
        return tuple(
            GeneratedComment(_uuid(rng), offset, writer.viewer(), writer.parts()) for offset in offsets
        )

    def _recordings(self, streamer: Streamer) -> list[GeneratedVideo]:
        """Every video of a streamer, oldest first."""
        days = (self.day(number) for number in range(self.days))
        streamed = [day for day in days if day.weekday() in streamer.weekdays]
        return [self._video(streamer, number, day) for number, day in enumerate(streamed)]

    def _video(self, streamer: Streamer, number: int, day: date) -> GeneratedVideo:
        rng = Random(f"{self.seed}/video/{streamer.index}/{number}")
        started = datetime.combine(day, _BEGIN, ZONE).astimezone(UTC) + timedelta(minutes=rng.randrange(30))
        return GeneratedVideo(
            video_id=str(FIRST_VIDEO_ID + streamer.index * VIDEOS_KEPT + number),
            streamer=streamer.index,
            number=number,
            day=day,
            started_at=started,
            duration_s=rng.randrange(45, 140) * 60 + rng.randrange(60),
            title=rng.choice(words.TITLES),
            final_views=max(10, round(self.followers(streamer, day) * rng.uniform(0.02, 0.2))),
            muted_s=rng.choice((0, 0, 0, 180)),
        )

    def _is_seen(self, video: GeneratedVideo) -> bool:
        ended = video.started_at + timedelta(seconds=video.duration_s)
        return ended <= self.now and video.video_id not in self.deleted

    def _streamer(self, index: int) -> Streamer:
        rng = Random(f"{self.seed}/streamer/{index}")
        trend, event = PLANTED[index % len(PLANTED)]
        head, tail = rng.randrange(len(words.NAME_HEADS)), rng.randrange(len(words.NAME_TAILS))
        login = f"{words.LOGIN_HEADS[head]}_{words.LOGIN_TAILS[tail]}{index}"
        return Streamer(
            index=index,
            channel_id=str(10_000_000 + index * 7_919),
            chzzk_id=hashlib.sha256(f"chzzk/{self.seed}/{index}".encode()).hexdigest()[:32],
            login=login,
            later_login=f"{login}_tv",
            display_name=f"{words.NAME_HEADS[head]}{words.NAME_TAILS[tail]}{index}",
            followers=round(10 ** rng.uniform(3, 6)),
            trend=trend,
            event=event,
            turn=self.days // 3 + rng.randrange(max(1, self.days // 6)),
            event_day=self.days // 2 + rng.randrange(max(1, self.days // 5)),
            weekdays=tuple(sorted(rng.sample(range(7), rng.randrange(2, 5)))),
            prefix=words.LOGIN_HEADS[head][:4] + _letters(index),
        )

    def _number(self, day: date) -> int:
        return (day - self.first_day).days

    @lru_cache(maxsize=4)  # noqa: B019 - a world lives as long as its server
    def _logins(self, day: date, renamed: tuple[tuple[int, str], ...]) -> dict[str, Streamer]:
        return {self.login(streamer, day): streamer for streamer in self._streamers}


class _Writer:
    """Writes the messages of one video."""

    def __init__(self, world: StreamWorld, streamer: Streamer, video: GeneratedVideo, rng: Random) -> None:
        self._rng = rng
        self._native = world.emotes("native", streamer) + world.emotes("native", None)
        providers = ("bttv", "ffz", "7tv")
        self._codes = [
            emote.code
            for provider in providers
            for emote in world.emotes(provider, streamer, video.day) + world.emotes(provider, None)
        ]
        self._memes = [
            (words.MEMES[meme], (video.day - world.first_day).days - since)
            for meme in range(len(words.MEMES))
            if (since := world.meme_day(meme, streamer)) is not None and world.day(since) <= video.day
        ]
        crowd = Random(f"{world.seed}/crowd/{streamer.index}")
        own = [_viewer(streamer.index * 1_000 + number) for number in range(60)]
        self._viewers = own + [_viewer(crowd.randrange(max(1, world.streamers)) * 1_000) for _ in range(6)]

    def viewer(self) -> Viewer | None:
        """Who writes: a few write much; one in a hundred has left."""
        if self._rng.random() < 0.01:
            return None
        return self._viewers[min(len(self._viewers) - 1, int(self._rng.expovariate(0.06)))]

    def parts(self) -> tuple[tuple[str, str | None], ...]:
        """Text and emotes of a message."""
        rng = self._rng
        template = rng.choice(words.KOREAN if rng.random() < 0.85 else words.ENGLISH)
        parts: list[tuple[str, str | None]] = []
        end = 0
        for slot in _SLOT.finditer(template):
            parts += [(template[end : slot.start()], None)] if slot.start() > end else []
            parts.append(self._filled(slot[1]))
            end = slot.end()
        parts += [(template[end:], None)] if end < len(template) else []
        for code, age in self._memes:
            if rng.random() < min(0.12, 0.01 * (age + 1)):
                parts.append((f" {code}", None))
        return tuple(_joined(parts))

    def _filled(self, slot: str) -> tuple[str, str | None]:
        if slot == "n":
            emote = self._rng.choice(self._native)
            return emote.code, emote.emote_id
        if slot == "e":
            return self._rng.choice(self._codes), None
        return (self._rng.choice(words.EMOJI) if slot == "j" else str(self._rng.randrange(2, 50))), None


def _joined(parts: list[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    """Neighbouring pieces of plain text as one, as platforms show them."""
    held = ""
    for part, emote_id in parts:
        if emote_id is None:
            held += part
            continue
        if held:
            yield held, None
        held = ""
        yield part, emote_id
    if held:
        yield held, None


def _emote(provider: str, code: str, **more: bool) -> GeneratedEmote:
    name = hashlib.sha256(f"{provider}/{code}".encode()).hexdigest()
    emote_id = f"emotesv2_{name[:32]}" if provider == "native" else name[:24]
    return GeneratedEmote(provider, emote_id, code, **more)


_GLOBAL = {
    "native": tuple(
        GeneratedEmote("native", str(300 + place), code) for place, code in enumerate(words.GLOBAL_NATIVE)
    ),
    "bttv": tuple(_emote("bttv", code) for code in words.BTTV_GLOBAL),
    "ffz": tuple(_emote("ffz", code) for code in words.FFZ_GLOBAL),
    "7tv": tuple(_emote("7tv", code, zero_width=code == "snowFall") for code in words.SEVEN_TV_GLOBAL),
}


def _viewer(number: int) -> Viewer:
    heads, tails = words.VIEWER_HEADS, words.VIEWER_TAILS
    name = f"{heads[number % len(heads)]}{tails[number // len(heads) % len(tails)]}{number}"
    return Viewer(str(500_000_000 + number), f"viewer{number}", name)


def _letters(number: int) -> str:
    """A number in letters: emotes of different channels must not share their prefixes."""
    letters = ""
    while True:
        letters = chr(ord("a") + number % 26) + letters
        number = number // 26 - 1
        if number < 0:
            return letters


def _uuid(rng: Random) -> str:
    name = f"{rng.getrandbits(128):032x}"
    return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))

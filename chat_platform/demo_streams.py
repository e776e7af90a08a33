"""Streams of the demo: generated streamers on a local Twitch, their figures of sixty days and some chats.

What belongs here: which streamers and chats the demo shows, letting their days pass, and what the published tables
say of them in the end. What does not: the class (``demo``), what is planted (``simulators.stream_generator``).

Sixty days cannot be waited for. A process of its own lets them pass on a Twitch of its own and asks as the daily run
does, while the class is worked through; what it archives is all that it leaves behind. One run of the graph then
writes the sixty partitions from the archive, and chats come through the sensor like any others. Chats are read of a
few channels only, as many as a person wants to wait for; your own list is read as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.streams.channels import import_streamers
from chat_platform.ingestion.streams.emotes import archive_emotes
from chat_platform.ingestion.streams.snapshots import ask_day, snapshot_id
from chat_platform.ingestion.streams.tables import listed_ids
from chat_platform.ingestion.streams.vods import discover
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import Streamer, StreamWorld
from chat_platform.simulators.stream_world import StreamServers, start_streams
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.connections import open_platform, open_third_party_emotes
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNEL_TRENDS, CHANNELS, EMOTES

if TYPE_CHECKING:
    from chat_platform.runner import FinishedRun, Runner

PLATFORM = "twitch"
FIRST_DAY = date(2026, 3, 2)
# Chats of the last two weeks: one week to compare the other with.
CHAT_DAYS = 14
NAMED = 3
_OF_DAYS = (
    ("core", PLATFORM, "channel_snapshots"),
    ("core", PLATFORM, "video_snapshots"),
    ("core", PLATFORM, "emotes"),
    ("ml", "streams", "channel_trends"),
)

_TRENDS = """
select trend, list({'channel': channel, 'change': change_of_level} order by score) as channels
from marts.streamer_ranking where metric = 'followers' group by trend
"""
_NUMBERS = """
select
    (select count(distinct day) from core.channel_snapshots) as days,
    (select count(*) from marts.stream_videos where messages > 0) as videos,
    (select coalesce(sum(messages), 0)::bigint from marts.stream_videos) as messages
"""
_TOP_EMOTE = """
select code, sum(uses)::bigint as uses from marts.emotes_daily
group by provider, emote_id, code order by uses desc, code limit 1
"""
_RISING = "select code, growth_at_least, channels from marts.emotes_rising order by rank limit 1"


@dataclass(frozen=True)
class StreamPlan:
    """How much of streams the demo shows.

    Attributes:
        seed: another seed, other streamers.
        least_videos: chats are read of the largest channels, until there are so many.
        messages_per_video: messages of a chat, about.
    """

    seed: int
    streamers: int = 30
    days: int = 60
    least_videos: int = 10
    messages_per_video: int = 1_100

    def world(self) -> StreamWorld:
        """The streamers, on their last day."""
        return StreamWorld(
            self.seed,
            streamers=self.streamers,
            days=self.days,
            first_day=FIRST_DAY,
            messages_per_video=self.messages_per_video,
        )

    def watched(self, world: StreamWorld) -> list[str]:
        """Channels whose chats are read."""
        since = world.day(self.days - CHAT_DAYS)
        found = 0
        channels = []
        for streamer in sorted(world.everybody(), key=lambda one: -one.followers):
            if found >= self.least_videos:
                break
            channels.append(streamer.channel_id)
            found += sum(video.day >= since for video in world.videos(streamer))
        return channels


class WorldClock(Clock):
    """The time of a generated world."""

    def __init__(self, world: StreamWorld) -> None:
        self._world = world

    def now(self) -> float:
        """Unix seconds of the world's day."""
        return self._world.now.timestamp()


class StreamDemo:
    """Streamers that are being followed; ``finish`` brings what was seen of them to the published tables."""

    def __init__(self, plan: StreamPlan, world: StreamWorld, history: Future[str | None] | None) -> None:
        self._plan = plan
        self._world = world
        self._history = history

    def finish(self, runner: Runner, on_event: Callable[[str], None]) -> tuple[list[FinishedRun], list[str]]:
        """Write the days from the archive, fetch chats, count and publish; gives the runs, and what failed."""
        failed = self._history.result() if self._history is not None else None
        if failed is not None:
            return [], [failed]
        runs, workspace, clock = [], Workspace(Settings()), WorldClock(self._world)
        if days := days_left(workspace, self._plan):
            runs.append(runner.run(f"{PLATFORM}_days", days, on_event, only=_OF_DAYS))
        with closing(open_platform(workspace.settings, PLATFORM, clock=clock)) as platform:
            since = self._world.day(self._plan.days - CHAT_DAYS)
            watched = self._plan.watched(self._world)
            discover(workspace, platform, since=since, channel_ids=watched, clock=clock)
        runs += runner.catch_up(on_event, sensor="stream_videos").runs
        return runs, []


@contextmanager
def followed_streams(plan: StreamPlan) -> Iterator[StreamDemo]:
    """Follow streamers beside whatever else is done; the home is the environment's."""
    with _servers(plan) as servers, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        workspace, world = Workspace(Settings()), servers.world
        if not workspace.lake.files(CHANNELS):
            world.today = world.first_day
            import_streamers(workspace, "streamers.csv", streamer_list(world), clock=WorldClock(world))
            world.today = world.day(plan.days - 1)
        history = pool.submit(let_days_pass, plan) if days_left(workspace, plan) else None
        yield StreamDemo(plan, world, history)


def streamer_list(world: StreamWorld) -> bytes:
    """The list as somebody keeps it: names and addresses of the first day."""

    def address(streamer: Streamer) -> str:
        return f"https://www.twitch.tv/{world.login(streamer, world.first_day)}"

    lines = [f"{streamer.display_name},{address(streamer)}" for streamer in world.everybody()]
    return "\n".join(["name,url", *lines]).encode()


def days_left(workspace: Workspace, plan: StreamPlan) -> list[str]:
    """From the first day without figures to the last day; nothing when all that comes of the days is there."""
    days = [FIRST_DAY + timedelta(days=number) for number in range(plan.days)]
    there = workspace.lake.files(CHANNEL_SNAPSHOTS)
    whole = workspace.lake.files(EMOTES) and workspace.lake.files(CHANNEL_TRENDS)
    missing = [day for day in days if not whole or snapshot_id(PLATFORM, day) not in there]
    return [day.isoformat() for day in days if missing and day >= missing[0]]


def let_days_pass(plan: StreamPlan) -> str | None:
    """Ask for the figures of every streamer on each day, and archive them; gives why it could not be done.

    Lists of emotes are read on the first day, and of channels whose chats are read on the days of these. What is
    archived is not asked for again, so that an interrupted demo goes on where it stopped.
    """
    with _servers(plan) as servers:
        workspace, world = Workspace(Settings()), servers.world
        clock, settings = WorldClock(world), workspace.settings
        everybody, watched = listed_ids(workspace, PLATFORM), plan.watched(world)
        with (
            closing(open_platform(settings, PLATFORM, clock=clock)) as platform,
            closing(open_third_party_emotes(settings, PLATFORM, clock=clock)) as providers,
        ):
            for number in range(plan.days):
                world.today = world.day(number)
                try:
                    asked = ask_day(workspace, platform, world.today, clock=clock)
                    if number == 0 or number >= plan.days - CHAT_DAYS:
                        channels = watched if number else everybody
                        archive_emotes(workspace, platform, providers, channels, world.today)
                except ChatPlatformError as error:
                    return str(error)
                if asked.error is not None:
                    return str(asked.error)
    return None


@contextmanager
def _servers(plan: StreamPlan) -> Iterator[StreamServers]:
    """The platforms, and the environment that points at them.

    Without Twitch's limit of requests a minute: sixty days of asking lie within seconds here.
    """
    with start_streams(plan.world(), limit=None) as servers, environment(servers.environment()):
        yield servers


def summary(workspace: Workspace) -> dict[str, Any]:
    """What the published tables say of streams.

    Returns:
        ``streamers``, ``days``, ``videos`` (those with chat) and ``messages``; ``trends``: how many streamers have
        each; ``rising`` and ``falling``: those with the largest change (``channel``, ``change``); ``top_emote`` and
        ``rising_emote``, empty where there is none.
    """
    with workspace.publication.read() as connection:

        def first(sql: str) -> dict[str, Any]:
            rows = connection.execute(sql).to_arrow_table().to_pylist()
            return rows[0] if rows else {}

        trends = dict(connection.execute(_TRENDS).fetchall())
        return {
            "streamers": sum(map(len, trends.values())),
            **first(_NUMBERS),
            "trends": {trend: len(trends[trend]) for trend in sorted(trends)},
            "rising": trends.get("rising", [])[::-1][:NAMED],
            "falling": trends.get("falling", [])[:NAMED],
            "top_emote": first(_TOP_EMOTE),
            "rising_emote": first(_RISING),
        }


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

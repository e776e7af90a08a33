"""The demo's streams: what is planted in the generated world is what the published tables say in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chat_platform.demo_streams import PLATFORM, StreamPlan, days_left, followed_streams, summary
from chat_platform.runner import FinishedRun, Runner
from chat_platform.simulators.stream_generator import GAP_DAYS, GeneratedVideo, StreamWorld
from chat_platform.simulators.stream_words import MEMES
from tests.integration.harness import Home

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow, pytest.mark.timeout(600)]
MakeHome = Callable[[str], Home]
VARIABLES = {"CHATP_STREAMS__START_DATE": "2026-03-02", "CHATP_WORKERS": "1"}
# One streamer of each planted kind.
PLAN = StreamPlan(1, streamers=10, least_videos=5, messages_per_video=300)


@dataclass(frozen=True)
class Shown:
    """A home in which the demo's streams were shown."""

    plan: StreamPlan
    home: Home

    @property
    def world(self) -> StreamWorld:
        return self.plan.world()

    def show(self) -> tuple[list[FinishedRun], list[str]]:
        """Show them, from where they were left."""
        with self.home.entered(VARIABLES) as settings, followed_streams(self.plan) as streams:
            return streams.finish(Runner(settings), lambda _: None)

    def watched(self) -> list[GeneratedVideo]:
        """Videos whose chats are read."""
        world, channels = self.world, self.plan.watched(self.world)
        since = world.day(self.plan.days - 14)
        return [
            video
            for streamer in world.everybody()
            for video in world.videos(streamer)
            if streamer.channel_id in channels and video.day >= since
        ]

    def summary(self) -> dict[str, Any]:
        with self.home.entered(VARIABLES):
            return summary(self.home.workspace())


def shown(plan: StreamPlan, home: Home) -> Shown:
    found = Shown(plan, home)
    runs, failed = found.show()
    assert failed == [] and all(run.ok for run in runs), [run.error for run in runs]
    assert [run.job for run in runs] == ["twitch_days", "fetch_twitch_videos", "twitch_videos"]
    return found


@pytest.fixture(scope="module")
def demo(make_home: MakeHome) -> Shown:
    return shown(PLAN, make_home("demo-streams"))


def test_planted_rises_and_falls_are_ranked_as_such_and_nobody_else_is(demo: Shown) -> None:
    found = dict(
        demo.home.query("select channel_id, trend from marts.streamer_ranking where metric = 'followers'")
    )
    truth = {s.channel_id: s.trend for s in demo.world.everybody()}
    named = {"rising": "rise", "falling": "fall", "steady": "flat", "spike": "flat"}
    assert {channel: named.get(trend) for channel, trend in found.items()} == truth


def test_every_day_has_the_figures_that_could_be_had(demo: Shown) -> None:
    world = demo.world
    rows = demo.home.query("select channel_id, day, followers from core.channel_snapshots")
    truth = {
        (s.channel_id, world.day(n)): world.followers(s, world.day(n))
        for s in world.everybody()
        for n in range(world.days)
        if world.visible(s, world.day(n))
    }
    assert {(channel, day): followers for channel, day, followers in rows} == truth
    gaps = [s.channel_id for s in world.everybody() if s.event == "gap"]
    of_channel = Counter(channel for channel, _, _ in rows)
    assert {of_channel[channel] for channel in gaps} == {world.days - GAP_DAYS}
    spiky = {
        channel
        for (channel,) in demo.home.query(
            "select channel_id from ml.channel_trends where metric = 'followers' and spikes <> '[]'"
        )
    }
    assert {s.channel_id for s in world.everybody() if s.event == "bot_spike"} <= spiky


def test_a_planted_meme_is_counted_and_on_the_rise(demo: Shown) -> None:
    chats = [comment.text for video in demo.watched() for comment in demo.world.chat(video)]
    truth = {meme: sum(text.split(" ").count(meme) for text in chats) for meme in MEMES}
    uses = dict(
        demo.home.query(
            "select code, sum(uses)::bigint from core.emote_uses where provider = '7tv' group by 1"
        )
    )
    assert {meme: uses.get(meme, 0) for meme in MEMES} == truth
    assert truth[MEMES[-1]] > 0
    rising = [code for (code,) in demo.home.query("select code from marts.emotes_rising order by rank")]
    assert MEMES[-1] in rising
    assert len(rising) < demo.home.query("select count(distinct code) from core.emote_uses")[0][0] / 2


def test_the_summary_is_what_the_tables_say(demo: Shown) -> None:
    said, world = demo.summary(), demo.world
    names = {
        trend: {s.display_name for s in world.everybody() if s.trend == trend} for trend in ("rise", "fall")
    }
    assert {one["channel"] for one in said["rising"]} == names["rise"]
    assert {one["channel"] for one in said["falling"]} == names["fall"]
    assert [one["change"] for one in said["rising"]] == sorted(
        (one["change"] for one in said["rising"]), reverse=True
    )
    assert (said["streamers"], said["days"], said["videos"]) == (10, 60, len(demo.watched()))
    assert said["messages"] == sum(len(demo.world.chat(video)) for video in demo.watched())
    assert said["top_emote"]["uses"] >= said["rising_emote"]["channels"] > 0


def test_shown_again_there_is_nothing_to_do(demo: Shown) -> None:
    before = demo.home.workspace().publication.current().number
    assert days_left(demo.home.workspace(), demo.plan) == []
    assert demo.show() == ([], [])
    assert demo.home.workspace().publication.current().number == before
    assert demo.home.workspace().ledger.due(PLATFORM) == []


@pytest.mark.exhaustive
def test_another_seed_shows_others(demo: Shown, make_home: MakeHome) -> None:
    other = shown(StreamPlan(2, streamers=10, least_videos=1, messages_per_video=40), make_home("demo-other"))
    assert other.summary()["rising"] != demo.summary()["rising"]
    assert set(other.home.query("select list_name from core.channels")) != set(
        demo.home.query("select list_name from core.channels")
    )

"""The simulated world: repeatable, planted as it says, of any size."""

from __future__ import annotations

import emoji
import pytest

from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.simulators.stream_generator import GAP_DAYS, StreamWorld
from chat_platform.simulators.stream_words import MEMES
from tests.cost import within


def series(world, streamer):
    days = [world.day(number) for number in range(world.days)]
    return [world.followers(streamer, day) if world.visible(streamer, day) else None for day in days]


def test_the_same_seed_is_the_same_world_and_another_is_another():
    first, second, other = (StreamWorld(seed, streamers=5) for seed in (1, 1, 2))
    assert first.everybody() == second.everybody() != other.everybody()
    video = first.videos(first.everybody()[0])[0]
    assert first.chat(video) == second.chat(video)


def test_every_kind_is_planted_as_it_says():
    world = StreamWorld(4, streamers=30, days=60)
    for streamer in world.everybody():
        figures = series(world, streamer)
        gap = [number for number, value in enumerate(figures) if value is None]
        assert len(gap) == (GAP_DAYS if streamer.event == "gap" else 0)
        known = [value for value in figures if value is not None]
        change = known[-1] / known[0] - 1
        assert {"rise": change > 0.2, "fall": change < -0.1, "flat": abs(change) < 0.05}[streamer.trend]
        if streamer.event == "bot_spike":
            assert max(known) > 1.7 * known[0]
        if streamer.event == "rename":
            logins = [world.login(streamer, world.day(number)) for number in range(world.days)]
            assert len(set(logins)) == 2


def test_a_meme_is_typed_where_and_only_after_it_has_arrived():
    world = StreamWorld(4, streamers=5, days=40, messages_per_video=100)
    seen = 0
    for streamer in world.everybody():
        for video in world.videos(streamer):
            used = {meme for meme in MEMES for c in world.chat(video) if f" {meme}" in c.text}
            for meme in used:
                reached = world.meme_day(MEMES.index(meme), streamer)
                assert reached is not None and world.day(reached) <= video.day
            seen += len(used)
    assert seen > 5


def test_chat_holds_what_makes_counting_hard():
    world = StreamWorld(4, streamers=4, days=14)
    texts = [c.text for s in world.everybody() for v in world.videos(s) for c in world.chat(v)]
    used = {found["emoji"] for text in texts for found in emoji.emoji_list(text)}
    assert {"🇰🇷", "👨‍👩‍👧", "👍🏻"} <= used
    assert any(
        comment.viewer is None
        for s in world.everybody()
        for v in world.videos(s)
        for comment in world.chat(v)
    )


def test_a_large_world_costs_nothing_until_it_is_asked():
    def ask() -> None:
        world = StreamWorld(1, streamers=20_000, days=365)
        streamer = world.everybody()[19_999]
        assert world.video(world.videos(streamer)[0].video_id) is not None

    assert within(5, ask)


def test_time_shows_only_what_has_been():
    world = StreamWorld(4, streamers=3, days=20)
    for number in range(20):
        world.today = world.day(number)
        for streamer in world.everybody():
            assert all(video.day <= world.today for video in world.videos(streamer))


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="unknown kind"):
        stream_fault("earthquake")

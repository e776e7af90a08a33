"""All figures of many streamers: complete, within the limit, resumable."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from itertools import islice

import pytest

from chat_platform.errors import StreamError
from chat_platform.simulators.faults import Fault
from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import ChannelReference
from chat_platform.sources.streams.snapshots import ChannelSnapshot, MissingChannel, resolve, take_snapshots

SEED_SIZE = 1_566


def ids(world):
    return [streamer.channel_id for streamer in world.everybody()]


def as_planted(world, snapshot):
    streamer = world.by_channel(snapshot.channel.channel_id)
    return (
        snapshot.channel.login == world.login(streamer)
        and snapshot.totals.followers == world.followers(streamer)
        and {v.video_id: v.views for v in snapshot.videos}
        == {v.video_id: world.views(v) for v in world.videos(streamer)}
    )


def test_1566_streamers_within_twitch_s_limits(twitch, connect, clock):
    world = StreamWorld(9, streamers=SEED_SIZE, days=14)
    server = twitch(world=world)
    began = clock.now()
    results = list(take_snapshots(connect(server), ids(world), parallel=4, clock=clock))
    snapshots = [result for result in results if isinstance(result, ChannelSnapshot)]
    hidden = [s.channel_id for s in world.everybody() if not world.visible(s)]
    assert sorted(r.channel_id for r in results if isinstance(r, MissingChannel)) == sorted(hidden)
    assert len(snapshots) == len({s.channel.channel_id for s in snapshots}) == SEED_SIZE - len(hidden)
    assert all(as_planted(world, snapshot) for snapshot in snapshots)
    # The least that the API allows: users by the hundred, and one request each for followers and videos.
    least = -(-SEED_SIZE // 100) + 2 * len(snapshots)
    asked = [seen for seen in server.requests if seen.path.startswith("/helix/")]
    assert len(asked) <= 1.05 * least
    assert [seen.status for seen in asked].count(429) == server.window.refusals <= 4
    # The time of the limit and no more: every window of 800 is used up before the next is waited for.
    windows = -(-len(asked) // 800)
    assert clock.now() - began == pytest.approx(60 * (windows - 1), abs=2)


@pytest.mark.exhaustive
def test_the_limit_sets_the_wall_time_also_on_a_real_clock(twitch, connect):
    world = StreamWorld(9, streamers=100, days=10)
    server = twitch(world=world, limit=60, window_s=2.0, clock=time.time)
    began = time.monotonic()
    results = list(take_snapshots(connect(server, clock=Clock()), ids(world), parallel=4))
    took = time.monotonic() - began
    assert len(results) == 100
    asked = len([seen for seen in server.requests if seen.path.startswith("/helix/")])
    # Resets are told in whole seconds, so a window may cost up to one more.
    assert 2.0 * (-(-asked // 60) - 1) <= took <= 3.2 * -(-asked // 60)


def test_killed_anywhere_and_restarted_none_is_missing_or_doubled(twitch, connect, clock):
    world = StreamWorld(9, streamers=23, days=10)
    for stop in range(0, 23, 4):
        server = twitch(world=world)
        kept = list(islice(take_snapshots(connect(server), ids(world), parallel=3, clock=clock), stop))
        done = {r.channel.channel_id for r in kept if isinstance(r, ChannelSnapshot)}
        rest = list(take_snapshots(connect(server), ids(world), done=done, parallel=3, clock=clock))
        keys = Counter(r.channel.channel_id for r in [*kept, *rest] if isinstance(r, ChannelSnapshot))
        assert set(keys) == {s.channel_id for s in world.everybody() if world.visible(s)}
        assert set(keys.values()) == {1}


COLLECTOR = """
import sys
from pathlib import Path
from pydantic import SecretStr
from chat_platform.sources.streams.port import Connection
from chat_platform.sources.streams.snapshots import ChannelSnapshot, take_snapshots
from chat_platform.sources.streams.twitch.platform import TwitchPlatform
from tests.unit.streams.conftest import CLIENT_ID, CLIENT_SECRET, WEB_ID

kept, origin, *ids = sys.argv[1:]
urls = {"helix": f"{origin}/helix", "auth": origin, "gql": origin}
platform = TwitchPlatform(Connection(
    workspace=Path(kept).parent, client_id=SecretStr(CLIENT_ID), client_secret=SecretStr(CLIENT_SECRET),
    web_client_id=SecretStr(WEB_ID), base_urls=urls,
))
done = Path(kept).read_text(encoding="utf-8").split()
for result in take_snapshots(platform, ids, done=done, parallel=2):
    if isinstance(result, ChannelSnapshot):
        with Path(kept).open("a", encoding="utf-8") as file:
            file.write(result.channel.channel_id + "\\n")
"""


def test_a_collector_that_is_killed_again_and_again_finishes_and_repeats_nothing(twitch, tmp_path):
    world = StreamWorld(9, streamers=40, days=10)
    server = twitch(world=world, clock=time.time)
    kept = tmp_path / "kept"
    kept.touch()
    command = [sys.executable, "-c", COLLECTOR, str(kept), server.origin, *ids(world)]
    for threshold in (5, 20):
        collector = subprocess.Popen(command)
        while len(kept.read_text(encoding="utf-8").split()) < threshold and collector.poll() is None:
            time.sleep(0.002)
        collector.kill()
        collector.wait()
    assert len(kept.read_text(encoding="utf-8").split()) >= 20
    subprocess.run(command, check=True, timeout=60)
    counted = Counter(kept.read_text(encoding="utf-8").split())
    assert set(counted) == {s.channel_id for s in world.everybody() if world.visible(s)}
    assert set(counted.values()) == {1}


def test_when_all_are_done_nothing_is_asked(twitch, connect, clock):
    world = StreamWorld(9, streamers=5, days=10)
    server = twitch(world=world)
    assert list(take_snapshots(connect(server), ids(world), done=ids(world), clock=clock)) == []
    assert server.requests == []


def test_one_channel_that_fails_is_one_gap_with_its_reason(twitch, connect, clock):
    world = StreamWorld(9, streamers=3, days=10)
    server = twitch(Fault("server_error", endpoint="channels/followers", count=5), world=world)
    results = list(take_snapshots(connect(server), ids(world), clock=clock))
    missing = [r for r in results if isinstance(r, MissingChannel)]
    assert [r.reason for r in missing] == ["CP-STREAM-004"]
    assert sum(isinstance(r, ChannelSnapshot) for r in results) == 2


def test_credentials_that_fail_end_the_whole_run(twitch, connect, clock):
    world = StreamWorld(9, streamers=30, days=10)
    server = twitch(stream_fault("unauthorised", endpoint="channels/followers", count=1_000), world=world)
    with pytest.raises(StreamError, match="CP-STREAM-002"):
        list(take_snapshots(connect(server), ids(world), parallel=3, clock=clock))


def test_references_are_matched_by_what_is_answered_and_not_by_its_order(twitch, connect):
    world = StreamWorld(9, streamers=130, days=10)
    seen = [s for s in world.everybody() if world.visible(s)]
    references = [ChannelReference("twitch", "login", world.login(s)) for s in seen[:100]]
    references += [ChannelReference("twitch", "id", s.channel_id) for s in seen[100:]]
    unknown = [ChannelReference("twitch", "login", "nobody"), ChannelReference("twitch", "id", "1")]
    resolution = resolve(connect(twitch(world=world)), [unknown[0], *references, unknown[1], references[0]])
    assert {r: c.channel_id for r, c in resolution.found.items()} == {
        reference: s.channel_id for reference, s in zip(references, seen, strict=True)
    }
    assert resolution.missing == unknown


def test_a_renamed_streamer_of_the_list_is_followed_by_the_id_even_if_somebody_took_the_login(
    twitch, connect
):
    world = StreamWorld(9, streamers=10, days=10)
    platform = connect(twitch(world=world))
    renamed, thief = world.everybody()[0], world.everybody()[1]
    reference = ChannelReference("twitch", "login", world.login(renamed))
    known = {reference: resolve(platform, [reference]).found[reference].channel_id}
    world.renamed[renamed.index] = "a_new_name"
    assert resolve(platform, [reference]).missing == [reference]
    world.renamed[thief.index] = reference.value
    found = resolve(platform, [reference], known).found[reference]
    assert (found.channel_id, found.login) == (renamed.channel_id, "a_new_name")

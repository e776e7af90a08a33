"""Assets of streams against local platforms: days that are there and days that are not, chat that is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from chat_platform.assets.conversations import source_key
from chat_platform.assets.streams import LIST_KEY, TRENDS_KEY, build_stream_assets
from chat_platform.errors import StreamError
from chat_platform.ingestion.streams.snapshots import snapshot_day
from chat_platform.ingestion.tables import load_conversations, load_streams
from chat_platform.partitions import stream_videos
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sensors.batches import RANGE_END, RANGE_START
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.sources.streams.connections import open_platform
from chat_platform.tables.class_chat import MESSAGES, QUARANTINE, TOKENS
from chat_platform.tables.models import QUESTION_PREDICTIONS
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNELS, EMOTE_USES, EMOTES, VIDEO_SNAPSHOTS
from tests.assets.stream_home import StreamHome, stream_home

SNAPSHOTS = [source_key(spec, "twitch") for spec in (VIDEO_SNAPSHOTS, CHANNEL_SNAPSHOTS)]
PAGES = dg.AssetKey(["raw", "twitch_videos"])
CHAT = [source_key(spec, "twitch") for spec in (MESSAGES, EMOTE_USES, TOKENS, QUESTION_PREDICTIONS)]
PARSED = [
    dg.AssetKey(["core", "twitch", name])
    for name in ("messages", "reactions", "participants", "quarantine", "emote_uses")
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[StreamHome]:
    world = StreamWorld(5, streamers=5, days=20, messages_per_video=40)
    world.today = world.day(8)
    with stream_home(tmp_path, world) as made:
        yield made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    home: StreamHome,
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    span: tuple[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialise assets, for a range of partitions, as a run does it."""
    tags = {} if span is None else {RANGE_START: span[0], RANGE_END: span[1]}
    return dg.materialize(
        build_stream_assets(Settings()),
        selection=dg.AssetSelection.keys(*keys),
        instance=instance,
        resources={"workspace": WorkspaceResource(), "streams": home.resource()},
        tags=tags,
        raise_on_error=False,
    )


def metadata_of(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, Any]:
    found = [e for e in result.get_asset_materialization_events() if e.asset_key == key]
    return {name: value.value for name, value in found[-1].materialization.metadata.items()}


def partitions_there(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    return instance.get_materialized_partitions(key)


def test_without_a_list_the_assets_do_nothing_and_fail_nothing(
    home: StreamHome, instance: dg.DagsterInstance
) -> None:
    day = home.world.today.isoformat()
    keys = [LIST_KEY, *SNAPSHOTS, source_key(EMOTES, "twitch"), TRENDS_KEY]
    result = run(home, instance, keys, (day, day))
    assert result.success
    assert metadata_of(result, LIST_KEY)["channels"] == 0
    assert metadata_of(result, TRENDS_KEY)["dagster/row_count"] == 0
    assert home.servers.twitch.requests == []


def test_the_figures_of_today_are_asked_for_once(home: StreamHome, instance: dg.DagsterInstance) -> None:
    home.list_streamers()
    day = home.world.today.isoformat()
    result = run(home, instance, SNAPSHOTS, (day, day))
    assert result.success
    rows = home.workspace.lake.read(CHANNEL_SNAPSHOTS, f"twitch-{day}").to_pylist()
    world = home.world
    assert {row["channel_id"]: row["followers"] for row in rows} == {
        s.channel_id: world.followers(s) for s in world.everybody() if world.visible(s)
    }
    assert metadata_of(result, SNAPSHOTS[1])["dagster/row_count"] == len(rows)
    asked = len(home.servers.twitch.requests)
    assert run(home, instance, SNAPSHOTS, (day, day)).success
    assert len(home.servers.twitch.requests) - asked <= 2, "nothing is asked of a channel that is archived"
    assert partitions_there(instance, SNAPSHOTS[1]) == {day}


def test_a_day_that_nobody_asked_about_stays_missing_and_the_others_are_written_again(
    home: StreamHome, instance: dg.DagsterInstance
) -> None:
    home.list_streamers()
    world = home.world
    first = world.today
    run(home, instance, SNAPSHOTS, (first.isoformat(), first.isoformat()))
    before = home.workspace.lake.read(CHANNEL_SNAPSHOTS, f"twitch-{first}")
    instance.wipe_assets(SNAPSHOTS)
    home.workspace.lake.delete(CHANNEL_SNAPSHOTS, f"twitch-{first}")
    missed = first + timedelta(days=1)
    world.today = first + timedelta(days=2)
    asked = len(home.servers.twitch.requests)
    result = run(home, instance, SNAPSHOTS, (first.isoformat(), missed.isoformat()))
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert str(missed) in failure.step_failure_data.error.message
    assert not any(e.is_step_up_for_retry for e in result.all_events)
    assert partitions_there(instance, SNAPSHOTS[1]) == {first.isoformat()}
    assert len(home.servers.twitch.requests) == asked, "a day that is over costs no request"
    assert home.workspace.lake.read(CHANNEL_SNAPSHOTS, f"twitch-{first}").equals(before)
    assert f"twitch-{missed}" not in home.workspace.lake.files(CHANNEL_SNAPSHOTS)


def test_credentials_that_are_missing_fail_the_step_with_their_code_and_are_not_tried_again(
    home: StreamHome, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.list_streamers()
    monkeypatch.delenv("CHATP_STREAM_CLIENT_SECRETS")
    day = home.world.today.isoformat()
    result = run(home, instance, SNAPSHOTS, (day, day))
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "CP-STREAM-001" in failure.step_failure_data.error.message
    assert not any(e.is_step_up_for_retry for e in result.all_events)


def test_emotes_are_read_on_their_day_only(home: StreamHome, instance: dg.DagsterInstance) -> None:
    home.list_streamers()
    key, day = source_key(EMOTES, "twitch"), home.world.today
    found = metadata_of(run(home, instance, [key], (day.isoformat(), day.isoformat())), key)
    lists = 4 * (1 + len(home.world.everybody()))
    assert (found["lists_read"], found["lists_failed"]) == (lists, 0)
    providers = set(home.workspace.lake.read(EMOTES)["provider"].to_pylist())
    assert providers == {"native", "bttv", "ffz", "7tv"}
    before = day - timedelta(days=1)
    again = metadata_of(run(home, instance, [key], (before.isoformat(), before.isoformat())), key)
    assert again["lists_read"] == 0


def test_a_video_goes_from_its_pages_to_predictions_and_one_that_grew_is_replaced(
    home: StreamHome, instance: dg.DagsterInstance
) -> None:
    world, workspace = home.world, home.workspace
    home.list_streamers(streamers=world.everybody()[:2])
    videos = [video for streamer in world.everybody()[:2] for video in world.videos(streamer)]
    growing = videos[0]
    world.partial[growing.video_id] = 0.5
    half = len(world.chat(growing))
    ids = sorted(home.discover())
    assert ids == sorted(f"twitch-{video.video_id}" for video in videos)
    instance.add_dynamic_partitions(str(stream_videos("twitch").name), ids)
    span = (ids[0], ids[-1])
    assert run(home, instance, [PAGES], span).success
    result = run(home, instance, [*PARSED, *CHAT], span)
    assert result.success
    load_conversations(workspace)
    load_streams(workspace)

    def loaded(sql: str) -> list[tuple[Any, ...]]:
        with workspace.warehouse.write() as connection:
            return connection.execute(sql).fetchall()

    conversation = f"twitch-{growing.video_id}"
    counts = "select conversation_id, count(*) from {} group by all"
    said = {f"twitch-{v.video_id}": len(world.chat(v)) for v in videos}
    assert dict(loaded(counts.format("core.messages"))) == said
    assert dict(loaded(counts.format("ml.question_predictions"))) == said
    assert said[conversation] == half
    native = "select emote_id, code, sum(uses) from core.emote_uses where provider = 'native' group by all"
    truth: Counter[tuple[str, str]] = sum((world.native_uses(v) for v in videos), Counter())
    assert {(i, code): uses for i, code, uses in loaded(native)} == truth
    assert metadata_of(result, source_key(EMOTE_USES, "twitch"))["dagster/row_count"] == len(
        loaded("select 1 from core.emote_uses")
    )
    # The video grows; its partition alone is taken up again.
    world.partial.clear()
    refetch = {"ops": {"raw__twitch_videos": {"config": {"refetch": True}}}}
    again = dg.materialize(
        build_stream_assets(Settings()),
        selection=dg.AssetSelection.keys(PAGES),
        instance=instance,
        resources={"workspace": WorkspaceResource(), "streams": home.resource()},
        partition_key=conversation,
        run_config=refetch,
    )
    assert again.success
    assert run(home, instance, [*PARSED, *CHAT], (conversation, conversation)).success
    assert load_conversations(workspace).partitions == [conversation]
    said[conversation] = len(world.chat(growing))
    assert said[conversation] > half
    assert dict(loaded(counts.format("core.messages"))) == said
    truth = sum((world.native_uses(v) for v in videos), Counter())
    assert {(i, code): uses for i, code, uses in loaded(native)} == truth


def test_what_is_archived_is_parsed_again_without_credentials(
    home: StreamHome, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.list_streamers(streamers=home.world.everybody()[:1])
    ids = sorted(home.discover())
    instance.add_dynamic_partitions(str(stream_videos("twitch").name), ids)
    assert run(home, instance, [PAGES], (ids[0], ids[-1])).success
    for name in home.servers.environment():
        monkeypatch.delenv(name)
    asked = len(home.servers.twitch.requests)
    with pytest.raises(StreamError, match="CP-STREAM-001"):
        open_platform(Settings(), "twitch")
    assert run(home, instance, PARSED, (ids[0], ids[-1])).success
    said = {i: home.workspace.lake.read(MESSAGES, i).num_rows for i in ids}
    assert said == {
        f"twitch-{v.video_id}": len(home.world.chat(v)) for v in home.world.videos(home.world.everybody()[0])
    }
    assert len(home.servers.twitch.requests) == asked


def test_trends_find_what_was_planted_and_are_computed_once(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    world = StreamWorld(3, streamers=6, days=60, messages_per_video=1)
    with stream_home(tmp_path, world) as home:
        world.today = world.first_day
        home.list_streamers()
        platform = open_platform(home.workspace.settings, "twitch", clock=home.clock)
        for number in range(world.days):
            world.today = world.day(number)
            snapshot_day(home.workspace, platform, world.today, clock=home.clock)
        platform.close()
        found = metadata_of(run(home, instance, [TRENDS_KEY]), TRENDS_KEY)
        assert (found["new"], found["as_of"]) == (True, str(world.today))
        load_streams(home.workspace)
        with home.workspace.warehouse.write() as connection:
            rows = connection.execute(
                "select channel_id, trend from ml.channel_trends where metric = 'followers'"
            ).fetchall()
            days = connection.execute("select count(distinct day) from core.channel_snapshots").fetchone()
        classes = {"rise": {"rising"}, "fall": {"falling"}, "flat": {"steady", "spike"}}
        planted = {streamer.channel_id: classes[streamer.trend] for streamer in world.everybody()}
        assert {channel for channel, trend in rows if trend in planted[channel]} == planted.keys()
        assert days == (world.days,)
        assert metadata_of(run(home, instance, [TRENDS_KEY]), TRENDS_KEY)["new"] is False


def test_a_list_is_applied_again_for_addresses_that_led_nowhere(
    home: StreamHome, instance: dg.DagsterInstance
) -> None:
    home.list_streamers("somebody,https://www.twitch.tv/nobody_knows_them", "other,https://example.org/x")
    found = metadata_of(run(home, instance, [LIST_KEY]), LIST_KEY)
    assert found["channels"] == len(home.world.everybody())
    assert found["not_used/unknown_channel"] == 1
    reasons = home.workspace.lake.read(QUARANTINE, "streamer-list")["reason"].to_pylist()
    assert "unknown_channel" in reasons
    assert home.workspace.lake.read(CHANNELS).num_rows == len(home.world.everybody())

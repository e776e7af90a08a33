"""When streams are asked about and what is launched: once for each batch, and nothing without a list."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from chat_platform.assets.streams import build_stream_assets
from chat_platform.errors import StreamError
from chat_platform.ingestion.imports import import_saved_chat
from chat_platform.ingestion.streams import vods
from chat_platform.ingestion.streams.snapshots import snapshot_day
from chat_platform.jobs import CHAIN, FETCHING
from chat_platform.partitions import stream_videos
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.schedules import build_schedules
from chat_platform.sensors.batches import RANGE_END, RANGE_START
from chat_platform.sensors.class_chat import CHAT_SUFFIXES
from chat_platform.sensors.folders import waiting_files
from chat_platform.sensors.streams import (
    Round,
    build_stream_sensors,
    look,
    read_rounds,
    stream_requests,
    write_rounds,
)
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.twitch_server import downloader_json
from chat_platform.sources.streams.connections import open_platform
from chat_platform.storage import captures
from chat_platform.storage.liveness import RunGuard
from chat_platform.tables.class_chat import MESSAGES, QUARANTINE
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNELS, EMOTES
from tests.assets.stream_home import StreamHome, stream_home

Tick = Callable[..., dg.SensorResult]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[StreamHome]:
    world = StreamWorld(5, streamers=4, days=20, messages_per_video=12)
    world.today = world.day(8)
    with stream_home(tmp_path, world) as made:
        yield made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def tick(home: StreamHome, instance: dg.DagsterInstance) -> Tick:
    """Evaluate a sensor as the daemon does, its partitions added and its cursor kept."""
    cursors: dict[str, str | None] = {}

    def evaluate(name: str = "stream_videos") -> Any:
        (sensor,) = [one for one in build_stream_sensors() if one.name == name]
        resources = {"workspace": WorkspaceResource(), "streams": home.resource()}
        with dg.build_sensor_context(instance, cursors.get(name), resources=resources) as context:
            data = sensor.evaluate_tick(context)
        for request in data.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        cursors[name] = data.cursor
        return data

    return evaluate


def span(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags[RANGE_START], request.tags[RANGE_END]


def on_platform(home: StreamHome, work: Callable[[Any], Any]) -> Any:
    platform = open_platform(home.workspace.settings, "twitch", clock=home.clock)
    try:
        return work(platform)
    finally:
        platform.close()


def fetch(home: StreamHome, ids: list[str]) -> None:
    on_platform(home, lambda platform: vods.fetch(home.workspace, platform, ids))


def parse(home: StreamHome, ids: list[str]) -> None:
    list(vods.parse(home.workspace, "twitch", ids))


def publish(home: StreamHome) -> None:
    rows = {row["conversation_id"]: (row["state"], row["parsed_at"]) for row in home.workspace.ledger.rows()}
    home.workspace.ledger.mark_published(1, rows)


def begin(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRun:
    @dg.op
    def nothing() -> None:
        """Does nothing."""

    @dg.job
    def some_run() -> None:
        nothing()

    return instance.create_run_for_job(some_run, tags=tags)


def test_without_a_list_nothing_is_asked_and_nothing_is_launched(home: StreamHome, tick: Tick) -> None:
    data = tick()
    assert (data.run_requests, data.skip_message) == ([], "no list of streamers was imported")
    assert home.servers.twitch.requests == []
    assert not (home.workspace.settings.home / "budgets").exists()


def test_without_credentials_nothing_is_asked(
    home: StreamHome, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.list_streamers()
    publish(home)
    asked = len(home.servers.twitch.requests)
    monkeypatch.delenv("CHATP_STREAM_CLIENT_SECRETS")
    assert tick().run_requests == []
    assert len(home.servers.twitch.requests) == asked


def test_new_videos_are_fetched_by_one_run_and_counted_by_one_run(home: StreamHome, tick: Tick) -> None:
    home.list_streamers()
    publish(home)
    (request,) = tick().run_requests
    videos = [f"twitch-{v.video_id}" for s in home.world.everybody() for v in home.world.videos(s)]
    assert request.job_name == "fetch_twitch_videos"
    assert span(request) == (min(videos), max(videos))
    fetch(home, sorted(videos))
    (request,) = tick().run_requests
    assert request.job_name == "twitch_videos"
    assert span(request) == (min(videos), max(videos))
    parse(home, sorted(videos))
    publish(home)
    assert tick().run_requests == []
    # A new one, in the middle of the order of ids, is a batch of its own.
    home.world.today += timedelta(days=1)
    known = set(videos)
    data = tick()
    assert data.run_requests == [], "a round of looks is not due yet"
    new = set(home.discover()) - known
    assert new
    (request,) = tick().run_requests
    assert span(request) == (min(new), max(new))


def test_a_batch_that_was_asked_for_waits_before_it_is_asked_for_again(
    home: StreamHome, tick: Tick, instance: dg.DagsterInstance
) -> None:
    home.list_streamers()
    publish(home)
    (request,) = tick().run_requests
    begun = begin(instance, dict(request.tags) | {FETCHING: "twitch"})
    # Its process died before it had begun to run.
    instance.report_run_failed(begun)
    (again,) = tick().run_requests
    assert again.run_key != request.run_key
    assert span(again) == span(request)
    instance.report_run_failed(begin(instance, dict(again.tags)))
    assert tick().run_requests == [], "the third time only after a pause"


def test_while_chat_is_fetched_no_second_run_fetches_and_the_chain_goes_on(
    home: StreamHome, tick: Tick, instance: dg.DagsterInstance
) -> None:
    home.list_streamers()
    publish(home)
    videos = sorted(home.discover())
    fetch(home, videos[:2])
    guard = RunGuard(home.workspace.settings.home)
    guard.hold()
    try:
        begin(instance, {FETCHING: "twitch"})
        (request,) = tick().run_requests
        assert (request.job_name, span(request)) == ("twitch_videos", (videos[0], videos[1]))
        begin(instance, dict(CHAIN))
        assert tick().run_requests == []
    finally:
        guard.release()


def test_a_video_that_failed_does_not_part_the_batch_of_the_others(home: StreamHome, tick: Tick) -> None:
    home.list_streamers()
    publish(home)
    videos = sorted(home.discover())
    gone = videos[len(videos) // 2]
    home.world.deleted.add(gone.removeprefix("twitch-"))
    tick()
    fetch(home, videos)
    assert home.workspace.ledger.get(gone)["state"] == "gone"
    (request,) = tick().run_requests
    assert (request.job_name, span(request)) == ("twitch_videos", (videos[0], videos[-1]))


def test_a_video_that_grew_is_fetched_again_and_one_that_grew_and_is_gone_comes_to_rest(
    home: StreamHome, tick: Tick
) -> None:
    home.list_streamers()
    videos = sorted(home.discover())
    fetch(home, videos)
    parse(home, videos)
    publish(home)
    assert tick().run_requests == [], "looked at, and nothing is due"
    grown = videos[1]
    longer = vods.Announced(grown, "twitch", vods.KIND, revision="longer")
    assert home.workspace.ledger.announce([longer]) == [grown]
    (request,) = tick().run_requests
    assert (request.job_name, span(request)) == ("fetch_twitch_videos", (grown, grown))
    home.world.deleted.add(grown.removeprefix("twitch-"))
    video = vods.read_video(home.workspace.vault.read("twitch", grown, vods.VIDEO_PART))
    facts = vods.video_bytes(replace(video, duration_s=video.duration_s + 60))
    home.workspace.vault.write("twitch", grown, vods.VIDEO_PART, facts)
    fetch(home, [grown])
    (request,) = tick().run_requests
    assert (request.job_name, span(request)) == ("twitch_videos", (grown, grown))
    parse(home, [grown])
    publish(home)
    assert tick().run_requests == []


def test_what_an_interrupted_run_left_unpublished_is_published(home: StreamHome, tick: Tick) -> None:
    home.list_streamers("x,https://example.org/nowhere")
    assert [request.job_name for request in tick().run_requests] == ["fetch_twitch_videos"]
    videos = home.workspace.ledger.ids("twitch")
    fetch(home, videos)
    parse(home, videos)
    rows = {i: ("parsed", home.workspace.ledger.get(i)["parsed_at"]) for i in videos}
    home.workspace.ledger.mark_published(1, rows)
    (request,) = tick().run_requests
    assert request.job_name == "publish_metrics"


def test_a_stream_that_still_runs_is_left_until_it_is_over(home: StreamHome) -> None:
    home.list_streamers()
    world = home.world
    last = max((v for s in world.everybody() for v in world.videos(s)), key=lambda v: v.started_at)
    since_end = world.now - (last.started_at + timedelta(seconds=last.duration_s))

    def found(settle: timedelta) -> list[str]:
        return on_platform(
            home,
            lambda platform: (
                vods.discover(
                    home.workspace, platform, since=world.first_day, settle=settle, clock=home.clock
                ).videos
            ),
        )

    last_id = f"twitch-{last.video_id}"
    assert last_id not in found(since_end + timedelta(minutes=1))
    assert last_id in found(since_end - timedelta(minutes=1))


def test_a_look_goes_round_and_goes_on_where_its_time_was_up(
    home: StreamHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_platform.sensors.streams.CHANNELS_AT_ONCE", 1)
    home.list_streamers()
    channels = sorted(s.channel_id for s in home.world.everybody())
    asked: list[str] = []
    place = Round()
    for number in range(len(channels)):
        place = look(home.workspace, home.resource(), "twitch", place, asked.append, budget_s=0.0)
        assert place.after == (channels[number] if number + 1 < len(channels) else None)
    assert read_rounds(write_rounds({"twitch": place})) == {"twitch": place}
    assert len(asked) == len(channels)
    assert look(home.workspace, home.resource(), "twitch", place, asked.append) is place
    later = Round(place.begun - 3_600)
    assert look(home.workspace, home.resource(), "twitch", later, asked.append).begun > place.begun


@pytest.mark.parametrize("cursor", [None, "", "x", "[]", '{"version": 9}', '{"version": 1, "rounds": 3}'])
def test_a_lost_cursor_begins_a_new_round(cursor: str | None) -> None:
    assert read_rounds(cursor) == {}


def test_a_platform_that_refuses_leaves_what_is_due(
    home: StreamHome, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.list_streamers()
    publish(home)
    home.discover()

    def refuse(*_: object, **__: object) -> None:
        raise StreamError("CP-STREAM-002", "twitch")

    monkeypatch.setattr("chat_platform.sensors.streams.discover", refuse)
    (request,) = tick().run_requests
    assert request.job_name == "fetch_twitch_videos"


def test_a_list_in_the_folder_is_imported_once_and_a_bad_one_says_why(home: StreamHome, tick: Tick) -> None:
    folder = home.workspace.settings.streamer_inbox
    folder.mkdir(parents=True)
    lines = [f"{s.display_name},https://www.twitch.tv/{s.login}" for s in home.world.everybody()]
    (folder / "list.csv").write_text("\n".join(["name,url", *lines]), encoding="utf-8")
    (folder / "empty.xlsx").write_bytes(b"PK no workbook")
    long_ago = time.time() - 60
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    said = tick("streamer_lists").skip_message
    assert "list.csv: 4 channels, 0 rows not used" in said
    assert "CP-STREAM-021" in said
    assert home.workspace.lake.read(CHANNELS).num_rows == 4
    assert (folder / "done" / "list.csv").exists()
    assert "CP-STREAM-021" in (folder / "refused" / "empty.xlsx.txt").read_text(encoding="utf-8")
    assert "no file waits" in tick("streamer_lists").skip_message
    # The class's sensor looks at the folders above, and takes neither these nor what was refused before.
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    inbox = home.workspace.settings.inbox
    assert waiting_files(inbox, CHAT_SUFFIXES, leave_out={folder.name}) == []


def test_what_was_refused_in_a_folder_of_the_inbox_is_not_taken_again(tmp_path: Path) -> None:
    meeting = tmp_path / "2026-03-02 19.00.00 Class"
    (meeting / "refused").mkdir(parents=True)
    (meeting / "done").mkdir()
    for path in (meeting / "chat.txt", meeting / "refused" / "a.txt.txt", meeting / "done" / "b.txt"):
        path.write_text("x", encoding="utf-8")
        os.utime(path, (1, 1))
    assert waiting_files(tmp_path, CHAT_SUFFIXES) == [meeting / "chat.txt"]


def test_figures_are_asked_for_until_the_day_is_whole(home: StreamHome, instance: dg.DagsterInstance) -> None:
    (schedule,) = [one for one in build_schedules(Settings()) if one.name == "twitch_figures"]
    at = datetime.now().astimezone()

    def due() -> dg.RunRequest | None:
        resources = {"workspace": WorkspaceResource(), "streams": home.resource()}
        with dg.build_schedule_context(instance, at, resources=resources) as context:
            data = schedule.evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else None

    today = home.world.today
    assert due() is None, "no list"
    everybody = home.world.everybody()
    home.list_streamers(streamers=everybody[:3])
    request = due()
    assert request is not None
    assert span(request) == (today.isoformat(), today.isoformat())
    on_platform(home, lambda platform: snapshot_day(home.workspace, platform, today, clock=home.clock))
    publish(home)
    assert due() is None, "the day is whole"
    home.list_streamers()
    assert due() is not None, "somebody is new on the list"
    on_platform(home, lambda platform: snapshot_day(home.workspace, platform, today, clock=home.clock))
    publish(home)
    assert due() is None
    home.world.today = today + timedelta(days=1)
    assert due() is not None, "another day"


def test_streams_do_not_launch_the_class_and_the_class_does_not_launch_streams(
    home: StreamHome, instance: dg.DagsterInstance, tick: Tick
) -> None:
    from chat_platform.partitions import slack_days
    from chat_platform.sensors.class_chat import due_requests

    home.list_streamers()
    home.discover()
    requests, new = due_requests(home.workspace, instance, slack_days(Settings()))
    assert (requests, new) == ([], [])
    publish(home)
    text = "10:00:01 From 김하나 to Everyone:\n\thello\n"
    import_saved_chat(home.workspace, "chat.txt", text.encode(), day=home.world.today, title="x")
    assert {request.job_name for request in tick().run_requests} == {"fetch_twitch_videos"}
    assert instance.get_dynamic_partitions("class_recordings") == []
    assert instance.get_dynamic_partitions(str(stream_videos("twitch").name))


def test_a_file_of_chat_in_its_folder_is_imported_without_a_list_or_credentials(
    home: StreamHome, instance: dg.DagsterInstance, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATP_STREAM_CLIENT_IDS")
    monkeypatch.delenv("CHATP_STREAM_CLIENT_SECRETS")
    folder = Settings().stream_chat_inbox
    folder.mkdir(parents=True)
    streamer = next(s for s in home.world.everybody() if home.world.videos(s))
    video = home.world.videos(streamer)[0]
    files = {"chat.json": json.dumps(downloader_json(home.world, video)), "wrong.json": "{}"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, (time.time() - 60,) * 2)
    tick("stream_chats")
    assert (folder / "done" / "chat.json").exists()
    assert "CP-TWITCH-001" in (folder / "refused" / "wrong.json.txt").read_text(encoding="utf-8")
    (request,) = tick().run_requests
    assert (request.job_name, *span(request)) == ("twitch_videos", *[f"twitch-{video.video_id}"] * 2)
    tables = build_stream_assets(Settings())
    chat = next(a for a in tables if isinstance(a, dg.AssetsDefinition) and a.op.name == "twitch_chat")
    done = dg.materialize(
        [chat],
        instance=instance,
        partition_key=f"twitch-{video.video_id}",
        resources={"workspace": WorkspaceResource(), "streams": home.resource()},
    )
    assert done.success
    assert home.workspace.lake.read(MESSAGES, f"twitch-{video.video_id}").num_rows == len(
        home.world.chat(video)
    )


def test_a_capture_of_live_chat_that_is_lost_fails_the_tick(
    home: StreamHome, tick: Tick, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nobody" in tick("live_captures").skip_message
    sign = captures.SignOfLife(Settings().home, "twitch", ["ganada"])
    assert tick("live_captures").skip_message == "twitch: ganada"
    monkeypatch.setattr(captures, "LOST_AFTER", timedelta(0))
    with pytest.raises(StreamError, match="CP-STREAM-011") as lost:
        tick("live_captures")
    assert "ganada" in str(lost.value)
    sign.end()
    assert "nobody" in tick("live_captures").skip_message


def test_figures_are_asked_for_beside_the_chain_and_written_by_it_without_a_request(
    home: StreamHome, instance: dg.DagsterInstance, tick: Tick
) -> None:
    home.list_streamers()
    today = home.world.today
    guard = RunGuard(home.workspace.settings.home)
    guard.hold()
    chain = begin(instance, dict(CHAIN))
    (schedule,) = [one for one in build_schedules(Settings()) if one.name == "twitch_figures"]
    resources = {"workspace": WorkspaceResource(), "streams": home.resource()}
    with dg.build_schedule_context(instance, datetime.now().astimezone(), resources=resources) as context:
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert span(request) == (today.isoformat(), today.isoformat()), "a class under way holds up nothing"
    tables = {spec: home.workspace.lake.files(spec) for spec in (CHANNEL_SNAPSHOTS, EMOTES, QUARANTINE)}
    ledger = home.workspace.ledger.rows()
    days = {
        asset.op.name: asset
        for asset in build_stream_assets(Settings())
        if isinstance(asset, dg.AssetsDefinition) and "twitch" in asset.op.name
    }

    def run(*names: str) -> None:
        chosen = [days[name] for name in names]
        assert dg.materialize(
            chosen, instance=instance, partition_key=today.isoformat(), resources=resources
        ).success

    run("raw__twitch_days")
    assert {spec: home.workspace.lake.files(spec) for spec in tables} == tables, "no table is touched"
    assert home.workspace.ledger.rows() == ledger
    assert "twitch_days" not in {one.job_name for one in tick().run_requests}, "the chain is busy"
    instance.report_run_canceled(instance.get_run_by_id(chain.run_id))
    guard.release()
    after_midnight = stream_requests(home.workspace, instance, today + timedelta(days=1)).run_requests or ()
    for requests in (after_midnight, tick().run_requests):
        asked = [one for one in requests if one.job_name == "twitch_days"]
        assert [span(one) for one in asked] == [(today.isoformat(), today.isoformat())]
    before = len(home.servers.twitch.requests) + len(home.servers.emotes.requests)
    run("twitch_snapshots", "core__twitch__emotes")
    assert len(home.servers.twitch.requests) + len(home.servers.emotes.requests) == before
    found = home.workspace.lake.read(CHANNEL_SNAPSHOTS, f"twitch-{today}").to_pylist()
    seen = {s.channel_id: home.world.followers(s) for s in home.world.everybody() if home.world.visible(s)}
    assert {row["channel_id"]: row["followers"] for row in found} == seen
    assert home.workspace.lake.read(EMOTES).num_rows > 10
    assert "twitch_days" not in {one.job_name for one in tick().run_requests}, "written once"

"""Metrics of streams beside those of the class: neither counts the other, and only what changed is built again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from chat_platform.sources.streams.registry import platform_specs
from chat_platform.tables.class_chat import CLASS_SOURCES
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNELS, VIDEOS
from tests.dbt.classroom import Build, Conversation, Row, groups, version
from tests.dbt.streaming import Tables, channel, snapshot, use, video
from tests.dbt.test_metrics import differing

Copy = Callable[[Build], Build]
Streams = tuple[Tables, list[Conversation]]
OF_STREAMS = ("marts.emotes_", "marts.stream_", "marts.streamer_")


def of_class(build: Build) -> dict[str, list[tuple[object, ...]]]:
    """Marts of the class."""
    return {name: rows for name, rows in build.marts().items() if not name.startswith(OF_STREAMS)}


@pytest.mark.exhaustive
def test_figures_of_the_class_are_the_same_without_streams(
    full_refresh: Build, empty: Build, lectures: list[Conversation], people: list[Row], identities: list[Row]
) -> None:
    empty.people(people, identities)
    empty.models([version()], groups(lectures))
    empty.load(lectures)
    empty.dbt("build", "--exclude-resource-type", "unit_test", "--full-refresh")
    with_streams, without = of_class(full_refresh), of_class(empty)
    assert len(without) > 20
    assert [name for name in without if with_streams[name] != without[name]] == []
    of_streams = {name: rows for name, rows in empty.marts().items() if name.startswith(OF_STREAMS)}
    assert len(of_streams) == 15
    assert [name for name, rows in of_streams.items() if rows] == []


def test_the_metrics_take_the_same_sources_for_the_class_as_every_step(full_refresh: Build) -> None:
    with full_refresh.connect() as connection:
        sources = connection.execute("select distinct source from core.messages").fetchall()
        taken = connection.execute(
            "select distinct m.source from core.messages m join staging.stg_class_chat__messages using (message_id)"
        ).fetchall()
    assert {source for (source,) in taken} == set(CLASS_SOURCES)
    assert {source for (source,) in sources} - set(CLASS_SOURCES) == {"twitch"}


@pytest.mark.exhaustive
def test_a_new_chat_builds_its_channel_and_leaves_others_alone(
    full_refresh: Build, copy_of: Copy, streams: Streams
) -> None:
    build = copy_of(full_refresh)
    # Were the other channel built again, its wrong rows would be gone.
    with build.connect() as connection:
        for table in ("int_emote_days", "int_chatter_days", "int_stream_chatters", "int_stream_minutes"):
            connection.execute(f"update intermediate.{table} set messages = 4242")
    build.batch([streams[1][2]])
    for table in ("emotes_daily", "stream_chatters_daily"):
        wrong = f"select channel_id, bool_or(messages = 4242) from marts.{table} group by all order by all"
        assert build.query(wrong)[1] == ("c2", True)
    days = "select count(*) from marts.emotes_daily where channel_id = 'c1' and messages = 4242"
    assert build.query(days) == [(0,)]


@pytest.mark.exhaustive
def test_a_chat_that_was_taken_out_or_shrank_leaves_nothing_behind(
    full_refresh: Build, copy_of: Copy, streams: Streams
) -> None:
    build = copy_of(full_refresh)
    tables, chats = streams
    first = next(row for row in tables[VIDEOS] if row["video_id"] == "v3")
    build.take_out("twitch-v3")
    build.dbt("run")
    build.published()
    used = "select count(*) from marts.emotes_daily where local_date >= '2026-03-18'"
    assert build.query(used) == [(0,)]
    assert build.query("select messages, peaks from marts.stream_videos where video_id = 'v3'") == [
        (None, None)
    ]
    shorter = Conversation(chats[2].ledger)
    said = shorter.say("account-1", first["started_at"], "MEME")
    use(shorter, said, "MEME", channel_id="c1", uses=3)
    build.batch([shorter])
    assert build.query(
        "select code, uses, share from marts.emotes_by_video where video_date = '2026-03-18'"
    ) == [("MEME", 3, 1.0)]
    build.batch([chats[2]])
    assert differing(build, full_refresh) == []


@pytest.mark.exhaustive
def test_another_time_zone_moves_the_days_of_streams(full_refresh: Build, copy_of: Copy) -> None:
    build = copy_of(full_refresh)
    days = "select distinct local_date from marts.stream_chatters_daily where channel_id = 'c1' order by all"
    assert build.query(days) == [(date(2026, 2, day),) for day in (20, 21)] + [
        (date(2026, 3, day),) for day in (18, 19)
    ]
    build.dbt("run", variables={"timezone": "UTC"})
    assert build.query(days) == [(date(2026, 2, 20),), (date(2026, 3, 18),)]
    assert build.query(days.replace("stream_chatters_daily", "emotes_daily")) == [
        (date(2026, 2, 20),),
        (date(2026, 3, 18),),
    ]


@pytest.mark.exhaustive
def test_a_renamed_channel_has_its_new_name_everywhere(
    full_refresh: Build, copy_of: Copy, streams: Streams
) -> None:
    build = copy_of(full_refresh)
    renamed = [
        row | {"display_name": "새 이름"} if row["channel_id"] == "c1" else row
        for row in streams[0][CHANNELS]
    ]
    build.streams({CHANNELS: renamed})
    build.dbt("run")
    names = [name for name in build.marts() if name.startswith(OF_STREAMS)]
    with build.connect() as connection:
        for name in names:
            columns = [row[0] for row in connection.execute(f"describe {name}").fetchall()]
            if "channel" in columns:
                found = connection.execute(
                    f"select distinct channel from {name} where channel_id = 'c1'"
                ).fetchall()
                assert found == [("새 이름",)], name


def test_emotes_equal_those_of_an_independent_count(full_refresh: Build, streams: Streams) -> None:
    counted: dict[tuple[str, str], int] = {}
    for chat in streams[1]:
        for message in chat.rows["messages"]:
            if not message["removed"]:
                code = message["text"].split()[0]
                key = (chat.conversation_id, code)
                counted[key] = counted.get(key, 0) + 1
    found = full_refresh.query("select conversation_id, code, uses from marts.emotes_by_video")
    assert {(conversation, code): uses for conversation, code, uses in found} == counted
    by_day = full_refresh.query(
        "select sum(uses), sum(share) / count(distinct local_date) from marts.emotes_by_day"
    )
    assert by_day[0][0] == sum(counted.values())
    assert by_day[0][1] == pytest.approx(1, abs=1e-5)


def test_what_rises_falls_and_overtakes_is_told(full_refresh: Build) -> None:
    assert full_refresh.query("select code, is_new from marts.emotes_rising") == [("MEME", False)]
    assert full_refresh.query("select channel_id, passed_channel_id from marts.streamer_overtakes") == [
        ("c1", "c2")
    ]
    assert full_refresh.query("select video_id, passed_video_id from marts.stream_video_overtakes") == [
        ("v1", "v2")
    ]
    ranking = "select channel_id, rank, places_gained, trend from marts.streamer_ranking order by rank"
    assert full_refresh.query(ranking) == [("c1", 1, 1, "rising"), ("c2", 2, -1, "unknown")]
    peaks = "select conversation_id, minute, link from marts.stream_video_peaks order by conversation_id"
    found = full_refresh.query(peaks)
    assert [(conversation, minute) for conversation, minute, _ in found] == [
        (f"twitch-v{n}", 12) for n in (1, 2, 3)
    ]
    assert all("?t=0h12m" in link for *_, link in found)


def test_links_into_videos_are_those_of_the_platforms(empty: Build) -> None:
    seconds = (0, 59, 60, 3599, 3600, 5025, 90061)
    empty.streams(
        {
            VIDEOS: [
                video(f"{spec.name}/1", "c", datetime(2026, 3, 2, tzinfo=UTC), platform=spec.name)
                | {"conversation_id": f"{spec.name}-1"}
                for spec in platform_specs()
            ]
        }
    )
    empty.dbt("run", "--select", "+stream_video_minutes")
    with empty.connect() as connection:
        for platform in platform_specs():
            for second in seconds:
                connection.execute(
                    "insert into intermediate.int_stream_minutes values (?, ?, 1, 1, ?)",
                    [f"{platform.name}-1", second // 60, second],
                )
    for platform in platform_specs():
        links = empty.query(
            f"select link from marts.stream_video_minutes where conversation_id = '{platform.name}-1'"
        )
        wanted = {platform.video_link(f"{platform.name}/1", second) for second in seconds}
        assert {link for (link,) in links} == wanted
        assert {urlsplit(link).hostname for link in wanted} <= {
            *platform.hosts,
            *(f"www.{h}" for h in platform.hosts),
        }


def test_a_day_that_nobody_was_asked_about_changes_no_figure(empty: Build) -> None:
    start = date(2026, 3, 1)
    days = [start + timedelta(days=n) for n in range(10) if n not in (3, 4)]
    empty.streams(
        {CHANNELS: [channel("c1")], CHANNEL_SNAPSHOTS: [snapshot("c1", day, 500) for day in days]},
    )
    empty.dbt("run", "--select", "+streamer_ranking")
    changes = "select distinct followers_day, followers_week, followers_since from marts.streamer_days"
    assert {value for row in empty.query(changes) for value in row} == {0, None}
    assert empty.query("select count(*), count(*) filter (where has_snapshot) from marts.streamer_days") == [
        (10, 8)
    ]


def test_chatters_of_streams_are_no_people_of_the_class(full_refresh: Build) -> None:
    with full_refresh.connect() as connection:
        names = [name for name in of_class(full_refresh) if name.startswith("marts.")]
        for name in names:
            columns = {row[0] for row in connection.execute(f"describe {name}").fetchall()}
            for column in columns & {"participant_id", "identity_id"}:
                found = connection.execute(
                    f"select count(*) from {name} where {column} like 'account-%'"
                ).fetchone()
                assert found == (0,), name

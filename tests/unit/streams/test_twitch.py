"""Twitch's adapter against a real HTTP server that behaves like Twitch, also on its bad days."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta

import pytest
from pydantic import SecretStr

from chat_platform.errors import ConfigurationError, StreamError
from chat_platform.simulators.faults import Fault
from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.sources.records import to_tables
from chat_platform.sources.streams.paging import chat_gaps, chat_pages
from chat_platform.sources.streams.snapshots import ChannelSnapshot, take_snapshots
from chat_platform.sources.streams.twitch import helix
from chat_platform.sources.streams.twitch.helix import duration_s
from chat_platform.sources.streams.twitch.vod_chat import parse_pages
from tests.unit.streams.conftest import CLIENT_SECRET


def helix_requests(server):
    return [seen for seen in server.requests if seen.path.startswith("/helix/")]


def busiest(world):
    return max(world.everybody(), key=lambda streamer: len(world.videos(streamer)))


def read_all(platform, video_id, cursor=None):
    return list(chat_pages(platform, video_id, cursor))


def parsed(platform, video_id, pages):
    return parse_pages(platform.video(video_id), [page.raw for page in pages])


def said(world, video):
    return [(f"twitch-{c.comment_id}", c.text) for c in world.chat(video)]


def heard(chat):
    return sorted((m.message_id, m.text) for m in chat.conversation.messages)


# --- profiles, followers, videos ------------------------------------------------------------------------


def test_profiles_come_by_login_and_id_whatever_their_order_and_the_unknown_are_left_out(
    world, twitch, connect
):
    platform = connect(twitch())
    seen = [s for s in world.everybody() if world.visible(s)]
    logins = [world.login(s).upper() for s in seen]
    by_login = platform.channels_by_login([*logins, "nobody_here", "not a login", "가나다"])
    by_id = platform.channels_by_id([s.channel_id for s in seen] + ["999", "x"])
    for channels in (by_login, by_id):
        assert {c.channel_id: (c.login, c.display_name, c.url) for c in channels} == {
            s.channel_id: (world.login(s), s.display_name, f"https://www.twitch.tv/{world.login(s)}")
            for s in seen
        }


def test_250_logins_are_three_requests(world, twitch, connect):
    server = twitch()
    connect(server).channels_by_login([f"streamer_{n}" for n in range(250)])
    assert server.count("users") == 3


def test_a_figure_that_twitch_does_not_have_is_none_and_never_zero(world, twitch, connect):
    platform = connect(twitch())
    streamer = busiest(world)
    channel = platform.channels_by_id([streamer.channel_id])[0]
    assert channel.followers is None  # a profile does not say it; its view_count of 0 is a relic
    totals = platform.totals(channel)
    assert (totals.followers, totals.views) == (world.followers(streamer), None)
    assert helix._video({}, "1", "2").views is None


def test_all_videos_come_newest_first_and_once_over_many_pages(world, twitch, connect, monkeypatch):
    monkeypatch.setattr(helix, "BATCH", 3)
    streamer = busiest(world)
    server = twitch(
        stream_fault("cursor_repeated", endpoint="videos", nth=2),
        Fault("cut", endpoint="videos", nth=4, parameters={"part": 0.4}),
    )
    videos = list(connect(server).videos(streamer.channel_id))
    expected = world.videos(streamer)
    assert [v.video_id for v in videos] == [v.video_id for v in expected]
    assert [(v.duration_s, v.views, v.started_at) for v in videos] == [
        (float(v.duration_s), world.views(v), v.started_at) for v in expected
    ]
    assert {fault.kind for fault in server.faults.applied} == {"cursor_repeated", "cut"}


def test_videos_can_be_asked_for_back_to_a_moment(world, twitch, connect):
    streamer = busiest(world)
    since = world.now - timedelta(days=8)
    videos = list(connect(twitch()).videos(streamer.channel_id, published_since=since))
    assert [v.video_id for v in videos] == [
        v.video_id for v in world.videos(streamer) if v.started_at >= since
    ]


def test_a_cursor_that_always_leads_to_itself_is_given_up(world, twitch, connect):
    platform = connect(twitch(stream_fault("cursor_repeated", endpoint="videos", count=100)))
    with pytest.raises(StreamError, match="CP-STREAM-006"):
        list(platform.videos(busiest(world).channel_id))


def test_a_video_that_is_gone_is_none(world, twitch, connect):
    platform = connect(twitch())
    video = world.videos(busiest(world))[0]
    assert platform.video(video.video_id).title == video.title
    world.deleted.add(video.video_id)
    assert platform.video(video.video_id) is None
    assert platform.video("../users") is None


def test_a_renamed_streamer_is_found_by_id_and_no_more_by_the_old_login(world, twitch, connect):
    platform = connect(twitch())
    streamer = next(s for s in world.everybody() if s.event == "rename")
    world.today = world.day(streamer.event_day - 1)
    old = platform.channels_by_id([streamer.channel_id])[0].login
    world.today = world.day(streamer.event_day)
    assert platform.channels_by_id([streamer.channel_id])[0].login != old
    assert platform.channels_by_login([old]) == []


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3h21m33s", 12_093.0),
        ("45m0s", 2_700.0),
        ("7s", 7.0),
        ("", None),
        ("x", None),
        (None, None),
        (5, None),
    ],
)
def test_durations(written, seconds):
    assert duration_s(written) == seconds


def test_emotes_of_a_channel_and_of_everybody(world, twitch, connect):
    platform = connect(twitch())
    streamer = world.everybody()[0]
    own, everybody = platform.emotes(streamer.channel_id), platform.emotes(None)
    assert {e.code for e in own} == {e.code for e in world.emotes("native", streamer)}
    assert {(e.provider, e.channel_id, e.tier) for e in own} == {("native", streamer.channel_id, "1000")}
    assert {(e.code, e.channel_id) for e in everybody} == {
        (e.code, None) for e in world.emotes("native", None)
    }


# --- tokens and secrets ---------------------------------------------------------------------------------


def test_a_token_that_is_refused_in_the_middle_is_replaced_once(world, twitch, connect):
    server = twitch(stream_fault("unauthorised", endpoint="channels/followers", nth=2))
    platform = connect(server)
    channels = platform.channels_by_id([s.channel_id for s in world.everybody() if world.visible(s)])
    totals = [platform.totals(channel).followers for channel in channels]
    assert totals == [world.followers(world.by_channel(c.channel_id)) for c in channels]
    assert server.count("token") == 2
    assert [seen.status for seen in helix_requests(server)].count(401) == 1


def test_threads_whose_token_is_refused_at_once_fetch_one_new_token(twitch, connect, clock):
    world = StreamWorld(9, streamers=40, days=7)
    server = twitch(stream_fault("unauthorised", endpoint="channels/followers", nth=9), world=world)
    ids = [s.channel_id for s in world.everybody() if world.visible(s)]
    results = list(take_snapshots(connect(server), ids, parallel=8, clock=clock))
    assert {type(result) for result in results} == {ChannelSnapshot}
    assert server.count("token") == 2


def test_tokens_that_are_always_refused_end_in_a_coded_error(twitch, connect):
    server = twitch(stream_fault("unauthorised", count=100))
    with pytest.raises(StreamError, match="CP-STREAM-002"):
        connect(server).channels_by_login(["a"])
    assert server.count("token") == 2


@pytest.mark.parametrize("secret", [None, "", "two words\n", "비밀"])
def test_credentials_that_cannot_be_any_are_refused_before_they_travel(twitch, connect, secret):
    server = twitch()
    with pytest.raises(StreamError, match="CP-STREAM-001"):
        connect(server, client_secret=None if secret is None else SecretStr(secret))
    assert server.requests == []


def test_plain_http_is_refused_beyond_this_machine(twitch, connect):
    for url in ("http://api.example.com/helix", "https://user:pass@api.example.com", "ftp://127.0.0.1"):
        with pytest.raises(ConfigurationError):
            connect(twitch(), base_urls={"helix": url})


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut", endpoint="*", count=None),
        Fault("server_error", endpoint="*", count=None),
        Fault("timeout", endpoint="*", count=None, parameters={"seconds": 5}),
        stream_fault("unauthorised", endpoint="users", count=100),
        Fault("server_error", endpoint="token", count=None, parameters={"status": 418}),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.endpoint}",
)
def test_secret_and_token_are_in_no_error_log_or_repr(twitch, connect, caplog, fault):
    caplog.set_level(logging.DEBUG)
    server = twitch(fault)
    platform = connect(server, timeout_s=0.2)
    with pytest.raises(StreamError) as caught:
        platform.channels_by_login(["a"])
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + caplog.text + repr(vars(error)) + repr(platform)
    assert error.__cause__ is None and error.__context__ is None
    for hidden in (CLIENT_SECRET, *server.tokens):
        assert hidden not in shown


def test_a_wrong_secret_is_told_from_a_bad_day(twitch, connect):
    with pytest.raises(StreamError) as caught:
        connect(twitch(), client_secret=SecretStr("wrong")).channels_by_login(["a"])
    assert (caught.value.code, caught.value.transient) == ("CP-STREAM-002", False)


# --- limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["reset", "retry"])
def test_a_429_is_waited_out_until_the_moment_it_names(world, twitch, connect, clock, header):
    server = twitch(stream_fault("exhausted", endpoint="users", seconds=23, header=header))
    began = clock.now()
    assert connect(server).channels_by_id([world.everybody()[0].channel_id])
    assert clock.now() - began == pytest.approx(23, abs=1)
    assert [seen.status for seen in helix_requests(server)] == [429, 200]


def test_a_429_without_end_is_given_up_within_the_allowed_wait(twitch, connect, clock):
    server = twitch(stream_fault("exhausted", seconds=50, count=10_000))
    began = clock.now()
    with pytest.raises(StreamError, match="CP-STREAM-003"):
        connect(server, max_wait_s=120).channels_by_login(["a"])
    assert clock.now() - began <= 120


def test_a_429_that_names_no_wait_is_not_hammered(world, twitch, connect):
    server = twitch(stream_fault("exhausted", seconds=0, header="retry", count=1_000))
    with pytest.raises(StreamError, match="CP-STREAM-003"):
        connect(server, max_wait_s=600).channels_by_login(["a"])
    assert len(helix_requests(server)) < 30


# --- chat of videos -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        None,
        stream_fault("cursor_repeated", endpoint="chat", nth=2),
        stream_fault("comments_null", nth=2),
        stream_fault("proof_wanted", nth=2),
        stream_fault("exhausted", endpoint="chat", nth=2),
        Fault("cut", endpoint="chat", nth=2, parameters={"part": 0.7}),
        Fault("server_error", endpoint="chat", nth=1, count=2),
        Fault("rate_limit", endpoint="chat", nth=3, parameters={"retry_after": 4}),
    ],
    ids=lambda fault: fault.kind if fault else "none",
)
def test_every_comment_of_a_video_comes_once_on_good_days_and_bad(world, twitch, connect, fault):
    video = world.videos(busiest(world))[0]
    server = twitch(*([fault] if fault else []), comments_a_page=25)
    platform = connect(server)
    pages = read_all(platform, video.video_id)
    chat = parsed(platform, video.video_id, pages)
    chat.conversation.check_conservation()
    assert heard(chat) == sorted(said(world, video))
    assert sum(page.records for page in pages) == chat.conversation.records
    assert not fault or server.faults.applied


def test_native_emotes_are_counted_from_fragments_message_by_message(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch())
    chat = parsed(platform, video.video_id, read_all(platform, video.video_id))
    counted = {}
    for use in chat.native_emotes:
        counted[(use.emote_id, use.code)] = counted.get((use.emote_id, use.code), 0) + use.count
    assert counted == dict(world.native_uses(video))
    texts = {m.message_id: m.text for m in chat.conversation.messages}
    assert all(texts[use.message_id].count(use.code) >= use.count > 0 for use in chat.native_emotes)


def test_a_reading_that_was_killed_goes_on_at_its_last_page(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    whole = len(read_all(connect(twitch(comments_a_page=20)), video.video_id))
    for stop in range(1, whole):
        server = twitch(comments_a_page=20)
        pages = []
        for page in chat_pages(connect(server), video.video_id):
            pages.append(page)
            if len(pages) == stop:
                break
        platform = connect(server)
        pages += read_all(platform, video.video_id, pages[-1].next_cursor)
        assert heard(parsed(platform, video.video_id, pages)) == sorted(said(world, video))
        assert server.count("chat") == whole


def test_a_chat_that_grew_is_read_again_with_the_same_ids(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch())
    world.partial[video.video_id] = 0.5
    before = heard(parsed(platform, video.video_id, read_all(platform, video.video_id)))
    world.partial.clear()
    after = heard(parsed(platform, video.video_id, read_all(platform, video.video_id)))
    assert set(before) < set(after)
    assert len(after) == len(world.chat(video))


def test_comments_of_deleted_accounts_are_messages_of_nobody(world, twitch, connect):
    platform = connect(twitch())
    nobody = 0
    for streamer in world.everybody():
        for video in world.videos(streamer)[:3]:
            chat = parsed(platform, video.video_id, read_all(platform, video.video_id))
            anonymous = [m for m in chat.conversation.messages if m.author_ref is None]
            assert len(anonymous) == sum(c.viewer is None for c in world.chat(video))
            assert all(m.author_name == "" for m in anonymous)
            nobody += len(anonymous)
    assert nobody > 0


def test_a_video_deleted_in_the_middle_is_gone_for_good_and_its_pages_stay(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch(stream_fault("video_gone", nth=3), comments_a_page=20))
    pages = []
    with pytest.raises(StreamError) as caught:
        pages.extend(chat_pages(platform, video.video_id))
    assert (caught.value.code, caught.value.transient) == ("CP-STREAM-007", False)
    assert sum(page.records for page in pages) == 40


def test_a_truncated_chat_is_seen_by_its_gap(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch(stream_fault("truncated_chat", nth=2), comments_a_page=20))
    chat = parsed(platform, video.video_id, read_all(platform, video.video_id))
    offsets = [m.offset_s for m in chat.conversation.messages]
    gaps = chat_gaps(offsets, video.duration_s)
    assert [(gap.start_s, gap.end_s) for gap in gaps] == [(max(offsets), video.duration_s)]
    complete = [c.offset_ms / 1000 for c in world.chat(video)]
    assert chat_gaps(complete, video.duration_s) == []


def test_what_nobody_can_use_is_quarantined_and_counted(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch(stream_fault("odd_comments", comments=3), comments_a_page=1_000))
    chat = parsed(platform, video.video_id, read_all(platform, video.video_id))
    assert [q.reason for q in chat.conversation.quarantined] == ["comment_malformed"] * 3
    assert len(chat.conversation.messages) == len(world.chat(video))
    tables = to_tables(chat.conversation)
    assert tables["quarantine"].num_rows == 3
    assert tables["messages"].num_rows == len(world.chat(video))


def test_a_second_with_more_comments_than_a_page_is_named_when_cursors_are_refused(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    crowded = tuple(
        c.__class__(c.comment_id, 5_000, c.viewer, c.parts) if n < 60 else c
        for n, c in enumerate(sorted(world.chat(video), key=lambda c: c.offset_ms))
    )
    crowded = tuple(sorted(crowded, key=lambda c: c.offset_ms))
    world.chat = lambda _: crowded
    platform = connect(twitch(stream_fault("proof_wanted"), comments_a_page=20))
    pages = read_all(platform, video.video_id)
    assert 5.0 in {page.doubtful_s for page in pages}
    found = {m.message_id for m in parsed(platform, video.video_id, pages).conversation.messages}
    after = {f"twitch-{c.comment_id}" for c in crowded if c.offset_ms >= 6_000}
    assert after <= found


def test_a_query_that_twitch_no_longer_knows_is_a_coded_error(world, twitch, connect, monkeypatch):
    monkeypatch.setattr("chat_platform.sources.streams.twitch.vod_chat.OPERATION", "Gone")
    with pytest.raises(StreamError, match="CP-TWITCH-005"):
        connect(twitch()).chat_page(world.videos(busiest(world))[0].video_id)


def test_a_comment_id_makes_a_participant_of_the_account_and_not_of_the_name(world, twitch, connect):
    video = world.videos(busiest(world))[0]
    platform = connect(twitch())
    chat = parsed(platform, video.video_id, read_all(platform, video.video_id))
    accounts = {c.viewer.user_id for c in world.chat(video) if c.viewer}
    people = to_tables(chat.conversation)["participants"]
    assert accounts <= set(people["identity_key"].to_pylist())

"""CHZZK's adapter: the same port, other protocols."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chat_platform.errors import StreamError
from chat_platform.simulators.chzzk_server import ChzzkServer, chzzk_text
from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.sources.records import to_tables
from chat_platform.sources.streams.chzzk import platform as chzzk_module
from chat_platform.sources.streams.chzzk.chat import parse_pages
from chat_platform.sources.streams.paging import chat_pages
from chat_platform.sources.streams.port import Connection, Video
from chat_platform.sources.streams.registry import platform_spec
from chat_platform.sources.streams.snapshots import ChannelSnapshot, take_snapshots

SECRET = "-".join(("planted", "chzzk", "53cr37"))


@pytest.fixture
def chzzk(world, clock, tmp_path):
    """Start a CHZZK with faults; returns server and platform."""
    with ExitStack() as stack:

        def start(*faults, secret=SECRET, **options):
            server = stack.enter_context(
                ChzzkServer(
                    world,
                    client_id="planted-id",
                    client_secret=SECRET,
                    clock=clock.now,
                    faults=FaultScript(faults),
                    **options,
                )
            )
            connection = Connection(
                workspace=tmp_path,
                client_id=SecretStr("planted-id"),
                client_secret=SecretStr(secret),
                base_urls=server.base_urls(),
                timeout_s=2.0,
                clock=clock,
            )
            platform = platform_spec("chzzk").connect(connection)
            stack.callback(platform.close)
            return server, platform

        yield start


def test_channels_say_their_followers_themselves_and_have_no_logins(world, chzzk):
    server, platform = chzzk()
    seen = [s for s in world.everybody() if world.visible(s)]
    channels = platform.channels_by_id([s.chzzk_id for s in seen] + ["f" * 32, "no id"])
    assert {c.channel_id: (c.login, c.followers) for c in channels} == {
        s.chzzk_id: (None, world.followers(s)) for s in seen
    }
    asked = len(server.requests)
    assert [platform.totals(c).followers for c in channels] == [c.followers for c in channels]
    assert len(server.requests) == asked
    assert platform.channels_by_login(["ganada"]) == []


def test_snapshots_of_the_port_work_unchanged(world, chzzk, clock):
    server, platform = chzzk(limit=5)
    results = list(take_snapshots(platform, [s.chzzk_id for s in world.everybody()], parallel=2, clock=clock))
    snapshots = {r.channel.channel_id: r for r in results if isinstance(r, ChannelSnapshot)}
    for streamer in world.everybody():
        if world.visible(streamer):
            found = snapshots[streamer.chzzk_id]
            assert {v.video_id: (v.views, v.kind) for v in found.videos} == {
                v.video_id: (world.views(v), "archive") for v in world.videos(streamer)
            }
    # Its limit is not known beforehand; the first 429 or header tells it to everybody.
    assert server.window.refusals <= 2


def test_videos_come_over_pages_with_times_of_korea_in_utc(world, chzzk, monkeypatch):
    monkeypatch.setattr(chzzk_module, "VIDEOS_A_PAGE", 3)
    streamer = max(world.everybody(), key=lambda s: len(world.videos(s)))
    server, platform = chzzk()
    videos = list(platform.videos(streamer.chzzk_id))
    assert [(v.video_id, v.started_at) for v in videos] == [
        (v.video_id, v.started_at.replace(microsecond=0)) for v in world.videos(streamer)
    ]
    assert server.count("videos") > 2
    since = world.now - timedelta(days=9)
    recent = list(platform.videos(streamer.chzzk_id, published_since=since))
    assert [v.video_id for v in recent] == [v.video_id for v in videos if v.published_at >= since]
    assert platform.video(videos[0].video_id) == videos[0]
    assert platform.video("1") is None


@pytest.mark.parametrize(
    "fault",
    [
        None,
        stream_fault("cursor_repeated", endpoint="chat", nth=2),
        stream_fault("comments_null", nth=2),
        Fault("cut", endpoint="chat", nth=2, parameters={"part": 0.6}),
        Fault("rate_limit", endpoint="chat", nth=2, parameters={"retry_after": 3}),
    ],
    ids=lambda fault: fault.kind if fault else "none",
)
def test_every_comment_of_a_video_comes_once(world, chzzk, fault):
    video = world.videos(world.everybody()[0])[0]
    _, platform = chzzk(*([fault] if fault else []), comments_a_page=20)
    pages = [page.raw for page in chat_pages(platform, video.video_id)]
    chat = parse_pages(platform.video(video.video_id), pages)
    chat.conversation.check_conservation()
    assert [(m.text, m.offset_s) for m in chat.conversation.messages] == [
        (chzzk_text(c), c.offset_ms / 1000) for c in world.chat(video)
    ]
    assert to_tables(chat.conversation)["messages"].num_rows == len(world.chat(video))


def test_emotes_are_those_that_the_extras_name_and_join_their_list_by_code(world, chzzk):
    streamer = world.everybody()[0]
    _, platform = chzzk()
    known = {e.code for e in platform.emotes(streamer.chzzk_id) + platform.emotes(None)}
    expected, counted = Counter(), Counter()
    for video in world.videos(streamer)[:4]:
        pages = [page.raw for page in chat_pages(platform, video.video_id)]
        for use in parse_pages(platform.video(video.video_id), pages).native_emotes:
            counted[use.code] += use.count
        for (_, code), times in world.native_uses(video).items():
            expected["{:" + code + ":}"] += times
    assert counted == expected
    assert set(counted) <= known


def test_a_code_that_only_looks_like_an_emote_is_text():
    video = Video("chzzk", "7", "c", "")
    page = (
        '{"content": {"videoChats": [{"content": "{:hi:} {:no:} {:hi:}", "messageTime": 1772449200000,'
        ' "playerMessageTime": 5, "userIdHash": "u", "extras": "{\\"emojis\\": {\\"hi\\": \\"x\\"}}"}]}}'
    )
    chat = parse_pages(video, [page.encode()])
    assert [(u.emote_id, u.code, u.count) for u in chat.native_emotes] == [("hi", "{:hi:}", 2)]
    assert chat.conversation.messages[0].sent_at == datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


def test_a_deleted_video_is_gone_for_good(world, chzzk):
    video = world.videos(world.everybody()[0])[0]
    _, platform = chzzk(stream_fault("video_gone", nth=2), comments_a_page=20)
    with pytest.raises(StreamError, match="CP-STREAM-007"):
        list(chat_pages(platform, video.video_id))


def test_refused_credentials_are_a_coded_error_without_the_secret(world, chzzk):
    _, platform = chzzk(secret="wrong-" + SECRET)
    with pytest.raises(StreamError) as caught:
        platform.channels_by_id([world.everybody()[0].chzzk_id])
    assert caught.value.code == "CP-STREAM-002"
    assert SECRET not in str(caught.value)


def test_the_secret_goes_to_the_open_api_only(world, chzzk, monkeypatch):
    server, platform = chzzk()
    seen = []
    chats = server.world.chat
    original = ChzzkServer.refuse

    def spy(self, request, endpoint):
        seen.append((endpoint, request.headers.get("client-secret")))
        return original(self, request, endpoint)

    monkeypatch.setattr(ChzzkServer, "refuse", spy)
    streamer = world.everybody()[0]
    platform.channels_by_id([streamer.chzzk_id])
    video = next(iter(platform.videos(streamer.chzzk_id)))
    platform.chat_page(video.video_id)
    assert dict(seen) == {"channels": SECRET, "videos": None, "chat": None}
    assert chats(world.video(video.video_id))


@given(
    pages=st.lists(
        st.binary(max_size=120) | st.sampled_from([b"{}", b'{"content": {"videoChats": [5, {}]}}'])
    )
)
def test_arbitrary_pages_are_quarantined_and_counted(pages):
    chat = parse_pages(Video("chzzk", "7", "c", ""), pages)
    chat.conversation.check_conservation()
    assert chat.conversation.messages == []
    assert len(chat.conversation.quarantined) >= len(pages)

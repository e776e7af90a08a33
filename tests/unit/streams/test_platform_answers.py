"""Whatever an answer holds, the readers of single things give a thing, nothing, or a quarantined record."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.sources.records import to_tables
from chat_platform.sources.streams import fields
from chat_platform.sources.streams.chzzk import platform as chzzk
from chat_platform.sources.streams.paging import ChatGap, chat_gaps
from chat_platform.sources.streams.port import Video
from chat_platform.sources.streams.twitch import helix
from chat_platform.sources.streams.twitch.vod_chat import _is_answer, parse_pages

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def record(*names):
    return JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))


@given(item=record("id", "login", "display_name", "created_at", "broadcaster_type"))
def test_users(item):
    channel = helix._channel(item)
    assert channel is None or (channel.channel_id and channel.followers is None)


@given(item=record("id", "user_id", "title", "duration", "view_count", "muted_segments", "created_at"))
def test_videos(item):
    for video in helix._videos([item]):
        assert video.views is None or 0 <= video.views < 2**63
        assert video.duration_s is None or video.duration_s >= 0


@given(
    item=record("id", "name", "format", "images", "tier"),
    other=record("channelId", "channelName", "followerCount", "verifiedMark"),
    video=record("videoNo", "videoTitle", "duration", "publishDate", "publishDateAt", "liveOpenDate"),
)
def test_emotes_and_chzzk_s_things(item, other, video):
    helix._emote(item, None)
    chzzk._channel(other)
    chzzk._video(video, "c")
    list(chzzk._emotes(fields.mapping(other), None))


NODE = record("id", "commenter", "contentOffsetSeconds", "createdAt", "message") | st.fixed_dictionaries(
    {
        "id": st.text(max_size=5),
        "createdAt": st.just("2026-03-02T11:00:00Z") | JSON,
        "contentOffsetSeconds": JSON,
        "commenter": st.fixed_dictionaries({"id": JSON, "displayName": JSON}),
        "message": st.fixed_dictionaries({"fragments": st.lists(record("text", "emote"), max_size=4) | JSON}),
    }
)


@given(nodes=st.lists(NODE, max_size=5), junk=st.lists(st.binary(max_size=40), max_size=3))
def test_pages_of_chat(nodes, junk):
    page = [{"data": {"video": {"comments": {"edges": [{"node": node} for node in nodes]}}}}]
    pages = [json.dumps(page).encode(), *junk]
    chat = parse_pages(Video("twitch", "1", "2", "x", started_at=datetime(2026, 3, 2, tzinfo=UTC)), pages)
    assert chat.conversation.records == len(nodes) + len(junk)
    tables = to_tables(chat.conversation)
    assert tables["messages"].num_rows == len(chat.conversation.messages)
    pa.array([use.code for use in chat.native_emotes], pa.string())


@given(body=JSON | st.lists(record("data", "errors"), max_size=2))
def test_whether_an_answer_is_whole(body):
    assert _is_answer(body) in (True, False)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        (0, 0),
        (-1, None),
        (True, None),
        (1.0, None),
        ("five", None),
        ("٥", None),
        (2**63, None),
    ],
)
def test_a_count_is_one_or_nothing(value, number):
    assert fields.count(value) == number


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2022-04-18T03:12:34.5Z", datetime(2022, 4, 18, 3, 12, 34, 500_000, tzinfo=UTC)),
        ("2022-04-18T03:12:34.1234567Z", datetime(2022, 4, 18, 3, 12, 34, 123_456, tzinfo=UTC)),
        ("2022-04-18T12:12:34+09:00", datetime(2022, 4, 18, 3, 12, 34, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("soon", None),
        (5, None),
    ],
)
def test_a_moment_is_one_or_nothing(value, moment):
    assert fields.moment(value) == moment


def test_gaps_are_found_at_the_beginning_within_and_at_the_end():
    busy = [float(second) for second in range(0, 3_600, 3)]
    assert chat_gaps(busy, 3_600) == []
    assert chat_gaps([t for t in busy if not 900 < t < 1_800], 3_600) == [ChatGap(900.0, 1_800.0)]
    assert chat_gaps([t for t in busy if t > 1_000], 3_600) == [ChatGap(0.0, 1_002.0)]
    assert chat_gaps([t for t in busy if t < 2_000], 3_600) == [ChatGap(1_998.0, 3_600)]
    assert chat_gaps([], 3_600) == [ChatGap(0.0, 3_600)]
    assert chat_gaps([], None) == []


def test_a_quiet_chat_has_no_gap_where_it_is_only_quiet():
    quiet = [float(minute * 60) for minute in range(0, 180, 8)]
    assert chat_gaps(quiet, 180 * 60.0) == []

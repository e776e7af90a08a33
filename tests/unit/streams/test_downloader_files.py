"""Chat files of TwitchDownloaderCLI, of every age and encoding."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import InputError
from chat_platform.simulators.twitch_server import downloader_json
from chat_platform.sources.records import to_tables
from chat_platform.sources.streams.port import Video
from chat_platform.sources.streams.twitch import downloader_json as json_module
from chat_platform.sources.streams.twitch.downloader_json import read_downloader_json
from chat_platform.sources.streams.twitch.downloader_text import read_downloader_text
from chat_platform.sources.streams.twitch.vod_chat import parse_pages

START = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
VIDEO = Video("twitch", "77", "1", "방송", started_at=START, duration_s=3_600.0)


@pytest.fixture
def generated(world):
    streamer = world.everybody()[0]
    video = world.videos(streamer)[0]
    return video, downloader_json(world, video)


def encode(payload, encoding):
    text = json.dumps(payload, ensure_ascii=False)
    if encoding == "gzip":
        return gzip.compress(text.encode())
    if encoding == "gzip of utf-16":
        return gzip.compress(text.encode("utf-16"))
    return text.encode(encoding)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gzip", "gzip of utf-16"],
)
def test_a_file_is_read_in_every_encoding(world, generated, encoding):
    video, payload = generated
    read = read_downloader_json(encode(payload, encoding), "chat.json")
    read.chat.conversation.check_conservation()
    assert [m.text for m in read.chat.conversation.messages] == [c.text for c in world.chat(video)]
    assert read.video.conversation_id == f"twitch-{video.video_id}"
    assert (read.video.duration_s, read.video.views) == (float(video.duration_s), world.views(video))
    assert read.video.channel_id == world.everybody()[video.streamer].channel_id
    uses = Counter()
    for use in read.chat.native_emotes:
        uses[(use.emote_id, use.code)] += use.count
    assert uses == world.native_uses(video)


def test_the_file_and_the_page_by_page_chat_name_messages_and_accounts_alike(
    world, generated, twitch, connect
):
    video, payload = generated
    platform = connect(twitch())
    pages = []
    cursor = None
    while not pages or cursor:
        page = platform.chat_page(video.video_id, cursor)
        pages.append(page.raw)
        cursor = page.next_cursor
    online = parse_pages(platform.video(video.video_id), pages).conversation
    offline = read_downloader_json(encode(payload, "utf-8"), "x").chat.conversation
    assert online.conversation_id == offline.conversation_id
    for one, other in zip(online.messages, offline.messages, strict=True):
        assert (one.message_id, one.sent_at, one.author_ref, one.text) == (
            other.message_id,
            other.sent_at,
            other.author_ref,
            other.text,
        )


def test_a_file_of_the_first_years_is_read_too():
    payload = {
        "streamer": {"name": "가나다", "id": "12"},
        "video": {"start": 0, "end": 600, "duration": "10m0s"},
        "emotes": {
            "firstParty": [{"id": "301", "data": "", "name": None}],
            "thirdParty": [
                {"id": "a", "name": "bearDance", "url": "https://cdn.betterttv.net/emote/a/2x"},
                {"id": "b", "name": "mystery", "isZeroWidth": True},
            ],
        },
        "comments": [
            {
                "_id": "c1",
                "created_at": "2020-05-01T10:00:30.5Z",
                "content_id": "555",
                "content_offset_seconds": 30.5,
                "commenter": {"display_name": "뷰어", "_id": 99, "logo": None},
                "message": {
                    "fragments": [{"text": "안녕 "}, {"text": "ganaHi", "emoticon": {"emoticon_id": 301}}]
                },
            },
            {
                "_id": "c2",
                "content_offset_seconds": 45,
                "commenter": None,
                "message": {"body": "시각이 없는 말", "fragments": None},
            },
        ],
    }
    read = read_downloader_json(json.dumps(payload).encode(), "old.json")
    first, second = read.chat.conversation.messages
    assert (read.video.video_id, read.video.duration_s) == ("555", 600.0)
    assert read.video.started_at == datetime(2020, 5, 1, 10, 0, 0, tzinfo=UTC)
    assert (first.text, first.author_ref) == ("안녕 ganaHi", "99")
    assert second.sent_at == datetime(2020, 5, 1, 10, 0, 45, tzinfo=UTC)
    assert [(u.emote_id, u.code, u.count) for u in read.chat.native_emotes] == [("301", "ganaHi", 1)]
    assert [(e.provider, e.code, e.zero_width) for e in read.emotes] == [
        ("bttv", "bearDance", None),
        ("unknown", "mystery", True),
    ]


def test_comments_that_nobody_can_use_are_counted_and_doubles_come_once(generated):
    _, payload = generated
    good = payload["comments"][:3]
    payload["comments"] = [
        *good,
        good[0],
        None,
        {},
        {"_id": "x"},
        {**good[1], "_id": "y", "created_at": 7, "content_offset_seconds": "soon"},
    ]
    conversation = read_downloader_json(encode(payload, "utf-8"), "x").chat.conversation
    conversation.check_conservation()
    assert (conversation.records, len(conversation.messages), conversation.duplicates) == (8, 3, 1)
    assert [q.reason for q in conversation.quarantined] == ["comment_malformed"] * 3 + [
        "comment_without_time"
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"comments": 5}',
        b"\x1f\x8b broken",
        gzip.compress(b'{"comments": []}', mtime=0)[:-9],
        b"\xff\xfe\x00",
        b'{"comments": [',
        b"[" * 100_000,
        b"\xc3\x28",
    ],
)
def test_a_file_that_is_none_is_a_coded_error(data):
    with pytest.raises(InputError) as caught:
        read_downloader_json(data, "chat.json")
    assert caught.value.code == "CP-TWITCH-001"


def test_a_small_file_that_unpacks_to_any_size_is_stopped(monkeypatch):
    monkeypatch.setattr(json_module, "MAX_BYTES", 3 << 20)
    with pytest.raises(InputError, match="CP-TWITCH-001"):
        read_downloader_json(gzip.compress(b" " * (64 << 20)), "bomb.json.gz")


@given(data=st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: gzip.compress(data, mtime=0)))
def test_arbitrary_bytes_are_a_coded_error_only(data):
    for read in (read_downloader_json, lambda d, n: read_downloader_text(d, n, VIDEO)):
        try:
            read(data, "x")
        except InputError as error:
            assert error.code.startswith("CP-TWITCH-00")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
COMMENT = st.fixed_dictionaries(
    {},
    optional={
        "_id": JSON | st.just("id"),
        "created_at": JSON | st.just("2026-03-02T11:00:00Z"),
        "content_offset_seconds": JSON | st.floats(),
        "commenter": JSON | st.fixed_dictionaries({"_id": JSON, "display_name": JSON}),
        "message": JSON
        | st.fixed_dictionaries(
            {
                "body": JSON | st.text(),
                "fragments": JSON | st.lists(st.fixed_dictionaries({"text": JSON, "emoticon": JSON})),
            }
        ),
    },
)


@given(
    comments=st.lists(COMMENT | JSON, max_size=5),
    video=JSON
    | st.fixed_dictionaries({"created_at": JSON | st.just("2026-03-02T11:00:00Z"), "length": JSON}),
    rest=st.fixed_dictionaries({}, optional={"streamer": JSON, "embeddedData": JSON, "emotes": JSON}),
)
def test_arbitrary_fields_never_break_the_reading_nor_the_tables(comments, video, rest):
    data = json.dumps({"comments": comments, "video": video, **rest}).encode()
    chat = read_downloader_json(data, "x").chat
    assert chat.conversation.records == len(comments)
    tables = to_tables(chat.conversation)
    assert tables["messages"].num_rows == len(chat.conversation.messages)


# --- text -----------------------------------------------------------------------------------------------


def text(*lines):
    return "\n".join(lines).encode()


def read(*lines, video=VIDEO):
    return read_downloader_text(text(*lines), "chat.txt", video).conversation


def test_relative_lines_count_from_the_start_of_the_video():
    conversation = read("[0:00:05] 뷰어: 안녕: [괄호]", "[0:12:34] viewer_1: 두 번째")
    assert [(m.author_name, m.text, m.offset_s, m.sent_at) for m in conversation.messages] == [
        ("뷰어", "안녕: [괄호]", 5.0, START + timedelta(seconds=5)),
        ("viewer_1", "두 번째", 754.0, START + timedelta(seconds=754)),
    ]


@pytest.mark.parametrize(
    ("clocks", "hours"),
    [
        (["23:00:00", "23:59:59", "0:00:01", "1:00:00"], [23, 23.99972, 24.00028, 25]),
        (["23:00:00", "24:00:01", "25:00:00"], [23, 24.00028, 25]),
        (["23:59:58", "0:00:00", "23:59:59", "0:00:02"], [23.99944, 24, 23.99972, 24.00056]),
        (["1:00:00", "0:59:58", "1:00:03"], [1, 0.99944, 1.00083]),
        (["23:00:00", "0:10:00", "23:00:00", "0:10:00"], [23, 24.16667, 47, 48.16667]),
    ],
    ids=["wraps at 24 h", "counts on", "stragglers", "disorder", "two days"],
)
def test_hours_beyond_a_day_are_read_both_ways(clocks, hours):
    conversation = read(*(f"[{clock}] a: {n}" for n, clock in enumerate(clocks)))
    assert [m.offset_s / 3600 for m in conversation.messages] == pytest.approx(hours, abs=1e-5)


@pytest.mark.parametrize(
    ("line", "microsecond"),
    [("[2026-03-02 11:00:05 UTC] 뷰어: 안녕", 0), ("[2026-03-02 11:00:05.789 UTC] 뷰어: 안녕", 789_000)],
)
def test_dated_lines_need_no_start_of_the_video(line, microsecond):
    message = read(line, video=Video("twitch", "77", "1", "")).messages[0]
    assert message.sent_at == datetime(2026, 3, 2, 11, 0, 5, microsecond, tzinfo=UTC)
    assert message.offset_s is None
    assert read(line).messages[0].offset_s == pytest.approx(5 + microsecond / 1e6)


def test_lines_without_time_are_at_the_start_and_claim_no_offset():
    conversation = read("뷰어: 하나", "뷰어: 하나")
    assert [(m.sent_at, m.offset_s) for m in conversation.messages] == [(START, None)] * 2
    assert len({m.message_id for m in conversation.messages}) == 2


@pytest.mark.parametrize("line", ["[0:00:05] a: b", "a: b"])
def test_undated_lines_without_the_start_of_the_video_are_a_coded_error(line):
    with pytest.raises(InputError, match="CP-TWITCH-003"):
        read(line, video=Video("twitch", "77", "1", ""))


def test_lines_of_another_form_are_quarantined_and_nothing_is_lost():
    conversation = read("[0:00:05] a: b", "no time: here", "[0:00:06] nobody", "", "[0:00:07] c: d")
    conversation.check_conservation()
    assert [m.text for m in conversation.messages] == ["b", "d"]
    assert [q.excerpt for q in conversation.quarantined] == ["no time: here", "[0:00:06] nobody"]


def test_a_message_may_hold_what_other_programs_take_for_a_line_end():
    conversation = read("[0:00:05] a: 한\u2028줄\x0b이다\x85!", "[0:00:06] b: 끝\r")
    assert [m.text for m in conversation.messages] == ["한\u2028줄\x0b이다\x85!", "끝"]


def test_reading_the_same_file_twice_gives_the_same_ids():
    lines = [f"[0:00:{n:02}] a: 같은 말" for n in range(10)]
    first, second = read(*lines), read(*lines)
    assert [m.message_id for m in first.messages] == [m.message_id for m in second.messages]


def test_text_that_is_no_chat_is_a_coded_error():
    for data in (b"", b"nothing here\nnor here", b"\xff\xfe\x00"):
        with pytest.raises(InputError) as caught:
            read_downloader_text(data, "x", VIDEO)
        assert caught.value.code in ("CP-TWITCH-001", "CP-TWITCH-002")

"""Answers of play info become messages, replies and reactions; nothing in them is lost without a reason."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.errors import ZoomError
from chat_platform.sources.records import to_tables
from chat_platform.sources.zoom.play_info import ParsedPlayInfo, parse_play_info
from tests.cost import within

from .chats import SEOUL

START = 1_688_342_400_000
UUID = "E5355A92-20B2-4C1D-9B1A-0123456789AB"


def entry(**fields: Any) -> dict[str, Any]:
    return {
        "id": f"47-{UUID}",
        "timeFromMeetingStart": "00:12:41",
        "time": START + 761_000,
        "recordingClipTimeStr": "20230703-000000",
        "messageType": "1",
        "senderName": "가나다_온라인",
        "content": "질문 있습니다",
        "deleted": False,
        "edited": False,
    } | fields


def answer(entries: Any, *, chat: str = "xmppList", **result: Any) -> str:
    body = {
        "meet": {"topic": "가상 강의", "meetingStartTimeStr": "Jul 3, 2023 09:00 AM"},
        "duration": 10800,
        "fileStartTime": START,
        chat: entries,
    } | result
    return json.dumps({"status": True, "errorCode": 0, "result": body}, ensure_ascii=False)


def parse(*answers: str, day: date | None = date(2023, 7, 3)) -> ParsedPlayInfo:
    parsed = parse_play_info(answers, conversation_id="r1", zone=SEOUL, fallback_day=day)
    to_tables(parsed)
    return parsed


def reasons(parsed: ParsedPlayInfo) -> list[tuple[str, str]]:
    return [(q.reason, q.detail) for q in parsed.quarantined]


def test_a_message_keeps_the_ids_times_and_texts_of_the_source() -> None:
    parsed = parse(answer([entry(edited=True)]))
    message = parsed.messages[0]
    assert message.message_id == f"47-{UUID}"
    assert message.author_ref == "47"
    assert message.author_name == "가나다_온라인"
    assert message.text == "질문 있습니다"
    assert message.sent_at == datetime(2023, 7, 3, 0, 12, 41, tzinfo=UTC)
    assert message.offset_s == 761.0
    assert (message.edited, message.removed, message.kind) == (True, False, "message")
    assert parsed.title == "가상 강의"
    assert parsed.started_at == datetime(2023, 7, 3, tzinfo=UTC)
    assert parsed.duration_s == 10800.0
    assert (parsed.source, parsed.system) == ("zoom", "zoom")


def test_replies_and_their_reactions_are_tied_to_their_message() -> None:
    comment = {
        "id": "52-{7FB56285-0000}",
        "senderName": "강사_라마바",
        "time": START + 790_000,
        "content": "네 말씀하세요",
        "chatEmojiDetailMap": {"👍": {"count": 2}},
    }
    parsed = parse(
        answer([entry(comments=[comment], commentTotal=1, chatEmojiDetailMap={"❤️": {"count": 3}})])
    )
    message, reply = parsed.messages
    assert (reply.kind, reply.parent_id, reply.author_ref) == ("reply", message.message_id, "52")
    assert reply.offset_s == 790.0
    assert {(r.message_id, r.emoji, r.count) for r in parsed.reactions} == {
        (message.message_id, "❤️", 3),
        (reply.message_id, "👍", 2),
    }
    assert parsed.counts() == {
        "records": 4,
        "messages": 1,
        "replies": 1,
        "reactions": 2,
        "removals": 0,
        "quarantined": 0,
        "duplicates": 0,
    }


@pytest.mark.parametrize("padded", [True, False])
def test_an_emoji_may_be_base64_of_its_utf8(padded: bool) -> None:
    key = base64.b64encode("👩‍💻".encode()).decode()
    parsed = parse(answer([entry(chatEmojiDetailMap={key if padded else key.rstrip("="): {"count": 1}})]))
    assert [r.emoji for r in parsed.reactions] == ["👩‍💻"]


def test_a_custom_emoji_that_looks_like_base64_stays_as_it_is() -> None:
    parsed = parse(answer([entry(chatEmojiDetailMap={"party": {"count": 1}, "goodjobs": {"count": 2}})]))
    assert [r.emoji for r in parsed.reactions] == ["party", "goodjobs"]


def test_one_emoji_in_both_encodings_counts_once() -> None:
    key = base64.b64encode("👍".encode()).decode()
    parsed = parse(answer([entry(chatEmojiDetailMap={"👍": {"count": 2}, key: {"count": 3}})]))
    assert [(r.emoji, r.count) for r in parsed.reactions] == [("👍", 3)]
    assert parsed.duplicates == 1


def test_a_message_with_time_zero_takes_its_time_from_the_clip() -> None:
    parsed = parse(answer([entry(time=0)]))
    assert parsed.messages[0].sent_at == datetime(2023, 7, 3, 0, 12, 41, tzinfo=UTC)


@pytest.mark.parametrize("moment", [0, None, "", -5, True, 1e300, 10**30, "soon"])
def test_a_message_without_any_time_is_quarantined_and_never_dropped(moment: object) -> None:
    parsed = parse(
        answer([entry(time=moment, timeFromMeetingStart=None, chatEmojiDetailMap={"👍": {"count": 1}})])
    )
    assert parsed.messages == []
    assert [q.reason for q in parsed.quarantined] == ["no_time", "reaction_target_not_found"]
    assert parsed.counts()["records"] == 2


def test_a_message_whose_clip_start_is_not_known_is_quarantined() -> None:
    lonely = entry(time=0, recordingClipTimeStr="nonsense")
    parsed = parse(answer([lonely], fileStartTime=0, meet={}))
    assert [q.reason for q in parsed.quarantined] == ["no_time"]


def test_replies_to_a_quarantined_message_are_kept() -> None:
    comment = {"id": "52-X", "senderName": "강사", "time": START, "content": "네"}
    parsed = parse(answer([entry(content=None, comments=[comment])]))
    assert [(m.kind, m.parent_id) for m in parsed.messages] == [("reply", None)]
    assert reasons(parsed) == [("empty_body", "answer 0, xmppList[0]: no content")]


def test_entries_that_several_clips_hold_count_once() -> None:
    comment = {"id": "52-X", "senderName": "강사", "time": START + 5_000, "content": "네"}
    shared = entry(comments=[comment], chatEmojiDetailMap={"👍": {"count": 1}})
    later = entry(
        comments=[comment], chatEmojiDetailMap={"👍": {"count": 4}, "❤️": {"count": 1}}, deleted=True
    )
    other = entry(id="48-OTHER", time=START + 4_000_000)
    first = answer([shared])
    second = answer([later, other], fileStartTime=START + 3_600_000, duration=600)
    parsed = parse(first, second)
    assert [m.message_id for m in parsed.messages] == [f"47-{UUID}", "52-X", "48-OTHER"]
    assert sorted((r.emoji, r.count) for r in parsed.reactions) == [("❤️", 1), ("👍", 4)]
    assert parsed.messages[0].removed
    assert parsed.duplicates == 3
    assert parsed.duration_s == 10800.0
    assert parsed.counts()["records"] == 8


def test_the_same_answer_twice_adds_duplicates_only() -> None:
    text = answer([entry(id=None), entry(id=None), entry(id="1-A", chatEmojiDetailMap={"👍": {"count": 1}})])
    once, twice = parse(text), parse(text, text)
    assert [m.message_id for m in twice.messages] == [m.message_id for m in once.messages]
    assert len({m.message_id for m in once.messages}) == 3
    assert twice.reactions == once.reactions
    assert twice.duplicates == once.records == 4


def test_a_deleted_message_is_kept_and_marked() -> None:
    assert parse(answer([entry(deleted=True)])).messages[0].removed


def test_malformed_entries_are_quarantined_with_their_index_and_reason() -> None:
    parsed = parse(
        answer(
            [
                entry(),
                "text",
                None,
                entry(id="1-A", senderName=None),
                entry(id="1-B", content=17),
                entry(id=12),
                entry(id="1-C", comments={"a": 1}, chatEmojiDetailMap=[1]),
                entry(id="1-D", comments=["x"], chatEmojiDetailMap={"👍": {}, "🙌": {"count": 0}, "❤️": 2}),
            ]
        )
    )
    assert reasons(parsed) == [
        ("malformed_entry", "answer 0, xmppList[1]: a str instead of an object"),
        ("malformed_entry", "answer 0, xmppList[2]: a NoneType instead of an object"),
        ("malformed_entry", "answer 0, xmppList[3]: no sender name"),
        ("malformed_entry", "answer 0, xmppList[4]: content is a int"),
        ("malformed_entry", "answer 0, xmppList[5]: id is a int"),
        ("malformed_comments", "answer 0, xmppList[6].comments"),
        ("malformed_reactions", "answer 0, xmppList[6].chatEmojiDetailMap"),
        ("malformed_entry", "answer 0, xmppList[7].comments[0]: a str instead of an object"),
        ("malformed_reaction", "answer 0, xmppList[7]"),
        ("malformed_reaction", "answer 0, xmppList[7]"),
    ]
    assert [(r.emoji, r.count) for r in parsed.reactions] == [("❤️", 2)]
    assert parsed.counts()["records"] == 14


def test_promised_replies_that_are_not_there_are_counted() -> None:
    assert parse(answer([entry(commentTotal=3, comments=None)])).missing_comments == 3


def test_offsets_of_answers_before_2023_count_from_the_start_of_the_file() -> None:
    old = [{"userName": "Kim Ga", "time": "00:01:02", "content": "hello"}] * 2
    parsed = parse(answer(old, chat="meetingChatList"))
    assert [m.sent_at for m in parsed.messages] == [datetime(2023, 7, 3, 0, 1, 2, tzinfo=UTC)] * 2
    assert [m.offset_s for m in parsed.messages] == [62.0, 62.0]
    assert len({m.message_id for m in parsed.messages}) == 2
    assert parsed.messages[0].author_ref is None


def test_old_answers_without_start_use_the_day_of_the_lecture_or_are_quarantined() -> None:
    text = answer(
        [{"username": "Kim", "time": "00:01:02", "content": "hi"}],
        chat="chatList",
        fileStartTime=None,
        meet={},
    )
    assert parse(text).messages[0].sent_at == datetime(2023, 7, 2, 15, 1, 2, tzinfo=UTC)
    assert [q.reason for q in parse(text, day=None).quarantined] == ["no_time"]


def test_the_meeting_start_is_used_where_the_file_start_is_missing() -> None:
    parsed = parse(
        answer(
            [{"userName": "K", "time": "00:00:10", "content": "x"}], chat="meetingChatList", fileStartTime=0
        )
    )
    assert parsed.started_at == datetime(2023, 7, 3, tzinfo=UTC)
    assert parsed.messages[0].sent_at == datetime(2023, 7, 3, 0, 0, 10, tzinfo=UTC)


def test_the_newest_list_that_holds_something_is_read() -> None:
    old = [{"userName": "Kim", "time": "00:00:01", "content": "old"}]
    assert parse(answer([entry()], meetingChatList=old)).messages[0].text == "질문 있습니다"
    parsed = parse(answer([], meetingChatList=old))
    assert [m.text for m in parsed.messages] == ["old"]
    assert parsed.chat_lists == ["meetingChatList"]


def test_a_page_of_2020_holds_the_chat_in_its_script() -> None:
    page = r"""<html><script>
    window.__data__.chatList.push({username: "Kim \"Ga\"", time: "00:01:02", content: "line\none 👍"});
    window.__data__.chatList.push({
        'username': 'Lee Na',
        "time": '00:01:03',
        content: 'it\'s \ud83d\udc4d \x41'
    });
    window.__data__.chatList.push({username: broken( });
    window.__data__.transcriptList.push({username: "T", ts: 1, endTs: 2, text: "spoken"});
    </script></html>"""
    parsed = parse(page)
    assert [(m.author_name, m.text) for m in parsed.messages] == [
        ('Kim "Ga"', "line\none 👍"),
        ("Lee Na", "it's 👍 A"),
    ]
    assert parsed.messages[0].sent_at == datetime(2023, 7, 2, 15, 1, 2, tzinfo=UTC)
    assert [q.reason for q in parsed.quarantined] == ["malformed_entry"]


@pytest.mark.parametrize("result", [{}, {"xmppList": None}, {"xmppList": []}])
def test_a_recording_without_chat_has_no_messages(result: dict[str, Any]) -> None:
    parsed = parse(json.dumps({"status": True, "result": result}))
    assert parsed.counts()["records"] == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "CP-ZOOM-040"),
        ("<html>Enter the passcode</html>", "CP-ZOOM-040"),
        ('{"status": true, "result": {"xmppList": [{"id": "4', "CP-ZOOM-040"),
        ("[" * 100_000, "CP-ZOOM-040"),
        ("[]", "CP-ZOOM-040"),
        ('{"status": false, "errorCode": 3302, "errorMessage": "secret"}', "CP-ZOOM-041"),
        ('{"status": true}', "CP-ZOOM-042"),
        ('{"status": true, "result": "x"}', "CP-ZOOM-042"),
        ('{"status": true, "result": {"xmppList": {"0": {}}}}', "CP-ZOOM-043"),
    ],
)
def test_an_answer_that_is_not_one_gives_a_coded_error(text: str, code: str) -> None:
    with pytest.raises(ZoomError) as caught:
        parse(text)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["00:00:01", START]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "id",
    "time",
    "timeFromMeetingStart",
    "recordingClipTimeStr",
    "senderName",
    "content",
    "comments",
    "commentTotal",
    "chatEmojiDetailMap",
    "deleted",
)
MUTATED = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3).map(lambda changes: entry(**changes))
NESTED = st.lists(MUTATED, max_size=2).map(lambda comments: entry(comments=comments))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(MUTATED | NESTED | JSON, max_size=5),
    st.dictionaries(st.sampled_from(("fileStartTime", "meet", "duration")), JSON),
)
def test_any_entries_are_accounted_for(entries: list[Any], result: dict[str, Any]) -> None:
    parsed = parse(answer(entries, **result))
    assert parsed.counts()["records"] >= len(entries)
    assert [m.position for m in parsed.messages] == sorted({m.position for m in parsed.messages})


@settings(max_examples=200, deadline=None)
@given(
    JSON.map(json.dumps)
    | st.text(max_size=60)
    | st.text(max_size=60).map("<script>window.__data__.chatList.push({".__add__)
)
def test_any_text_raises_nothing_but_a_coded_error(text: str) -> None:
    try:
        parse(text)
    except ZoomError as error:
        assert error.code.startswith("CP-ZOOM-04")


def test_ten_megabytes_of_a_broken_old_page_take_seconds_only() -> None:
    pages = (
        "window.__data__.chatList.push({" + " " * 10_000_000,
        'window.__data__.chatList.push({a: "' * 280_000,
        "window.__data__.chatList.push({a: '" + "\\'" * 5_000_000,
    )
    for page in pages:

        def read(page: str = page) -> None:
            parsed = parse_play_info([page], conversation_id="r1", zone=SEOUL, fallback_day=None)
            assert parsed.counts()["quarantined"] == parsed.records > 0

        # The second page alone makes 280,000 quarantine rows.
        assert within(6, read)

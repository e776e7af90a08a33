"""A channel-day becomes records, and every record is accounted for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.settings import AnnouncementRules
from chat_platform.simulators.slack_generator import RECORDINGS_CHANNEL
from chat_platform.sources.records import to_tables
from chat_platform.sources.slack.announcements import find_announcements
from chat_platform.sources.slack.collect import channel_day_id, merge_deleted, revision_of
from chat_platform.sources.slack.emoji_names import emoji_of, with_emoji
from chat_platform.sources.slack.messages import parse_channel_day
from chat_platform.sources.slack.redaction import redact
from chat_platform.sources.slack.users import parse_users, user_names
from chat_platform.tables.class_chat import SLACK_USERS
from tests.cost import within

# The machine may be busy; what is slow has tests of its own.
unhurried = settings(deadline=None)

RULES = AnnouncementRules()
LABELS = RULES.passcode_labels
USERS = {"U0KIM": "김가나", "U0LEE": "이다라_온라인"}
T1, T2, T3, T4 = (f"177244920{n}.000100" for n in range(4))


def message(ts, text="안녕하세요", user="U0KIM", **extra):
    return {"type": "message", "ts": ts, "user": user, "text": text, **extra}


def payload(*messages, replies=None):
    return {"channel": "C0AAA", "day": "2026-03-02", "messages": list(messages), "replies": replies or {}}


def parse(*messages, replies=None, **options):
    parsed = parse_channel_day(
        payload(*messages, replies=replies),
        conversation_id="slack-C0AAA-20260302",
        channel_id="C0AAA",
        **{"rules": RULES, "users": USERS, **options},
    )
    parsed.check_conservation()
    return parsed


def the_text(text, **extra):
    return parse(message(T1, text, **extra)).messages[0].text


def test_messages_and_replies_stand_in_the_order_sent():
    parsed = parse(
        message(T3, "셋"),
        message(T1, "하나", reply_count=2, thread_ts=T1),
        replies={T1: [message(T4, "넷", "U0LEE"), message(T2, "둘", "U0LEE")]},
    )
    rows = [(m.position, m.text, m.kind, m.author_name, m.parent_id) for m in parsed.messages]
    parent = f"slack-C0AAA-{T1}"
    assert rows == [
        (0, "하나", "message", "김가나", None),
        (1, "둘", "reply", "이다라_온라인", parent),
        (2, "셋", "message", "김가나", None),
        (3, "넷", "reply", "이다라_온라인", parent),
    ]
    assert parsed.messages[0].sent_at == datetime(2026, 3, 2, 11, 0, 0, 100, tzinfo=UTC)
    assert parsed.messages[0].message_id == parent
    assert (parsed.source, parsed.system, parsed.started_at) == ("slack", "slack", parsed.messages[0].sent_at)


def test_reactions_are_by_name_and_those_that_slack_left_out_are_one_row():
    parsed = parse(
        message(
            T1,
            reactions=[
                {"name": "fire", "users": ["U0KIM", "U0LEE"], "count": 7},
                {"name": "+1::skin-tone-2", "users": ["U0NEW"], "count": 1},
                {"name": "our_logo", "users": [], "count": 3},
            ],
        )
    )
    assert [(r.emoji, r.reactor_ref, r.reactor_name, r.count) for r in parsed.reactions] == [
        ("🔥", "U0KIM", "김가나", 1),
        ("🔥", "U0LEE", "이다라_온라인", 1),
        ("🔥", None, None, 5),
        ("👍🏻", "U0NEW", "U0NEW", 1),
        (":our_logo:", None, None, 3),
    ]
    assert parsed.records == 6


def test_a_reaction_that_two_names_of_one_emoji_give_counts_once():
    both = [
        {"name": "+1", "users": ["U0KIM"], "count": 1},
        {"name": "thumbsup", "users": ["U0KIM"], "count": 1},
    ]
    parsed = parse(message(T1, reactions=both))
    assert (len(parsed.reactions), parsed.duplicates) == (1, 1)


def test_what_slack_says_is_quarantined_with_its_reactions():
    parsed = parse(
        message(T1, "<@U0KIM>님이 채널에 참여함", subtype="channel_join"),
        message(T2, reactions=[{"name": "wave", "users": ["U0KIM"], "count": 1}], subtype="channel_topic"),
        message(T3),
    )
    assert [(q.reason, q.detail) for q in parsed.quarantined] == [
        ("system_message", "channel_join"),
        ("system_message", "channel_topic"),
        ("reaction_on_unused_message", ""),
    ]
    assert parsed.quarantined[0].excerpt == "@김가나님이 채널에 참여함"
    assert len(parsed.messages) == 1


def test_a_page_that_came_twice_is_counted_as_duplicates():
    twice = message(T1, reactions=[{"name": "fire", "users": ["U0KIM"], "count": 1}])
    parsed = parse(twice, message(T2), twice)
    assert parsed.counts() == {
        "records": 5,
        "messages": 2,
        "replies": 0,
        "reactions": 1,
        "removals": 0,
        "quarantined": 0,
        "duplicates": 2,
    }


def test_apps_have_a_name_and_an_id_too():
    parsed = parse(
        message(T1, user=None, bot_id="B0BOT", username="출석봇", subtype="bot_message"),
        message(T2, user=None, bot_id="B0BOT", bot_profile={"name": "알림"}, subtype="bot_message"),
        message(T3, user=None),
    )
    assert [(m.author_ref, m.author_name) for m in parsed.messages] == [
        ("B0BOT", "출석봇"),
        ("B0BOT", "알림"),
    ]
    assert [q.reason for q in parsed.quarantined] == ["message_without_author"]


def test_malformed_records_are_quarantined_and_do_not_raise():
    parsed = parse(
        None,
        5,
        message("x"),
        message(
            T1, None, blocks="no", reactions=[None, {"name": 3}, {"name": "fire", "users": 5, "count": "x"}]
        ),
        replies={"odd": [None, message(T2)]},
    )
    assert Counter(q.reason for q in parsed.quarantined) == {"message_malformed": 4, "reaction_malformed": 3}
    assert [(m.kind, m.parent_id) for m in parsed.messages] == [("message", None), ("reply", None)]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([T1, T2, "fire", "text"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "ts",
                    "user",
                    "text",
                    "blocks",
                    "elements",
                    "type",
                    "reactions",
                    "users",
                    "name",
                    "count",
                    "url",
                ]
                + ["attachments", "fields", "subtype", "thread_ts", "bot_profile", "style"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@unhurried
@given(st.lists(anything, max_size=5), st.lists(anything, max_size=3))
def test_whatever_arrives_every_record_is_accounted_for(messages, replies):
    parsed = parse(*messages, replies={T1: replies})
    to_tables(parsed)
    find_announcements(payload(*messages, replies={T1: replies}), RULES, zone=UTC, channel_id="C0AAA")


@pytest.mark.parametrize(
    "text",
    [
        "3/2 ",
        "http://",
        "암호:",
        "암호 ",
        "암호\n",
        "암호는 모두 ",
        ":a",
        "<",
        "&amp;",
        "?pwd=",
        "(",
        "1.1.",
        "`",
    ],
)
def test_hostile_text_of_slacks_full_length_is_read_in_linear_time(text):
    long = f"녹화본 공유 https://zoom.us/rec/share/a.b {text * (40_000 // len(text))}"

    def read() -> None:
        parse(message(T1, long))
        find_announcements(payload(message(T1, long)), RULES, zone=UTC, channel_id="C0AAA")

    assert within(5, read)


def test_text_reads_as_people_wrote_it():
    assert (
        the_text("&lt;b&gt; &amp; <@U0LEE> <!channel> <#C0X|잡담>") == "<b> & @이다라_온라인 @channel #잡담"
    )
    assert the_text("<https://example.com/a?b=1&amp;c=2>") == "https://example.com/a?b=1&c=2"
    assert (
        the_text("<https://example.com/a|여기> :fire: `:fire:`") == "여기 (https://example.com/a) 🔥 `:fire:`"
    )
    assert the_text("a\n\n  b") == "a\n\n  b"


def test_a_message_of_blocks_only_has_their_text():
    kit = [{"type": "section", "text": {"type": "mrkdwn", "text": "*공지* &amp; 안내"}}]
    assert the_text("", blocks=kit) == "*공지* & 안내"


def test_edited_and_deleted_messages_say_so():
    parsed = parse(
        message(T1, edited={"user": "U0KIM", "ts": T2}),
        message(T2, "지운 글", _removed=True, reactions=[{"name": "fire", "users": ["U0KIM"], "count": 1}]),
        message(T3, "This message was deleted.", "USLACKBOT", subtype="tombstone"),
    )
    assert [(m.edited, m.removed, m.text) for m in parsed.messages] == [
        (True, False, "안녕하세요"),
        (False, True, "지운 글"),
        (False, True, ""),
    ]
    assert [r.removed for r in parsed.reactions] == [True]


def test_what_is_gone_since_is_kept_and_marked():
    before = payload(
        message(T1, "부모", reply_count=2, thread_ts=T1),
        message(T3, "지울 글"),
        replies={T1: [message(T2, "지울 답"), message(T4, "남는 답")]},
    )
    tombstone = message(T1, "This message was deleted.", "USLACKBOT", subtype="tombstone", reply_count=1)
    after = payload(tombstone, replies={T1: [message(T4, "남는 답")]})
    merged = merge_deleted(before, after)
    parsed = parse(*merged["messages"], replies=merged["replies"])
    assert [(m.text, m.removed) for m in parsed.messages] == [
        ("부모", True),
        ("지울 답", True),
        ("지울 글", True),
        ("남는 답", False),
    ]
    assert parsed.messages[3].parent_id == parsed.messages[0].message_id
    assert revision_of(merged) == revision_of(after)
    assert revision_of(before) != revision_of(after)
    assert merge_deleted(merged, after) == merged


def test_secrets_are_in_no_table():
    link = "https://zoom.us/rec/share/AAA.BBB?pwd=inlink99"
    parsed = parse(
        message(T1, f"3/2 강의 녹화본 공유\n<{link}>\n암호: a&amp;b:fire:c*1", thread_ts=T1, reply_count=1),
        message(T2, "저는 a&amp;b:fire:c*1 로 안 열려요"),
        message(T3, "a&amp;b:fire:c*1", subtype="channel_topic"),
        replies={T1: [message(T4, "비번: thread33 이에요 other444")]},
        secrets=["other444"],
    )
    assert [m.text.split("\n")[-1] for m in parsed.messages] == [
        "암호: [redacted]",
        "저는 [redacted] 로 안 열려요",
        "비번: [redacted] 이에요 [redacted]",
    ]
    shown = repr(parsed) + "".join(str(table.to_pylist()) for table in to_tables(parsed).values())
    for secret in ("inlink99", "a&b", "a&amp;b", "c*1", "thread33", "other444"):
        assert secret not in shown


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=14)


@unhurried
@given(printable.filter(lambda p: p[0].isalnum() and p.lower() != "none"), st.sampled_from(LABELS))
def test_a_passcode_behind_a_label_never_survives_redaction(passcode, label):
    text = redact(f"오늘 {label}: {passcode}\n감사", [], LABELS)
    assert passcode not in text.replace("[redacted]", "")
    assert text.startswith(f"오늘 {label}: ")
    assert text.endswith("\n감사")


@unhurried
@given(st.text(max_size=60), printable)
def test_a_known_passcode_never_survives_redaction(text, passcode):
    assert passcode not in redact(f"{text}{passcode}{text}", [passcode], []).replace("[redacted]", "")


@pytest.mark.parametrize(
    "text",
    ["암호화폐 이야기", "pwd 명령어", "password 없이 되나요", "https://a.example/x?y=1", "암호학 수업"],
)
def test_what_is_no_passcode_stays(text):
    assert redact(text, [], LABELS) == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fire", "🔥"),
        ("white_check_mark", "✅"),
        ("thumbsup", "👍"),
        ("+1::skin-tone-2", "👍🏻"),
        ("raised_hands::skin-tone-6", "🙌🏿"),
        ("man-shrugging::skin-tone-4", "🤷🏽‍♂️"),
        ("female-technologist", "👩‍💻"),
        ("flag-kr", "🇰🇷"),
        ("kr", "🇰🇷"),
        ("simple_smile", "🙂"),
        ("our_logo", ":our_logo:"),
        ("우리로고", ":우리로고:"),
    ],
)
def test_emoji_names_become_emoji(name, expected):
    assert emoji_of(name) == expected


def test_only_known_names_between_colons_become_emoji():
    assert (
        with_emoji("좋아요:fire::fire: 12:100:3 :nope: `:fire:` :100:굿")
        == "좋아요🔥🔥 12:100:3 :nope: `:fire:` 💯굿"
    )


def test_users_are_rows_of_the_table():
    members = [
        {"id": "USLACKBOT", "name": "slackbot", "is_bot": False, "profile": {"real_name": "Slackbot"}},
        {"id": "U0KIM", "name": "ga.kim", "real_name": "옛 이름", "profile": {"email": "old@example.com"}},
        {"id": "B0APP", "name": "app", "is_bot": True},
        {"name": "nobody"},
        {
            "id": "U0KIM",
            "name": "ga.kim",
            "deleted": True,
            "is_owner": True,
            "is_app_user": True,
            "profile": {
                "real_name": "김가나",
                "display_name": " 가나_온라인 ",
                "email": "ga@example.com",
                "title": "",
            },
        },
    ]
    rows = parse_users(members)
    assert SLACK_USERS.table(rows).num_rows == 3
    by_id = {row["slack_id"]: row for row in rows}
    assert by_id["USLACKBOT"]["is_bot"]
    assert by_id["B0APP"]["is_bot"]
    assert by_id["U0KIM"] == {
        "slack_id": "U0KIM",
        "name": "ga.kim",
        "real_name": "김가나",
        "display_name": "가나_온라인",
        "email": "ga@example.com",
        "title": None,
        "is_admin": True,
        "is_bot": False,
        "deleted": True,
    }
    assert user_names(rows) == {"USLACKBOT": "Slackbot", "U0KIM": "가나_온라인", "B0APP": "app"}


def test_a_generated_channel_is_parsed_without_its_passcodes(workspace):
    messages = workspace.messages(RECORDINGS_CHANNEL)
    parsed = parse(
        *messages,
        replies={m["ts"]: workspace.thread(RECORDINGS_CHANNEL, m["ts"])[1:] for m in messages},
        users=user_names(parse_users(workspace.story.members)),
    )
    story = workspace.story
    posted = [m for n in range(len(story.days)) for m in story.day(n) if m.channel == RECORDINGS_CHANNEL]
    assert parsed.counts()["messages"] == len(posted)
    assert parsed.counts()["replies"] == sum(len(m.replies) for m in posted)
    assert len(parsed.reactions) == sum(len(r.users) for m in posted for r in m.reactions)
    assert {q.reason for q in parsed.quarantined} == {"system_message"}
    shown = "".join(str(table.to_pylist()) for table in to_tables(parsed).values())
    infos = [story.generated.info(index) for m in posted for index in m.recordings]
    assert infos
    assert not any(secret in shown for info in infos for secret in (info.passcode, info.pwd))


def test_a_channel_day_is_named_by_channel_and_day():
    assert channel_day_id("C0AAA", date(2026, 3, 2)) == "slack-C0AAA-20260302"

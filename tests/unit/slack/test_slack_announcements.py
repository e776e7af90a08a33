"""Announcements: links, passcodes and dates of the same message, or quarantine."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_platform.settings import AnnouncementRules
from chat_platform.simulators.slack_generator import RECORDINGS_CHANNEL
from chat_platform.sources.slack.announcements import (
    announced_secrets,
    find_announcements,
    merge_repeats,
    recording_id,
    recording_key,
)

# The machine may be busy; what is slow has tests of its own.
unhurried = settings(deadline=None)

RULES = AnnouncementRules()
CHANNEL = "C0RECORDS"
LINK = "https://zoom.us/rec/share/AAA-aa_1.BBB"
OTHER = "https://us02web.zoom.us/rec/play/CCC.DDD"
SENT_AT = datetime(2026, 3, 2, 11, 0, 0, 123459, tzinfo=UTC)
TS = "1772449200.123459"


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text):
    """A text in which addresses stand as Slack writes them."""
    words = [f"<{word}>" if word.startswith("https://") else escaped(word) for word in text.split(" ")]
    return " ".join(words)


def message(text, *, ts=TS, user="U0STAFF", blocks=None, **extra):
    lines = "\n".join(mrkdwn(line) for line in text.split("\n"))
    return {"type": "message", "ts": ts, "user": user, "text": lines, "blocks": blocks or [], **extra}


def read(zone, *messages, replies=None, rules=RULES, **options):
    payload = {"messages": list(messages), "replies": replies or {}}
    return find_announcements(payload, rules, zone=zone, channel_id=CHANNEL, **options)


def one(zone, *messages, **options):
    found, quarantined = read(zone, *messages, **options)
    assert quarantined == []
    assert len(found) == 1
    return found[0]


def reasons(zone, *messages, **options):
    found, quarantined = read(zone, *messages, **options)
    assert found == []
    return [record.reason for record in quarantined]


def passcodes(found):
    return [a.passcode and a.passcode.get_secret_value() for a in found]


def section(*elements):
    return {"type": "rich_text_section", "elements": list(elements)}


def text(value, **style):
    return {"type": "text", "text": value, **({"style": style} if style else {})}


def rich_text(*elements):
    return [{"type": "rich_text", "block_id": "x1", "elements": list(elements)}]


def test_the_usual_announcement_is_understood_from_its_blocks(zone):
    blocks = rich_text(
        section(
            {"type": "broadcast", "range": "channel", "style": {"bold": True}},
            text("\n"),
            {"type": "emoji", "name": "fire", "unicode": "1f525"},
            text("[강의 녹화본 공유_6/29(목)]", bold=True),
            {"type": "emoji", "name": "fire", "unicode": "1f525"},
        ),
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 1,
            "elements": [
                section(text("6월 29일(목)부터 7월 13일(목), 11:59 PM까지")),
                section(text("14일간만 추가 수강 가능합니다.", code=True)),
            ],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 1,
            "elements": [
                section({"type": "link", "url": LINK}),
                section(text("암호: "), text("ab12CD!!", code=True)),
            ],
        },
    )
    found = one(
        zone,
        message("*[강의 녹화본 공유_6/29(목)]*", ts="1688036400.123459", blocks=blocks, reactions=[]),
    )
    assert found.lecture_date == date(2023, 6, 29)
    assert found.link == LINK
    assert passcodes([found]) == ["ab12CD!!"]
    assert found.title == "🔥[강의 녹화본 공유_6/29(목)]🔥"
    assert (found.channel_id, found.message_ts, found.author) == (CHANNEL, "1688036400.123459", "U0STAFF")
    assert found.announced_at == datetime(2023, 6, 29, 11, 0, 0, 123459, tzinfo=UTC)


def test_a_plain_text_announcement_is_understood_without_blocks(zone):
    found = one(zone, message(f"2026-03-02 강의 녹화본 공유\n{LINK}\nPasscode: a&b<c>*_`.^@"))
    assert found.lecture_date == date(2026, 3, 2)
    assert passcodes([found]) == ["a&b<c>*_`.^@"]


@pytest.mark.parametrize(
    "label",
    [
        "암호: {}",
        "암호 : {}",
        "*암호:* {}",
        "비밀번호는 {} 입니다",
        "(패스코드: {})",
        "PW = {}",
        "passcode is {}",
    ]
    + [
        "암호\n{}",
        "암호:\n\n{}",
        "비번: `{}`",
        "암호({})",
        "암호 {}",
        "Password：{}",
        "암호: *{}*",
        "암호번호 - {}",
    ],
)
def test_a_passcode_is_found_behind_every_form_of_label(zone, label):
    for passcode in ("ab12CD!!", "x&y.9^Z@q", "12345678"):
        found = one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}\n{label.format(passcode)}"))
        assert passcodes([found]) == [passcode]


any_passcode = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=16).filter(
    lambda passcode: passcode.lower() != "none"
)


@unhurried
@given(any_passcode)
def test_any_passcode_survives_as_a_styled_part_of_blocks(passcode):
    zone = UTC
    blocks = rich_text(
        section(text("3/2 강의 녹화본 공유\n"), {"type": "link", "url": LINK}),
        section(text("암호: "), text(passcode, code=True)),
    )
    assert passcodes([one(zone, message("녹화본 공유", blocks=blocks))]) == [passcode]


# Text without blocks cannot tell a passcode in quotes or stars from one that begins and ends with them.
bare_passcode = any_passcode.filter(lambda p: p[0].isalnum() and (p[-1].isalnum() or p[-1] in "!@#$%^&*_.?"))


@unhurried
@given(bare_passcode)
def test_any_passcode_survives_escaping_in_text(passcode):
    message_text = f"3/2 강의 녹화본 공유\n<{LINK}>\n암호: {escaped(passcode)}\n감사합니다"
    raw = {"ts": TS, "user": "U0", "text": message_text}
    assert passcodes([one(UTC, raw)]) == [passcode]


def shown_with(passcode):
    """What is shown of two messages with a passcode, a usable one and one without a link."""
    good = {
        "ts": TS,
        "user": "U0",
        "text": f"3/2 녹화본 공유 암호: {escaped(passcode)}\n<{LINK}?pwd={passcode}>",
    }
    bad = {"ts": TS, "user": "U0", "text": f"녹화본 공유 암호: {escaped(passcode)} 확인"}
    found, quarantined = read(UTC, good, bad)
    assert len(found) + len(quarantined) == 2
    assert "[redacted]" in quarantined[-1].excerpt
    return repr(found) + repr(quarantined)


@unhurried
@given(bare_passcode)
@example("full_lin")
def test_a_passcode_is_in_no_repr_title_excerpt_or_revision(passcode):
    shown = shown_with(passcode)
    # What is shown has words of its own, which a passcode may be part of; and a revision short runs by chance.
    if len(passcode) > 7 and passcode not in shown_with("Q7z!another-1"):
        assert passcode not in shown


def test_the_passcode_of_a_link_is_kept_apart_from_the_link(zone):
    found = one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}?pwd=s3cret.Q&startTime=1"))
    assert found.link == f"{LINK}?startTime=1"
    assert found.full_link.get_secret_value() == f"{LINK}?pwd=s3cret.Q&startTime=1"
    assert found.passcode is None
    assert "s3cret" not in repr(found)


def test_a_recording_without_any_word_of_a_passcode_is_open(zone):
    assert one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}")).passcode is None
    assert one(zone, message(f"3/2 강의 녹화본 공유 (암호 없음)\n{LINK}")).passcode is None
    assert one(zone, message(f"3/2 암호화 강의 녹화본 공유\n{LINK}")).passcode is None


def test_a_passcode_may_come_in_the_thread(zone):
    replies = {
        TS: [
            message("암호: wrong123 아닌가요?", ts="1772449201.000001", user="U0STUDENT"),
            message("암호: right456", ts="1772449202.000001", user="U0STAFF"),
        ]
    }
    found = one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}\n암호는 댓글로"), replies=replies)
    assert passcodes([found]) == ["right456"]


def test_a_passcode_that_somebody_else_answers_serves_when_nobody_better_does(zone):
    replies = {TS: [message("비밀번호: help789 이에요", ts="1772449201.000001", user="U0OTHER")]}
    found = one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}\n암호는 댓글로"), replies=replies)
    assert passcodes([found]) == ["help789"]


def test_a_label_without_a_passcode_waits_in_quarantine(zone):
    assert reasons(zone, message(f"3/2 강의 녹화본 공유\n{LINK}\n암호는 댓글로")) == [
        "announcement_without_passcode"
    ]


def test_a_link_may_come_in_the_thread_of_who_announced(zone):
    replies = {
        TS: [
            message(f"{OTHER}", ts="1772449201.000001", user="U0STUDENT"),
            message(f"{LINK} 암호: right456", ts="1772449202.000001"),
        ]
    }
    found = one(zone, message("3/2 강의 녹화본 공유는 아래 댓글에"), replies=replies)
    assert (found.link, passcodes([found])) == (LINK, ["right456"])


def test_two_recordings_in_one_message_get_their_own_passcodes(zone):
    body = f"3/2 강의 녹화본 공유\n오전: {LINK}\n암호: morning1\n오후: {OTHER}\n암호: after002"
    found, quarantined = read(zone, message(body))
    assert quarantined == []
    assert passcodes(found) == ["morning1", "after002"]
    assert [a.lecture_date for a in found] == [date(2026, 3, 2)] * 2
    assert [a.title for a in found] == ["3/2 강의 녹화본 공유 (오전)", "3/2 강의 녹화본 공유 (오후)"]
    assert len({a.recording_key for a in found}) == 2


@pytest.mark.parametrize(
    "body",
    [
        "녹화본 공유\n2/27(금)\n{a}\n암호: aaaa1111\n3/2(월)\n{b}\n암호: bbbb2222",
        "2/27, 3/2 녹화본 공유\n{a} 암호: aaaa1111\n{b} 암호: bbbb2222",
        "녹화본 공유\n{a} (2/27) 암호: aaaa1111\n{b} (3/2) 암호: bbbb2222",
        "3/2 녹화본 공유\n2/27 보충: {a}\n암호: aaaa1111\n3/2: {b}\n암호: bbbb2222",
        "녹화본 공유 2/27 {a} 3/2 {b} 암호: aaaa1111 암호: bbbb2222",
    ],
)
def test_two_dates_in_one_message_go_to_their_links(zone, body):
    found, quarantined = read(zone, message(body.format(a=LINK, b=OTHER)))
    assert quarantined == []
    assert [(a.link, a.lecture_date) for a in found] == [(LINK, date(2026, 2, 27)), (OTHER, date(2026, 3, 2))]
    assert passcodes(found) == ["aaaa1111", "bbbb2222"]


def test_a_passcode_said_to_be_common_opens_both(zone):
    found, _ = read(zone, message(f"3/2 강의 녹화본 공유\n{LINK}\n{OTHER}\n암호는 모두 동일: same1234"))
    assert passcodes(found) == ["same1234", "same1234"]


def test_a_date_of_something_else_below_the_title_is_not_the_lectures(zone):
    found = one(zone, message(f"3/2 강의 녹화본 공유\n다음 수업은 3/4(수)입니다\n{LINK}"))
    assert found.lecture_date == date(2026, 3, 2)


def test_a_date_within_a_passcode_or_an_address_is_not_the_lectures(zone):
    assert reasons(zone, message(f"강의 녹화본 공유\n{LINK}-03-02\n암호: 6/29")) == [
        "announcement_without_date"
    ]


def test_today_and_yesterday_count_in_the_class_zone(zone):
    late = "1772463600.000001"  # 00:00 of 3 March in Seoul
    assert one(zone, message(f"오늘 강의 녹화본 공유\n{LINK}", ts=late)).lecture_date == date(2026, 3, 3)
    assert one(zone, message(f"어제 강의 녹화본 공유\n{LINK}", ts=late)).lecture_date == date(2026, 3, 2)


def test_a_december_lecture_announced_in_january_is_of_last_year(zone):
    sent = datetime(2026, 1, 2, 3, 0, tzinfo=UTC).timestamp()
    found = one(zone, message(f"12/31(수) 강의 녹화본 공유\n{LINK}", ts=f"{sent:.6f}"))
    assert found.lecture_date == date(2025, 12, 31)


def test_a_message_without_a_date_never_takes_the_one_before(zone):
    found, quarantined = read(
        zone,
        message(f"3/2 강의 녹화본 공유\n{LINK}\n암호: first111"),
        message(f"강의 녹화본 공유\n{OTHER}\n암호: second22", ts="1772449300.000001"),
    )
    assert [a.link for a in found] == [LINK]
    assert [(q.reason, q.position) for q in quarantined] == [("announcement_without_date", 1)]
    assert "second22" not in quarantined[0].excerpt
    assert quarantined[0].detail == "ts 1772449300.000001"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("3/2 강의 녹화본 공유는 늦어집니다", "announcement_without_link"),
        ("2/30 강의 녹화본 공유 " + LINK, "announcement_without_date"),
        ("2026-04-02 강의 녹화본 공유 " + LINK, "announcement_date_in_future"),
        (f"3/2 녹화본 공유\n{LINK} 암호: aaaa1111\n{OTHER}", "passcode_count_differs"),
        (f"3/2 녹화본 공유\n{LINK}\n암호: aaaa1111\n암호: bbbb2222", "passcode_count_differs"),
        (f"녹화본 공유\n2/27, 3/2\n{LINK}", "announcement_dates_unclear"),
        ("3/2 녹화본 공유 https://zoom.us.evil.example/rec/share/AAA.BBB", "link_host_not_allowed"),
        ("3/2 녹화본 공유 https://zoom.us@evil.example/rec/share/AAA.BBB", "link_host_not_allowed"),
        (f"영상 올렸어요 {LINK}", "link_without_announcement"),
    ],
)
def test_what_cannot_be_understood_says_why(zone, body, reason):
    assert reasons(zone, message(body)) == [reason]


def test_odd_things_in_a_payload_are_told_and_do_not_raise(zone):
    odd = [
        None,
        "text",
        {},
        {"text": 5, "blocks": {"a": 1}, "ts": TS},
        {"text": f"녹화본 공유 {LINK}", "ts": "x"},
    ]
    odd += [{"blocks": [{"type": "rich_text", "elements": [None, {"elements": [{"type": "text"}]}]}]}]
    _, quarantined = read(zone, *odd)
    assert [(q.position, q.reason) for q in quarantined] == [
        (0, "message_malformed"),
        (1, "message_malformed"),
        (4, "message_malformed"),
    ]


def test_only_listed_authors_announce_when_authors_are_listed(zone):
    rules = AnnouncementRules(authors=["U0STAFF", "B0BOT"])
    body = f"3/2 강의 녹화본 공유\n{LINK}"
    assert one(zone, message(body), message(body, user="U0STUDENT"), rules=rules).author == "U0STAFF"
    assert (
        one(zone, message(body, user=None, bot_id="B0BOT", subtype="bot_message"), rules=rules).author
        == "B0BOT"
    )


@pytest.mark.parametrize("gone", [{"subtype": "tombstone"}, {"_removed": True}, {"subtype": "channel_topic"}])
def test_what_is_deleted_or_said_by_slack_announces_nothing(zone, gone):
    assert read(zone, message(f"3/2 강의 녹화본 공유\n{LINK}", **gone)) == ([], [])


def test_apps_may_announce_by_block_kit_and_attachments(zone):
    kit = [
        {"type": "header", "text": {"type": "plain_text", "text": "3/2 강의 녹화본 공유"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*암호:* a&amp;b12345"}},
        {
            "type": "actions",
            "elements": [{"type": "button", "text": {"type": "plain_text", "text": "보기"}, "url": LINK}],
        },
    ]
    found = one(zone, message("", blocks=kit, bot_id="B0", user=None, subtype="bot_message"))
    assert (found.link, passcodes([found])) == (LINK, ["a&b12345"])
    attachment = {"title": "3/2 강의 녹화본 공유", "text": f"<{LINK}|보기>\n암호: att12345"}
    found = one(zone, message("", attachments=[attachment]))
    assert (found.link, passcodes([found])) == (LINK, ["att12345"])


def test_words_that_slack_made_a_link_stay_part_of_the_passcode(zone):
    raw = {"ts": TS, "user": "U0", "text": f"3/2 녹화본 공유\n<{LINK}>\n암호: Xy<http://ab.io|ab.io>!9"}
    assert passcodes([one(zone, raw)]) == ["Xyab.io!9"]


def test_the_local_simulator_is_allowed_only_when_asked_for(zone):
    body = message("3/2 녹화본 공유")
    body["text"] += " <http://127.0.0.1:8123/rec/share/AAA.BBB>"
    assert reasons(zone, body) == ["link_host_not_allowed"]
    assert one(zone, body, allowed_hosts=["127.0.0.1"]).link == "http://127.0.0.1:8123/rec/share/AAA.BBB"


def test_a_recording_has_one_key_whatever_its_link_looks_like():
    same = [LINK, f"{LINK}?pwd=x", LINK.replace("zoom.us", "us02web.zoom.us"), f"{LINK}?startTime=5#t"]
    assert len({recording_key(link) for link in same}) == 1
    assert recording_key(OTHER) != recording_key(LINK)
    assert len(recording_key(LINK)) == 12
    with pytest.raises(ValueError, match="recording"):
        recording_key("https://zoom.us/j/123")


def test_a_recording_is_named_by_the_day_of_its_announcement_in_the_class_zone(zone):
    evening = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert recording_id("0123456789ab", evening, zone) == "zoom-20260303-0123456789ab"


def test_the_revision_follows_link_passcode_date_and_title_and_nothing_else(zone):
    base = f"3/2 강의 녹화본 공유\n{LINK}\n암호: pass1111"
    first = one(zone, message(base))
    again = one(
        zone, message(base, edited={"user": "U0", "ts": "1772449999.000001"}, reactions=[{"name": "x"}])
    )
    assert first.revision == again.revision
    changed = [
        one(zone, message(base.replace("pass1111", "pass2222"))),
        one(zone, message(base.replace("3/2", "3/1"))),
        one(zone, message(base.replace("BBB", "EEE"))),
        one(zone, message(base.replace("공유", "공유합니다"))),
        one(zone, message(f"3/2 강의 녹화본 공유\n{LINK}?pwd=abc\n암호: pass1111")),
    ]
    assert len({first.revision, *(a.revision for a in changed)}) == 6
    assert {a.message_ts for a in changed} == {TS}


def test_a_reminder_does_not_make_a_second_recording(zone):
    found, _ = read(
        zone,
        message(f"3/2 강의 녹화본 공유\n{LINK}\n암호: old11111"),
        message(f"3/2 녹화본 공유 다시\n{LINK}\n암호: new22222", ts="1772535600.000001"),
    )
    (merged,) = merge_repeats(reversed(found))
    assert (merged.message_ts, merged.title) == (TS, "3/2 강의 녹화본 공유")
    assert passcodes([merged]) == ["new22222"]
    assert merged.revision != found[0].revision
    assert merge_repeats([found[0]]) == [found[0]]


def test_secrets_of_announcements_are_known_for_redaction():
    payload = {
        "messages": [
            message(f"3/2 녹화본 공유\n{LINK}?pwd=inlink99\n암호: typed111"),
            message("제 비밀번호: mine2222", ts="1772449300.000001"),
        ],
        "replies": {TS: [message("pw: thread33", ts="1772449301.000001")]},
    }
    assert announced_secrets(payload, RULES) == {"inlink99", "typed111", "thread33"}


def test_every_generated_announcement_is_understood_or_quarantined(workspace, zone):
    story = workspace.story
    posted = [
        m for number in range(len(story.days)) for m in story.day(number) if m.channel == RECORDINGS_CHANNEL
    ]
    threads = {
        m["ts"]: workspace.thread(RECORDINGS_CHANNEL, m["ts"])[1:]
        for m in workspace.messages(RECORDINGS_CHANNEL)
    }
    payload = {"messages": workspace.messages(RECORDINGS_CHANNEL), "replies": threads}
    found, quarantined = find_announcements(
        payload, RULES, zone=zone, channel_id=CHANNEL, allowed_hosts=["127.0.0.1"]
    )
    truth = [
        (story.generated.info(i), m.passcode_in)
        for m in posted
        if m.kind == "announcement"
        for i in m.recordings
    ]
    assert len(found) == len(truth) == 12
    for announcement, (info, passcode_in) in zip(found, truth, strict=True):
        assert announcement.link == info.link(story.zoom_url)
        assert announcement.lecture_date == info.day
        typed = announcement.passcode and announcement.passcode.get_secret_value()
        assert typed == (None if passcode_in == "link" else info.passcode)
        carried = info.link(story.zoom_url, with_pwd=passcode_in == "link")
        assert announcement.full_link.get_secret_value() == carried
    problems = {"no link": "announcement_without_link", "no date": "announcement_without_date"}
    assert [q.reason for q in quarantined] == [problems[m.problem] for m in posted if m.problem]
    assert quarantined

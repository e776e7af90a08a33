"""Days of channels, read from a local Slack that changes and misbehaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from chat_platform.errors import SlackError
from chat_platform.settings import AnnouncementRules
from chat_platform.simulators.slack_generator import CHATTER_CHANNEL, QUESTIONS_CHANNEL, RECORDINGS_CHANNEL
from chat_platform.sources.slack import client as client_module
from chat_platform.sources.slack.announcements import find_announcements
from chat_platform.sources.slack.collect import (
    collect_days,
    find_channels,
    merge_deleted,
    revision_of,
    rotating_recheck,
)
from chat_platform.sources.slack.messages import parse_channel_day
from chat_platform.sources.slack.stamps import day_of


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Many pages out of few messages."""
    monkeypatch.setattr(client_module, "PAGE_SIZE", 15)


@pytest.fixture
def chatter(workspace):
    """The channel for everyday messages, as ``{id: name}``."""
    return {workspace.channel_id(CHATTER_CHANNEL): CHATTER_CHANNEL}


@pytest.fixture
def window(workspace, zone):
    """First and last day with messages."""
    days = [day_of(m["ts"], zone) for m in workspace.messages(CHATTER_CHANNEL)]
    return {"since": min(days), "until": max(days), "zone": zone}


def by_id(days):
    return {day.conversation_id: day for day in days}


def everything(days):
    return {
        post["ts"]
        for day in days
        for post in [*day.payload["messages"], *(r for t in day.payload["replies"].values() for r in t)]
    }


def truth(workspace, channel):
    messages = workspace.messages(channel)
    return {post["ts"] for m in messages for post in workspace.thread(channel, m["ts"])}


def requests_of(server, endpoint):
    return sum(request.endpoint == endpoint for request in server.requests)


def revisions(days):
    return {day.conversation_id: day.revision for day in days}


def test_a_window_holds_every_message_and_reply_on_the_day_of_its_thread(
    workspace, serve, connect, chatter, window
):
    server = serve()
    days = collect_days(connect(server), chatter, **window)
    assert everything(days) == truth(workspace, CHATTER_CHANNEL)
    for day in days:
        assert all(day_of(m["ts"], window["zone"]) == day.day for m in day.payload["messages"])
        assert set(day.payload["replies"]) <= {m["ts"] for m in day.payload["messages"]}
        assert json.loads(json.dumps(day.payload)) == day.payload
        assert not day.is_empty
    threads = [m for m in workspace.messages(CHATTER_CHANNEL) if m.get("reply_count")]
    assert requests_of(server, "conversations.replies") == len(threads)


def test_a_channel_is_read_once_for_all_its_days(workspace, serve, connect, chatter, window, monkeypatch):
    monkeypatch.setattr(client_module, "PAGE_SIZE", 900)
    server = serve()
    assert len(collect_days(connect(server), chatter, **window)) > 5
    assert requests_of(server, "conversations.history") == 1


def test_nothing_outside_the_window_comes(workspace, serve, connect, chatter, window):
    server = serve()
    first = window["since"] + timedelta(days=4)
    days = collect_days(
        connect(server), chatter, since=first, until=first + timedelta(days=1), zone=window["zone"]
    )
    assert {day.day for day in days} <= {first, first + timedelta(days=1)}
    assert days


def test_midnight_belongs_to_the_day_that_begins(workspace, serve, connect, chatter, zone):
    midnight = datetime(2026, 4, 1, tzinfo=zone)
    user = workspace.story.in_slack[0].slack_id
    ts = workspace.say(CHATTER_CHANNEL, user, "자정입니다", at=midnight)
    for offset, expected in ((0, [ts]), (-1, [])):
        day = (midnight + timedelta(days=offset)).date()
        days = collect_days(connect(serve()), chatter, since=day, until=day, zone=zone)
        assert [m["ts"] for d in days for m in d.payload["messages"]] == expected


def test_all_of_history_and_part_of_it_agree(workspace, serve, connect, chatter, window):
    client = connect(serve())
    part = collect_days(client, chatter, **window)
    whole = collect_days(client, chatter, since=None, until=None, zone=window["zone"])
    assert revisions(part).items() <= revisions(whole).items()


FAULTS = [
    {"kind": "rate_limit", "nth": 2, "retry_after": 1},
    {"kind": "server_error", "endpoint": "conversations.replies", "nth": 3},
    {"kind": "cut", "nth": 4},
    {"kind": "duplicate_page", "nth": 2, "count": 2},
    {"kind": "short_page", "nth": 1, "count": 2},
    {"kind": "timeout", "nth": 5, "seconds": 20},
]


def test_faults_on_the_way_change_nothing_in_the_result(workspace, serve, connect, chatter, window):
    undisturbed = collect_days(connect(serve()), chatter, **window)
    server = serve(*FAULTS)
    disturbed = collect_days(connect(server, timeout_s=0.5), chatter, **window)
    assert disturbed == undisturbed
    assert {fault.kind for fault in server.faults.applied} == {fault["kind"] for fault in FAULTS}


def test_the_same_content_in_another_order_or_with_other_unread_marks_has_the_same_revision(
    serve, connect, chatter, window
):
    day = collect_days(connect(serve()), chatter, **window)[-1]
    shuffled = json.loads(json.dumps(day.payload))
    shuffled["messages"].reverse()
    for message in shuffled["messages"]:
        message |= {"subscribed": True, "last_read": "1", "bot_profile": {"icons": "new"}}
        for reaction in message.get("reactions", []):
            reaction["users"].reverse()
        for block in message.get("blocks", []):
            block["block_id"] = "other"
    assert revision_of(shuffled) == day.revision


def change(workspace, kind, ts, thread):
    user = workspace.story.in_slack[0].slack_id
    if kind == "edit":
        workspace.edit(CHATTER_CHANNEL, ts, "고쳤습니다")
    elif kind == "delete":
        workspace.delete(CHATTER_CHANNEL, ts)
    elif kind == "tombstone":
        workspace.delete(CHATTER_CHANNEL, thread["ts"], tombstone=True)
    elif kind == "react":
        workspace.react(CHATTER_CHANNEL, ts, user, "eyes")
    elif kind == "late reply":
        workspace.reply(CHATTER_CHANNEL, ts, user, "늦은 답", at=workspace.now + timedelta(days=3))
    elif kind == "edit a reply":
        workspace.edit(CHATTER_CHANNEL, workspace.thread(CHATTER_CHANNEL, thread["ts"])[1]["ts"], "고친 답")
    elif kind == "react to a reply":
        workspace.react(
            CHATTER_CHANNEL, workspace.thread(CHATTER_CHANNEL, thread["ts"])[1]["ts"], user, "eyes"
        )


@pytest.mark.parametrize(
    "kind", ["edit", "delete", "tombstone", "react", "late reply", "edit a reply", "react to a reply"]
)
def test_a_change_is_seen_as_a_new_revision_of_its_day_only(workspace, serve, connect, chatter, window, kind):
    client = connect(serve())
    before = revisions(collect_days(client, chatter, **window))
    messages = [m for m in workspace.messages(CHATTER_CHANNEL) if not m.get("subtype")]
    plain = next(m for m in messages if not m.get("reply_count"))
    thread = next(m for m in messages if m.get("reply_count"))
    change(workspace, kind, plain["ts"], thread)
    after = revisions(collect_days(client, chatter, **window))
    changed = thread if kind in ("tombstone", "edit a reply", "react to a reply") else plain
    (channel,) = chatter
    assert {key for key in before if after.get(key) != before[key]} == {
        f"slack-{channel}-{day_of(changed['ts'], window['zone']):%Y%m%d}"
    }


def test_a_message_deleted_between_two_visits_stays_and_is_marked(workspace, serve, connect, chatter, window):
    client = connect(serve())
    before = by_id(collect_days(client, chatter, **window))
    gone = next(m for m in workspace.messages(CHATTER_CHANNEL) if m.get("reply_count"))
    replies = workspace.thread(CHATTER_CHANNEL, gone["ts"])[1:]
    workspace.delete(CHATTER_CHANNEL, gone["ts"])
    (channel,) = chatter
    key = f"slack-{channel}-{day_of(gone['ts'], window['zone']):%Y%m%d}"
    after = by_id(collect_days(client, chatter, **window))[key]
    parsed = parse_channel_day(
        merge_deleted(before[key].payload, after.payload),
        conversation_id=key,
        channel_id=channel,
        rules=AnnouncementRules(),
        users={},
    )
    parsed.check_conservation()
    removed = {m.message_id for m in parsed.messages if m.removed}
    assert removed == {f"slack-{channel}-{m['ts']}" for m in (gone, *replies)}


def test_a_day_whose_last_message_was_deleted_comes_back_empty(workspace, serve, connect, chatter, zone):
    ts = workspace.say(
        CHATTER_CHANNEL,
        workspace.story.in_slack[0].slack_id,
        "혼잣말",
        at=datetime(2026, 5, 1, 3, tzinfo=UTC),
    )
    day = datetime(2026, 5, 1).date()
    window = {"since": day, "until": day, "zone": zone}
    client = connect(serve())
    (before,) = collect_days(client, chatter, **window)
    workspace.delete(CHATTER_CHANNEL, ts)
    assert collect_days(client, chatter, **window) == []
    (after,) = collect_days(client, chatter, **window, previous={before.conversation_id: before.payload})
    assert after.is_empty
    assert after.revision != before.revision
    assert [m["_removed"] for m in merge_deleted(before.payload, after.payload)["messages"]] == [True]


def test_a_thread_that_vanishes_between_the_two_calls_has_no_replies(
    workspace, serve, connect, chatter, window
):
    server = serve()
    client = connect(server)
    thread = next(m for m in workspace.messages(CHATTER_CHANNEL) if m.get("reply_count"))
    real = client.replies

    def racing(channel, ts):
        if ts == thread["ts"]:
            workspace.delete(CHATTER_CHANNEL, ts)
        return real(channel, ts)

    client.replies = racing
    days = collect_days(client, chatter, **window)
    assert not any(thread["ts"] in day.payload["replies"] for day in days)


def test_unchanged_threads_are_not_asked_for_at_every_turn_but_each_has_its_turn(
    workspace, serve, connect, chatter, window
):
    server = serve()
    client = connect(server)
    first = collect_days(client, chatter, **window)
    threads = requests_of(server, "conversations.replies")
    held = {day.conversation_id: day.payload for day in first}
    asked = []
    for turn in range(4):
        before = requests_of(server, "conversations.replies")
        again = collect_days(client, chatter, **window, previous=held, recheck=rotating_recheck(turn, 4))
        assert again == first
        asked.append(requests_of(server, "conversations.replies") - before)
    assert sum(asked) == threads
    assert max(asked) < threads


def test_a_late_reply_is_seen_although_unchanged_threads_are_not_asked_for(
    workspace, serve, connect, chatter, window
):
    client = connect(serve())
    held = {d.conversation_id: d.payload for d in collect_days(client, chatter, **window)}
    thread = next(m for m in workspace.messages(CHATTER_CHANNEL) if m.get("reply_count"))
    late = workspace.reply(CHATTER_CHANNEL, thread["ts"], workspace.story.in_slack[0].slack_id, "늦은 답")
    days = collect_days(client, chatter, **window, previous=held, recheck=lambda ts: False)
    assert late in everything(days)


def test_a_reply_that_was_also_posted_to_the_channel_stands_once_in_its_thread(workspace, zone):
    """The simulator has no such replies, so the client is a page of our own."""
    parent = {"ts": "1772449200.000001", "user": "U0A", "text": "질문", "thread_ts": "1772449200.000001"}
    parent["reply_count"] = 1
    answer = {
        "ts": "1773054000.000001",  # a week later
        "user": "U0B",
        "text": "답",
        "thread_ts": parent["ts"],
        "subtype": "thread_broadcast",
    }
    asked = []

    class Pages:
        def history(self, channel, oldest, latest):
            asked.append((oldest, latest))
            messages = [m for m in (answer, parent) if (oldest or 0) <= float(m["ts"]) <= latest]
            yield {"messages": messages}

        def replies(self, channel, ts):
            yield {"messages": [parent, answer]}

    parent_day, answer_day = (day_of(m["ts"], zone) for m in (parent, answer))
    for since in (parent_day, answer_day):
        days = collect_days(Pages(), {"C0A": "a"}, since=since, until=answer_day, zone=zone)
        assert [(d.day, d.payload["messages"], d.payload["replies"]) for d in days] == [
            (parent_day, [parent], {parent["ts"]: [answer]})
        ]
    assert len(asked) == 3


def test_channels_are_found_by_id_and_name(workspace, serve, connect):
    listed = connect(serve()).channels()
    recordings, questions = (workspace.channel_id(name) for name in (RECORDINGS_CHANNEL, QUESTIONS_CHANNEL))
    assert find_channels(listed, ids=[questions], names=[f"#{RECORDINGS_CHANNEL}"]) == {
        questions: QUESTIONS_CHANNEL,
        recordings: RECORDINGS_CHANNEL,
    }
    every = find_channels(listed, every=True)
    assert set(every.values()) == {RECORDINGS_CHANNEL, QUESTIONS_CHANNEL, CHATTER_CHANNEL}
    with pytest.raises(SlackError, match="없는-채널") as caught:
        find_channels(listed, names=["없는-채널"])
    assert caught.value.code == "CP-SLACK-004"


def test_announcements_of_a_missed_week_are_all_there_from_the_server_too(workspace, serve, connect, zone):
    channel = workspace.channel_id(RECORDINGS_CHANNEL)
    server = serve(*FAULTS[:5])
    days = collect_days(connect(server), {channel: RECORDINGS_CHANNEL}, since=None, until=None, zone=zone)
    found = [
        announcement
        for day in days
        for announcement in find_announcements(
            day.payload, AnnouncementRules(), zone=zone, channel_id=channel, allowed_hosts=["127.0.0.1"]
        )[0]
    ]
    generated = workspace.story.generated
    assert {(a.link, a.lecture_date) for a in found} == {
        (generated.info(i).link(workspace.story.zoom_url), generated.info(i).day)
        for i in range(len(generated))
    }
    assert not any(info.passcode in repr(days) for info in map(generated.info, range(len(generated))))


def test_a_passcode_that_comes_late_in_the_thread_changes_the_announcement(workspace, serve, connect, zone):
    channel = workspace.channel_id(RECORDINGS_CHANNEL)
    author = workspace.story.in_slack[0].slack_id
    at = datetime(2026, 5, 1, 11, tzinfo=UTC)
    link = f"{workspace.story.zoom_url}/rec/share/LATE.LATE"
    ts = workspace.say(RECORDINGS_CHANNEL, author, f"5/1 강의 녹화본 공유 {link} 비번은 곧 댓글로", at=at)
    client = connect(serve())

    def look():
        (day,) = collect_days(client, {channel: "x"}, since=at.date(), until=at.date(), zone=zone)
        return find_announcements(
            day.payload, AnnouncementRules(), zone=zone, channel_id=channel, allowed_hosts=["127.0.0.1"]
        )

    assert [record.reason for record in look()[1]] == ["announcement_without_passcode"]
    workspace.reply(RECORDINGS_CHANNEL, ts, author, "비번: la7e&code", at=at + timedelta(days=2))
    ((announcement,), quarantined) = look()
    assert announcement.passcode.get_secret_value() == "la7e&code"
    assert quarantined == []

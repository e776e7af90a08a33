"""The Slack simulator speaks the Web API, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from chat_platform.simulators.world import World, start_world

RECORDINGS, CHATTER, QUESTIONS, PRIVATE = "녹화본-공유", "잡담", "질문", "운영진-전용"


@pytest.fixture
def world() -> Iterator[World]:
    with start_world(11, recordings=18) as world:
        yield world


class Api:
    def __init__(self, world: World, token: str | None = None) -> None:
        self.world = world
        self.headers = {"Authorization": f"Bearer {token or world.slack_token}"}

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.answer(method, **parameters).json()

    def answer(self, method: str, **parameters: Any) -> requests.Response:
        url = f"{self.world.slack_url}/api/{method}"
        return requests.get(url, params=parameters, headers=self.headers, timeout=10)

    def pages(self, method: str, items: str, **parameters: Any) -> list[list[dict[str, Any]]]:
        found, cursor = [], None
        while True:
            page = self.call(method, **parameters, **({"cursor": cursor} if cursor else {}))
            assert page["ok"], page
            found.append(page[items])
            cursor = page.get("response_metadata", {}).get("next_cursor")
            if not cursor:
                return found

    def history(self, channel: str, **parameters: Any) -> list[dict[str, Any]]:
        channel = self.world.workspace.channel_id(channel)
        return [
            m
            for page in self.pages("conversations.history", "messages", channel=channel, **parameters)
            for m in page
        ]


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def test_history_by_cursor_gives_every_message_once_newest_first(world: World, api: Api) -> None:
    channel = world.workspace.channel_id(CHATTER)
    pages = api.pages("conversations.history", "messages", channel=channel, limit=7)
    stamps = [message["ts"] for page in pages for message in page]
    assert stamps == sorted(stamps, key=float, reverse=True)
    assert stamps == [message["ts"] for message in reversed(world.workspace.messages(CHATTER))]
    assert len(set(stamps)) == len(stamps) > 100
    assert [len(page) for page in pages[:-1]] == [7] * (len(pages) - 1)


def test_bounds_of_history_are_exclusive_unless_asked_otherwise(world: World, api: Api) -> None:
    stamps = [message["ts"] for message in world.workspace.messages(CHATTER)]
    oldest, latest = stamps[10], stamps[20]
    assert [m["ts"] for m in api.history(CHATTER, oldest=oldest, latest=latest)] == stamps[11:20][::-1]
    inclusive = api.history(CHATTER, oldest=oldest, latest=latest, inclusive="true", limit=4)
    assert [m["ts"] for m in inclusive] == stamps[10:21][::-1]


def test_replies_are_not_in_history_but_in_their_thread(world: World, api: Api) -> None:
    parents = [message for message in api.history(QUESTIONS) if message.get("reply_count")]
    assert parents
    channel = world.workspace.channel_id(QUESTIONS)
    for parent in parents[:5]:
        pages = api.pages("conversations.replies", "messages", channel=channel, ts=parent["ts"], limit=2)
        first, *replies = [message for page in pages for message in page]
        assert first["ts"] == parent["ts"] == parent["thread_ts"]
        assert len(replies) == parent["reply_count"]
        assert [r["ts"] for r in replies] == sorted((r["ts"] for r in replies), key=float)
        assert replies[-1]["ts"] == parent["latest_reply"]
        assert {r["thread_ts"] for r in replies} == {parent["ts"]}
    assert not {m["ts"] for m in api.history(QUESTIONS)} & {p["latest_reply"] for p in parents}


def test_members_are_bots_and_people_and_two_have_one_name(world: World, api: Api) -> None:
    pages = api.pages("users.list", "members", limit=10)
    members = [member for page in pages for member in page]
    assert [len(page) for page in pages[:-1]] == [10] * (len(pages) - 1)
    assert members[0]["id"] == "USLACKBOT"
    assert members[0]["is_bot"] is False
    assert sum(member["is_bot"] for member in members) == 1
    assert sum(member["deleted"] for member in members) == 1
    names = [member["real_name"] for member in members]
    assert names.count(world.generated.people[0].real_name) == 2
    known = {person.slack_id for person in world.generated.people if person.slack_id}
    assert known < {member["id"] for member in members}


def test_announcements_carry_blocks_like_their_text(world: World, api: Api) -> None:
    for message in api.history(RECORDINGS):
        if message.get("subtype") == "channel_join":
            assert "client_msg_id" not in message
            continue
        (block,) = message["blocks"]
        assert block["type"] == "rich_text"
        assert {element["type"] for element in block["elements"]} <= {"rich_text_section", "rich_text_list"}


def test_every_recording_is_announced_with_link_and_passcode_somewhere(world: World) -> None:
    announced = [m for m in world.posted[RECORDINGS].values() if m.kind == "announcement"]
    assert sorted(index for m in announced for index in m.recordings) == list(range(18))
    assert any(len(message.recordings) == 2 for message in announced)
    for message in announced:
        text = message.content.mrkdwn()
        replies = "\n".join(reply.content.mrkdwn() for reply in message.replies)
        for index in message.recordings:
            info = world.generated.info(index)
            escaped = info.passcode.replace("&", "&amp;")
            assert f"{world.zoom_url}/rec/share/{info.token}" in text
            places = {
                "text": escaped in text,
                "link": f"?pwd={info.pwd}" in text,
                "reply": escaped in replies,
            }
            assert [place for place, there in places.items() if there] == [message.passcode_in]


def test_wordings_and_malformed_announcements_vary() -> None:
    with start_world(5, recordings=120, chatter_per_day=0) as world:
        messages = list(world.posted[RECORDINGS].values())
    announced = [message for message in messages if message.kind == "announcement"]
    assert {message.passcode_in for message in announced} == {"text", "link", "reply"}
    assert {message.problem for message in messages if message.kind == "malformed"} == {"no link", "no date"}
    assert len({message.user for message in announced}) == 2
    text = "\n".join(message.content.mrkdwn() for message in announced)
    assert all(
        word in text
        for word in ("&amp;", "4월 1", "/1", "2026-0", "2026.0", "암호", "비밀번호", "Passcode", "pw")
    )


def test_errors_come_with_http_200(world: World, api: Api) -> None:
    channel = world.workspace.channel_id(CHATTER)
    wrong = Api(world, token="xoxb-wrong")
    assert wrong.answer("auth.test").status_code == 200
    assert wrong.call("auth.test") == {"ok": False, "error": "invalid_auth"}
    without = requests.get(f"{world.slack_url}/api/auth.test", timeout=10).json()
    assert without["error"] == "not_authed"
    assert api.call("conversations.history", channel="C404")["error"] == "channel_not_found"
    private = world.workspace.channel_id(PRIVATE)
    assert api.call("conversations.history", channel=private)["error"] == "not_in_channel"
    assert api.call("conversations.history", channel=channel, cursor="nonsense")["error"] == "invalid_cursor"
    assert api.call("conversations.history", channel=channel, limit=1000)["error"] == "invalid_limit"
    assert api.call("conversations.replies", channel=channel, ts="1.000001")["error"] == "thread_not_found"


def test_methods_take_a_form_with_the_token_in_it(world: World) -> None:
    url = f"{world.slack_url}/api/conversations.history"
    form = {"token": world.slack_token, "channel": world.workspace.channel_id(CHATTER), "limit": 3}
    assert len(requests.post(url, data=form, timeout=10).json()["messages"]) == 3


def test_scopes_are_told_and_kept() -> None:
    with start_world(1, recordings=1, scopes=("users:read",)) as world:
        api = Api(world)
        answer = api.answer("auth.test")
        assert answer.headers["x-oauth-scopes"] == "users:read"
        assert answer.json()["ok"]
        channel = world.workspace.channel_id(CHATTER)
        refused = api.call("conversations.history", channel=channel)
        assert refused == {
            "ok": False,
            "error": "missing_scope",
            "needed": "channels:history",
            "provided": "users:read",
        }
        assert not any("email" in member["profile"] for member in api.call("users.list")["members"])


def test_the_token_is_new_at_every_start() -> None:
    with start_world(1, recordings=1) as first, start_world(1, recordings=1) as second:
        assert first.slack_token != second.slack_token
        assert Api(second, first.slack_token).call("auth.test")["error"] == "invalid_auth"


def test_what_changes_is_seen_by_the_next_look(world: World, api: Api) -> None:
    space, user = world.workspace, str(world.generated.teacher.slack_id)
    ts = space.say(CHATTER, user, "처음 <글> & 링크")
    assert api.history(CHATTER)[0]["text"] == "처음 &lt;글&gt; &amp; 링크"
    late = space.reply(CHATTER, ts, user, "늦은 답", at=space.now + timedelta(days=3))
    space.react(CHATTER, ts, user, "fire")
    space.react(CHATTER, ts, user, "fire")
    space.edit(CHATTER, ts, "고친 글")
    message = api.history(CHATTER)[0]
    assert message["ts"] == ts
    assert message["text"] == "고친 글"
    assert message["edited"]["user"] == user
    assert message["reactions"] == [{"name": "fire", "users": [user], "count": 1}]
    assert (message["reply_count"], message["latest_reply"]) == (1, late)
    space.react(CHATTER, ts, user, "fire", remove=True)
    assert "reactions" not in api.history(CHATTER)[0]
    space.delete(CHATTER, ts, tombstone=True)
    tombstone = api.history(CHATTER)[0]
    assert (tombstone["subtype"], tombstone["ts"], tombstone["reply_count"]) == ("tombstone", ts, 1)
    space.delete(CHATTER, late)
    assert "reply_count" not in api.history(CHATTER)[0]
    space.delete(CHATTER, ts)
    assert ts not in {message["ts"] for message in api.history(CHATTER)}


def test_reactors_are_all_counted_but_not_all_named(world: World, api: Api) -> None:
    space = world.workspace
    people = [str(person.slack_id) for person in world.story.in_slack]
    ts = space.say(CHATTER, people[0], "다들 반가워요")
    for user in people[:12]:
        space.react(CHATTER, ts, user, "tada")
    (reaction,) = api.history(CHATTER)[0]["reactions"]
    assert (reaction["count"], reaction["users"]) == (12, people[:8])
    space.react(CHATTER, ts, people[11], "tada", remove=True)
    assert api.history(CHATTER)[0]["reactions"][0]["count"] == 11


def test_messages_after_now_are_not_there_yet(world: World, api: Api) -> None:
    messages = world.workspace.messages(CHATTER)
    middle = messages[len(messages) // 2]
    noon = world.posted[CHATTER][middle["ts"]].sent_at
    world.workspace.set_now(noon)
    assert api.history(CHATTER)[0]["ts"] == middle["ts"]
    world.workspace.set_now(None)
    assert api.history(CHATTER)[0]["ts"] == messages[-1]["ts"]


def test_days_pass_one_by_one() -> None:
    with start_world(8, recordings=12, posted_until=date(2026, 3, 4)) as world:
        api = Api(world)
        before = {message["ts"] for message in api.history(RECORDINGS)}
        assert world.announced() == [
            i for day, found in world.generated.days() if day <= date(2026, 3, 4) for i in found
        ]
        new = world.post_day()
        assert new and new == world.announced()[-len(new) :]
        ts = world.announcement_ts(new[0])
        assert ts not in before
        assert ts in {message["ts"] for message in api.history(RECORDINGS)}
        world.post_until(None)
        assert world.announced() == list(range(12))
        assert world.post_day() == []


# Faults


def test_a_rate_limit_says_when_to_come_again(world: World, api: Api) -> None:
    world.faults.add({"kind": "rate_limit", "endpoint": "users.list", "retry_after": 3})
    answer = api.answer("users.list")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert api.call("users.list")["ok"]
    assert [seen.status for seen in world.slack.requests if seen.endpoint == "users.list"] == [429, 200]
    assert world.slack.count("users.list") == 2


def test_the_tier_limits_calls_within_a_minute() -> None:
    with start_world(1, recordings=1, requests_per_minute=3) as world:
        answers = [Api(world).answer("auth.test") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 61


def test_a_cut_connection_breaks_the_body(world: World, api: Api) -> None:
    world.faults.add({"kind": "cut", "endpoint": "users.list"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.call("users.list")
    assert api.call("users.list")["ok"]


def test_a_server_error_and_a_stall_end(world: World, api: Api) -> None:
    world.faults.add({"kind": "server_error", "endpoint": "auth.test", "status": 503})
    assert api.answer("auth.test").status_code == 503
    world.faults.add({"kind": "timeout", "endpoint": "auth.test", "seconds": 30})
    url, begun = f"{world.slack_url}/api/auth.test", time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, headers=api.headers, timeout=0.3)
    world.stop()
    assert time.monotonic() - begun < 25, "it does not wait for the stall to end"


def test_a_duplicate_page_loses_nothing(world: World, api: Api) -> None:
    expected = [message["ts"] for message in reversed(world.workspace.messages(CHATTER))]
    world.faults.add({"kind": "duplicate_page", "endpoint": "conversations.history", "nth": 2})
    world.faults.add({"kind": "short_page", "nth": 4})
    found = [message["ts"] for message in api.history(CHATTER, limit=20)]
    assert list(dict.fromkeys(found)) == expected
    assert len(found) == len(expected) + 20


def test_late_replies_edits_and_deletions_happen_after_the_answer(world: World, api: Api) -> None:
    newest = world.workspace.messages(CHATTER)[-1]
    channel = world.workspace.channel_id(CHATTER)
    for kind in ("late_reply", "edited", "deleted"):
        world.faults.add({"kind": kind, "ts": newest["ts"], "text": "나중"})
    looks = [
        {m["ts"]: m for m in api.call("conversations.history", channel=channel, limit=3)["messages"]}
        for _ in range(4)
    ]
    first, second, third, fourth = (look.get(newest["ts"]) for look in looks)
    assert first == newest
    assert second is not None and second["reply_count"] == newest.get("reply_count", 0) + 1
    assert third is not None and third["text"] == "나중" and "edited" in third
    assert fourth is None


def test_a_skewed_clock_shows_in_date_and_new_stamps(world: World, api: Api) -> None:
    world.faults.add({"kind": "clock_skew", "server": "slack", "seconds": 7200, "count": 1})
    skewed = parsedate_to_datetime(api.answer("auth.test").headers["Date"])
    usual = parsedate_to_datetime(api.answer("auth.test").headers["Date"])
    assert timedelta(minutes=110) < skewed - usual < timedelta(minutes=130)
    before = world.workspace.now
    ts = world.workspace.say(CHATTER, str(world.generated.teacher.slack_id), "앞선 시계")
    assert float(ts) >= (before + timedelta(seconds=7199)).astimezone(UTC).timestamp()

"""An archived answer without somebody: every record stays in its place, and others stay as they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.simulators.chzzk_server import _chat_of as chzzk_chat
from chat_platform.simulators.stream_generator import GeneratedComment, GeneratedVideo, StreamWorld
from chat_platform.simulators.twitch_irc_server import line_of
from chat_platform.simulators.twitch_server import _node as twitch_node
from chat_platform.simulators.twitch_server import downloader_json
from chat_platform.sources.streams.chzzk import chat as chzzk
from chat_platform.sources.streams.port import StandIn, StreamChat, Video
from chat_platform.sources.streams.twitch import irc, vod_chat
from chat_platform.sources.streams.twitch.chat_file import erase_chat_file, read_chat_file
from chat_platform.tables.ids import identity_id, is_pseudonym

INSTEAD = "erased-0123456789abcdef"
BEGUN = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
VIDEO = Video("twitch", "2000000001", "900", "a stream", started_at=BEGUN, duration_s=600.0)
CHZZK_VIDEO = Video("chzzk", "77", "900", "a stream", started_at=BEGUN, duration_s=600.0)


def standing_in(*keys: str) -> StandIn:
    return lambda key: INSTEAD if key in keys else None


def nobody(_: str) -> str | None:
    return None


@pytest.fixture(scope="module")
def world() -> StreamWorld:
    return StreamWorld(5, streamers=2, days=10, messages_per_video=60)


@pytest.fixture(scope="module")
def video(world: StreamWorld) -> GeneratedVideo:
    return next(v for s in world.everybody() for v in world.videos(s) if world.native_uses(v))


@pytest.fixture(scope="module")
def comments(world: StreamWorld, video: GeneratedVideo) -> list[GeneratedComment]:
    return list(world.chat(video))


@pytest.fixture(scope="module")
def somebody(comments: list[GeneratedComment]) -> GeneratedComment:
    """A message of the one who wrote most."""
    written = [c for c in comments if c.viewer]
    return max(written, key=lambda c: sum(o.viewer == c.viewer for o in written))


def assert_taken_out(before: StreamChat, after: StreamChat, theirs: Callable[[object], bool]) -> None:
    """Everything but their words and names is as before."""
    assert before.conversation.counts() == after.conversation.counts()
    assert len(after.conversation.messages) > 10
    gone = 0
    for was, now in zip(before.conversation.messages, after.conversation.messages, strict=True):
        place = ("message_id", "position", "sent_at", "offset_s", "removed")
        assert [getattr(was, name) for name in place] == [getattr(now, name) for name in place]
        if theirs(was):
            gone += 1
            assert (now.author_name, now.author_ref, now.text) == (INSTEAD, INSTEAD, "")
        else:
            assert was == now
    assert gone > 0
    ids = {m.message_id for m in after.conversation.messages if m.author_ref == INSTEAD}
    assert [u for u in before.native_emotes if u.message_id not in ids] == after.native_emotes


def assert_pages(
    parse: Callable[[Video, Iterable[bytes]], StreamChat],
    erase: Callable[[Video, bytes, StandIn], bytes],
    of: Video,
    page: bytes,
    key: str,
) -> None:
    without = erase(of, page, standing_in(key))
    assert_taken_out(parse(of, [page]), parse(of, [without]), lambda m: m.author_ref == key)
    assert key.encode() not in without
    assert erase(of, without, nobody) == without
    assert erase(of, without, lambda one: one if is_pseudonym(one) else None) == without
    assert erase(of, page, nobody) == page
    # A page that is read once more, and holds them again, adds nothing.
    both = parse(of, [without, page])
    assert both.conversation.duplicates == len(both.conversation.messages)


def test_a_page_of_twitch(comments, video, somebody) -> None:
    edges = [{"cursor": "c", "node": twitch_node(comment, video)} for comment in comments]
    edges += [{"cursor": "c", "node": {"id": None, "message": None}}, None]
    data = {"data": {"video": {"comments": {"edges": edges}}}}
    page = json.dumps([data], ensure_ascii=False).encode()
    assert_pages(vod_chat.parse_pages, vod_chat.erase_page, VIDEO, page, somebody.viewer.user_id)


def test_a_page_of_chzzk_keeps_the_ids_that_its_messages_had(comments, video, somebody) -> None:
    chats = [chzzk_chat(comment, video) for comment in comments]
    theirs = next(
        chat["userIdHash"]
        for chat, comment in zip(chats, comments, strict=True)
        if comment.viewer == somebody.viewer
    )
    page = json.dumps({"content": {"videoChats": [*chats, None]}}).encode()
    assert_pages(chzzk.parse_pages, chzzk.erase_page, CHZZK_VIDEO, page, theirs)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_a_downloader(world, video, somebody, packed: bool) -> None:
    data = json.dumps(downloader_json(world, video), ensure_ascii=False).encode()
    data = gzip.compress(data) if packed else data
    key = somebody.viewer.user_id
    without = erase_chat_file(data, "chat.json", standing_in(key))
    before, after = (read_chat_file(one, "chat.json", lambda _: None) for one in (data, without))
    assert_taken_out(before.chat, after.chat, lambda m: m.author_ref == key)
    assert (before.video, before.emotes) == (after.video, after.emotes)
    assert key.encode() not in without
    assert json.dumps(somebody.viewer.login).encode() not in without
    assert erase_chat_file(data, "chat.json", nobody) == data


FORMS = {
    "relative": "[0:00:{:02}] {}: {}",
    "utc": "[2026-03-02 11:00:{:02} UTC] {}: {}",
    "none": "{1}: {2}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_text_file_in_every_form(form: str, encoding: str) -> None:
    said = [(n, "사라질이름" if n % 3 else "Somebody", f"사라질이름: 말 {n}") for n in range(12)]
    lines = [FORMS[form].format(*one) for one in said]
    lines.insert(2, "and the rest of a message")
    lines.insert(5, "the end of somebody's")
    data = "\r\n".join(lines).encode(encoding)
    before = read_chat_file(data, "2000000001.txt", lambda _: VIDEO).chat.conversation
    without = erase_chat_file(data, "2000000001.txt", standing_in("사라질이름"))
    after = read_chat_file(without, "2000000001.txt", lambda _: VIDEO).chat.conversation
    assert before.counts() == after.counts()
    assert before.counts()["quarantined"] == 2
    left = [(m.position, m.sent_at, m.author_name, m.text) for m in after.messages]
    assert left == [
        (m.position, m.sent_at, INSTEAD, "")
        if m.author_name == "사라질이름"
        else (m.position, m.sent_at, "Somebody", m.text)
        for m in before.messages
    ]
    # What cannot be read and follows a line of theirs is theirs; after somebody else's it is not.
    assert [q.excerpt for q in after.quarantined] == ["erased", "the end of somebody's"]
    assert erase_chat_file(data, "2000000001.txt", nobody) == data
    assert erase_chat_file(without, "2000000001.txt", standing_in("사라질이름")) == without


def test_lines_of_live_chat(world, video, comments, somebody) -> None:
    streamer = world.everybody()[video.streamer]
    viewer = somebody.viewer
    lines = ["#begin 2026-03-02T11:00:00+00:00"]
    lines += [line_of(c, streamer, "ganada", video, action=n % 5 == 0) for n, c in enumerate(comments)]
    first = next(c for c in comments if c.viewer == viewer)
    reply = next(c for c in comments if c.viewer not in (viewer, None))
    answer = line_of(reply, streamer, "ganada", video).replace(reply.comment_id, "an-answer")
    quote = f"reply-parent-display-name={viewer.display_name};reply-parent-msg-body=very\\ssecret;"
    quote += f"reply-parent-user-id={viewer.user_id};reply-thread-parent-user-login={viewer.login};"
    quote += f"reply-thread-parent-user-id={viewer.user_id};"
    lines.append(f"@{quote}{answer[1:]}")
    lines.append(
        f"@login=another;target-msg-id={first.comment_id} :tmi.twitch.tv CLEARMSG #ganada :{first.text}"
    )
    lines.append(
        f"@target-user-id={viewer.user_id};room-id=1 :tmi.twitch.tv CLEARCHAT #ganada :{viewer.login}"
    )
    lines += ["", "not a line of anybody's"]
    data = "\n".join(lines).encode() + b"\n\xff\xfe"
    without = irc.erase_lines(data, standing_in(viewer.user_id))
    before, after = (
        irc.parse_live(one.decode("utf-8", "replace").split("\n"), "c") for one in (data, without)
    )
    assert_taken_out(before, after, lambda m: m.author_ref == viewer.user_id)
    assert before.conversation.counts()["removals"] == 2
    assert all(m.removed for m in after.conversation.messages if m.author_ref == INSTEAD)
    text = without.decode("utf-8", "replace")
    assert not any(
        word in text for word in (viewer.user_id, f"{viewer.login}!", f"{viewer.login};", "secret")
    )
    live = irc.TwitchLive()
    channels = {live.channel_of(line) for line in text.split("\n")} - {None}
    assert channels == {streamer.channel_id, "1"}
    assert {live.login_of(line) for line in text.split("\n") if line.startswith("@")} == {"ganada"}
    assert irc.erase_lines(data, nobody) == data
    assert irc.erase_lines(without, standing_in(viewer.user_id)) == without


@given(st.binary(max_size=200))
def test_what_is_no_chat_stays_as_it_is(data: bytes) -> None:
    def everybody(key: str) -> str | None:
        return INSTEAD if key else None

    assert vod_chat.erase_page(VIDEO, data, everybody) == data
    assert chzzk.erase_page(CHZZK_VIDEO, data, everybody) == data
    if b"PRIVMSG" not in data.upper() and b"CLEAR" not in data.upper():
        assert irc.erase_lines(data, everybody) == data


def test_what_stands_in_somebodys_place_is_their_identity() -> None:
    """So an archive without somebody gives the same rows as the list that keeps them away."""
    assert identity_id("twitch", INSTEAD) == identity_id("chzzk", INSTEAD) == INSTEAD
    assert identity_id("twitch", "erased-short") != "erased-short"

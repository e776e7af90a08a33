"""Live chat: lines as records, and a client that holds on."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_none

from chat_platform.errors import ConfigurationError, StreamError
from chat_platform.simulators.twitch_irc_server import TwitchIrcServer, escaped, line_of
from chat_platform.sources.records import to_tables
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.twitch.irc import (
    LiveChat,
    emote_hits,
    login_of,
    parse_line,
    parse_live,
)

RONNI = (
    "@badge-info=;badges=turbo/1;color=#0D4200;display-name=ronni;emotes=25:0-4,12-16/1902:6-10;id=b34ccfc7;"
    "room-id=1337;tmi-sent-ts=1507246572675;user-id=1337;user-type= :ronni!ronni@ronni.tmi.twitch.tv "
    "PRIVMSG #ronni :Kappa Keepo Kappa"
)


@pytest.fixture
def spoken(world):
    """Lines of a video's chat as they were heard live, and that chat."""
    streamer = world.everybody()[0]
    video = world.videos(streamer)[0]
    comments = world.chat(video)
    return [line_of(c, streamer, world.login(streamer), video) for c in comments], comments, video


def test_a_line_with_tags_is_a_message_with_its_emotes():
    chat = parse_live([RONNI], "twitch-live-1337-2017-10-05")
    message = chat.conversation.messages[0]
    assert (message.message_id, message.author_name, message.author_ref) == (
        "twitch-b34ccfc7",
        "ronni",
        "1337",
    )
    assert message.text == "Kappa Keepo Kappa"
    assert message.sent_at.isoformat() == "2017-10-05T23:36:12.675000+00:00"
    assert Counter({(u.emote_id, u.code): u.count for u in chat.native_emotes}) == {
        ("25", "Kappa"): 2,
        ("1902", "Keepo"): 1,
    }


def test_a_live_chat_gives_the_same_messages_and_emotes_as_the_world_planted(world, spoken):
    lines, comments, video = spoken
    chat = parse_live(lines, "live")
    assert [(m.message_id, m.text) for m in chat.conversation.messages] == [
        (f"twitch-{c.comment_id}", c.text) for c in comments
    ]
    uses = Counter()
    for use in chat.native_emotes:
        uses[(use.emote_id, use.code)] += use.count
    assert uses == world.native_uses(video)
    assert to_tables(chat.conversation)["messages"].num_rows == len(comments)


@pytest.mark.parametrize(
    ("message", "tag", "codes"),
    [
        ("🇰🇷👨‍👩‍👧 ganaHi 안녕", "7:8-13", ["ganaHi"]),
        ("한글 ganaHi", "7:3-8", ["ganaHi"]),
        ("ganaHi", "7:0-5,0-99", ["ganaHi"]),
        ("ganaHi", "7:5-0", []),
        ("ganaHi", "", []),
        ("ganaHi", "broken/7:/:0-1/7:0-", []),
        ("ab", "emotesv2_0f:0-0/x:1-1", ["a", "b"]),
    ],
)
def test_places_count_code_points_and_those_outside_mark_nothing(message, tag, codes):
    assert [code for _, code in emote_hits(tag, message)] == codes


def test_within_an_action_places_count_from_its_text(world):
    streamer = world.everybody()[0]
    for video in world.videos(streamer):
        comment = next((c for c in world.chat(video) if any(e for _, e in c.parts)), None)
        if comment:
            break
    plain = parse_live([line_of(comment, streamer, "x", video)], "a")
    action = parse_live([line_of(comment, streamer, "x", video, action=True)], "a")
    assert action.conversation.messages == plain.conversation.messages
    assert action.native_emotes == plain.native_emotes != []


def test_deleted_messages_and_banned_accounts_are_marked_and_counted(spoken):
    lines, comments, _ = spoken
    first = comments[0]
    banned = Counter(c.viewer.user_id for c in comments[1:] if c.viewer).most_common(1)[0][0]
    lines = [
        *lines,
        f"@login=x;target-msg-id={first.comment_id} :tmi.twitch.tv CLEARMSG #x :gone",
        f"@ban-duration=60;target-user-id={banned} :tmi.twitch.tv CLEARCHAT #x :somebody",
    ]
    conversation = parse_live(lines, "live").conversation
    conversation.check_conservation()
    assert conversation.removals == 2
    assert {m.message_id for m in conversation.messages if m.removed} == {
        f"twitch-{c.comment_id}"
        for c in comments
        if c is first or (c.viewer is not None and c.viewer.user_id == banned)
    }


def test_what_was_heard_twice_counts_once_and_talk_of_the_server_is_no_record(spoken):
    lines, comments, _ = spoken
    talk = [":tmi.twitch.tv 001 x :hi", "PING :tmi.twitch.tv", ":a!a@a JOIN #x", "", "@a=b"]
    conversation = parse_live([*talk, *lines, *lines[-10:]], "live").conversation
    assert (len(conversation.messages), conversation.duplicates) == (len(comments), 10)
    assert conversation.records == len(comments) + 10


@given(value=st.text(max_size=30))
def test_tags_come_back_as_they_went(value):
    parsed = parse_line(f"@display-name={escaped(value)};x=y PRIVMSG #a :b")
    assert parsed.tags == {"display-name": value, "x": "y"}


LINES = st.text(max_size=40) | st.text(max_size=20).map(
    lambda t: f"@id={t};tmi-sent-ts=9{'9' * 11} PRIVMSG {t}"
)


@given(lines=st.lists(LINES, max_size=4))
def test_arbitrary_lines_never_break_the_reading_nor_the_tables(lines):
    chat = parse_live(lines, "live")
    to_tables(chat.conversation)
    for line in lines:
        login_of(line)


def test_the_channel_of_a_line():
    assert login_of(RONNI) == "ronni"
    assert login_of("PING :x") is None


# --- the client -----------------------------------------------------------------------------------------


def listen(server, wanted, **options):
    """Lines until so many were heard; runs in a thread, so that the test can speak."""
    heard, failures = [], []
    client = LiveChat(["Ganada"], host="127.0.0.1", port=server.port, tls=False, wait=wait_none(), **options)

    def run():
        try:
            for line in client.lines(lambda: len(heard) >= wanted):
                heard.append(line)
        except StreamError as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return client, thread, heard, failures


def test_it_joins_and_hears_however_the_network_cuts_the_lines(spoken):
    lines, _, _ = spoken
    with TwitchIrcServer() as server:
        _, thread, heard, _ = listen(server, 30)
        server.wait_for("JOIN #ganada")
        for number, line in enumerate(lines[:30]):
            server.say(line, in_pieces=number % 2 == 0)
        thread.join(10)
    assert heard == lines[:30]
    assert any("CAP REQ :twitch.tv/tags" in line for line in server.received)


def test_a_sign_of_life_is_answered(spoken):
    with TwitchIrcServer() as server:
        _, thread, heard, _ = listen(server, 1)
        server.wait_for("JOIN")
        server.say("PING :tmi.twitch.tv")
        server.wait_for("PONG :tmi.twitch.tv")
        server.say(spoken[0][0])
        thread.join(10)
    assert len(heard) == 1


@pytest.mark.parametrize("how", ["drop", "reconnect"])
def test_after_a_lost_connection_it_listens_again_and_remembers_the_silence(spoken, how):
    lines, _, _ = spoken
    with TwitchIrcServer() as server:
        client, thread, heard, _ = listen(server, 2)
        server.wait_for("JOIN")
        server.say(lines[0])
        while not heard:
            time.sleep(0.005)
        server.drop() if how == "drop" else server.say(":tmi.twitch.tv RECONNECT")
        server.wait_for("JOIN", times=2)
        server.say(lines[1])
        thread.join(10)
    assert heard == lines[:2]
    assert len(client.silences) == 1
    assert client.silences[0].began_at <= client.silences[0].ended_at


def test_a_server_that_says_nothing_for_long_is_left(spoken):
    with TwitchIrcServer() as server:
        client, thread, heard, _ = listen(server, 1, silence_s=0.0)
        server.wait_for("JOIN", times=2)
        server.say(spoken[0][0])
        thread.join(10)
        assert len(heard) == 1
    assert len(client.silences) == 1


@pytest.mark.parametrize("options", [{"refuse_login": True}, {"hang_up": True}], ids=["refused", "hung up"])
def test_a_server_that_does_not_want_us_is_a_coded_error(options, clock):
    with TwitchIrcServer(**options) as server:
        _, thread, heard, failures = listen(server, 1, attempts=3, clock=clock)
        thread.join(10)
        assert server.connections <= 3
    assert [failure.code for failure in failures] == ["CP-TWITCH-004"]
    assert heard == []


def test_a_server_that_is_not_there_is_a_coded_error(clock):
    with TwitchIrcServer() as server:
        port = server.port
    client = LiveChat(["a"], host="127.0.0.1", port=port, tls=False, attempts=2, clock=clock)
    with pytest.raises(StreamError, match="CP-TWITCH-004"):
        next(client.lines())


def test_chat_is_not_heard_unprotected_beyond_this_machine():
    with pytest.raises(ConfigurationError):
        LiveChat(["a"], host="irc.example.com", tls=False)


def test_no_word_of_the_chat_is_logged(spoken, caplog):
    caplog.set_level(logging.DEBUG)
    lines, comments, _ = spoken
    with TwitchIrcServer() as server:
        _, thread, _, _ = listen(server, 5, clock=Clock())
        server.wait_for("JOIN")
        for line in lines[:5]:
            server.say(line)
        thread.join(10)
    assert not any(comment.text in caplog.text for comment in comments[:5])

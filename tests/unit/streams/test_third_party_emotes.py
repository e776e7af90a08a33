"""BTTV, FFZ and 7TV: their lists of everybody and of channels, day by day."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from chat_platform.errors import StreamError
from chat_platform.simulators.emote_servers import EmoteServer
from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.stream_generator import GeneratedEmote
from chat_platform.simulators.stream_words import MEMES, SHARED_CODE
from chat_platform.sources.streams.third_party_emotes import PROVIDERS, ThirdPartyEmotes, _lists


@pytest.fixture
def emotes(world, clock, tmp_path):
    with ExitStack() as stack:

        def start(*faults):
            server = stack.enter_context(EmoteServer(world, faults=FaultScript(faults)))
            reader = ThirdPartyEmotes(tmp_path, server.base_urls(), timeout_s=1.0, clock=clock)
            stack.callback(reader.close)
            return reader

        yield start


def codes(found):
    return {emote.code for emote in found}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_lists_of_everybody_and_of_a_channel(world, emotes, provider):
    reader = emotes()
    streamer = world.everybody()[4]
    everybody, own = reader.emotes(provider, None), reader.emotes(provider, streamer.channel_id)
    assert codes(everybody) == codes(world.emotes(provider, None))
    assert codes(own) == codes(world.emotes(provider, streamer)) != set()
    assert {(e.provider, e.platform, e.channel_id) for e in own} == {
        (provider, "twitch", streamer.channel_id)
    }
    assert {e.channel_id for e in everybody} == {None}
    assert all(e.animated is not None for e in own)


def test_what_a_provider_does_not_say_is_none(emotes):
    reader = emotes()
    assert {e.zero_width for e in reader.emotes("bttv", None)} == {None}
    assert {e.code: e.zero_width for e in reader.emotes("7tv", None)} == {"KeroKero": False, "snowFall": True}


def test_a_code_that_two_providers_share_comes_from_both(world, emotes):
    reader = emotes()
    channel = world.everybody()[0].channel_id
    with_code = [p for p in PROVIDERS if SHARED_CODE in codes(reader.emotes(p, channel))]
    assert with_code == ["bttv", "7tv"]


def test_a_channel_that_a_provider_does_not_know_has_no_emotes_there(emotes):
    reader = emotes()
    for provider in PROVIDERS:
        assert reader.emotes(provider, "1") == []
        assert reader.emotes(provider, "../../x") == []


def test_lists_are_those_of_the_day(world, emotes):
    reader = emotes()
    streamer = world.everybody()[0]
    reached = world.meme_day(0, streamer)
    world.today = world.day(reached - 1)
    assert MEMES[0] not in codes(reader.emotes("7tv", streamer.channel_id))
    world.today = world.day(reached)
    assert MEMES[0] in codes(reader.emotes("7tv", streamer.channel_id))
    added = GeneratedEmote("ffz", "new", "freshOne")
    world.emote_changes.append((world.today + timedelta(days=1), streamer.index, added, True))
    before = codes(reader.emotes("ffz", streamer.channel_id))
    world.today += timedelta(days=1)
    assert codes(reader.emotes("ffz", streamer.channel_id)) == before | {"freshOne"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("server_error", endpoint="*", count=None),
        Fault("cut", endpoint="*", count=None),
        Fault("server_error", endpoint="*", count=None, parameters={"status": 403}),
    ],
    ids=["500", "cut", "403"],
)
def test_a_provider_s_bad_day_is_an_error_and_never_an_empty_list(world, emotes, fault):
    reader = emotes(fault)
    for provider in PROVIDERS:
        with pytest.raises(StreamError, match="CP-STREAM-010"):
            reader.emotes(provider, world.everybody()[0].channel_id)


def test_a_passing_fault_is_retried(world, emotes):
    reader = emotes(
        Fault("server_error", endpoint="7tv"),
        Fault("rate_limit", endpoint="7tv", parameters={"retry_after": 2}),
    )
    streamer = world.everybody()[0]
    assert codes(reader.emotes("7tv", streamer.channel_id)) == codes(world.emotes("7tv", streamer))


@pytest.mark.parametrize("body", [None, 5, {}, {"emotes": 5}, {"channelEmotes": None}, {"message": "x"}])
def test_what_is_no_list_is_told_from_an_empty_one(body):
    assert _lists(body) is None


def test_a_7tv_account_without_a_set_has_no_emotes():
    assert _lists({"emote_set": None}) == []

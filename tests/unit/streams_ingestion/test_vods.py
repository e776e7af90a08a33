"""Chat of videos: read once and whole, resumed anywhere, replaced when it grows, with the emotes of its day."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest

from chat_platform.ingestion.streams import pages, vods
from chat_platform.ingestion.streams.emotes import refresh_emotes
from chat_platform.ingestion.streams.vods import discover, fetch, parse
from chat_platform.simulators.faults import Fault
from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.simulators.stream_generator import GeneratedEmote, StreamWorld
from chat_platform.storage.ledger import unaccounted
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE
from chat_platform.tables.streams import EMOTE_USES, EMOTES, VIDEOS
from tests.unit.streams.conftest import CLIENT_ID, CLIENT_SECRET, WEB_ID, FastClock
from tests.unit.streams_ingestion.stream_steps import csv_of, killed_at, rows_of, take_list

TABLES = (MESSAGES, PARTICIPANTS, QUARANTINE, EMOTE_USES)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Chats of the tests have a few pages."""
    monkeypatch.setattr(pages, "PAGES_A_PART", 2)


@pytest.fixture
def listed(world, twitch, connect, clock):
    """A home with three streamers on its list."""

    def make(workspace):
        take_list(workspace, connect(twitch()), csv_of(world, world.everybody()[:3]), clock)
        return workspace

    return make


def videos_of(world):
    return [video for streamer in world.everybody()[:3] for video in world.videos(streamer)]


def take_all(workspace, platform, world, clock, **options):
    """Everything that is due, as a run does it."""
    discover(workspace, platform, since=world.first_day, clock=clock)
    due = workspace.ledger.due("twitch")
    fetch(workspace, platform, due, **options)
    return list(parse(workspace, "twitch", due))


def everything(workspace):
    found = {spec.name: rows_of(workspace, spec) for spec in TABLES}
    return found | {"ledger": entries(workspace)}


def entries(workspace):
    names = ("conversation_id", "state", "reason", "records", "messages", "quarantined", "duplicates")
    rows = [workspace.ledger.get(i) for i in workspace.ledger.ids("twitch")]
    return [{name: row[name] for name in names} for row in rows]


def said(workspace):
    return [(row["message_id"], row["sent_at"], row["text"]) for row in rows_of(workspace, MESSAGES)]


def chat_requests(server):
    return [seen for seen in server.requests if seen.path == "/gql"]


def test_every_message_of_every_video_is_there_once_and_the_counts_reconcile(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    outcomes = take_all(workspace, connect(twitch(comments_a_page=40)), world, clock)
    videos = videos_of(world)
    assert len(outcomes) == len(videos) > 5
    texts = {(row["conversation_id"], row["message_id"]): row["text"] for row in rows_of(workspace, MESSAGES)}
    assert texts == {
        (f"twitch-{video.video_id}", f"twitch-{comment.comment_id}"): comment.text
        for video in videos
        for comment in world.chat(video)
    }
    for entry in map(workspace.ledger.get, workspace.ledger.ids("twitch")):
        assert (entry["state"], unaccounted(entry)) == ("parsed", 0)
    assert {row["conversation_id"] for row in rows_of(workspace, VIDEOS)} == {
        f"twitch-{video.video_id}" for video in videos
    }


def test_native_emotes_are_those_that_were_written(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    take_all(workspace, connect(twitch()), world, clock)
    counted: Counter[tuple[str, str]] = Counter()
    for row in rows_of(workspace, EMOTE_USES):
        if row["provider"] == "native":
            counted[row["emote_id"], row["code"]] += row["uses"]
    truth: Counter[tuple[str, str]] = Counter()
    for video in videos_of(world):
        truth += world.native_uses(video)
    assert counted == truth
    assert sum(truth.values()) > 50


def test_emotes_of_providers_are_those_of_the_channel_on_the_day(
    workspace, listed, world, twitch, connect, clock, third_party
):
    listed(workspace)
    platform, providers = connect(twitch()), third_party()
    streamer = world.everybody()[0]
    last = world.videos(streamer)[0]
    word = next(w for c in world.chat(last) if c.viewer for w in c.text.split() if len(w) > 2)
    emote = GeneratedEmote("7tv", "f" * 24, word)
    # The word is an emote from the day of the last video on, and nothing before.
    today = world.today
    world.emote_changes.append((last.day, streamer.index, emote, True))
    for day in (world.first_day, last.day):
        world.today = day
        refresh_emotes(workspace, platform, providers, [streamer.channel_id], day)
    world.today = today
    take_all(workspace, platform, world, clock)
    rows = [row for row in rows_of(workspace, EMOTE_USES) if row["emote_id"] == emote.emote_id]
    days = {row["sent_at"].astimezone(workspace.settings.zone).date() for row in rows}
    assert days == {last.day}
    spoken = sum(comment.text.split().count(word) for comment in world.chat(last))
    assert sum(row["uses"] for row in rows) == spoken > 0


def test_a_chat_is_counted_anew_when_its_emotes_are_known_later(
    workspace, listed, world, twitch, connect, clock, third_party
):
    listed(workspace)
    platform, streamer = connect(twitch()), world.everybody()[0]
    take_all(workspace, platform, world, clock)
    conversation_id = f"twitch-{world.videos(streamer)[0].video_id}"

    def providers():
        rows = [row for row in rows_of(workspace, EMOTE_USES) if row["conversation_id"] == conversation_id]
        assert len({(r["message_id"], r["provider"], r["emote_id"], r["code"]) for r in rows}) == len(rows)
        return {row["provider"] for row in rows}

    assert providers() <= {"native", "emoji"}
    refresh_emotes(workspace, platform, third_party(), [streamer.channel_id], world.today)
    list(parse(workspace, "twitch", [conversation_id]))
    assert providers() >= {"native", "bttv", "7tv"}


def test_many_chats_are_parsed_by_several_processes_to_the_same_tables(
    new_workspace, listed, world, twitch, connect, clock, monkeypatch
):
    monkeypatch.setenv("CHATP_WORKERS", "2")
    found = {}
    for name, many in (("one", 1_000), ("several", 2)):
        monkeypatch.setattr(vods, "MANY", many)
        home = listed(new_workspace(name))
        outcomes = take_all(home, connect(twitch()), world, clock)
        assert {one.state for one in outcomes} == {"parsed"}
        found[name] = everything(home)
    assert found["several"] == found["one"]
    assert len(found["one"]["messages"]) == sum(len(world.chat(video)) for video in videos_of(world)) > 0


@pytest.mark.exhaustive
def test_lists_of_emotes_begin_and_end_on_the_days_on_which_they_changed_wherever_a_day_was_killed(
    new_workspace, world, twitch, connect, third_party
):
    platform, providers, streamer = connect(twitch()), third_party(), world.everybody()[0]
    came, went = world.day(3), world.day(5)
    emote = GeneratedEmote("7tv", "e" * 24, "CameAndWent")
    world.emote_changes += [(came, 0, emote, True), (went, 0, emote, False)]

    def read(workspace, deadly=()):
        for number in range(7):
            world.today = world.day(number)
            with killed_at(deadly[number] if number < len(deadly) else 10_000):
                refresh_emotes(workspace, platform, providers, [streamer.channel_id], world.today)
            refresh_emotes(workspace, platform, providers, [streamer.channel_id], world.today)
        return rows_of(workspace, EMOTES)

    undisturbed = read(new_workspace("undisturbed"))
    found = next(row for row in undisturbed if row["code"] == "CameAndWent")
    assert (found["valid_from"], found["valid_to"], found["scope"]) == (came, went, "channel")
    assert {row["valid_from"] for row in undisturbed if row["scope"] == "global"} == {None}
    for nth in (1, 2, 4, 7):
        assert read(new_workspace(f"killed-{nth}"), (nth, 1, 1, nth, 1, 2)) == undisturbed


def test_a_provider_that_fails_leaves_what_was_known(workspace, world, twitch, connect, third_party):
    platform, streamer = connect(twitch()), world.everybody()[0]
    refresh_emotes(workspace, platform, third_party(), [streamer.channel_id], world.day(0))
    before = rows_of(workspace, EMOTES)
    down = third_party(Fault("server_error", endpoint="7tv", count=None))
    found = refresh_emotes(workspace, platform, down, [streamer.channel_id], world.day(1))
    assert {(w.provider, e.code) for w, e in found.failed.items()} == {("7tv", "CP-STREAM-010")}
    assert found.read == 6
    assert rows_of(workspace, EMOTES) == before


def test_only_new_videos_cost_anything(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    server = twitch()
    platform = connect(server)
    take_all(workspace, platform, world, clock)
    before, asked = everything(workspace), len(chat_requests(server))
    outcomes = fetch(workspace, platform, workspace.ledger.ids("twitch"))
    assert {outcome.strategy for outcome in outcomes} == {"archive"}
    assert discover(workspace, platform, since=world.first_day, clock=clock).videos == []
    assert len(chat_requests(server)) == asked
    assert everything(workspace) == before


@pytest.mark.exhaustive
def test_killed_at_any_write_and_restarted_it_is_as_if_nothing_had_happened(
    new_workspace, world, twitch, connect, clock
):
    def listed(name):
        workspace = new_workspace(name)
        take_list(workspace, connect(twitch()), csv_of(world, world.everybody()[:1]), clock)
        return workspace

    world.today = world.videos(world.everybody()[0])[-2].day
    undisturbed = listed("undisturbed")
    take_all(undisturbed, connect(twitch(comments_a_page=25)), world, clock)
    for nth in range(1, 100, 5):
        workspace = listed(f"killed-{nth}")
        platform = connect(twitch(comments_a_page=25))
        with killed_at(nth) as struck:
            take_all(workspace, platform, world, clock)
        take_all(workspace, platform, world, clock)
        assert everything(workspace) == everything(undisturbed)
        if not struck:
            break
    assert nth > 20


def test_a_restart_goes_on_at_the_last_page_that_is_archived(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    video = videos_of(world)[0]
    conversation_id = f"twitch-{video.video_id}"
    server = twitch(Fault("server_error", endpoint="chat", nth=4, count=5), comments_a_page=20)
    platform = connect(server)
    discover(workspace, platform, since=world.first_day, clock=clock)
    (failed,) = fetch(workspace, platform, [conversation_id])
    assert (failed.state, failed.error.code) == ("failed", "CP-STREAM-004")
    # Three pages came, and the one after them failed for good.
    assert pages.archived_reading(workspace, "twitch", conversation_id).pages == 3
    assert [one.state for one in parse(workspace, "twitch", [conversation_id])] == ["failed"]
    before = len(chat_requests(server))
    (fetched,) = fetch(workspace, platform, [conversation_id])
    assert fetched.state == "fetched"
    assert len(chat_requests(server)) - before == -(-len(world.chat(video)) // 20) - 3
    (again,) = parse(workspace, "twitch", [conversation_id])
    assert again.parsed.counts()["messages"] == len(world.chat(video))


def test_a_chat_that_grew_is_read_on_and_replaced(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    video = videos_of(world)[0]
    conversation_id = f"twitch-{video.video_id}"
    server = twitch(comments_a_page=20)

    class Live:
        """Shows a stream that still runs, at half of its length."""

        def __init__(self, platform):
            self._platform = platform

        def __getattr__(self, name):
            return getattr(self._platform, name)

        def videos(self, channel_id, *, published_since=None):
            for found in self._platform.videos(channel_id, published_since=published_since):
                yield replace(found, duration_s=found.duration_s / 2)

    world.partial[video.video_id] = 0.5
    take_all(workspace, Live(connect(server)), world, clock)
    half = len(world.chat(video))
    assert workspace.ledger.get(conversation_id)["messages"] == half
    world.partial.clear()
    asked = len(chat_requests(server))
    platform = connect(server)
    assert conversation_id in discover(workspace, platform, since=world.first_day, clock=clock).videos
    fetch(workspace, platform, [conversation_id])
    list(parse(workspace, "twitch", [conversation_id]))
    written = [
        row["message_id"] for row in rows_of(workspace, MESSAGES) if conversation_id == row["conversation_id"]
    ]
    assert Counter(written) == Counter(f"twitch-{c.comment_id}" for c in world.chat(video))
    assert half < len(written)
    # The last page again, and those after it.
    assert len(chat_requests(server)) - asked == -(-len(written) // 20) - (half - 1) // 20
    entry = workspace.ledger.get(conversation_id)
    assert (entry["messages"], unaccounted(entry)) == (len(written), 0)


@pytest.mark.parametrize(
    "fault",
    [
        stream_fault("exhausted", endpoint="chat", nth=3),
        stream_fault("unauthorised", endpoint="videos"),
        stream_fault("comments_null", nth=2),
        Fault("cut", endpoint="chat", nth=2),
        Fault("server_error", endpoint="chat", nth=2),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_fault_that_passes_leaves_no_trace(fault, new_workspace, listed, world, twitch, connect, clock):
    undisturbed = listed(new_workspace("undisturbed"))
    take_all(undisturbed, connect(twitch()), world, clock)
    workspace = listed(new_workspace("faulty"))
    take_all(workspace, connect(twitch(fault)), world, clock)
    assert everything(workspace) == everything(undisturbed)


def test_a_repeated_cursor_repeats_no_message(new_workspace, listed, world, twitch, connect, clock):
    undisturbed = listed(new_workspace("undisturbed"))
    take_all(undisturbed, connect(twitch()), world, clock)
    workspace = listed(new_workspace("faulty"))
    fault = stream_fault("cursor_repeated", endpoint="chat", nth=2)
    take_all(workspace, connect(twitch(fault)), world, clock)
    assert said(workspace) == said(undisturbed)
    assert rows_of(workspace, EMOTE_USES) == rows_of(undisturbed, EMOTE_USES)
    assert sum(entry["duplicates"] for entry in entries(workspace)) > 0
    assert all(unaccounted(workspace.ledger.get(i)) == 0 for i in workspace.ledger.ids("twitch"))


def test_a_chat_that_breaks_off_is_a_gap_in_quarantine(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    video = videos_of(world)[0].video_id
    server = twitch(stream_fault("truncated_chat", video=video), comments_a_page=20)
    platform = connect(server)
    take_all(workspace, platform, world, clock)
    rows = [row for row in rows_of(workspace, QUARANTINE) if row["conversation_id"] == f"twitch-{video}"]
    assert [row["reason"] for row in rows] == ["chat_gap"]
    entry = workspace.ledger.get(f"twitch-{video}")
    assert (entry["state"], entry["messages"], entry["quarantined"], unaccounted(entry)) == (
        "parsed",
        20,
        1,
        0,
    )
    assert [e["quarantined"] for e in entries(workspace) if e["conversation_id"] != f"twitch-{video}"] == [
        0 for _ in videos_of(world)[1:]
    ]
    # Whole again when somebody asks once more.
    whole = connect(twitch(comments_a_page=20))
    fetch(workspace, whole, [f"twitch-{video}"], refetch=True)
    list(parse(workspace, "twitch", [f"twitch-{video}"]))
    entry = workspace.ledger.get(f"twitch-{video}")
    assert (entry["messages"], entry["quarantined"]) == (len(world.chat(videos_of(world)[0])), 0)


def test_a_deleted_video_is_visibly_gone_and_stops_no_other(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    video = videos_of(world)[0].video_id
    platform = connect(twitch(stream_fault("video_gone", video=video, nth=2), comments_a_page=20))
    take_all(workspace, platform, world, clock)
    states = {entry["conversation_id"]: (entry["state"], entry["reason"]) for entry in entries(workspace)}
    assert states.pop(f"twitch-{video}") == ("gone", "CP-STREAM-007")
    assert set(states.values()) == {("parsed", None)}
    assert workspace.lake.read(MESSAGES, f"twitch-{video}").num_rows == 0


def test_a_chat_that_was_read_stays_when_its_video_is_deleted(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    platform = connect(twitch())
    take_all(workspace, platform, world, clock)
    before = everything(workspace)
    video = videos_of(world)[0].video_id
    world.deleted.add(video)
    (outcome,) = fetch(workspace, platform, [f"twitch-{video}"], refetch=True)
    assert (outcome.state, outcome.strategy) == ("fetched", "archive")
    assert everything(workspace) == before


def test_comments_that_nobody_can_use_are_counted(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    video = videos_of(world)[0]
    fault = stream_fault("odd_comments", video=video.video_id, comments=3)
    take_all(workspace, connect(twitch(fault, comments_a_page=1_000)), world, clock)
    entry = workspace.ledger.get(f"twitch-{video.video_id}")
    assert (entry["messages"], entry["quarantined"]) == (len(world.chat(video)), 3)
    assert (entry["records"], unaccounted(entry)) == (entry["messages"] + 3, 0)


def test_a_refusal_of_everybody_ends_the_step_and_is_charged_to_no_video(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    fault = stream_fault("exhausted", endpoint="chat", count=None, seconds=3_000, header="retry")
    platform = connect(twitch(fault), max_wait_s=60.0)
    discover(workspace, platform, since=world.first_day, clock=clock)
    outcomes = fetch(workspace, platform, workspace.ledger.due("twitch"))
    codes = [outcome.error.code for outcome in outcomes if outcome.error]
    assert codes == ["CP-STREAM-003"]
    assert Counter(entry["state"] for entry in entries(workspace)) == {"announced": len(outcomes)}


def test_what_was_cut_out_of_a_stream_is_not_taken(workspace, listed, world, twitch, connect, clock):
    listed(workspace)

    class Highlights:
        """Shows highlights only."""

        name = "twitch"

        def __init__(self, platform):
            self._platform = platform

        def videos(self, channel_id, *, published_since=None):
            for found in self._platform.videos(channel_id, published_since=published_since):
                yield replace(found, kind="highlight")

    found = discover(workspace, Highlights(connect(twitch())), since=world.first_day, clock=clock)
    assert (found.videos, workspace.ledger.ids("twitch")) == ([], [])
    assert {row["kind"] for row in rows_of(workspace, VIDEOS)} == {"highlight"}


def test_a_channel_that_cannot_be_listed_stops_no_other(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    platform = connect(twitch(Fault("server_error", endpoint="videos", count=5)))
    found = discover(workspace, platform, since=world.first_day, clock=clock)
    assert [error.code for error in found.failed.values()] == ["CP-STREAM-004"]
    (missed,) = found.failed
    others = [v for v in videos_of(world) if world.everybody()[v.streamer].channel_id != missed]
    assert set(found.videos) == {f"twitch-{video.video_id}" for video in others}


COLLECTOR = """
import sys
from datetime import date
from pathlib import Path
from pydantic import SecretStr
from chat_platform.ingestion.streams import pages, vods
from chat_platform.ingestion.streams.vods import discover, fetch, parse
from chat_platform.settings import Settings
from chat_platform.sources.streams.port import Connection
from chat_platform.sources.streams.twitch.platform import TwitchPlatform
from chat_platform.storage.workspace import Workspace

budgets, origin, since, client, secret, web, *channels = sys.argv[1:]
pages.PAGES_A_PART = 1
urls = {"helix": f"{origin}/helix", "auth": origin, "gql": origin}
platform = TwitchPlatform(Connection(
    workspace=Path(budgets), client_id=SecretStr(client), client_secret=SecretStr(secret),
    web_client_id=SecretStr(web), base_urls=urls,
))
workspace = Workspace(Settings())
discover(workspace, platform, since=date.fromisoformat(since), channel_ids=channels)
for conversation in workspace.ledger.due("twitch"):
    fetch(workspace, platform, [conversation])
    list(parse(workspace, "twitch", [conversation]))
"""


@pytest.mark.exhaustive
def test_a_collector_that_is_killed_by_the_system_again_and_again_finishes_the_same(
    new_workspace, twitch, connect, tmp_path
):
    world = StreamWorld(5, streamers=2, days=9, messages_per_video=150)
    server = twitch(world=world, clock=time.time, comments_a_page=10)
    channels = [streamer.channel_id for streamer in world.everybody()]
    workspace = new_workspace("killed")
    command = [
        sys.executable,
        "-c",
        COLLECTOR,
        str(tmp_path / "budgets"),
        server.origin,
        str(world.first_day),
    ]
    command += [CLIENT_ID, CLIENT_SECRET, WEB_ID, *channels]
    for threshold in (8, 20, 35):
        collector = subprocess.Popen(command, env=os.environ)
        while len(chat_requests(server)) < threshold and collector.poll() is None:
            time.sleep(0.002)
        collector.kill()
        collector.wait()
    subprocess.run(command, check=True, timeout=120, env=os.environ)
    # Each kill costs one page at most, as each page is archived.
    least = sum(-(-len(world.chat(video)) // 10) for s in world.everybody() for video in world.videos(s))
    assert least <= len(chat_requests(server)) <= least + 3
    undisturbed = new_workspace("undisturbed")
    clock = FastClock(world.now.timestamp())
    platform = connect(twitch(world=world))
    take_list(undisturbed, platform, csv_of(world, world.everybody()), clock)
    take_all(undisturbed, platform, world, clock)
    assert everything(workspace) == everything(undisturbed)

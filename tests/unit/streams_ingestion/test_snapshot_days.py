"""A day of figures: whole, resumed anywhere, never invented."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from chat_platform.ingestion.streams.snapshots import SOURCE, rewrite_day, snapshot_day, snapshot_id
from chat_platform.simulators.faults import Fault
from chat_platform.simulators.stream_faults import stream_fault
from chat_platform.tables.class_chat import QUARANTINE
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNELS, VIDEO_SNAPSHOTS, VIDEOS
from tests.unit.streams.conftest import CLIENT_SECRET
from tests.unit.streams_ingestion.stream_steps import csv_of, killed_at, rows_of, take_list

TABLES = (CHANNELS, CHANNEL_SNAPSHOTS, VIDEOS, VIDEO_SNAPSHOTS)


@pytest.fixture
def listed(world, twitch, connect, clock):
    """A home with everybody on its list."""

    def make(workspace):
        take_list(workspace, connect(twitch()), csv_of(world, world.everybody()), clock)
        return workspace

    return make


def everything(workspace):
    return {spec.name: rows_of(workspace, spec) for spec in TABLES}


def problems(workspace, day):
    rows = workspace.lake.read(QUARANTINE, f"{snapshot_id('twitch', day)}-snapshots").to_pylist()
    return {(row["reason"], row["detail"]) for row in rows}


def test_a_day_has_the_figures_of_everybody_who_can_be_seen_and_a_reason_for_everybody_else(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    hidden = next(s for s in world.everybody() if s.event == "gap")
    world.today = world.day(hidden.event_day)
    clock.set(world.now.timestamp())
    found = snapshot_day(workspace, connect(twitch()), world.today, clock=clock)
    seen = [s for s in world.everybody() if world.visible(s)]
    figures = {
        row["channel_id"]: (row["day"], row["followers"], row["views"], row["videos"], row["video_views"])
        for row in rows_of(workspace, CHANNEL_SNAPSHOTS)
    }
    assert figures == {
        s.channel_id: (
            world.today,
            world.followers(s),
            None,
            len(world.videos(s)),
            sum(map(world.views, world.videos(s))),
        )
        for s in seen
    }
    assert {row["video_id"]: row["views"] for row in rows_of(workspace, VIDEO_SNAPSHOTS)} == {
        video.video_id: world.views(video) for s in seen for video in world.videos(s)
    }
    gone = {s.channel_id for s in world.everybody()} - {s.channel_id for s in seen}
    assert hidden.channel_id in gone
    assert problems(workspace, world.today) == {("gone", f"channel {i}") for i in gone}
    assert {r["channel_id"] for r in rows_of(workspace, CHANNELS) if r["state"] == "gone"} == gone
    assert found.kept + len(found.missing) == 10
    entry = workspace.ledger.get("twitch-" + world.today.isoformat() + "-snapshots")
    assert (entry["state"], entry["quarantined"]) == ("parsed", len(gone))


@pytest.mark.exhaustive
def test_killed_at_any_write_and_restarted_it_is_as_if_nothing_had_happened(
    new_workspace, listed, world, twitch, connect, clock
):
    undisturbed = listed(new_workspace("undisturbed"))
    snapshot_day(undisturbed, connect(twitch()), world.today, clock=clock)
    for nth in range(1, 100, 5):
        workspace = listed(new_workspace(f"killed-{nth}"))
        server = twitch()
        platform = connect(server)
        with killed_at(nth) as struck:
            snapshot_day(workspace, platform, world.today, clock=clock)
        kept = set(workspace.vault.parts(SOURCE, snapshot_id("twitch", world.today)))
        before = len(server.requests)
        assert snapshot_day(workspace, platform, world.today, clock=clock).kept == 10
        assert everything(workspace) == everything(undisturbed)
        asked = [seen.path for seen in server.requests[before:] if seen.path.startswith("/helix/")]
        # A batch of profiles, and two requests for each channel that is not archived yet.
        assert len(asked) == (0 if len(kept) == 10 else 1 + 2 * (10 - len(kept)))
        if not struck:
            break
    assert nth > 15


def test_a_day_that_is_over_is_not_asked_for_and_stays_missing(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    server = twitch()
    yesterday = world.today - timedelta(days=1)
    found = snapshot_day(workspace, connect(server), yesterday, clock=clock)
    assert (found.taken, found.kept, {m.reason for m in found.missing}) == (0, 0, {"day_over"})
    assert server.requests == []
    assert workspace.lake.files(CHANNEL_SNAPSHOTS) == {}
    assert rewrite_day(workspace, "twitch", yesterday) == 0


def test_a_day_comes_back_from_the_archive_alone_and_does_not_undo_a_later_one(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    platform, first = connect(twitch()), world.today
    snapshot_day(workspace, platform, first, clock=clock)
    renamed = world.everybody()[0]
    world.today = first + timedelta(days=1)
    world.renamed[renamed.index] = "a_new_name"
    clock.set(world.now.timestamp())
    snapshot_day(workspace, platform, world.today, clock=clock)
    before = everything(workspace)
    workspace.lake.delete(CHANNEL_SNAPSHOTS, snapshot_id("twitch", first))
    assert rewrite_day(workspace, "twitch", first) == 10
    assert everything(workspace) == before
    logins = {row["channel_id"]: row["login"] for row in before["channels"]}
    assert logins[renamed.channel_id] == "a_new_name"


def test_a_video_that_was_deleted_stays_with_its_state(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    platform = connect(twitch())
    snapshot_day(workspace, platform, world.today, clock=clock)
    deleted = world.videos(world.everybody()[1])[0].video_id
    world.deleted.add(deleted)
    world.today += timedelta(days=1)
    clock.set(world.now.timestamp())
    snapshot_day(workspace, platform, world.today, clock=clock)
    states = {row["video_id"]: row["state"] for row in rows_of(workspace, VIDEOS)}
    assert {video for video, state in states.items() if state == "gone"} == {deleted}


class _Silent:
    """A platform that does not say how often videos were seen, nor who follows."""

    def __init__(self, platform):
        self._platform = platform

    def __getattr__(self, name):
        return getattr(self._platform, name)

    def totals(self, channel):
        return replace(self._platform.totals(channel), followers=None)

    def videos(self, channel_id, *, published_since=None):
        for video in self._platform.videos(channel_id, published_since=published_since):
            yield replace(video, views=None)


def test_what_a_platform_does_not_say_is_null_and_not_zero(workspace, listed, world, twitch, connect, clock):
    listed(workspace)
    snapshot_day(workspace, _Silent(connect(twitch())), world.today, clock=clock)
    rows = rows_of(workspace, CHANNEL_SNAPSHOTS)
    with_videos = [row for row in rows if row["videos"]]
    assert len(rows) == 10
    assert with_videos
    assert {row["followers"] for row in rows} == {row["video_views"] for row in with_videos} == {None}


@pytest.mark.parametrize(
    "fault",
    [
        stream_fault("exhausted", endpoint="channels/followers", nth=4),
        stream_fault("unauthorised", endpoint="videos", nth=3),
        Fault("cut", endpoint="videos", nth=2),
        Fault("server_error", endpoint="users"),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_fault_that_passes_leaves_no_trace(fault, new_workspace, listed, world, twitch, connect, clock):
    undisturbed = listed(new_workspace("undisturbed"))
    snapshot_day(undisturbed, connect(twitch()), world.today, clock=clock)
    workspace = listed(new_workspace("faulty"))
    found = snapshot_day(workspace, connect(twitch(fault)), world.today, clock=clock)
    assert (found.error, found.missing) == (None, [])
    assert everything(workspace) == everything(undisturbed)


def test_one_channel_that_fails_is_in_quarantine_until_the_next_start(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    server = twitch(Fault("server_error", endpoint="channels/followers", count=5))
    found = snapshot_day(workspace, connect(server), world.today, clock=clock)
    assert found.kept == 9
    assert {reason for reason, _ in problems(workspace, world.today)} == {"CP-STREAM-004"}
    again = snapshot_day(workspace, connect(server), world.today, clock=clock)
    assert (again.taken, again.kept, again.missing) == (1, 10, [])
    assert problems(workspace, world.today) == set()


def test_credentials_that_fail_in_the_middle_are_seen_and_what_is_there_is_kept(
    workspace, listed, world, twitch, connect, clock
):
    listed(workspace)
    server = twitch(stream_fault("unauthorised", endpoint="channels/followers", nth=6, count=1_000))
    found = snapshot_day(workspace, connect(server), world.today, clock=clock)
    assert found.error is not None
    assert 0 < found.kept < 10
    assert len(rows_of(workspace, CHANNEL_SNAPSHOTS)) == found.kept
    entry = workspace.ledger.get(f"{found.snapshot_id}-snapshots")
    assert (entry["state"], entry["reason"]) == ("quarantined", "CP-STREAM-002")
    assert len(problems(workspace, world.today)) == 10 - found.kept


def test_no_secret_is_outside_of_the_raw_vault(workspace, listed, world, twitch, connect, clock, caplog):
    caplog.set_level(logging.DEBUG)
    listed(workspace)
    server = twitch(stream_fault("unauthorised", endpoint="videos", nth=3), Fault("cut", endpoint="videos"))
    snapshot_day(workspace, connect(server), world.today, clock=clock)
    home = workspace.settings.home
    files = {path for path in home.rglob("*") if path.is_file() and "raw" not in path.parts}
    secrets = {CLIENT_SECRET, *server.tokens}
    assert len(secrets) > 1
    assert len(files) > 5
    for secret in secrets:
        assert not any(secret.encode() in path.read_bytes() for path in files)
        assert secret not in caplog.text

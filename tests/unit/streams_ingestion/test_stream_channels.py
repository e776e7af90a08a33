"""The list of streamers becomes channels that keep their identity and their history."""

from __future__ import annotations

import pytest

from chat_platform.errors import InputError
from chat_platform.ingestion.streams import channels
from chat_platform.ingestion.streams.channels import LIST_ID, SOURCE, apply_latest
from chat_platform.simulators.faults import Fault
from chat_platform.tables.class_chat import QUARANTINE
from chat_platform.tables.streams import CHANNELS
from tests.unit.streams_ingestion.stream_steps import csv_of, killed_at, opening, rows_of, take_list

BAD = ("nobody,https://www.twitch.tv/nobody_at_all", "no address,", "shop,https://example.com/x")
CHZZK = f"치지직,https://chzzk.naver.com/{'a' * 32}"


def by_id(workspace):
    return {row["channel_id"]: row for row in rows_of(workspace, CHANNELS)}


def quarantine(workspace):
    rows = workspace.lake.read(QUARANTINE, LIST_ID).to_pylist()
    return {(row["position"], row["reason"]) for row in rows}


def test_each_row_is_a_channel_or_a_reason_in_quarantine(workspace, world, twitch, connect, clock):
    everybody = world.everybody()
    found = take_list(workspace, connect(twitch()), csv_of(world, everybody, *BAD), clock)
    rows = by_id(workspace)
    assert {i: (r["login"], r["list_name"], r["listed"], r["state"]) for i, r in rows.items()} == {
        s.channel_id: (world.login(s), s.display_name, True, "active") for s in everybody
    }
    bad = {(12, "unknown_channel"), (13, "missing_address"), (14, "unknown_platform")}
    assert quarantine(workspace) == {(r.row, r.reason) for r in found.bad_rows} == bad
    assert found.channels + len(found.bad_rows) == found.report.data_rows == 13
    entry = workspace.ledger.get(LIST_ID)
    assert (entry["state"], entry["records"], entry["quarantined"]) == ("parsed", 3, 3)


def test_the_same_file_twice_changes_nothing_and_asks_only_about_who_was_not_found(
    workspace, world, twitch, connect, clock
):
    server = twitch()
    platform, data = connect(server), csv_of(world, world.everybody(), BAD[0])
    take_list(workspace, platform, data, clock)
    before, signature = rows_of(workspace, CHANNELS), workspace.lake.files(CHANNELS)
    asked = len(server.requests)
    again = take_list(workspace, platform, data, clock)
    assert not again.new
    assert rows_of(workspace, CHANNELS) == before
    assert workspace.lake.files(CHANNELS) == signature
    assert len(workspace.vault.parts(SOURCE, "list")) == 1
    assert [seen.path for seen in server.requests[asked:]] == ["/helix/users"]


def test_a_renamed_streamer_is_followed_by_the_id_although_the_login_belongs_to_another_now(
    workspace, world, twitch, connect, clock
):
    platform, everybody = connect(twitch()), world.everybody()
    renamed, thief = everybody[0], everybody[1]
    login = world.login(renamed)
    data = csv_of(world, everybody)
    take_list(workspace, platform, data, clock)
    world.renamed |= {renamed.index: "a_new_name", thief.index: login}
    take_list(workspace, platform, data + b"\n" + BAD[1].encode(), clock)
    rows = by_id(workspace)
    assert (rows[renamed.channel_id]["login"], rows[renamed.channel_id]["previous_logins"]) == (
        "a_new_name",
        f'["{login}"]',
    )
    assert rows[renamed.channel_id]["listed"]
    assert rows[thief.channel_id]["login"] == login
    assert rows[renamed.channel_id]["list_name"] == renamed.display_name


def test_two_rows_that_lead_to_one_channel_are_one_channel_and_a_reason(
    workspace, world, twitch, connect, clock
):
    platform, streamer = connect(twitch()), world.everybody()[0]
    take_list(workspace, platform, csv_of(world, [streamer]), clock)
    old = f"옛 이름,https://www.twitch.tv/{world.login(streamer)}"
    world.renamed[streamer.index] = "a_new_name"
    take_list(workspace, platform, csv_of(world, [streamer], old), clock)
    assert list(by_id(workspace)) == [streamer.channel_id]
    assert quarantine(workspace) == {(3, "duplicate_channel")}


def test_who_left_the_list_or_the_platform_keeps_the_row(workspace, world, twitch, connect, clock):
    platform, everybody = connect(twitch()), world.everybody()
    take_list(workspace, platform, csv_of(world, everybody), clock)
    gone = next(s for s in everybody if s.event == "gap")
    world.today = world.day(gone.event_day)
    stays = [s for s in everybody if world.visible(s)][:3]
    take_list(workspace, platform, csv_of(world, [*stays, gone]), clock)
    rows = by_id(workspace)
    assert set(rows) == {s.channel_id for s in everybody}
    listed = {i for i, row in rows.items() if row["listed"]}
    assert listed == {s.channel_id for s in [*stays, gone]}
    assert {i for i, row in rows.items() if row["state"] == "gone"} == {gone.channel_id}


def test_a_platform_that_fails_is_seen_and_leaves_the_other_alone(workspace, world, twitch, connect, clock):
    data = csv_of(world, world.everybody(), CHZZK)
    found = take_list(workspace, connect(twitch()), data, clock)
    assert {name: error.code for name, error in found.errors.items()} == {"chzzk": "CP-STREAM-001"}
    assert quarantine(workspace) == {(12, "not_asked")}
    assert len(by_id(workspace)) == 10
    entry = workspace.ledger.get(LIST_ID)
    assert (entry["state"], entry["reason"]) == ("quarantined", "CP-STREAM-001")


def test_a_list_that_met_a_platform_that_is_down_is_taken_up_again(
    workspace, new_workspace, world, twitch, connect, clock
):
    data = csv_of(world, world.everybody(), *BAD)
    take_list(workspace, connect(twitch(Fault("server_error", endpoint="users", count=5))), data, clock)
    assert workspace.ledger.get(LIST_ID)["state"] == "failed"
    assert by_id(workspace) == {}
    again = apply_latest(workspace, opening(connect(twitch())), clock=clock)
    assert (again.channels, again.new, again.errors) == (10, False, {})
    undisturbed = new_workspace("undisturbed")
    take_list(undisturbed, connect(twitch()), data, clock)
    assert by_id(workspace) == by_id(undisturbed)
    assert quarantine(workspace) == quarantine(undisturbed)
    assert workspace.ledger.get(LIST_ID)["state"] == "parsed"


def test_without_a_list_there_is_nothing_to_take_up(workspace):
    assert apply_latest(workspace) is None


def test_a_file_that_is_no_list_leaves_the_former_one(workspace, world, twitch, connect, clock):
    platform = connect(twitch())
    take_list(workspace, platform, csv_of(world, world.everybody()), clock)
    before = by_id(workspace)
    with pytest.raises(InputError, match="CP-STREAM-021"):
        take_list(workspace, platform, b"a,b\n1,2\n", clock)
    assert by_id(workspace) == before
    assert len(workspace.vault.parts(SOURCE, "list")) == 1


@pytest.mark.exhaustive
def test_killed_at_any_write_and_repeated_it_is_as_if_nothing_had_happened(
    new_workspace, world, twitch, connect, clock
):
    platform, data = connect(twitch()), csv_of(world, world.everybody(), *BAD)
    undisturbed = new_workspace("undisturbed")
    take_list(undisturbed, platform, data, clock)
    for nth in range(1, 100):
        workspace = new_workspace(f"killed-{nth}")
        with killed_at(nth) as struck:
            take_list(workspace, platform, data, clock)
        take_list(workspace, platform, data, clock)
        assert by_id(workspace) == by_id(undisturbed)
        assert quarantine(workspace) == quarantine(undisturbed)
        assert workspace.ledger.get(LIST_ID)["state"] == "parsed"
        if not struck:
            break
    assert nth > 8


def test_a_plan_asks_nobody_and_keeps_nothing(workspace, world):
    plan = channels.plan_streamers(workspace, "list.csv", csv_of(world, world.everybody(), *BAD))
    assert (len(plan.rows), len(plan.bad_rows)) == (11, 2)
    assert workspace.vault.parts(SOURCE, "list") == []

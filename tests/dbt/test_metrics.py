"""What the metrics owe to the way they are built: order, repetition, identities and removal change nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.dbt.classroom import (
    Build,
    Conversation,
    Row,
    conversation,
    groups,
    identity,
    person,
    random_lecture,
    read_marts,
    version,
)
from tests.dbt.streaming import Tables

Copy = Callable[[Build], Build]
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def differing(left: Build, right: Build) -> list[str]:
    """Names of the marts in which two builds differ."""
    first, second = left.marts(), right.marts()
    assert first.keys() == second.keys()
    return [name for name in first if first[name] != second[name]]


def test_every_metric_has_its_unit_test_and_all_pass(full_refresh: Build, copy_of: Copy) -> None:
    build = copy_of(full_refresh)
    passed = build.dbt("test", "--select", "test_type:unit")
    metrics = {name.split(".")[1] for name in build.marts()}
    assert metrics <= {node.tested_node_unique_id.split(".")[-1] for node in passed}


def test_the_full_build_gives_every_mart_rows(full_refresh: Build) -> None:
    empty = [name for name, rows in full_refresh.marts().items() if not rows]
    # Random words are nobody's, and in a few random days nobody falls silent: test_distinctive_words and the unit
    # test of silent_people have some.
    assert empty == ["marts.person_distinctive_words", "marts.silent_people"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_batches_in_any_order_equal_one_full_refresh(
    order: tuple[int, ...],
    full_refresh: Build,
    empty: Build,
    lectures: list[Conversation],
    streams: tuple[Tables, list[Conversation]],
    people: list[Row],
    identities: list[Row],
) -> None:
    tables, videos = streams
    empty.people(people, identities)
    empty.models([version()], groups(lectures))
    empty.streams(tables)
    empty.dbt("seed")
    empty.batch([lectures[order[0]], videos[order[0] % 3]])
    chats = [*(lectures[index] for index in order[1:]), *videos]
    empty.batch(chats)
    assert differing(empty, full_refresh) == []


@pytest.mark.exhaustive
def test_building_again_changes_nothing(
    full_refresh: Build, copy_of: Copy, lectures: list[Conversation]
) -> None:
    build = copy_of(full_refresh)
    build.load(lectures[:2])
    build.dbt("run")
    assert differing(build, full_refresh) == []
    # Not published: the same conversations are still pending, as after a kill.
    build.dbt("build", "--exclude-resource-type", "unit_test")
    assert differing(build, full_refresh) == []


@pytest.mark.exhaustive
def test_a_run_killed_between_models_is_finished_by_the_next(
    full_refresh: Build, copy_of: Copy, lectures: list[Conversation]
) -> None:
    build = copy_of(full_refresh)
    build.take_out("r1")
    build.dbt("run")
    build.published()
    build.load([lectures[0]])
    build.dbt("run", "--select", "int_activity int_words")
    assert differing(build, full_refresh) != []
    build.dbt("run")
    assert differing(build, full_refresh) == []


@pytest.mark.exhaustive
def test_merging_two_names_and_undoing_it_restores_every_metric(
    full_refresh: Build, copy_of: Copy, people: list[Row], identities: list[Row]
) -> None:
    build = copy_of(full_refresh)
    merged = [row | {"person_id": "p1"} if row["identity_id"] in ("i2", "i8") else row for row in identities]
    merged = [row | {"state": "decided"} if row["identity_id"] == "i8" else row for row in merged]
    build.people(people, merged)
    build.dbt("run")
    messages = "select sum(messages + replies) from marts.participation_daily"
    [(hers,)] = build.query(f"{messages} where participant_id = 'p1'")
    [(theirs,)] = full_refresh.query(f"{messages} where participant_id in ('p1', 'p2', 'i8')")
    assert hers == theirs
    assert build.query(messages) == full_refresh.query(messages)
    build.people(people, identities)
    build.dbt("run")
    assert differing(build, full_refresh) == []


def test_an_ambiguous_name_counts_for_nobody(full_refresh: Build) -> None:
    with full_refresh.connect() as connection:
        for mart in ("participation_daily", "participation_trend", "person_words", "reactors", "reacted"):
            rows = connection.execute(
                f"select distinct person_id, name from marts.{mart} where participant_id = 'i8'"
            ).fetchall()
            assert rows == [(None, "(ambiguous) 별명 i8")], mart


@pytest.mark.exhaustive
def test_a_conversation_that_was_taken_out_disappears_from_every_metric(
    full_refresh: Build, copy_of: Copy, lectures: list[Conversation]
) -> None:
    build = copy_of(full_refresh)
    extra = random_lecture("r9", "zoom", date(2026, 3, 9), seed=9)
    build.batch([extra])
    assert build.query("select count(*) from marts.lectures where conversation_id = 'r9'") == [(1,)]
    build.take_out("r9")
    build.dbt("run")
    assert differing(build, full_refresh) == []


@pytest.mark.exhaustive
def test_a_conversation_that_shrank_is_replaced(full_refresh: Build, copy_of: Copy) -> None:
    build = copy_of(full_refresh)
    shorter = conversation("r1", "zoom", START)
    shorter.say("i1", START, "하나")
    build.batch([shorter])
    assert build.query(
        "select messages, replies, reactions from marts.lectures where conversation_id = 'r1'"
    ) == [(1, 0, 0)]
    assert build.query("select count(*) from intermediate.int_words where conversation_id = 'r1'") == [(1,)]


@pytest.mark.exhaustive
def test_another_time_zone_rebuilds_every_day_without_a_full_refresh(
    full_refresh: Build, copy_of: Copy, lectures: list[Conversation]
) -> None:
    build = copy_of(full_refresh)
    build.dbt("run", variables={"timezone": "UTC"})
    public = [m for m in lectures[0].rows["messages"] if m["visibility"] == "everyone" and not m["removed"]]
    on_second = sum(m["sent_at"].date() == date(2026, 3, 2) for m in public)
    days = "select sum(messages + replies) from marts.participation_daily where local_date = '2026-03-02'"
    assert build.query(days) == [(on_second,)]
    assert full_refresh.query(days) != [(on_second,)]
    build.dbt("run")
    assert differing(build, full_refresh) == []


def test_a_copy_under_another_name_serves_every_table_and_view(full_refresh: Build, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse-7.duckdb"
    full_refresh.copy_to(copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        assert read_marts(connection) == full_refresh.marts()
        staged = connection.execute("select count(*) from staging.stg_class_chat__messages").fetchone()
    assert staged == (480,)


def test_direct_and_removed_messages_reach_no_metric(
    empty: Build, people: list[Row], identities: list[Row]
) -> None:
    made = conversation("r1", "zoom", START)
    public = made.say("i1", START, "공개")
    direct = made.say("i1", START + timedelta(minutes=1), "비밀얘기", visibility="direct")
    removed = made.say("i2", START + timedelta(minutes=2), "지운얘기", removed=True)
    made.say("i3", START + timedelta(minutes=3), "답장", parent_id=direct)
    for message in (public, direct, removed):
        made.react(message, "👍", "i4")
    made.react(public, "❤", "i4", removed=True)
    empty.people(people, identities)
    empty.load([made])
    empty.dbt("build", "--exclude-resource-type", "unit_test")
    tables = empty.marts()
    assert not any(
        "비밀얘기" in str(row) or "지운얘기" in str(row) for rows in tables.values() for row in rows
    )
    assert tables["main.comments_emojis"] == [(public, "👍", 1)]
    assert {row[0] for row in tables["marts.participation_daily"]} == {"p1", "p3", "p4"}
    assert empty.query("select reactions, rank from marts.reactors") == [(1, 1)]
    [(messages, replies, left_out)] = empty.query("select messages, replies, left_out from marts.lectures")
    assert (messages, replies, left_out) == (1, 1, 2)
    # Its parent is private, so the first system's tables have it as a comment.
    assert empty.query("select content from main.comments order by content") == [("공개",), ("답장",)]


def test_an_empty_warehouse_builds(empty: Build) -> None:
    empty.dbt("build", "--exclude-resource-type", "unit_test")
    assert all(rows == [] for rows in empty.marts().values())


@pytest.mark.exhaustive
def test_the_settings_reach_peaks_and_words(empty: Build) -> None:
    made = conversation("r1", "zoom", START)
    for minute in (1, 9, 17, 25):
        made.say("i0", START + timedelta(minutes=minute), "조용")
    for who in range(5):
        for index in range(2):
            at = START + timedelta(minutes=12, seconds=10 * who + index)
            made.say(f"i{who}", at, "이거다 욥" if who else "퀴즈")
    empty.people([person(f"p{n}") for n in range(5)], [identity(f"i{n}", f"p{n}") for n in range(5)])
    empty.load([made])
    words = {"stop_words": ["퀴즈"], "min_word_count": 2, "distinctive_min_z": 0, "distinctive_prior": 10}
    empty.dbt("build", "--exclude-resource-type", "unit_test", variables=words)
    peaks = "select from_minute, to_minute, messages, speakers, baseline, link from marts.lecture_peaks"
    moment = int((START + timedelta(minutes=12)).timestamp() * 1000)
    link = f"https://zoom.example/rec/share/r1?startTime={moment}"
    assert empty.query(peaks) == [(10, 14, 10, 5, 1.0, link)]
    lemmas = [lemma for (lemma,) in empty.query("select distinct lemma from marts.person_words order by all")]
    assert lemmas == ["욥", "이거다", "조용"]
    assert ("p0", "조용") in empty.query("select participant_id, lemma from marts.person_distinctive_words")
    empty.dbt("run", variables={"peak_min_speakers": 6})
    assert empty.query(peaks) == []

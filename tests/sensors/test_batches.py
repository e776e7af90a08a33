"""What is due becomes few runs, and the same thing is not launched twice at once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.jobs import CHAIN
from chat_platform.sensors.active import IN_PROCESS, is_active
from chat_platform.sensors.batches import RANGE_END, RANGE_START, batch_request, contiguous
from chat_platform.sensors.class_chat import read_cursor, window, write_cursor
from chat_platform.settings import Settings, SlackSettings
from chat_platform.storage.liveness import RunGuard


@given(st.lists(st.integers(0, 60), unique=True).map(sorted), st.sets(st.integers(0, 60)))
def test_ranges_hold_exactly_what_is_wanted_and_are_unbroken(order: list[int], wanted: set[int]) -> None:
    keys = [str(number) for number in order]
    ranges = contiguous({str(number) for number in wanted}, keys)
    assert [key for span in ranges for key in span] == [key for key in keys if int(key) in wanted]
    for span in ranges:
        first = keys.index(span[0])
        assert keys[first : first + len(span)] == span
    borders = [(keys.index(a[-1]), keys.index(b[0])) for a, b in zip(ranges, ranges[1:], strict=False)]
    assert all(after - before > 1 for before, after in borders)


def test_a_batch_is_one_range_run_with_a_key_of_its_own() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        request = batch_request(instance, "class_recordings", ["a", "b", "c"], "r1", longest_wait_s=600)
        assert request is not None
        assert request.tags[RANGE_START] == "a"
        assert request.tags[RANGE_END] == "c"
        other = batch_request(instance, "class_recordings", ["a", "b", "c"], "r2", longest_wait_s=600)
        assert other is not None
        assert other.run_key != request.run_key


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job(tags=CHAIN)
def chain() -> None:
    """A run of the chain."""
    nothing()


def test_a_batch_that_a_run_left_unfinished_runs_again_at_once_and_then_waits() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        keys = []
        for _ in range(2):
            request = batch_request(instance, "chain", [], "r1", longest_wait_s=600)
            assert request is not None
            keys.append(request.run_key)
            chain.execute_in_process(instance=instance, tags=dict(request.tags))
        assert len(set(keys)) == 2
        assert batch_request(instance, "chain", [], "r1", longest_wait_s=600) is None
        assert batch_request(instance, "chain", [], "r1", longest_wait_s=0) is not None


def test_a_run_whose_process_is_gone_is_reported_and_does_not_block(tmp_path: Path) -> None:
    guard = RunGuard(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        assert not is_active(instance, guard)
        run = instance.create_run_for_job(chain, status=dg.DagsterRunStatus.STARTED, tags=CHAIN)
        living = RunGuard(tmp_path)
        living.hold()
        assert is_active(instance, guard)
        living.release()
        assert not is_active(instance, guard)
        stored = instance.get_run_by_id(run.run_id)
        assert stored is not None
        assert stored.status == dg.DagsterRunStatus.FAILURE


def test_a_run_that_waits_for_its_process_counts_as_active(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(chain, status=dg.DagsterRunStatus.NOT_STARTED, tags=CHAIN)
        assert is_active(instance, RunGuard(tmp_path))


def test_a_run_of_a_killed_process_that_never_started_does_not_block(tmp_path: Path) -> None:
    """`chatp` creates a run and executes it itself: without the process nobody ever will."""
    guard, tags = RunGuard(tmp_path), CHAIN | IN_PROCESS
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(chain, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
        living = RunGuard(tmp_path)
        living.hold()
        assert is_active(instance, guard)
        living.release()
        assert not is_active(instance, guard)
        stored = instance.get_run_by_id(run.run_id)
        assert stored is not None
        assert stored.status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    "cursor", [None, "", "x", "[]", "{}", '{"version": 9, "read_to": "2026-03-02"}', "null"]
)
def test_a_cursor_that_cannot_be_understood_is_no_cursor(cursor: str | None) -> None:
    assert read_cursor(cursor) is None


def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, slack=SlackSettings(start_date=date(2026, 1, 1), lookback_days=7))


def test_the_window_looks_back_from_the_last_look(tmp_path: Path) -> None:
    today = date(2026, 3, 20)
    read_to = read_cursor(write_cursor(date(2026, 3, 18)))
    assert window(settings(tmp_path), read_to, today) == (date(2026, 3, 11), today)


def test_windows_after_a_long_stop_leave_no_day_out(tmp_path: Path) -> None:
    """A missed year is caught up by several looks, each overlapping the one before."""
    today, read_to, seen = date(2027, 6, 1), None, set()
    for _ in range(20):
        since, until = window(settings(tmp_path), read_to, today)
        seen |= {since + timedelta(days=n) for n in range((until - since).days + 1)}
        read_to = until
        if until == today:
            break
    assert read_to == today
    assert seen == {date(2026, 1, 1) + timedelta(days=n) for n in range((today - date(2026, 1, 1)).days + 1)}

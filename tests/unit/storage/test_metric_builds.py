"""Which side of the metrics is due: the one whose tables, conversations or models changed, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from chat_platform.storage import metric_builds
from chat_platform.storage.warehouse import Warehouse

MODELS = "models of today"
Change = str
Due = Callable[..., set[str]]


@pytest.fixture
def due(tmp_path: Path) -> Due:
    """``due(sql, …)``: sides that are due after both were built and the statements were run."""
    warehouse = Warehouse(tmp_path)

    def after(*changes: str, models: str = MODELS) -> set[str]:
        with warehouse.write() as connection:
            connection.execute(
                "create table if not exists core.conversations as "
                "select * from (values ('zoom-1', 'recording', 'parsed'), ('twitch-1', 'video', 'parsed')) "
                "t (conversation_id, kind, state)"
            )
            if not connection.execute("select 1 from meta.loaded_files").fetchone():
                _files(connection, ("core.messages", "zoom-1"), ("core.messages", "twitch-1"))
                _files(connection, ("core.channel_snapshots", "2026-03-02"), ("core.people", "whole"))
            metric_builds.remember(connection, metric_builds.sources(connection, MODELS))
            for change in changes:
                connection.execute(change)
            return metric_builds.due(connection, metric_builds.sources(connection, models))

    return after


def _files(connection: duckdb.DuckDBPyConnection, *files: tuple[str, str]) -> None:
    for table, partition in files:
        connection.execute("insert into meta.loaded_files values (?, ?, 'a', now())", [table, partition])


def _written_again(table: str, partition: str) -> str:
    return (
        "update meta.loaded_files set signature = signature || 'b' "
        f"where table_name = '{table}' and partition = '{partition}'"
    )


def test_in_a_file_that_nothing_was_built_in_both_are_due(tmp_path: Path) -> None:
    with Warehouse(tmp_path).write() as connection:
        connection.execute("create table core.conversations (conversation_id varchar, kind varchar)")
        now = metric_builds.sources(connection, MODELS)
        assert metric_builds.due(connection, now) == {"class", "streams"} == set(now)


def test_nothing_is_due_while_nothing_changes(due: Due) -> None:
    assert due() == set()


@pytest.mark.parametrize(
    ("change", "side"),
    [
        (_written_again("core.messages", "zoom-1"), "class"),
        (_written_again("core.people", "whole"), "class"),
        ("update core.conversations set state = 'failed' where kind = 'recording'", "class"),
        ("insert into core.conversations values ('slack-1', 'channel_day', 'fetched')", "class"),
        ("delete from meta.loaded_files where partition = 'zoom-1'", "class"),
        (_written_again("core.messages", "twitch-1"), "streams"),
        (_written_again("core.channel_snapshots", "2026-03-02"), "streams"),
        ("delete from meta.loaded_files where table_name = 'core.channel_snapshots'", "streams"),
        ("update core.conversations set state = 'gone' where kind = 'video'", "streams"),
        ("delete from core.conversations where kind = 'video'", "streams"),
    ],
)
def test_a_change_makes_its_own_side_due(due: Due, change: str, side: str) -> None:
    assert side in due(change)


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (_written_again("core.messages", "zoom-1"), "streams"),
        ("update core.conversations set state = 'failed' where kind = 'recording'", "streams"),
        ("insert into core.conversations values ('slack-1', 'channel_day', 'fetched')", "streams"),
        # Conversations are one file for both, so its signature says nothing of either.
        ("insert into meta.loaded_files values ('core.conversations', 'whole', 'a', now())", "streams"),
        (_written_again("core.messages", "twitch-1"), "class"),
        (_written_again("core.channel_snapshots", "2026-03-02"), "class"),
    ],
)
def test_and_not_the_other(due: Due, change: str, other: str) -> None:
    assert other not in due(change)


def test_other_models_make_both_due(due: Due) -> None:
    assert due(models="models of tomorrow") == {"class", "streams"}


def test_a_build_that_ended_before_it_was_remembered_is_begun_again(due: Due) -> None:
    change = _written_again("core.messages", "twitch-1")
    assert due(change) == {"streams"}
    assert due() == set()


def test_what_metrics_took_in_is_no_longer_pending(tmp_path: Path) -> None:
    with Warehouse(tmp_path).write() as connection:
        connection.execute("create table core.conversations (conversation_id varchar, kind varchar)")
        connection.execute("insert into meta.pending_conversations values ('zoom-1')")
        metric_builds.remember(connection, metric_builds.sources(connection, MODELS))
        assert connection.execute("from meta.pending_conversations").fetchall() == []

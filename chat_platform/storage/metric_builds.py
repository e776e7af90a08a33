"""Which metrics have to be built again: the class's, those of streams, or both.

What belongs here: what each side was last built from, remembered in the build file, and that nothing is pending for
incremental models then. What does not: building (``assets.metrics``), what becomes pending (``warehouse``).

A side of the metrics reads its own tables and conversations only. While those and the models are what they were, the
side is too: a new lecture does not pay for the streams, nor a new day of streamers for the class.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from chat_platform.tables import streams
from chat_platform.tables.class_chat import CONVERSATIONS

CLASS, STREAMS = "class", "streams"
# Conversations are compared by their rows: the file of their table changes with every conversation of either side.
_SOURCES = """
with conversations as (
    select conversation_id, kind not in ('recording', 'saved_chat', 'channel_day') as streamed, hash(c) as content
    from core.conversations c
),
files as (
    select
        table_name in (select unnest($tables)) or coalesce(streamed, false) as streamed,
        hash(table_name, partition, signature) as content
    from meta.loaded_files left join conversations on conversation_id = partition
    where table_name <> $conversations
),
both_kinds as (select streamed, content from conversations union all select streamed, content from files)
select
    case when side.streamed then 'streams' else 'class' end,
    count(content) || '-' || coalesce(bit_xor(content), 0) || '-' || coalesce(sum(content), 0)
from (values (true), (false)) side (streamed) left join both_kinds using (streamed)
group by side.streamed
"""


def sources(connection: duckdb.DuckDBPyConnection, models: str) -> dict[str, str]:
    """What each side would be built from now.

    Args:
        connection: the build file, after loading.
        models: stands for the models and their settings; another text makes both sides due.
    """
    tables = [spec.full_name for spec in streams.TABLES]
    given = {"tables": tables, "conversations": CONVERSATIONS.full_name}
    return {side: f"{models} {found}" for side, found in connection.execute(_SOURCES, given).fetchall()}


def due(connection: duckdb.DuckDBPyConnection, now: Mapping[str, str]) -> set[str]:
    """Sides that were not built from what is there now."""
    built = dict(connection.execute("select side, built_from from meta.metric_builds").fetchall())
    return {side for side, built_from in now.items() if built.get(side) != built_from}


def remember(connection: duckdb.DuckDBPyConnection, now: Mapping[str, str]) -> None:
    """Both sides are built from that; said after they were, so that a killed build is begun again.

    The caller has held the writer's lock since it asked for the sources: whatever was pending then has been taken in,
    and what is loaded later waits for the next build, whoever publishes in between.
    """
    connection.execute("delete from meta.pending_conversations")
    connection.executemany("insert or replace into meta.metric_builds values (?, ?)", list(now.items()))

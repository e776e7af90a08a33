"""Asset checks: what must hold before anything is published.

What belongs here: check specs and the functions that evaluate them on the build file. What does not: dbt's
data tests, which are checks of their own on the marts.
"""

from collections.abc import Sequence

import dagster as dg
import duckdb
import pyarrow as pa

from chat_platform.tables.spec import TableSpec

SCHEMA = "schema"
CONSERVATION = dg.AssetCheckSpec(
    "counts_reconcile",
    asset=["core", "conversations"],
    description="Every parsed conversation: records = messages + replies + reactions + removals + quarantined "
    "+ duplicates, and its tables hold exactly so many rows.",
    blocking=True,
)

_RECONCILE = """
with counted as (
    select c.conversation_id, c.records, c.messages, c.replies, c.reactions, c.removals, c.quarantined, c.duplicates,
        coalesce(m.messages, 0) as found_messages, coalesce(m.replies, 0) as found_replies,
        coalesce(r.reactions, 0) as found_reactions, coalesce(q.quarantined, 0) as found_quarantined
    from core.conversations c
    left join (select conversation_id, count(*) filter (kind = 'message') as messages,
                      count(*) filter (kind = 'reply') as replies
               from core.messages group by all) m using (conversation_id)
    left join (select conversation_id, count(*) as reactions from core.reactions group by all) r
        using (conversation_id)
    left join (select conversation_id, count(*) as quarantined from core.quarantine group by all) q
        using (conversation_id)
    where c.state = 'parsed'
      and c.conversation_id in (select conversation_id from meta.pending_conversations)
)
select conversation_id from counted
where records <> messages + replies + reactions + removals + quarantined + duplicates
   or (messages, replies, reactions, quarantined)
      <> (found_messages, found_replies, found_reactions, found_quarantined)
order by 1
"""


def schema_specs(tables: Sequence[TableSpec]) -> list[dg.AssetCheckSpec]:
    """A blocking check for each table: its columns in DuckDB are those of its TableSpec."""
    return [
        dg.AssetCheckSpec(
            SCHEMA,
            asset=[table.schema, table.name],
            description="Columns and types are those that the table declares.",
            blocking=True,
        )
        for table in tables
    ]


def schema_matches(connection: duckdb.DuckDBPyConnection, table: TableSpec) -> dg.AssetCheckResult:
    """Evaluate the schema check of a table."""
    actual = connection.execute(f"select * from {table.full_name} limit 0").to_arrow_table()  # noqa: S608
    problems = table.violations(actual.cast(_zoned(actual.schema, table)))
    return dg.AssetCheckResult(
        check_name=SCHEMA,
        asset_key=[table.schema, table.name],
        passed=not problems,
        metadata={"columns": len(table.columns), "problems": problems},
    )


def _zoned(actual: pa.Schema, table: TableSpec) -> pa.Schema:
    """The schema with UTC named as we name it (``Etc/UTC`` and ``UTC`` are one zone); all else unchanged."""
    names = {column.name for column in table.columns if column.type == "timestamp"}
    utc = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [f.with_type(utc) if f.name in names and pa.types.is_timestamp(f.type) else f for f in actual]
    )


def reconcile(connection: duckdb.DuckDBPyConnection) -> dg.AssetCheckResult:
    """Evaluate the conservation check over the conversations that no metric has taken in yet."""
    wrong = [row[0] for row in connection.execute(_RECONCILE).fetchall()]
    pending = connection.execute(
        "select count(distinct conversation_id) from meta.pending_conversations"
    ).fetchone()
    return dg.AssetCheckResult(
        check_name=CONSERVATION.name,
        asset_key=CONSERVATION.asset_key,
        passed=not wrong,
        metadata={"conversations": pending[0] if pending else 0, "wrong": wrong[:20]},
    )

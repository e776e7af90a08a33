"""How new the published tables are.

What belongs here: rows and newest data of each table, made once per published version. What does not: when an asset
ran last, which the Dagster UI knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from chat_platform.web.published import PinnedReader

SCHEMAS = ("core", "ml", "marts")
TIMES = (
    "sent_at",
    "asked_at",
    "last_asked_at",
    "first_at",
    "last_date",
    "last_written_date",
    "local_date",
    "lecture_date",
    "conversation_date",
    "reacted_at",
    "last_at",
    "last_seen_at",
    "decided_at",
    "labelled_at",
    "created_at",
)
"""Columns that say when something happened, the one that says it best first."""


@dataclass(frozen=True)
class TableFreshness:
    """A published table.

    Attributes:
        rows: how many it has.
        column: the column that ``newest`` is the largest value of; ``None`` where the table knows no time.
    """

    schema: str
    name: str
    rows: int
    column: str | None
    newest: date | datetime | None


def freshness(published: PinnedReader) -> list[TableFreshness]:
    """Every table of ``core``, ``ml`` and ``marts`` in the published file, by schema and name."""
    return published.kept("freshness", lambda: _read(published))


def _read(published: PinnedReader) -> list[TableFreshness]:
    tables = published.query(
        "select schema_name, table_name, estimated_size from duckdb_tables() "
        "where schema_name in (select unnest(?::varchar[])) order by 1, 2",
        [list(SCHEMAS)],
    )
    columns = published.query(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where column_name in (select unnest(?::varchar[]))",
        [list(TIMES)],
    )
    known: dict[tuple[str, str], set[str]] = {}
    for row in columns:
        known.setdefault((row["schema_name"], row["table_name"]), set()).add(row["column_name"])
    found = []
    for row in tables:
        schema, name = row["schema_name"], row["table_name"]
        column = next((time for time in TIMES if time in known.get((schema, name), ())), None)
        newest = _newest(published, schema, name, column) if column else None
        found.append(TableFreshness(schema, name, row["estimated_size"], column, newest))
    return found


def _newest(published: PinnedReader, schema: str, name: str, column: str) -> date | datetime | None:
    # The names come from the file's own catalogue, never from a request.
    table = ".".join(f'"{part.replace(chr(34), chr(34) * 2)}"' for part in (schema, name))
    row = published.row(f'select max("{column}") as newest from {table}')  # noqa: S608
    return row["newest"] if row else None

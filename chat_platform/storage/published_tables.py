"""Tables of a published file that may leave it: their columns, keys, dates, and what of them is personal.

What belongs here: which tables and views there are for people outside, and what is known of each. What does not:
writing them (``table_export``), what a tile of the portal shows (``web.tiles``).

A declared table says itself what is personal in it. A metric does not: it takes its columns from declared tables by
their names, so a column is personal when any declared table says so of that name, when its tile shows it as chat, or
when it is one of the names that the metrics give to people and their texts. Rather too much is named than too little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from chat_platform.errors import StorageError
from chat_platform.storage.metric_definitions import SCHEMA, SELECT, MetricDefinition
from chat_platform.tables.catalogue import ALL_TABLES

_KEPT_IN = ("raw", "meta", "information_schema", "pg_catalog")
"""Schemas of which nothing leaves: what arrived, and bookkeeping."""
_OF_METRICS = {
    "participant_id": "id",
    "participants": "id",
    "answered_identity_id": "id",
    "answered_by": "id",
    "channel": "name",
    "passed_channel": "name",
    "user_id_fk": "id",
    "content": "text",
}
_OF_ONE_TABLE = {("main.users", "id"): "id"}
_OF_LABELS = ("message_id", "source")
"""Personal where somebody's own labels or guesses are meant, and a system or a place in the chat elsewhere."""
_LIST = """
select schema_name || '.' || table_name as name, false as is_view from duckdb_tables()
union all select schema_name || '.' || view_name, true from duckdb_views() where not internal order by name
"""
_COLUMNS = """
select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()
where not internal order by column_index
"""


@dataclass(frozen=True)
class PublishedTable:
    """A table or view that may be exported.

    Attributes:
        name: with its schema, ``marts.lectures``.
        columns: name → type of DuckDB, in order.
        is_view: it is computed when it is read.
        key: columns that identify a row; empty where that is not declared.
        date: column with the day of a row; ``None`` where there is none.
        personal: column → kind of personal data.
    """

    name: str
    columns: Mapping[str, str]
    is_view: bool = False
    key: tuple[str, ...] = ()
    date: str | None = None
    personal: Mapping[str, str] = field(default_factory=dict)

    @property
    def quoted(self) -> str:
        """As it stands in SQL."""
        schema, _, name = self.name.partition(".")
        return f"{quoted(schema)}.{quoted(name)}"


def quoted(name: str) -> str:
    """A name as it stands in SQL, of DuckDB and of SQLite."""
    return '"' + name.replace('"', '""') + '"'


def published_tables(connection: duckdb.DuckDBPyConnection, manifest: Path) -> dict[str, PublishedTable]:
    """Every table that may be exported, by name.

    Args:
        connection: to a published file.
        manifest: dbt's ``manifest.json``, which holds the keys of the metrics; it need not exist.
    """
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(table, {})[column] = kind
    keys = _metric_keys(manifest)
    tiles = _tiles(connection)
    return {
        name: _described(name, columns[name], is_view, keys.get(name, ()), tiles.get(name, {}))
        for name, is_view in connection.execute(_LIST).fetchall()
        if name.partition(".")[0] not in _KEPT_IN
    }


def chosen_tables(
    known: Mapping[str, PublishedTable], wanted: Iterable[str], *, all_marts: bool = False
) -> list[PublishedTable]:
    """Tables by their names, in the order of ``wanted``, none twice.

    Args:
        wanted: names, or patterns as ``marts.lecture_*``; without a schema they mean marts.
        all_marts: every mart first.

    Raises:
        StorageError: CP-STORE-040 when a name or pattern fits no table.
    """
    patterns = [f"{SCHEMA}.*"] if all_marts else []
    found: dict[str, PublishedTable] = {}
    for pattern in [*patterns, *(name if "." in name else f"{SCHEMA}.{name}" for name in wanted)]:
        fitting = [name for name in known if fnmatchcase(name, pattern)]
        if not fitting:
            close = get_close_matches(pattern, known, n=3)
            raise StorageError("CP-STORE-040", f"{pattern} → {', '.join(close)}?" if close else pattern)
        found.update((name, known[name]) for name in fitting)
    return list(found.values())


def _described(
    name: str, columns: Mapping[str, str], is_view: bool, key: Sequence[str], tile: Mapping[str, Any]
) -> PublishedTable:
    spec = ALL_TABLES.get(name)
    key = spec.primary_key if spec else key
    dates = [column for column, kind in columns.items() if kind == "DATE"]
    of_tile = (tile.get("filters") or {}).get("date")
    return PublishedTable(
        name,
        columns,
        is_view,
        tuple(key) if set(key) <= set(columns) else (),
        of_tile if of_tile in dates else next(iter(dates), None),
        _personal(name, columns, tile),
    )


def _personal(name: str, columns: Mapping[str, str], tile: Mapping[str, Any]) -> dict[str, str]:
    if spec := ALL_TABLES.get(name):
        # The file may be of before a column was declared.
        return {column.name: column.pii for column in spec.columns if column.pii and column.name in columns}
    kinds = {**_personal_names(), **_OF_METRICS}
    for shown in tile.get("columns") or ():
        if shown.get("as") == "chat":
            kinds.setdefault(shown["name"], "text")
    kinds.update({column: kind for (table, column), kind in _OF_ONE_TABLE.items() if table == name})
    return {column: kinds[column] for column in columns if column in kinds}


@cache
def _personal_names() -> dict[str, str]:
    """Column name → kind, as any declared table says."""
    columns = [column for spec in ALL_TABLES.values() for column in spec.columns]
    return {column.name: column.pii for column in columns if column.pii and column.name not in _OF_LABELS}


def _tiles(connection: duckdb.DuckDBPyConnection) -> dict[str, Mapping[str, Any]]:
    """Full name of a mart → its tile, as published with it; a file of before they were published has none."""
    try:
        cursor = connection.execute(SELECT)
    except duckdb.CatalogException:
        return {}
    names = [column[0] for column in cursor.description or ()]
    found = (MetricDefinition.of(dict(zip(names, row, strict=True))) for row in cursor.fetchall())
    return {definition.table: definition.meta.get("tile") or {} for definition in found}


def _metric_keys(manifest: Path) -> dict[str, tuple[str, ...]]:
    """Full name of a model → the columns that its test of the primary key names."""
    if not manifest.is_file():
        return {}
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    keys = {}
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        model = nodes.get(node.get("attached_node"))
        if model and test.get("name", "").startswith("primary_key"):
            keys[f"{model['schema']}.{model['name']}"] = tuple(test["kwargs"].get("columns") or ())
    return keys

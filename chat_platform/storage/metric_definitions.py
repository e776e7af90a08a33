"""What every published metric means: dbt's descriptions, SQL and ``meta``, kept beside the tables.

What belongs here: reading definitions from dbt's manifest, writing them into the build file, reading them from a
published one. What does not: what a tile may say (``web.tiles``), running dbt (``assets.metrics``).

They stand in the file that the metrics stand in, so that an older version that is served again, or was kept for
roll-back, explains its own tables, and the portal needs neither dbt nor its project. The manifest is the one of the
run that built the tables; the same project gives the same rows, so writing them again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

SCHEMA = "marts"
SELECT = "select name, description, columns, meta, sql, reads from meta.metrics order by name"
_DDL = """
create table meta.metrics (
    name varchar primary key, description varchar, columns varchar, meta varchar, sql varchar, reads varchar)
"""


@dataclass(frozen=True)
class MetricDefinition:
    """A model of the schema ``marts``.

    Attributes:
        columns: name → description, in the order of the table.
        meta: the model's ``meta``; ``tile`` in it describes the tile of the portal.
        sql: as it was run; the model's text where it was not compiled.
        reads: tables that it is made from, ``schema.name``.
    """

    name: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    sql: str = ""
    reads: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table's name with its schema."""
        return f"{SCHEMA}.{self.name}"

    def row(self) -> tuple[str, ...]:
        """As a row of ``meta.metrics``."""
        return (
            self.name,
            self.description,
            _json(self.columns),
            _json(self.meta),
            self.sql,
            _json(self.reads),
        )

    @classmethod
    def of(cls, row: Mapping[str, str]) -> MetricDefinition:
        """From a row of ``meta.metrics``."""
        return cls(
            row["name"],
            row["description"],
            json.loads(row["columns"]),
            json.loads(row["meta"]),
            row["sql"],
            tuple(json.loads(row["reads"])),
        )


def read_manifest(path: Path) -> list[MetricDefinition]:
    """Definitions of the marts in a ``manifest.json`` of dbt, by name."""
    return definitions_of(json.loads(path.read_text(encoding="utf-8")))


def definitions_of(manifest: Mapping[str, Any]) -> list[MetricDefinition]:
    """Definitions of the marts in dbt's manifest, by name."""
    known = {**manifest["nodes"], **manifest.get("sources", {})}
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == SCHEMA
    ]
    return [_definition(node, known) for node in sorted(models, key=lambda node: node["name"])]


def write_definitions(connection: duckdb.DuckDBPyConnection, found: list[MetricDefinition]) -> bool:
    """Replace the definitions in the build file.

    Returns:
        Whether anything was written; the same definitions leave the file as it is.
    """
    rows = [definition.row() for definition in found]
    known = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'meta' and table_name = 'metrics'"
    ).fetchone()
    if known and known[0] and connection.execute(SELECT).fetchall() == rows:
        return False
    connection.begin()
    try:
        connection.execute("drop table if exists meta.metrics")
        connection.execute(_DDL)
        if rows:
            connection.executemany("insert into meta.metrics values (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return True


def _definition(node: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> MetricDefinition:
    upstream = (known[unique_id] for unique_id in node["depends_on"]["nodes"] if unique_id in known)
    return MetricDefinition(
        name=node["name"],
        description=node["description"].strip(),
        columns={name: column["description"].strip() for name, column in node["columns"].items()},
        meta=node["config"].get("meta") or {},
        sql=(node.get("compiled_code") or node["raw_code"]).strip(),
        reads=tuple(sorted({f"{part['schema']}.{part['name']}" for part in upstream})),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""What a table is: its columns, keys, personal data and how it is partitioned.

What belongs here: the ``TableSpec`` type and what can be derived from one without a database. What does not:
the tables themselves (one module a domain beside this one) and anything that reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from chat_platform.errors import DataError

ColumnType = Literal["string", "int64", "float64", "bool", "timestamp", "date"]
Pii = Literal["name", "text", "email", "id", "link"]
Erasure = Literal["delete_row", "blank", "pseudonymise"]

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}
_DUCKDB: dict[str, str] = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
}


@dataclass(frozen=True)
class Column:
    """A column: name, type, meaning, whether it may be null, and which kind of personal data it holds."""

    name: str
    type: ColumnType
    description: str
    nullable: bool = True
    pii: Pii | None = None
    erasure: Erasure | None = None


@dataclass(frozen=True)
class TableSpec:
    """A table, declared once.

    Attributes:
        schema: one of ``raw``, ``core``, ``ml``, ``marts``.
        name: the table's name; ``schema.name`` is its name in DuckDB and in the asset graph.
        description: what one row is.
        columns: in order.
        primary_key: columns that identify a row.
        partition_column: the column that holds the lake partition of a row; ``None`` for a table of one file.
    """

    schema: Literal["raw", "core", "ml", "marts"]
    name: str
    description: str
    columns: Sequence[Column]
    primary_key: Sequence[str]
    partition_column: str | None = None

    @property
    def full_name(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of a file of this table in the lake."""
        return pa.schema([pa.field(c.name, _ARROW[c.type], nullable=c.nullable) for c in self.columns])

    def ddl(self) -> str:
        """``CREATE TABLE IF NOT EXISTS`` for DuckDB.

        Not-null and key rules are checked in the lake before loading; DuckDB's own primary keys would slow a
        partition's replacement and reject delete-and-insert within one transaction.
        """
        columns = ", ".join(f'"{c.name}" {_DUCKDB[c.type]}' for c in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.full_name} ({columns})"

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.arrow_schema().empty_table()

    def table(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """Rows as an Arrow table of this schema; missing keys become null.

        Raises:
            DataError: CP-DATA-001 when a value does not fit its column.
        """
        rows = list(rows)
        names = set(self.column_names)
        for row in rows:
            unknown = set(row) - names
            if unknown:
                raise DataError("CP-DATA-001", f"{self.full_name}: unknown columns {sorted(unknown)}")
        try:
            columns = [pa.array([row.get(c.name) for row in rows], type=_ARROW[c.type]) for c in self.columns]
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise DataError("CP-DATA-001", f"{self.full_name}: {error}") from error
        return self.conform(pa.Table.from_arrays(columns, schema=self.arrow_schema()))

    def conform(self, table: pa.Table) -> pa.Table:
        """Check names, types, not-null columns and the primary key; return the table with columns in order.

        Raises:
            DataError: CP-DATA-001 with the first rule that is broken.
        """
        return self.conform_encoded(table).cast(self.arrow_schema())

    def conform_encoded(self, table: pa.Table) -> pa.Table:
        """As ``conform``, but text that came encoded by a dictionary stays so.

        Raises:
            DataError: as ``conform``.
        """
        problems = self.violations(table)
        if problems:
            raise DataError("CP-DATA-001", f"{self.full_name}: {problems[0]}")
        ordered = table.select(self.column_names)
        fields = zip(self.arrow_schema(), ordered.schema.types, strict=True)
        return ordered.cast(pa.schema([declared.with_type(given) for declared, given in fields]))

    def violations(self, table: pa.Table) -> list[str]:
        """Every way in which ``table`` differs from this declaration, in words."""
        expected = set(self.column_names)
        actual = set(table.column_names)
        problems = [f"column {name} is missing" for name in sorted(expected - actual)]
        problems += [f"column {name} is not declared" for name in sorted(actual - expected)]
        if problems:
            return problems
        for column in self.columns:
            data = table.column(column.name)
            if _plain(data.type) != _ARROW[column.type]:
                problems.append(f"column {column.name} is {data.type}, declared {column.type}")
            if not column.nullable and (nulls := _nulls(data)):
                problems.append(f"column {column.name} holds {nulls} nulls")
        if self.primary_key and table.num_rows and not problems:
            compared = pa.table({name: _comparable(table[name]) for name in self.primary_key})
            keys = compared.group_by(list(self.primary_key), use_threads=False).aggregate([]).num_rows
            if keys != table.num_rows:
                problems.append(f"key {'+'.join(self.primary_key)} repeats {table.num_rows - keys} times")
        return problems


def _plain(given: pa.DataType) -> pa.DataType:
    """The type of the values, also of such as are encoded by a dictionary."""
    return given.value_type if pa.types.is_dictionary(given) else given


def _nulls(data: pa.ChunkedArray) -> int:
    if pa.types.is_dictionary(data.type) and any(chunk.dictionary.null_count for chunk in data.chunks):
        data = data.cast(data.type.value_type)
    return int(data.null_count)


def _comparable(data: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column by whose values rows are told apart; numbers in place of texts where a dictionary gives them."""
    if not pa.types.is_dictionary(data.type):
        return data
    chunks = data.unify_dictionaries().chunks
    numbers = [chunk.dictionary.dictionary_encode().indices.take(chunk.indices) for chunk in chunks]
    return pa.chunked_array(numbers, pa.int32())

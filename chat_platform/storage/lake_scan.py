"""Questions about one table over all of its files: which of them hold something.

What belongs here: SQL over explicit files of the lake. What does not: loading (``warehouse``), what is asked.

DuckDB reads the columns that a question names, and no other; nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import duckdb

from chat_platform.storage.lake import Lake
from chat_platform.tables.spec import TableSpec


def ask(
    lake: Lake, spec: TableSpec, partitions: Collection[str], sql: str, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Rows of an answer; none where there are no files.

    Args:
        lake: where the files lie.
        spec: the table.
        partitions: those that are asked about; others and those that do not exist are left out.
        sql: a query over ``rows``: the columns of the table, and ``lake_partition``.
        values: parameters of the query, by name.
    """
    there = sorted(lake.files(spec).keys() & set(partitions))
    if not there:
        return []
    paths = [lake.path(spec, one) for one in there]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        if not lake.is_local:
            connection.register_filesystem(lake.filesystem)
            paths = [lake.filesystem.unstrip_protocol(path) for path in paths]
        # The name of a partition is that of its file.
        query = f"""
            with rows as (
                select * exclude (filename), parse_filename(filename, true) as lake_partition
                from read_parquet($lake_paths, filename = true)
            )
            {sql}
        """  # noqa: S608 - written by callers, values are parameters
        return connection.execute(query, {**values, "lake_paths": paths}).fetchall()


def partitions_with(
    lake: Lake, spec: TableSpec, partitions: Collection[str], column: str, values: Collection[str]
) -> set[str]:
    """Partitions in which a column holds one of the values."""
    sql = f'select distinct lake_partition from rows where "{column}" in (select unnest($wanted))'  # noqa: S608
    found = ask(lake, spec, partitions, sql, {"wanted": sorted(values)}) if values else []
    return {partition for (partition,) in found}

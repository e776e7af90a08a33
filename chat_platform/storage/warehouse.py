"""The warehouse build: one DuckDB file, one writer at a time.

What belongs here: the writer's lock, opening and closing the build file, loading changed partitions of the
lake. What does not: metrics (dbt), publication (see ``publication``), anything slow (network, tokenising).

The build file can be deleted at any time: the next load fills it again from the lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from chat_platform.errors import StorageError
from chat_platform.storage.files import held_lock
from chat_platform.storage.lake import WHOLE, FileState, Lake
from chat_platform.tables.spec import TableSpec

BATCH = 50
_META = """
create schema if not exists raw; create schema if not exists core; create schema if not exists ml;
create schema if not exists marts; create schema if not exists meta;
create table if not exists meta.loaded_files (
    table_name varchar, partition varchar, signature varchar, loaded_at timestamptz);
create table if not exists meta.pending_conversations (conversation_id varchar);
create table if not exists meta.metric_builds (side varchar primary key, built_from varchar);
"""


@dataclass
class LoadReport:
    """What a load changed.

    Attributes:
        partitions: partitions loaded or replaced.
        removed: partitions that are no longer in the lake and were taken out.
        waiting: partitions left out because their tables in the lake do not belong together yet.
        rows: rows inserted, by table.
    """

    partitions: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


class Warehouse:
    """The build file and its lock.

    Args:
        folder: holds ``build.duckdb`` and its lock file; created where missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.build_path = folder / "build.duckdb"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the writer's lock."""
        with held_lock(self.folder / ".build.lock"):
            yield

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The build file, opened for writing under the lock and closed in any case.

        Raises:
            StorageError: CP-STORE-006 when DuckDB cannot open the file.
        """
        with self.lock(), self.open_locked() as connection:
            yield connection

    @contextmanager
    def open_locked(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The build file for a caller that holds the lock already."""
        try:
            connection = duckdb.connect(str(self.build_path))
        except (duckdb.IOException, duckdb.InternalException) as error:
            raise StorageError("CP-STORE-006", str(error).splitlines()[0]) from error
        try:
            connection.execute("set timezone = 'UTC'")
            connection.execute(_META)
            yield connection
        finally:
            connection.close()

    def discard(self) -> None:
        """Delete the build file: deleted rows stay in a file's free blocks. The next load fills a new one."""
        with self.lock():
            for path in (self.build_path, self.build_path.with_name(f"{self.build_path.name}.wal")):
                path.unlink(missing_ok=True)

    def load(
        self, lake: Lake, specs: Sequence[TableSpec], *, optional: Sequence[TableSpec] = ()
    ) -> LoadReport:
        """Bring the tables up to the lake: each changed partition is deleted and inserted in one transaction.

        Partitions whose tables do not belong together (a table is missing, or an earlier one in ``specs`` is
        newer than the last) wait for the run that completes them.

        Args:
            lake: where the files lie.
            specs: tables; those with a partition column stand in the order in which a run writes them.
            optional: tables that some partitions do not have; written before the last of ``specs``.
        """
        partitioned = [*optional, *(spec for spec in specs if spec.partition_column)]
        needed = len(partitioned) - len(optional)
        with self.write() as connection:
            for spec in (*optional, *specs):
                _ensure_table(connection, spec)
            report = LoadReport(rows={spec.full_name: 0 for spec in (*optional, *specs)})
            for spec in specs:
                if not spec.partition_column:
                    _load_whole(connection, lake, spec, report)
            files = {spec.full_name: lake.files(spec) for spec in partitioned}
            loaded = _loaded(connection, partitioned)
            changed, removed, report.waiting = _differences(partitioned, files, loaded, needed)
            touched = sorted(changed | removed)
            for first in range(0, len(touched), BATCH):
                _load_batch(connection, lake, partitioned, touched[first : first + BATCH], files, report)
            report.partitions, report.removed = sorted(changed), sorted(removed)
        return report


def _ensure_table(connection: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """Create the table; one that was made from an older declaration is made anew and loaded again."""
    connection.execute(spec.ddl())
    columns = connection.execute(
        "select column_name from duckdb_columns() where schema_name = ? and table_name = ? order by column_index",
        [spec.schema, spec.name],
    ).fetchall()
    if [name for (name,) in columns] != spec.column_names:
        connection.execute(f"drop table {spec.full_name}")
        connection.execute("delete from meta.loaded_files where table_name = ?", [spec.full_name])
        connection.execute(spec.ddl())


def _loaded(connection: duckdb.DuckDBPyConnection, specs: Sequence[TableSpec]) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = {spec.full_name: {} for spec in specs}
    rows = connection.execute("select table_name, partition, signature from meta.loaded_files").fetchall()
    for table, partition, signature in rows:
        if table in loaded:
            loaded[table][partition] = signature
    return loaded


def _differences(
    specs: Sequence[TableSpec],
    files: dict[str, dict[str, FileState]],
    loaded: dict[str, dict[str, str]],
    needed: int,
) -> tuple[set[str], set[str], list[str]]:
    """Partitions to (re)load, to take out, and to leave waiting; each must have the last ``needed`` tables."""
    changed: set[str] = set()
    waiting: list[str] = []
    everywhere = set().union(*(table.keys() for table in files.values())) if files else set()
    for partition in everywhere:
        states = [files[spec.full_name].get(partition) for spec in specs]
        signatures = [state.signature if state else None for state in states]
        if signatures == [loaded[spec.full_name].get(partition) for spec in specs]:
            continue
        complete = [state for state in states if state is not None]
        if (
            None in states[len(states) - needed :]
            or max(s.modified for s in complete) > complete[-1].modified
        ):
            waiting.append(partition)
        else:
            changed.add(partition)
    known = set().union(*(table.keys() for table in loaded.values())) if loaded else set()
    return changed, known - everywhere, sorted(waiting)


def _load_batch(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    specs: Sequence[TableSpec],
    partitions: list[str],
    files: dict[str, dict[str, FileState]],
    report: LoadReport,
) -> None:
    connection.begin()
    try:
        for spec in specs:
            present = [p for p in partitions if p in files[spec.full_name]]
            rows = _replace(connection, spec, partitions, [lake.read(spec, p) for p in present])
            report.rows[spec.full_name] += rows
            states = [(spec.full_name, p, files[spec.full_name][p].signature) for p in present]
            _remember(connection, spec, partitions, states)
        connection.execute("insert into meta.pending_conversations select unnest(?)", [partitions])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _load_whole(
    connection: duckdb.DuckDBPyConnection, lake: Lake, spec: TableSpec, report: LoadReport
) -> None:
    state = lake.files(spec).get(WHOLE)
    if state is None:
        return
    row = connection.execute(
        "select signature from meta.loaded_files where table_name = ? and partition = ?",
        [spec.full_name, WHOLE],
    ).fetchone()
    if row and row[0] == state.signature:
        return
    connection.begin()
    try:
        connection.execute(f"delete from {spec.full_name}")  # noqa: S608 - name of a declared table
        report.rows[spec.full_name] += _insert(connection, spec, [lake.read(spec)])
        _remember(connection, spec, [WHOLE], [(spec.full_name, WHOLE, state.signature)])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _replace(
    connection: duckdb.DuckDBPyConnection, spec: TableSpec, partitions: list[str], tables: list[pa.Table]
) -> int:
    delete = f'delete from {spec.full_name} where "{spec.partition_column}" in (select unnest(?))'  # noqa: S608
    connection.execute(delete, [partitions])
    return _insert(connection, spec, tables)


def _insert(connection: duckdb.DuckDBPyConnection, spec: TableSpec, tables: list[pa.Table]) -> int:
    rows = pa.concat_tables([spec.empty(), *(spec.conform(table) for table in tables)])
    if rows.num_rows:
        connection.register("incoming", rows)
        connection.execute(f"insert into {spec.full_name} by name select * from incoming")  # noqa: S608
        connection.unregister("incoming")
    return rows.num_rows


def _remember(
    connection: duckdb.DuckDBPyConnection,
    spec: TableSpec,
    partitions: list[str],
    states: list[tuple[str, str, str]],
) -> None:
    connection.execute(
        "delete from meta.loaded_files where table_name = ? and partition in (select unnest(?))",
        [spec.full_name, partitions],
    )
    for table, partition, signature in states:
        connection.execute(
            "insert into meta.loaded_files values (?, ?, ?, now())", [table, partition, signature]
        )

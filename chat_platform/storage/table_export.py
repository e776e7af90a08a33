"""Published tables as files: CSV, Parquet, or tables of one SQLite file.

What belongs here: the types of each format, writing without holding a table in memory, replacing files as a whole.
What does not: which tables there are and what of them is personal (``published_tables``), what people ask for
(``cli.export``).

Files are for their owner only (mode 0600): most tables hold personal data. The same version and the same choice give
the same bytes: tables are written in the order in which they lie, views by one thread.

CSV and Parquet are written by DuckDB itself. SQLite files are written by Python's own driver: DuckDB's extension for
them would have to be downloaded. Moments are in UTC everywhere. In SQLite they are text of the form in which
SQLAlchemy writes and reads them, so that comparisons of BI tools hold; numbers that SQLite would round are text.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import duckdb

from chat_platform.errors import StorageError
from chat_platform.storage.csv_text import BOM, LINE_END, csv_cell, formula_pattern
from chat_platform.storage.files import remove_stale_temporaries, replacing
from chat_platform.storage.metric_definitions import SCHEMA
from chat_platform.storage.publication import Publication, PublishedVersion
from chat_platform.storage.published_tables import PublishedTable, quoted

Format = Literal["csv", "parquet", "sqlite"]
Progress = Callable[[int], None]
"""Called with the number of rows of a table that are written so far."""

MODE = 0o600
MEMORY = "1GB"
"""Of DuckDB; what needs more goes to the disk, beside the files."""
APPLICATION_ID = 0x43485450
"""In the header of SQLite files that were written here: others are never replaced."""
_APPLICATION_ID_AT = 68
_SQLITE_MAGIC = b"SQLite format 3\x00"
_BATCH = 10_000
_LOOK_S = 0.3
# Precision up to which SQLite keeps a decimal as a number.
_EXACT_DIGITS = 15
_INT64 = (-(2**63), 2**63 - 1)
_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_LARGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
_FLOATS = ("FLOAT", "DOUBLE")
_ABOUT = """
create table chatp_export (
    "table" text primary key, source text not null, version integer not null, published_at text not null,
    "rows" integer not null, since text, until text)
"""


@dataclass(frozen=True)
class Days:
    """Days to export; ``None`` is no limit."""

    since: date | None = None
    until: date | None = None

    def where(self, table: PublishedTable) -> str:
        """As part of a query; empty where the table has no day."""
        if table.date is None:
            return ""
        limits = [(">=", self.since), ("<=", self.until)]
        tests = [
            f"{quoted(table.date)} {sign} date '{day.isoformat()}'" for sign, day in limits if day is not None
        ]
        return f" where {' and '.join(tests)}" if tests else ""


@dataclass(frozen=True)
class Written:
    """A table in a file.

    Attributes:
        key: primary key in SQLite; empty elsewhere, and where none is declared or it does not hold.
    """

    table: PublishedTable
    path: Path
    rows: int
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """What is written from where.

    Attributes:
        connection: to the published file.
        version: of that file.
        days: rows of which days.
    """

    connection: duckdb.DuckDBPyConnection
    version: PublishedVersion
    days: Days = Days()

    def count(self, table: PublishedTable) -> int:
        """Rows that would be written."""
        row = self.connection.execute(f"select count(*) {self._from(table)}").fetchone()  # noqa: S608
        return row[0] if row else 0

    def write_csv(self, table: PublishedTable, path: Path, progress: Progress) -> Written:
        """Replace a file by a table as CSV, in which no text is a formula.

        Raises:
            StorageError: CP-STORE-041; the old file is untouched.
        """
        rows = self.count(table)
        header = _csv_line(table.columns)
        cells = ", ".join(f"{_csv_sql(name, kind)} as {quoted(name)}" for name, kind in table.columns.items())
        with _new(path) as file:
            if rows:
                # The prefix stands before the first row, the suffix behind the last, which DuckDB leaves open.
                options = f"format csv, header false, new_line '\\r\\n', prefix {_text(header)}, suffix '{LINE_END}'"
                self._copy(table, cells, file, options, rows, progress)
            else:
                file.write_text(header, encoding="utf-8", newline="")
        progress(rows)
        return Written(table, path, rows)

    def write_parquet(self, table: PublishedTable, path: Path, progress: Progress) -> Written:
        """Replace a file by a table as Parquet, with the types of DuckDB.

        Raises:
            StorageError: CP-STORE-041; the old file is untouched.
        """
        rows = self.count(table)
        # DuckDB writes integers of 128 bits as floating point numbers, which lose digits.
        columns = ", ".join(
            f"{quoted(name)}::decimal(38, 0) as {quoted(name)}" if kind in _LARGE[1:] else quoted(name)
            for name, kind in table.columns.items()
        )
        with _new(path) as file:
            self._copy(table, columns, file, "format parquet, compression zstd", rows, progress)
        progress(rows)
        return Written(table, path, rows)

    def write_sqlite(
        self, tables: Sequence[PublishedTable], path: Path, progress: Callable[[PublishedTable, int], None]
    ) -> list[Written]:
        """Replace a SQLite file by one with these tables and nothing else.

        Raises:
            StorageError: CP-STORE-042 when the file is not one that was written here, CP-STORE-041 when it cannot be
                written; the old file is untouched.
        """
        _refuse_foreign(path)
        with _new(path) as file, closing(sqlite3.connect(file, isolation_level=None)) as target:
            # Nobody sees the file before it is whole; a power cut is the business of ``replacing``.
            target.execute("pragma journal_mode = memory")
            target.execute("pragma synchronous = off")
            target.execute(f"pragma application_id = {APPLICATION_ID}")
            target.execute("begin")
            target.execute(_ABOUT)
            written = [self._sqlite_table(target, table, path, partial(progress, table)) for table in tables]
            target.execute("commit")
        return written

    def _sqlite_table(
        self, target: sqlite3.Connection, table: PublishedTable, path: Path, progress: Progress
    ) -> Written:
        columns = [self._sqlite_column(table, name, kind) for name, kind in table.columns.items()]
        name = sqlite_name(table)
        for key in dict.fromkeys((table.key, ())):
            target.execute(_sqlite_ddl(name, columns, key))
            try:
                rows = self._insert(target, name, table, columns, key, progress)
            except sqlite3.IntegrityError:
                if not key:
                    raise
                # The project declares a key that this version does not hold to.
                target.execute(f"drop table {quoted(name)}")
                continue
            break
        days = (self.days.since, self.days.until) if table.date else (None, None)
        about = [str(day) if day else None for day in days]
        target.execute(
            "insert into chatp_export values (?, ?, ?, ?, ?, ?, ?)",
            [name, table.name, self.version.number, self.version.published_at.isoformat(), rows, *about],
        )
        return Written(table, path, rows, key)

    def _insert(
        self,
        target: sqlite3.Connection,
        name: str,
        table: PublishedTable,
        columns: Sequence[_SqliteColumn],
        key: Sequence[str],
        progress: Progress,
    ) -> int:
        values = ", ".join(f"{column.sql} as {quoted(column.name)}" for column in columns)
        # In the order of its key SQLite's index grows at its end, and needs no more memory for more rows.
        order = f" order by {', '.join(f't.{quoted(column)}' for column in key)}" if key else ""
        query = f"select {values} {self._from(table)}{order}"  # noqa: S608
        insert = f"insert into {quoted(name)} values ({', '.join('?' * len(columns))})"  # noqa: S608
        rows = 0
        self._one_thread(table)
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(query)
            while batch := cursor.fetchmany(_BATCH):
                target.executemany(insert, batch)
                rows += len(batch)
                progress(rows)
        return rows

    def _sqlite_column(self, table: PublishedTable, name: str, kind: str) -> _SqliteColumn:
        if kind in _LARGE:
            fits = f"bool_and({quoted(name)} between {_INT64[0]} and {_INT64[1]})"
            row = self.connection.execute(f"select {fits} {self._from(table)}").fetchone()  # noqa: S608
            kind = "BIGINT" if row and row[0] is not False else "VARCHAR"
        declared, sql = _sqlite_type(kind, f"t.{quoted(name)}")
        return _SqliteColumn(name, declared, sql)

    def _from(self, table: PublishedTable) -> str:
        return f"from {table.quoted} as t{self.days.where(table)}"

    def _copy(
        self, table: PublishedTable, columns: str, file: Path, options: str, rows: int, progress: Progress
    ) -> None:
        self._one_thread(table)
        query = f"copy (select {columns} {self._from(table)}) to {_text(str(file))} ({options}, use_tmp_file false)"  # noqa: S608
        with _watched(self.connection, rows, progress):
            self.connection.execute(query)

    def _one_thread(self, table: PublishedTable) -> None:
        """Joins of several threads give the rows of a view in another order each time."""
        self.connection.execute("set threads = 1" if table.is_view else "reset threads")


@dataclass(frozen=True)
class _SqliteColumn:
    """A column: its type in SQLite, and how DuckDB makes the value."""

    name: str
    declared: str
    sql: str


@contextmanager
def opened(publication: Publication, days: Days = Days()) -> Iterator[Export]:  # noqa: B008 - it is frozen
    """The current version, opened for exports.

    Raises:
        StorageError: CP-STORE-005 when nothing was published, CP-STORE-041 when the file cannot be read.
    """
    with (
        _coded(publication.folder),
        tempfile.TemporaryDirectory(prefix="export-") as spill,
        publication.read() as connection,
    ):
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute(f"set temp_directory = {_text(spill)}")
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        # A newer version may have become current meanwhile: the open file's name says which one is read.
        (name,) = connection.execute("select current_database()").fetchone() or ("",)
        yield Export(connection, publication.version(int(name.rpartition("-")[2])), days)


def sqlite_name(table: PublishedTable) -> str:
    """Name of a table in SQLite, which has no schemas: marts by their own, ``core.people`` as ``core_people``."""
    schema, _, name = table.name.partition(".")
    return name if schema == SCHEMA else f"{schema}_{name}"


def _csv_line(names: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator=LINE_END).writerow([csv_cell(name) for name in names])
    return BOM + line.getvalue()


def _csv_sql(name: str, kind: str) -> str:
    """A column as CSV: numbers as numbers, nulls as nothing, everything else as a text that is no formula."""
    column = f"t.{quoted(name)}"
    if kind in (*_SMALL, *_LARGE, "BOOLEAN") or kind.startswith("DECIMAL"):
        return column
    text = _plain_text(column, kind)
    shown = f"replace({text}, chr(0), '\ufffd')"
    safe = (
        f"case when regexp_matches({text}, {_text(formula_pattern())}) then '''' || {shown} else {shown} end"
    )
    return f"case when isfinite({column}) then {text} else {safe} end" if kind in _FLOATS else safe


def _plain_text(column: str, kind: str) -> str:
    if kind == "BLOB":
        return f"lower(hex({column}))"
    if _is_nested(kind):
        return f"to_json({column})::varchar"
    return f"{column}::varchar"


def _sqlite_type(kind: str, column: str) -> tuple[str, str]:
    """Declared type and value: dates as ISO text, booleans as integers, decimals as numbers while they are exact."""
    if kind in _SMALL:
        # A key of the type INTEGER would be SQLite's own row number, and a null in it be given one.
        return "BIGINT", column
    if kind in _FLOATS:
        return "REAL", f"{column}::double"
    if kind == "BOOLEAN":
        return "BOOLEAN", f"{column}::integer"
    if kind == "BLOB":
        return "BLOB", column
    if kind == "DATE":
        return "DATE", f"{column}::varchar"
    if kind.startswith("TIMESTAMP"):
        return "TIMESTAMP", f"strftime({column}, '%Y-%m-%d %H:%M:%S.%f')"
    if (decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)) and int(decimal[1]) <= _EXACT_DIGITS:
        return f"DECIMAL({decimal[1]}, {decimal[2]})", f"{column}::double"
    return "TEXT", _plain_text(column, kind)


def _sqlite_ddl(name: str, columns: Sequence[_SqliteColumn], key: Sequence[str]) -> str:
    # Without "not null" SQLite lets nulls into a key.
    parts = [
        f"{quoted(column.name)} {column.declared}{' NOT NULL' if column.name in key else ''}"
        for column in columns
    ]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    return f"create table {quoted(name)} ({', '.join(parts)})"


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _text(value: str) -> str:
    """A text as it stands in SQL."""
    return "'" + value.replace("'", "''") + "'"


def _refuse_foreign(path: Path) -> None:
    """Only what was written here is replaced: somebody's database with another name is easily typed."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError("CP-STORE-041", f"{path}: {error.strerror}") from error
    found = head[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4]
    if head and not (head.startswith(_SQLITE_MAGIC) and int.from_bytes(found, "big") == APPLICATION_ID):
        raise StorageError("CP-STORE-042", str(path))


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """A file that takes the place of another when it is whole; what a killed export left beside it goes."""
    with _coded(path):
        if path.parent.is_dir():
            remove_stale_temporaries(path.parent, recursive=False)
        with replacing(path, MODE) as file:
            yield file


@contextmanager
def _coded(path: Path) -> Iterator[None]:
    """Errors of writing as ours; those of DuckDB may quote values, so only their kind is told."""
    try:
        yield
    except (duckdb.Error, sqlite3.Error) as error:
        raise StorageError("CP-STORE-041", f"{path.name}: {type(error).__name__}") from error
    except OSError as error:
        raise StorageError("CP-STORE-041", f"{path}: {error.strerror}") from error


@contextmanager
def _watched(connection: duckdb.DuckDBPyConnection, rows: int, progress: Progress) -> Iterator[None]:
    """Tell of rows while DuckDB writes them, by the share of its work that is done."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_S):
            share = connection.query_progress()
            if share > 0:
                progress(int(rows * min(share, 100) / 100))

    watcher = threading.Thread(target=look, name="export-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()

"""Dagster's event log in SQLite, without opening its files anew for every event.

What belongs here: how connections to the event log's files are kept. What does not: what is stored in them.

Dagster opens a file for each event and closes it again, and SQLite makes sure each time that the disk has written it:
two files an asset event, hundreds of events a run, which is a quarter of a run's time. Here connections to the last
used files stay open, and a commit waits for the disk when SQLite writes its log back into the file (``synchronous =
NORMAL`` of the WAL mode that Dagster chose: https://www.sqlite.org/pragma.html#pragma_synchronous). A process that is
killed loses nothing by it; a machine that loses power may lose the last events, and never a file.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import EventLogEntry, Field, StringSource
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

OPEN_FILES = 8
_WAIT = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """The event log of ``DAGSTER_HOME``; the same files as Dagster's own."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """``base_dir``, by default where Dagster's own storage puts it."""
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "OpenSqliteEventLogStorage":
        """The storage that ``dagster.yaml`` asks for."""
        usual = Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"
        return cls(config_value.get("base_dir", str(usual)), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and let those know who watch the run's file, as the page of a run does."""
        super().store_event(event)
        # What was written is in the log beside it until SQLite moves it over.
        os.utime(self.path_for_shard(event.run_id))

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked for every event of a check, and a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        # Asked for every event of an asset, for which SQLAlchemy reads the whole table's description.
        if column_name not in self._columns and super()._has_asset_key_col_on_connection(conn, column_name):
            self._columns.add(column_name)
        return column_name in self._columns

    def wipe(self) -> None:
        """Delete all events."""
        self.dispose()
        super().wipe()

    def dispose(self) -> None:
        """Close every file."""
        for shard in list(self._engines):
            self._close(shard)
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._initialized_dbs:
                self._initdb(
                    create_engine(self.conn_string_for_shard(shard), poolclass=NullPool, connect_args=_WAIT)
                )
                self._initialized_dbs.add(shard)
            with self._engine(shard).connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        # Somebody else may have deleted the run and its file.
        if shard in self._engines and not Path(self.path_for_shard(shard)).exists():
            self._close(shard)
        if shard not in self._engines:
            self._engines[shard] = _open(self.conn_string_for_shard(shard))
            while len(self._engines) > OPEN_FILES:
                self._close(next(iter(self._engines)))
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def _close(self, shard: str) -> None:
        engine = self._engines.pop(shard, None)
        if engine is not None:
            engine.dispose()


def _open(address: str) -> Engine:
    engine = create_engine(
        address,
        # One connection, which callers use one after another, from whichever thread.
        poolclass=StaticPool,
        connect_args={**_WAIT, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _trust_the_log(connection: Any, _: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine

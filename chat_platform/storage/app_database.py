"""The app database: what people write, in SQLite by default, PostgreSQL by URL.

What belongs here: opening it, transactions that write, migrations. What does not: the tables (``app_models``)
and what is done with them (``ledger``, ``decisions``). Analytic data is in the lake and the warehouse, never
here; nothing attaches this database from DuckDB.

SQLite runs in WAL mode, so that readers and the one writer do not wait for each other; its file must lie on a
local disk. The file and its companions (``-wal``, ``-shm``) can be read by their owner only. Once opened, a file that
is taken away is missed (CP-STORE-021) instead of made anew, and one that was put in its place is opened, not the one
that still hangs on an open connection.
"""

from __future__ import annotations

import fcntl
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Executable, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from chat_platform.errors import StorageError
from chat_platform.storage.app_models import Base
from chat_platform.storage.portal_models import Account  # noqa: F401  the portal's tables belong to Base's metadata

if TYPE_CHECKING:
    # Alembic takes a quarter of a second to import, and most processes only open the database.
    from alembic.config import Config

__all__ = [
    "AppDatabase",
    "Base",
    "current_revision",
    "downgrade",
    "open_database",
    "scrub",
    "upgrade",
    "write_if_free",
    "write_session",
    "writing",
]

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30.0
ASK_AGAIN_S = 1.0
"""A database that could not be opened is tried again after so long; until then the same error comes at once."""
_WRITES = "chatp_writes"
_WAIT = "chatp_wait_s"
_BUSY = "chatp_busy_s"
# Any number will do, as long as every process of ours names the same one.
_POSTGRES_LOCK = 7_246_213_540
_LOCK_NOT_AVAILABLE = "55P03"


class AppDatabase:
    """The app database of a process that runs for long: opened and migrated by whoever asks first.

    What cannot be opened is tried again later, by one thread at a time and not more than once in ``ASK_AGAIN_S``:
    the others get the last error at once instead of waiting in a row. A file that was put in the place of the one
    that was opened is migrated before it is used.

    Args:
        url: as ``open_database``.
        busy_s: longest wait for a lock.
    """

    def __init__(self, url: str, busy_s: float = BUSY_TIMEOUT_S) -> None:
        self._url = url
        self._busy_s = busy_s
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._failed: tuple[float, Exception] | None = None

    @property
    def engine(self) -> Engine:
        """The open database, brought up to date.

        Raises:
            StorageError: as ``upgrade``.
        """
        if self._engine is not None:
            return self._engine
        with self._lock:
            if self._engine is None:
                self._engine = self._tried(self._open)
            return self._engine

    def _open(self) -> Engine:
        upgrade(self._url, busy_s=self._busy_s)
        engine = open_database(self._url, busy_s=self._busy_s)
        if engine.dialect.name == "sqlite":
            path = _sqlite_path(engine.url)
            migrated = [_inode(path)]

            def migrate_what_is_new(*_: Any) -> None:
                found = _inode(path)
                if found is not None and found != migrated[0]:
                    upgrade(self._url, busy_s=self._busy_s)
                    migrated[0] = found

            event.listen(engine, "do_connect", migrate_what_is_new)
        return engine

    def _tried(self, opening: Callable[[], Engine]) -> Engine:
        if self._failed is not None and time.monotonic() - self._failed[0] < ASK_AGAIN_S:
            raise self._failed[1].with_traceback(None)
        try:
            engine = opening()
        except (StorageError, DBAPIError) as error:
            self._failed = (time.monotonic(), error)
            raise
        self._failed = None
        return engine


def open_database(url: str, *, busy_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Open the app database, creating SQLite's file and folder where missing; nothing is migrated.

    Args:
        url: SQLAlchemy URL, e.g. ``sqlite:////home/me/var/app.sqlite`` or ``postgresql+psycopg://…``.
        busy_s: longest wait for a lock, and for PostgreSQL to answer a connection.

    Raises:
        StorageError: CP-STORE-020 when the URL cannot be used, CP-STORE-021 when the file cannot be opened.
    """
    address = _address(url)
    if address.get_backend_name() != "sqlite":
        return _engine(address, busy_s)
    path = _sqlite_path(address)
    _prepare_sqlite(path, busy_s)
    engine = _engine(address, busy_s)
    _watch_file(engine, path)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine, *, wait_s: float | None = None) -> Iterator[Connection]:
    """A transaction that holds the write lock from its first statement; committed at the end.

    What it reads stays true until it commits, in every process: use it whenever a write depends on a read.
    Short work only; other writers wait up to 30 s, the portal's up to 3.

    Args:
        engine: of ``open_database``.
        wait_s: longest wait for the lock; default: that of the engine.

    Raises:
        StorageError: CP-STORE-022 when another writer held the lock too long.
    """
    options = {_WRITES: True, _WAIT: wait_s}
    with _locked_as_coded_error(), engine.execution_options(**options).begin() as connection:
        if connection.dialect.name == "postgresql":
            wait_ms = int(1000 * (_busy_s(engine) if wait_s is None else wait_s))
            connection.execute(
                text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": f"{max(wait_ms, 1)}ms"}
            )
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        yield connection


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """As ``writing``, with an ORM session; objects stay usable after the commit."""
    with writing(engine) as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()


def scrub(engine: Engine) -> None:
    """Rewrite SQLite's file, so that deleted rows are in it and in its log no more; PostgreSQL vacuums by itself.

    Raises:
        StorageError: CP-STORE-022 when others used the database too long.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.close()
    except sqlite3.OperationalError as error:
        raise StorageError("CP-STORE-022") from error
    finally:
        connection.close()
    if busy:
        raise StorageError("CP-STORE-022")


def write_if_free(engine: Engine, statement: Executable) -> bool:
    """Write something that may as well be lost, without waiting for other writers.

    Returns:
        Whether it was written.
    """
    try:
        with writing(engine, wait_s=0) as connection:
            connection.execute(statement)
    except StorageError as error:
        if error.code != "CP-STORE-022":
            raise
        return False
    return True


def upgrade(url: str, *, busy_s: float = BUSY_TIMEOUT_S) -> None:
    """Bring the tables to the newest revision; several processes may call it at once.

    All missing migrations run in one transaction under the write lock: a killed process leaves the tables as
    they were, a second process finds nothing to do. Tables that are up to date cost one look, without Alembic or
    the write lock.

    Raises:
        StorageError: CP-STORE-020, -021, -022; CP-STORE-023 when the database is newer than this code.
    """
    if _is_newest(url, busy_s):
        return
    from alembic import command

    _migrate(url, lambda config: command.upgrade(config, "head"), busy_s)


def downgrade(url: str, revision: str = "base") -> None:
    """Take migrations back, down to ``revision``; with ``base`` every table of ours is dropped.

    Raises:
        StorageError: as ``upgrade``.
    """
    from alembic import command

    _migrate(url, lambda config: command.downgrade(config, revision))


def current_revision(engine: Engine) -> str | None:
    """Revision of the tables, or ``None`` before the first ``upgrade``."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Revision that this code expects."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head()


def _is_newest(url: str, busy_s: float) -> bool:
    """Whether the tables have the revision after which the newest migration's file is named."""
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("v[0-9]*_*.py"))
    engine = open_database(url, busy_s=busy_s)
    try:
        with engine.connect() as connection:
            revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    except DBAPIError:
        return False  # no such table yet; what else it may be, the migration will say
    finally:
        engine.dispose()
    return list(revisions) == [newest.partition("_")[0].removeprefix("v")]


def _migrate(url: str, action: Callable[[Config], None], busy_s: float = BUSY_TIMEOUT_S) -> None:
    from alembic.util.exc import CommandError

    engine = open_database(url, busy_s=busy_s)
    config = _config()
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            action(config)
    except CommandError as error:
        raise StorageError("CP-STORE-023", str(error)) from error
    finally:
        engine.dispose()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Options go through configparser, which reads a bare % as the start of a reference.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _address(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        # The text may hold a password: neither it nor the error that quotes it is passed on.
        raise StorageError("CP-STORE-020", "not a SQLAlchemy URL") from None


def _engine(address: URL, busy_s: float) -> Engine:
    # More connections than the 40 threads that serve pages could ask for at once are of no use to anybody.
    pool = {"pool_size": 5, "max_overflow": 35, "pool_timeout": busy_s, "execution_options": {_BUSY: busy_s}}
    try:
        if address.get_backend_name() == "sqlite":
            return create_engine(address, connect_args={"timeout": busy_s}, **pool)
        return create_engine(address, pool_pre_ping=True, connect_args=_waits(address, busy_s), **pool)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError("CP-STORE-020", f"no driver for {address.drivername}: {error}") from error


def _waits(address: URL, busy_s: float) -> dict[str, Any]:
    """How long PostgreSQL is waited for: for its answer, and for a table that somebody has locked."""
    if "psycopg" not in address.drivername:
        return {}
    found: dict[str, Any] = {"connect_timeout": max(2, math.ceil(busy_s))}
    if "options" not in address.query:
        found["options"] = f"-c lock_timeout={math.ceil(busy_s * 1000)}ms"
    return found


def _sqlite_path(address: URL) -> Path:
    name = address.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise StorageError("CP-STORE-020", "a SQLite URL must name a file: processes share it")
    return Path(name)


def _busy_s(engine: Engine) -> float:
    return float(engine.get_execution_options().get(_BUSY, BUSY_TIMEOUT_S))


def _prepare_sqlite(path: Path, busy_s: float) -> None:
    """Create the file for its owner only and switch it to WAL, one process at a time.

    Both are kept in the file, but the switch fails at once, without waiting, when two processes try it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.touch(mode=0o600)
            with closing(sqlite3.connect(path, timeout=busy_s)) as connection:
                if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                    connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, sqlite3.Error) as error:
        raise StorageError("CP-STORE-021", f"{path.name}: {error}") from error


def _watch_file(engine: Engine, path: Path) -> None:
    """Open connections belong to one file: when it is gone or is another one, they are thrown away."""

    def refuse_to_make_one(_d: Dialect, _r: ConnectionPoolEntry, _a: tuple[Any], _o: dict[str, Any]) -> None:
        if _inode(path) is None:
            raise StorageError("CP-STORE-021", f"{path.name} is missing")

    def note(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["inode"] = _inode(path)

    def compare(_c: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if record.info.get("inode") != _inode(path):
            raise DisconnectionError("another file is in its place")

    def throw_away_after_damage(context: ExceptionContext) -> None:
        # Such a connection has read pages that the file may have no longer.
        kind = type(context.original_exception)
        if kind is sqlite3.DatabaseError:
            context.is_disconnect = True

    event.listen(engine, "do_connect", refuse_to_make_one)
    event.listen(engine, "connect", note)
    event.listen(engine, "checkout", compare)
    event.listen(engine, "handle_error", throw_away_after_damage)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Options that SQLite keeps per connection, not in the file."""
    # Transactions are begun by `_begin_sqlite`: the driver would begin them late and commit before DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another one wrote in between,
    # without waiting; taking the write lock at its start makes it wait instead.
    options = connection.get_execution_options()
    wait_s = options.get(_WAIT)
    if wait_s is None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(_busy_s(connection.engine) * 1000)}")


@contextmanager
def _locked_as_coded_error() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        locked = isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
        if locked or getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise StorageError("CP-STORE-022") from error
        raise

"""The app database: what people write, in SQLite by default, PostgreSQL by URL.

What belongs here: opening it, transactions that write, migrations. What does not: the tables (``app_models``)
and what is done with them (``ledger``, ``decisions``). Analytic data is in the lake and the warehouse, never
here; nothing attaches this database from DuckDB.

SQLite runs in WAL mode, so that readers and the one writer do not wait for each other; its file must lie on a
local disk. The file and its companions (``-wal``, ``-shm``) can be read by their owner only.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from chat_platform.errors import StorageError
from chat_platform.storage.app_models import Base
from chat_platform.storage.portal_models import Account  # noqa: F401  the portal's tables belong to Base's metadata

if TYPE_CHECKING:
    # Alembic takes a quarter of a second to import, and most processes only open the database.
    from alembic.config import Config

__all__ = ["Base", "current_revision", "downgrade", "open_database", "upgrade", "write_session", "writing"]

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 30.0
_WRITES = "chatp_writes"
# Any number will do, as long as every process of ours names the same one.
_POSTGRES_LOCK = 7_246_213_540


def open_database(url: str) -> Engine:
    """Open the app database, creating SQLite's file and folder where missing; nothing is migrated.

    Args:
        url: SQLAlchemy URL, e.g. ``sqlite:////home/me/var/app.sqlite`` or ``postgresql+psycopg://…``.

    Raises:
        StorageError: CP-STORE-020 when the URL cannot be used, CP-STORE-021 when the file cannot be opened.
    """
    address = _address(url)
    if address.get_backend_name() != "sqlite":
        return _engine(address)
    _prepare_sqlite(_sqlite_path(address))
    engine = _engine(address)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its first statement; committed at the end.

    What it reads stays true until it commits, in every process: use it whenever a write depends on a read.
    Short work only; other writers wait up to 30 s.

    Raises:
        StorageError: CP-STORE-022 when another writer held the lock too long.
    """
    with _locked_as_coded_error(), engine.execution_options(**{_WRITES: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        yield connection


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """As ``writing``, with an ORM session; objects stay usable after the commit."""
    with writing(engine) as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()


def upgrade(url: str) -> None:
    """Bring the tables to the newest revision; several processes may call it at once.

    All missing migrations run in one transaction under the write lock: a killed process leaves the tables as
    they were, a second process finds nothing to do. Tables that are up to date cost one look, without Alembic or
    the write lock.

    Raises:
        StorageError: CP-STORE-020, -021, -022; CP-STORE-023 when the database is newer than this code.
    """
    if _is_newest(url):
        return
    from alembic import command

    _migrate(url, lambda config: command.upgrade(config, "head"))


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


def _is_newest(url: str) -> bool:
    """Whether the tables have the revision after which the newest migration's file is named."""
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("v[0-9]*_*.py"))
    engine = open_database(url)
    try:
        with engine.connect() as connection:
            revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    except DBAPIError:
        return False  # no such table yet; what else it may be, the migration will say
    finally:
        engine.dispose()
    return list(revisions) == [newest.partition("_")[0].removeprefix("v")]


def _migrate(url: str, action: Callable[[Config], None]) -> None:
    from alembic.util.exc import CommandError

    engine = open_database(url)
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


def _engine(address: URL) -> Engine:
    try:
        if address.get_backend_name() == "sqlite":
            return create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_S})
        return create_engine(address, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError("CP-STORE-020", f"no driver for {address.drivername}: {error}") from error


def _sqlite_path(address: URL) -> Path:
    name = address.database or ""
    if name in ("", ":memory:") or name.startswith("file:"):
        raise StorageError("CP-STORE-020", "a SQLite URL must name a file: processes share it")
    return Path(name)


def _prepare_sqlite(path: Path) -> None:
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
            with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
                if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                    connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, sqlite3.Error) as error:
        raise StorageError("CP-STORE-021", f"{path.name}: {error}") from error


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
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _locked_as_coded_error() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig):
            raise StorageError("CP-STORE-022") from error
        raise

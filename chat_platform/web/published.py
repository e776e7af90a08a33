"""What the graph has published, for many readers at once.

What belongs here: the open DuckDB file, changing to a newer version without a failed query, going on with an earlier
one while the newest is damaged, answers that are kept as long as a version lasts. What does not: what is asked
(``pages``), publishing (``storage.publication``).

The connection reads one file and nothing else: no other file, no network, no extension, and no setting can be changed
any more. Values are passed as parameters, never put into the text of a query.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from chat_platform.errors import ChatPlatformError, StorageError, WebError
from chat_platform.storage.publication import Publication, PublishedVersion

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often the pointer to the current version is looked at."""
KEPT_ANSWERS = 512
MEMORY = "160MB"
"""Of one version; two are open while requests that began with the earlier one end."""
DAMAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
"""What DuckDB raises when the file is not what it was written as."""
OLDER = (duckdb.CatalogException, duckdb.BinderException)
"""What it raises when a table or column is not there: the file is older than the page."""
UNUSABLE = (duckdb.DataError, duckdb.InvalidInputException, duckdb.InvalidTypeException, OverflowError)
"""What it raises about a value that was passed."""
Parameters = Sequence[Any] | dict[str, Any]
_SETTING = threading.Lock()

T = TypeVar("T")


@dataclass
class _Open:
    """A version that is open, and what was asked of it."""

    version: PublishedVersion
    connection: duckdb.DuckDBPyConnection
    answers: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lasting: dict[Hashable, Any] = field(default_factory=dict)
    making: dict[Hashable, threading.RLock] = field(default_factory=dict)
    large: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class ReaderState:
    """How a reader is.

    Attributes:
        number: version that is read; ``None`` when none can be.
        problem: code of what is wrong, also while an earlier version is read instead; empty when all is well.
        wanted: version that should be read, where that is known.
    """

    number: int | None
    problem: str = ""
    wanted: int | None = None


class PublishedReader:
    """The current version of a publication; any number of threads may ask.

    Args:
        publication: where versions are published.
        threads: of one query. Many readers ask at once, so each query is best off with one processor.
        prepare: called with each version that is opened, on a thread of its own: makes what readers will ask for and
            what takes long to make (``kept``). Nobody waits for it but who asks for just that.
    """

    def __init__(
        self,
        publication: Publication,
        threads: int = 1,
        prepare: Callable[[PinnedReader], None] | None = None,
    ) -> None:
        self._publication = publication
        self._threads = threads
        self._prepare = prepare
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._looked = float("-inf")
        self._damaged: set[tuple[Hashable, ...]] = set()
        self._problem: ChatPlatformError | None = None
        self._wanted: int | None = None

    @property
    def version(self) -> PublishedVersion:
        """The version that is read now.

        Raises:
            StorageError: CP-STORE-005 when nothing was published, CP-STORE-007 when the pointer is damaged.
            WebError: CP-WEB-009 when no file can be opened.
        """
        return self._current().version

    def pinned(self) -> PinnedReader:
        """The version of this moment: whatever is asked of it comes from the same publication."""
        return PinnedReader(self)

    def query(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Rows as dictionaries.

        Raises:
            StorageError, WebError: as ``version``; CP-WEB-009 too when a table is missing, CP-WEB-006 when a value
                cannot be used, CP-WEB-040 when memory does not suffice.
        """
        return self.pinned().query(sql, parameters)

    def row(self, sql: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """The first row, or ``None``."""
        return self.pinned().row(sql, parameters)

    def kept(self, key: Hashable, make: Callable[[], T], *, lasting: bool = False, large: bool = False) -> T:
        """What ``make`` returns, made once per published version and key; the least used ones are dropped.

        The value must depend on the published tables and the key only, and must not be changed by whoever gets it.

        Args:
            lasting: it is kept as long as the version: for the few things that take long to make. No part of the key
                may come from a request.
            large: making it takes much of the memory that a version has: one such thing is made at a time. It may
                not need another of them.
        """
        return self.pinned().kept(key, make, lasting=lasting, large=large)

    def state(self) -> ReaderState:
        """How the reader is; never raises."""
        try:
            number = self._current().version.number
        except ChatPlatformError as error:
            return ReaderState(None, error.code, self._wanted)
        return ReaderState(number, self._problem.code if self._problem else "", self._wanted)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._open = None
            self._looked = float("-inf")

    def _current(self) -> _Open:
        """The open version, changed when there is a newer one; queries that are under way keep theirs."""
        now = time.monotonic()
        with self._lock:
            if now - self._looked >= LOOK_S:
                self._look()
                self._looked = now
            if self._open is None:
                raise (self._problem or WebError("CP-WEB-009")).with_traceback(None)
            return self._open

    def _look(self) -> None:
        """Open what the pointer says, or the best that can be read."""
        self._problem = None
        try:
            wanted = self._publication.current()
        except StorageError as error:
            # Nothing was published, or the pointer is damaged. What is open is served on.
            self._problem = error
            return
        self._wanted = wanted.number
        if self._open is not None and self._open.version == wanted:
            return
        for version in self._best(wanted):
            if self._open is not None and self._open.version == version:
                return
            if _mark(version) not in self._damaged and (connection := self._connected(version)) is not None:
                replaces, self._open = self._open is not None, _Open(version, connection)
                self._start_preparing(self._open, replaces=replaces)
                return
            self._problem = WebError("CP-WEB-009", f"version {wanted.number}")

    def _start_preparing(self, opened: _Open, *, replaces: bool) -> None:
        prepare = self._prepare
        if prepare is None:
            return

        def run() -> None:
            # Requests and the version that they read refer to each other in circles: left to itself, Python would
            # hold the former version beside this one for minutes, with all that was kept of it.
            if replaces:
                gc.unfreeze()
                gc.collect()
            try:
                prepare(PinnedReader(self, opened))
            except (ChatPlatformError, duckdb.Error) as error:
                # Whoever asks for what is missing makes it then, and is told what is wrong.
                log.warning("version %s is not prepared: %s", opened.version.number, type(error).__name__)
            # Those too that were under way at the beginning. What is left stays as long as the version; were Python
            # to look through it for garbage now and then, all requests would stand still for a third of a second.
            gc.collect()
            gc.freeze()

        # No daemon: a process that ends while DuckDB works on one of those is aborted.
        threading.Thread(target=run, name=f"prepare-{opened.version.number}").start()

    def _best(self, wanted: PublishedVersion) -> Iterator[PublishedVersion]:
        """The wanted version, then the one that is open, then those before it."""
        yield wanted
        if self._open is not None:
            yield self._open.version
        yield from (
            version for version in reversed(self._publication.kept()) if version.number < wanted.number
        )

    def _connected(self, version: PublishedVersion) -> duckdb.DuckDBPyConnection | None:
        try:
            return self._connect(version)
        except duckdb.Error as error:
            log.warning("version %s cannot be opened: %s", version.number, type(error).__name__)
            return None

    def _instead_of(self, damaged: _Open) -> _Open:
        """What is read from now on, after a query found that a file is damaged."""
        with self._lock:
            self._damaged = {*list(self._damaged)[-8:], _mark(damaged.version)}
            if self._open is damaged:
                self._open, self._looked = None, float("-inf")
        log.error("version %s is damaged", damaged.version.number)
        return self._current()

    def _connect(self, version: PublishedVersion) -> duckdb.DuckDBPyConnection:
        if not version.path.is_file():
            raise duckdb.IOException(f"{version.path.name} is missing")
        connection = duckdb.connect(
            str(version.path),
            read_only=True,
            config={
                "threads": str(self._threads),
                "memory_limit": MEMORY,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "temp_directory": "",
            },
        )
        with _SETTING:
            # Whoever has the same file open in this process shares these settings, and has locked them already.
            (locked,) = connection.execute("select current_setting('lock_configuration')").fetchone() or (
                False,
            )
            if not locked:
                # Of a session only, it would not hold for the cursors that are made of the connection.
                connection.execute("set global timezone = 'UTC'")
                connection.execute("set enable_external_access = false")
                connection.execute("set lock_configuration = true")
        return connection


class PinnedReader:
    """One version for as long as a request lasts, so that a page never mixes two publications.

    Only when its file turns out to be damaged, the version changes: to the one that is served instead.
    """

    def __init__(self, reader: PublishedReader, pinned: _Open | None = None) -> None:
        self._reader = reader
        self._pinned = pinned

    @property
    def version(self) -> PublishedVersion:
        """The version that is read.

        Raises:
            StorageError, WebError: as ``PublishedReader.version``.
        """
        return self._opened().version

    def query(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Rows as dictionaries.

        Raises:
            StorageError, WebError: as ``PublishedReader.query``.
        """
        return self._asked(_rows, sql, parameters)

    def tuples(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Rows as tuples: for many rows, of which dictionaries take longer to make than to read.

        Raises:
            StorageError, WebError: as ``PublishedReader.query``.
        """
        return self._asked(duckdb.DuckDBPyConnection.fetchall, sql, parameters)

    def columns(self, sql: str, parameters: Parameters = ()) -> dict[str, np.ndarray]:
        """Rows as an array a column: for many rows of few columns, none of which may be null.

        Raises:
            StorageError, WebError: as ``PublishedReader.query``.
        """
        return self._asked(_columns, sql, parameters)

    def batches(
        self, sql: str, parameters: Parameters = (), size: int = 2_000
    ) -> Iterator[list[dict[str, Any]]]:
        """Rows in batches, for files that are larger than memory should hold; asked when the first one is taken.

        A file that turns out to be damaged in the middle ends with an error: half of an answer is never completed
        from another version.

        Raises:
            StorageError, WebError: as ``PublishedReader.query``.
        """
        current = self._opened()
        cursor = current.connection.cursor()
        try:
            with _coded(current):
                cursor.execute(sql, parameters)
                names = [column[0] for column in cursor.description or ()]
                batch = cursor.fetchmany(size)
            while batch:
                yield [dict(zip(names, row, strict=True)) for row in batch]
                with _coded(current):
                    batch = cursor.fetchmany(size)
        except DAMAGE as error:
            raise WebError("CP-WEB-009", f"version {current.version.number}") from error
        finally:
            cursor.close()

    def row(self, sql: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """The first row, or ``None``."""
        rows = self.query(sql, parameters)
        return rows[0] if rows else None

    def kept(self, key: Hashable, make: Callable[[], T], *, lasting: bool = False, large: bool = False) -> T:
        """As ``PublishedReader.kept``; of several threads that want the same one makes it and the others wait."""
        current = self._opened()
        lock = self._reader._lock
        with lock:
            if key in current.lasting:
                return current.lasting[key]
            if key in current.answers:
                current.answers.move_to_end(key)
                return current.answers[key]
            making = current.making.setdefault(key, threading.RLock())
        with current.large if large else nullcontext(), making:
            with lock:
                for answers in (current.lasting, current.answers):
                    if key in answers:
                        return answers[key]
            try:
                value = make()
                with lock:
                    (current.lasting if lasting else current.answers)[key] = value
                    while len(current.answers) > KEPT_ANSWERS:
                        current.answers.popitem(last=False)
            finally:
                with lock:
                    current.making.pop(key, None)
        return value

    def _asked(self, fetch: Callable[[duckdb.DuckDBPyConnection], T], sql: str, parameters: Parameters) -> T:
        current = self._opened()
        try:
            return _query(current, fetch, sql, parameters)
        except DAMAGE:
            self._pinned = self._reader._instead_of(current)
        try:
            return _query(self._pinned, fetch, sql, parameters)
        except DAMAGE as error:
            raise WebError("CP-WEB-009", f"version {self._pinned.version.number}") from error

    def _opened(self) -> _Open:
        if self._pinned is None:
            self._pinned = self._reader._current()
        return self._pinned


def _query(
    current: _Open, fetch: Callable[[duckdb.DuckDBPyConnection], T], sql: str, parameters: Parameters
) -> T:
    cursor = current.connection.cursor()
    try:
        with _coded(current):
            cursor.execute(sql, parameters)
            return fetch(cursor)
    finally:
        cursor.close()


def _rows(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    return cursor.fetchnumpy()


@contextmanager
def _coded(current: _Open) -> Iterator[None]:
    """DuckDB's errors as ours, but for damage, which the caller may get around."""
    try:
        yield
    except OLDER as error:
        log.warning("version %s: %s", current.version.number, type(error).__name__)
        raise WebError("CP-WEB-009", f"version {current.version.number}: {type(error).__name__}") from error
    except duckdb.OutOfMemoryException as error:
        raise WebError("CP-WEB-040") from error
    except UNUSABLE as error:
        log.warning("a value cannot be used: %s", type(error).__name__)
        raise WebError("CP-WEB-006") from error


def _mark(version: PublishedVersion) -> tuple[Hashable, ...]:
    """What changes when a damaged file is mended in its place."""
    try:
        stat = version.path.stat()
    except OSError:
        return (version.number, version.path)
    return (version.number, version.path, stat.st_ino, stat.st_size, stat.st_mtime_ns)

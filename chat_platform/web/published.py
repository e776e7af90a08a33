"""What the graph has published, for many readers at once.

What belongs here: the open DuckDB file, changing to a newer version without a failed query, answers that are kept as
long as a version lasts. What does not: what is asked (``pages``), publishing (``storage.publication``).

The connection reads one file and nothing else: no other file, no network, no extension, and no setting can be changed
any more. Values are passed as parameters, never put into the text of a query.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import duckdb

from chat_platform.errors import WebError
from chat_platform.storage.publication import Publication, PublishedVersion

LOOK_S = 0.5
"""How often the pointer to the current version is looked at."""
KEPT_ANSWERS = 512
MEMORY = "300MB"

T = TypeVar("T")


@dataclass
class _Open:
    """A version that is open, and what was asked of it."""

    version: PublishedVersion
    connection: duckdb.DuckDBPyConnection
    answers: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)


class PublishedReader:
    """The current version of a publication; any number of threads may ask.

    Args:
        publication: where versions are published.
        threads: of one query.
    """

    def __init__(self, publication: Publication, threads: int = 2) -> None:
        self._publication = publication
        self._threads = threads
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._looked = 0.0

    @property
    def version(self) -> PublishedVersion:
        """The version that is read now.

        Raises:
            StorageError: CP-STORE-005 when nothing was published.
            WebError: CP-WEB-009 when the file cannot be opened.
        """
        return self._current().version

    def query(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows as dictionaries.

        Raises:
            StorageError, WebError: as ``version``; CP-WEB-009 too when a table is missing.
        """
        return _query(self._current(), sql, parameters)

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> dict[str, Any] | None:
        """The first row, or ``None``."""
        rows = self.query(sql, parameters)
        return rows[0] if rows else None

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returns, made once per published version and key; the least used ones are dropped.

        The value must depend on the published tables and the key only, and must not be changed by whoever gets it.
        """
        current = self._current()
        with self._lock:
            if key in current.answers:
                current.answers.move_to_end(key)
                return current.answers[key]
        value = make()
        with self._lock:
            current.answers[key] = value
            while len(current.answers) > KEPT_ANSWERS:
                current.answers.popitem(last=False)
        return value

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._open = None

    def _current(self) -> _Open:
        """The open version, changed when there is a newer one; queries that are under way keep theirs."""
        now = time.monotonic()
        with self._lock:
            if self._open is not None and now - self._looked < LOOK_S:
                return self._open
            self._looked = now
            try:
                version = self._publication.current()
            except (OSError, ValueError, KeyError) as error:
                if self._open is not None:
                    return self._open  # caught between two versions, or somebody damaged the pointer
                raise WebError("CP-WEB-009", type(error).__name__) from error
            if self._open is None or self._open.version != version:
                try:
                    self._open = _Open(version, self._connect(version))
                except duckdb.Error as error:
                    if self._open is None:
                        raise WebError("CP-WEB-009", f"version {version.number}") from error
            return self._open

    def _connect(self, version: PublishedVersion) -> duckdb.DuckDBPyConnection:
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
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return connection


def _query(current: _Open, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> list[dict[str, Any]]:
    cursor = current.connection.cursor()
    try:
        cursor.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except (duckdb.CatalogException, duckdb.IOException, duckdb.FatalException) as error:
        raise WebError("CP-WEB-009", f"version {current.version.number}: {type(error).__name__}") from error
    finally:
        cursor.close()

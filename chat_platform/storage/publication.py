"""Publication: numbered read-only copies of the warehouse, and the pointer to the current one.

What belongs here: copying the build file, the pointer ``CURRENT``, roll-back, opening what is published. What
does not: deciding whether the build is good (checks and dbt tests come before).

A published file is never written again and its name never used twice: DuckDB caches files by path. Readers
that hold an older version keep it; the last few are kept for them and for roll-back.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from chat_platform.errors import StorageError, WebError
from chat_platform.storage.files import held_lock, replace_text_atomic

POINTER = "CURRENT"


@dataclass(frozen=True)
class PublishedVersion:
    """A published copy: its number, file, when it was made, and the build state that it was made from."""

    number: int
    path: Path
    published_at: datetime
    build_signature: str
    bytes: int


class Publication:
    """The folder of published versions.

    Args:
        folder: ``<warehouse>/published``.
        keep: versions kept, the current one included.
    """

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self.folder = folder
        self.keep = keep

    def publish(self, build: Path) -> tuple[PublishedVersion, bool]:
        """Copy the closed build file and point ``CURRENT`` to the copy.

        The caller holds the writer's lock and has closed the file. The same build again publishes nothing.

        Returns:
            The current version, and whether it is new.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        signature = build_signature(build)
        with self._lock():
            try:
                current = self._current_or_none()
            except StorageError:
                current = None  # a damaged pointer is mended by publishing
            if current is not None and current.build_signature == signature:
                return current, False
            number = 1 + max(self.numbers(), default=0)
            path = self.folder / f"warehouse-{number}.duckdb"
            temporary = self.folder / f".{path.name}.tmp"
            shutil.copyfile(build, temporary)
            _flush(temporary)
            temporary.replace(path)
            facts = {
                "published_at": datetime.now(UTC).isoformat(),
                "build_signature": signature,
                "bytes": path.stat().st_size,
            }
            replace_text_atomic(self._facts(number), json.dumps(facts))
            self._point_to(number)
            self._remove_old(number)
            return self.version(number), True

    def rollback(self, *, seen: int | None = None) -> PublishedVersion:
        """Point ``CURRENT`` to the version before it.

        Args:
            seen: number that whoever decides took for the current one; ``None``: whichever it is.

        Raises:
            StorageError: CP-STORE-005 when there is none.
            WebError: CP-WEB-043 when another one has become current meanwhile.
        """
        self.current()  # without it there is no folder to lock
        with self._lock():
            if seen not in (None, self.current().number):
                raise WebError("CP-WEB-043", f"version {self.current().number}")
            before = self.previous()
            self._point_to(before.number)
            return before

    def previous(self) -> PublishedVersion:
        """The version before the current one.

        Raises:
            StorageError: CP-STORE-005 when there is none.
        """
        current = self.current()
        earlier = [number for number in self.numbers() if number < current.number]
        if not earlier:
            raise StorageError("CP-STORE-005", "no earlier version is kept")
        return self.version(max(earlier))

    def current(self) -> PublishedVersion:
        """The current version.

        Raises:
            StorageError: CP-STORE-005 when nothing was published, CP-STORE-007 when the pointer is damaged.
        """
        current = self._current_or_none()
        if current is None:
            raise StorageError("CP-STORE-005", str(self.folder))
        return current

    def version(self, number: int) -> PublishedVersion:
        """A version by its number.

        Raises:
            StorageError: CP-STORE-007 when there is none, or what is known of it is damaged.
        """
        try:
            facts = json.loads(self._facts(number).read_text(encoding="utf-8"))
            return PublishedVersion(
                number,
                self.folder / f"warehouse-{number}.duckdb",
                datetime.fromisoformat(facts["published_at"]),
                facts["build_signature"],
                facts["bytes"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError("CP-STORE-007", f"version {number}: {type(error).__name__}") from error

    def kept(self) -> list[PublishedVersion]:
        """Versions that can be read or gone back to, the oldest first."""
        found = []
        for number in self.numbers():
            with suppress(StorageError):
                found.append(self.version(number))
        return found

    def keep_current_only(self) -> list[int]:
        """Remove every version but the current one; their numbers.

        Raises:
            StorageError: CP-STORE-005 when nothing was published.
        """
        self.current()  # without it there is no folder to lock
        with self._lock():
            current = self.current().number
            gone = [number for number in self.numbers() if number != current]
            for number in gone:
                self._remove(number)
            # Of a copy that was cut short.
            for path in self.folder.glob(".warehouse-*.duckdb.tmp"):
                path.unlink()
            return gone

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The current version, opened read-only; call again to see a newer one.

        Raises:
            StorageError: CP-STORE-005 when nothing was published.
        """
        connection = duckdb.connect(str(self.current().path), read_only=True)
        try:
            connection.execute("set timezone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def describe(self) -> dict[str, object]:
        """The current version as plain values, for metadata and ``--json``."""
        values = asdict(self.current())
        return {**values, "path": str(values["path"]), "published_at": values["published_at"].isoformat()}

    def _point_to(self, number: int) -> None:
        replace_text_atomic(self.folder / POINTER, f"warehouse-{number}.duckdb\n")

    def _current_or_none(self) -> PublishedVersion | None:
        try:
            name = (self.folder / POINTER).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StorageError("CP-STORE-007", f"{POINTER}: {type(error).__name__}") from error
        number = re.fullmatch(r"warehouse-([0-9]{1,9})\.duckdb", name)
        if number is None:
            raise StorageError("CP-STORE-007", f"{POINTER}: {name[:40]!r}")
        return self.version(int(number[1]))

    def numbers(self) -> list[int]:
        """Versions that are kept, the oldest first."""
        names = (path.stem.removeprefix("warehouse-") for path in self.folder.glob("warehouse-*.duckdb"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _facts(self, number: int) -> Path:
        return self.folder / f"warehouse-{number}.json"

    def _remove_old(self, current: int) -> None:
        kept = [number for number in self.numbers() if number <= current][-self.keep :]
        for number in self.numbers():
            if number < min(kept):
                self._remove(number)

    def _remove(self, number: int) -> None:
        (self.folder / f"warehouse-{number}.duckdb").unlink(missing_ok=True)
        self._facts(number).unlink(missing_ok=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with held_lock(self.folder / ".publish.lock"):
            yield


def build_signature(build: Path) -> str:
    """What tells one state of the build file from another without reading it."""
    stat = build.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

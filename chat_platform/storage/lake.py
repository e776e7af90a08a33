"""The lake: one Parquet file per table and partition, replaced as a whole.

What belongs here: names of files in the lake, atomic writes, reads by explicit path, change signatures. What
does not: what is inside the tables, DuckDB, raw payloads (see ``payloads``).

A path is ``<lake>/<schema>/<table>/<partition>.parquet``. On a file system the file is renamed into place; on
an object store one PUT is atomic by itself. A reader sees the old or the new file, never a half.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from chat_platform.errors import StorageError
from chat_platform.storage.files import write_parquet, write_parquet_atomic
from chat_platform.tables.ids import digest
from chat_platform.tables.spec import TableSpec

WHOLE = "all"
_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True)
class FileState:
    """What a listing says of a file: a signature that changes with every replacement, and when that was."""

    signature: str
    modified: float


class Lake:
    """Tables as files under one root.

    Args:
        url: a folder or an fsspec URL (``s3://bucket/lake``, ``memory://lake``).
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._fs, self._root = fsspec.core.url_to_fs(self.url)
        self.is_local = "file" in (
            self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        )

    def path(self, spec: TableSpec, partition: str = WHOLE) -> str:
        """Path of a partition's file.

        Raises:
            StorageError: CP-STORE-002 when the partition's name could leave its folder.
        """
        return f"{self.folder(spec)}/{checked_partition(partition)}.parquet"

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        """Where the paths lead."""
        return self._fs

    def folder(self, spec: TableSpec) -> str:
        """Folder of a table."""
        return f"{self._root}/{spec.schema}/{spec.name}"

    def write(self, spec: TableSpec, table: pa.Table, partition: str = WHOLE) -> None:
        """Replace a partition, after checking it against its declaration.

        Args:
            spec: the table.
            table: its rows; text that repeats may be encoded by a dictionary, which readers do not see.
            partition: which one.

        Raises:
            DataError: CP-DATA-001 when the table breaks its declaration.
        """
        path, checked = self.path(spec, partition), spec.conform_encoded(table)
        if self.is_local:
            write_parquet_atomic(Path(path), checked)
            return
        buffer = io.BytesIO()
        write_parquet(buffer, checked)
        self._fs.pipe_file(path, buffer.getvalue())

    def read(self, spec: TableSpec, partition: str = WHOLE) -> pa.Table:
        """One partition; an empty table where it does not exist.

        Raises:
            StorageError: CP-STORE-003 when the file cannot be read as Parquet.
        """
        path = self.path(spec, partition)
        try:
            with self._fs.open(path, "rb") as file:
                return pq.ParquetFile(file).read()
        except FileNotFoundError:
            return spec.empty()
        except (pa.ArrowInvalid, OSError) as error:
            raise StorageError("CP-STORE-003", f"{path}: {error}") from error

    def read_many(self, spec: TableSpec, partitions: Iterable[str]) -> pa.Table:
        """Several partitions, one after another."""
        tables = [self.read(spec, partition) for partition in partitions]
        return pa.concat_tables([spec.empty(), *tables])

    def delete(self, spec: TableSpec, partition: str) -> None:
        """Remove a partition; nothing happens where it does not exist."""
        path = self.path(spec, partition)
        if self._fs.exists(path):
            self._fs.rm_file(path)

    def files(self, spec: TableSpec) -> dict[str, FileState]:
        """Partition → state of its file.

        Costs one listing of the table's folder; no file is opened.
        """
        try:
            entries = self._fs.ls(self.folder(spec), detail=True, refresh=True)
        except FileNotFoundError:
            return {}
        return {
            Path(entry["name"]).stem: _state(entry)
            for entry in entries
            if entry["name"].endswith(".parquet") and not Path(entry["name"]).name.startswith(".")
        }


def checked_partition(partition: str) -> str:
    """The partition's name, if it is one.

    Raises:
        StorageError: CP-STORE-002 when it has characters that could leave its folder.
    """
    if not _PARTITION.fullmatch(partition):
        raise StorageError("CP-STORE-002", repr(partition[:80]))
    return partition


def _state(entry: dict[str, object]) -> FileState:
    facts = [entry.get(name) for name in ("size", "mtime", "ino", "ETag", "etag", "LastModified", "created")]
    when = entry.get("mtime") or entry.get("LastModified") or entry.get("created") or 0.0
    modified = when.timestamp() if isinstance(when, datetime) else float(str(when))
    return FileState(digest(*facts), modified)

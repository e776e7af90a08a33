"""Files that are replaced as a whole.

What belongs here: atomic writes of bytes, text and Parquet to a local file system, secret keys in files, a lock that
is a file, and removal of what a killed writer leaves behind. What does not: which files exist and what is in them;
object stores (there one PUT is atomic by itself, see ``lake``).

A write goes to ``.<name>.<pid>.<random>.tmp`` in the same folder, is flushed to the disk, and is renamed over
the target; then the folder is flushed, so that the new name survives a power cut. A reader sees the old file
or the new one. Readers of a folder ignore names that begin with a dot.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

_TEMPORARY = re.compile(r"\..+\.(?P<pid>\d+)\.[0-9a-f]{8}\.tmp")
_FOREIGN_AGE_S = 3600.0
_MAX_NAME_BYTES = 255
KEY_BYTES = 32
# Row groups of this size let a reader of one column or recording skip most of a compacted file.
_ROW_GROUP_ROWS = 250_000


@contextmanager
def held_lock(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock; wait without using CPU. The kernel frees it when the process dies.

    Args:
        path: the lock's file, made where missing, and its folder too; it stays.
        shared: beside others who share it.
    """
    with _lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock that nobody holds or shares, without waiting; gives whether it is held."""
    with _lock_file(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def write_bytes_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file's content, or create it; missing folders are made.

    Args:
        path: the file. A symbolic link is replaced, not followed.
        data: the whole content.
        mode: permissions of the new file, whatever the umask: the raw vault needs 0600.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is untouched.
    """
    _replace(path, lambda file: _write_all(file, data), mode)


def replace_text_atomic(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file's content by UTF-8 text, newlines as given.

    Raises:
        OSError: as ``write_bytes_atomic``.
    """
    write_bytes_atomic(path, text.encode("utf-8"), mode)


def write_parquet_atomic(path: Path, table: pa.Table) -> None:
    """Replace a file by a table as Parquet, compressed with zstd.

    The same table gives the same bytes with the same version of Arrow.

    Raises:
        OSError: as ``write_bytes_atomic``.
        pa.ArrowInvalid: a column's type has no Parquet form; the old file is untouched.
    """
    _replace(path, lambda file: write_parquet(file, table), 0o644)


def write_parquet(file: BinaryIO, table: pa.Table) -> None:
    """Write a table as Parquet, compressed with zstd.

    Columns that are encoded by a dictionary are written as they are, and read as the values that they stand for;
    whoever encodes some has decided that the others do not repeat. Least and greatest values, by which readers pass
    over rows, are kept of the others: texts that repeat all over a file rule out none of its rows.
    """
    encoded = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    others = [name for name in table.column_names if name not in encoded]
    pq.write_table(
        table,
        file,
        compression="zstd",
        row_group_size=_ROW_GROUP_ROWS,
        use_dictionary=encoded or True,
        write_statistics=others if encoded else True,
        store_schema=not encoded,
    )


def kept_key(path: Path) -> bytes:
    """A secret key in a file of mode 0600; whoever needs it first makes it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the name is taken: of two processes that make a key at once, one key stays.
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
    _sync_folder(path.parent)
    return path.read_bytes()


def remove_stale_temporaries(folder: Path, *, recursive: bool = True) -> list[Path]:
    """Remove temporary files whose writer was killed.

    A file is stale when no process has its pid; or, since pids are reused and a folder may be shared between
    machines, when it is older than an hour. A live writer's file is never touched within that hour.

    Args:
        folder: where to look; nothing happens when it does not exist.
        recursive: also in the folders below.

    Returns:
        The files that were removed.
    """
    found = folder.rglob(".*.tmp") if recursive else folder.glob(".*.tmp")
    stale = [path for path in found if _is_stale(path)]
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


def is_temporary(name: str) -> bool:
    """Whether a file name is one of this module's temporary files."""
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A file to write in place of another, for writers that take a name and no stream.

    Args:
        path: the file to replace or create; missing folders are made.
        mode: permissions, whatever the umask; they hold from the first byte.

    Yields:
        An empty file beside ``path``. It takes the place of ``path`` when the block ends, and is gone when it fails.

    Raises:
        OSError: as ``write_bytes_atomic``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), mode)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _lock_file(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8")


def _replace(path: Path, write: Callable[[BinaryIO], object], mode: int) -> None:
    with replacing(path, mode) as temporary, temporary.open("wb") as file:
        write(file)


def _temporary(path: Path) -> Path:
    tail = f".{os.getpid()}.{secrets.token_hex(4)}.tmp"
    # A long Korean name plus the tail may pass the file system's limit; the head need not be whole.
    room = _MAX_NAME_BYTES - len(tail) - 1
    head = path.name.encode("utf-8")[:room].decode("utf-8", "ignore")
    return path.with_name(f".{head}{tail}")


def _write_all(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_stale(path: Path) -> bool:
    name = _TEMPORARY.fullmatch(path.name)
    if name is None:
        return False
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    return age > _FOREIGN_AGE_S or not psutil.pid_exists(int(name["pid"]))

"""Atomic replacement of files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chat_platform.storage import files
from chat_platform.storage.files import (
    is_temporary,
    remove_stale_temporaries,
    replace_text_atomic,
    write_bytes_atomic,
    write_parquet_atomic,
)


def leftovers(folder: Path) -> list[str]:
    return [entry.name for entry in folder.rglob("*") if entry.name.endswith(".tmp")]


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_content_and_mode_are_as_asked_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        write_bytes_atomic(tmp_path / "a" / "b.bin", b"\x00\xff", mode=0o640)
        replace_text_atomic(tmp_path / "CURRENT", "warehouse-7\r\n한글\n")
    finally:
        os.umask(old)
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\x00\xff"
    assert stat.S_IMODE((tmp_path / "a" / "b.bin").stat().st_mode) == 0o640
    assert (tmp_path / "CURRENT").read_bytes() == "warehouse-7\r\n한글\n".encode()
    assert leftovers(tmp_path) == []


def test_parquet_comes_back_equal_compressed_and_with_equal_bytes(tmp_path: Path) -> None:
    table = pa.table({"text": ["안녕", None, "😀"] * 100, "n": list(range(300))})
    write_parquet_atomic(tmp_path / "one.parquet", table)
    write_parquet_atomic(tmp_path / "two.parquet", table)
    assert pq.read_table(tmp_path / "one.parquet").equals(table)
    assert pq.ParquetFile(tmp_path / "one.parquet").metadata.row_group(0).column(0).compression == "ZSTD"
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet_atomic(path, pa.table({"n": [1]}))
    unwritable = pa.table(
        {
            "n": [1],
            "u": pa.UnionArray.from_dense(
                pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]
            ),
        }
    )
    with pytest.raises(pa.ArrowException):
        write_parquet_atomic(path, unwritable)
    assert pq.read_table(path).to_pydict() == {"n": [1]}
    assert leftovers(tmp_path) == []


def test_a_name_near_the_limit_of_the_file_system_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("가" * 80 + "x.parquet")
    write_bytes_atomic(path, b"1")
    assert path.read_bytes() == b"1"


def test_readers_see_the_old_or_the_new_file_never_a_half(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    write_bytes_atomic(path, b"0" * 300_000)
    stop = threading.Event()
    seen: set[tuple[int, int]] = set()

    def read() -> None:
        while not stop.is_set():
            data = path.read_bytes()
            seen.add((len(data), len(set(data))))

    reader = threading.Thread(target=read)
    reader.start()
    for digit in b"123456789" * 4:
        write_bytes_atomic(path, bytes([digit]) * 300_000)
    stop.set()
    reader.join()
    assert seen == {(300_000, 1)}


def test_only_temporaries_of_dead_writers_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "core" / "messages"
    folder.mkdir(parents=True)
    dead = folder / f".a.parquet.{dead_pid()}.0123abcd.tmp"
    live = folder / f".a.parquet.{os.getpid()}.0123abcd.tmp"
    old = folder / f".b.parquet.{os.getpid()}.89abcdef.tmp"
    other = folder / ".notes.tmp"
    for path in (dead, live, old, other, folder / "a.parquet"):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    assert sorted(remove_stale_temporaries(tmp_path)) == sorted([dead, old])
    assert sorted(path.name for path in folder.iterdir()) == sorted([live.name, other.name, "a.parquet"])
    assert remove_stale_temporaries(tmp_path / "absent") == []


def test_a_writer_killed_in_the_middle_leaves_a_file_that_is_recognised(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from chat_platform.storage import files\n"
        "files.os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "files.write_bytes_atomic(Path(sys.argv[1]), b'half')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.json")], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    assert is_temporary(left.name)
    assert not (tmp_path / "x.json").exists()
    assert remove_stale_temporaries(tmp_path) == [left]
    assert files.is_temporary("x.json") is False

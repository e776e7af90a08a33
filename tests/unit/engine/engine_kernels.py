"""Kernels for the engine's tests: they must be importable in the workers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import DataError


def doubled(table: pa.Table) -> pa.Table:
    return table.set_column(0, "n", pc.multiply(table["n"], 2))


def with_pid(table: pa.Table) -> pa.Table:
    time.sleep(0.05)  # so that one worker cannot take every partition
    return table.append_column("pid", pa.array([os.getpid()] * table.num_rows))


def refuses_thirteen(table: pa.Table) -> pa.Table:
    if 13 in table["n"].to_pylist():
        raise ValueError("thirteen")
    return table


def coded(table: pa.Table) -> pa.Table:
    raise DataError("CP-DATA-001", "a column")


def killed_by_thirteen(table: pa.Table) -> pa.Table:
    if 13 in table["n"].to_pylist():
        os.kill(os.getpid(), signal.SIGKILL)
    return table


def killed_once(table: pa.Table) -> pa.Table:
    """Killed by the first row's marker file, which it removes: the second attempt lives."""
    marker = Path(table["marker"][0].as_py())
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return table


def slow(table: pa.Table) -> pa.Table:
    Path(table["marker"][0].as_py()).with_suffix(f".{os.getpid()}.started").touch()
    time.sleep(60)
    return table


def refused_work(key: str) -> str:
    if key == "13":
        raise ValueError("thirteen")
    return key


def deadly_work(key: str) -> int:
    if key == "13":
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()

"""Erasing somebody in tests: what a file says whatever it is packed with, and a kill at any moment."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from sqlalchemy import Engine, event

from chat_platform.sources.http import parse_json
from chat_platform.storage import files
from chat_platform.storage.workspace import Workspace


class Killed(BaseException):
    """As a kill: nothing catches it."""


def readable(path: Path) -> str:
    """Everything that a file says, whatever it is packed with."""
    if path.suffix == ".parquet":
        return json.dumps(pq.ParquetFile(path).read().to_pylist(), ensure_ascii=False, default=str)
    data = path.read_bytes()
    if path.suffix == ".zst":
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 26).decode("utf-8")
        envelope = parse_json(text)
        holds = isinstance(envelope, dict) and "data" in envelope
        return text + _unescaped(text) + (base64.b64decode(envelope["data"]).decode("utf-8") if holds else "")
    return data.decode("utf-8", "ignore")


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


def sorted_rows(rows: list[dict[str, Any]], volatile: Collection[str]) -> list[str]:
    """Rows in one order, without what differs from run to run."""
    return sorted(
        json.dumps({k: v for k, v in row.items() if k not in volatile}, default=str) for row in rows
    )


@contextmanager
def killed_at(number: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Die before or after the ``number``-th thing that is written, committed or removed."""
    steps = [0]

    def step() -> None:
        steps[0] += 1
        if steps[0] == number:
            raise Killed

    replacing, unlink, rmtree = files.replacing, Path.unlink, shutil.rmtree

    @contextmanager
    def replacing_or_dying(path: Path, mode: int = 0o644) -> Iterator[Path]:
        step()
        with replacing(path, mode) as temporary:
            yield temporary
        step()

    def unlink_or_die(path: Path, missing_ok: bool = False) -> None:
        if not path.name.endswith(".tmp"):
            step()
        unlink(path, missing_ok=missing_ok)

    def rmtree_or_die(path: Path, *arguments: Any, **options: Any) -> None:
        step()
        rmtree(path, *arguments, **options)

    def commit_or_die(_connection: Any) -> None:
        step()

    engine: Engine = workspace.database
    with monkeypatch.context() as patched:
        patched.setattr(files, "replacing", replacing_or_dying)
        patched.setattr(Path, "unlink", unlink_or_die)
        patched.setattr(shutil, "rmtree", rmtree_or_die)
        event.listen(engine, "commit", commit_or_die)
        try:
            yield steps
        finally:
            event.remove(engine, "commit", commit_or_die)

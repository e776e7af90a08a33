"""Erasing somebody in tests: what a file says whatever it is packed with, what a home holds, a kill at any moment."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from chat_platform.settings import Settings
from chat_platform.sources.http import parse_json
from chat_platform.storage import files
from chat_platform.storage.app_models import Base
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.catalogue import ALL_TABLES

# Times of the runs.
VOLATILE = {
    "parsed_at", "updated_at", "asked_at", "done_at", "fetched_at", "created_at", "first_seen_at", "last_seen_at",
}  # fmt: skip


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


def settings_of(home: Path) -> Settings:
    """One process, so that a kill is where it is meant to be."""
    return Settings(home=home, workers=1)


def copied(home: Path, to: Path) -> Workspace:
    """A copy of a home, opened."""
    shutil.copytree(home, to)
    return Workspace(settings_of(to))


def holding(home: Path, words: Collection[str]) -> set[str]:
    """Files in which one of the words stands."""
    found = (path for path in home.rglob("*") if path.is_file())
    return {str(path.relative_to(home)) for path in found if any(word in readable(path) for word in words)}


def state(workspace: Workspace, published: Collection[str]) -> dict[str, Any]:
    """Every table of the lake and the app database and the named published ones, without the times of the runs."""
    found: dict[str, Any] = {}
    for name, spec in ALL_TABLES.items():
        for partition in workspace.lake.files(spec):
            found[f"{name}/{partition}"] = _sorted(workspace.lake.read(spec, partition).to_pylist())
    with Session(workspace.database) as session:
        for table in Base.metadata.sorted_tables:
            rows = [dict(row) for row in session.execute(select(table)).mappings()]
            found[f"app.{table.name}"] = _sorted(rows, "published_version")
    with workspace.publication.read() as connection:
        for name in published:
            rows = connection.execute(f"select * from {name}").to_arrow_table().to_pylist()  # noqa: S608
            found[f"published.{name}"] = _sorted(rows)
    found["list"] = [
        (one.number, one.people, one.identities, one.names, one.done_at is not None)
        for one in workspace.erasures.entries()
    ]
    found["published"] = len(workspace.publication.numbers())
    return found


def _sorted(rows: list[dict[str, Any]], *more: str) -> list[str]:
    volatile = VOLATILE.union(more)
    return sorted(
        json.dumps({k: v for k, v in row.items() if k not in volatile}, default=str) for row in rows
    )


@dataclass(frozen=True)
class Left:
    """What an erasure leaves: every table, and the files in which the person still stands."""

    tables: dict[str, Any]
    files: set[str]


@dataclass(frozen=True)
class Erasing:
    """An erasure that is tried on copies of one home.

    Attributes:
        home: with the person in it; it is only copied.
        erase: the whole command.
        look: what is left.
    """

    home: Path
    erase: Callable[[Workspace], object]
    look: Callable[[Workspace], Left]

    def undisturbed(self, at: Path) -> Left:
        """What it leaves when nothing happens."""
        workspace = copied(self.home, at)
        self.erase(workspace)
        return self.look(workspace)

    def killed(self, number: int, at: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, Left]:
        """Killed at the ``number``-th moment and called again: whether it had ended before that, what is left."""
        workspace = copied(self.home, at)
        finished = False
        with killed_at(number, workspace, monkeypatch), suppress(Killed):
            self.erase(workspace)
            finished = True
        workspace.database.dispose()
        again = Workspace(settings_of(at))
        self.erase(again)
        left = self.look(again)
        again.database.dispose()
        shutil.rmtree(at)
        return finished, left

    def killed_at_every(
        self, first: int, stride: int, expected: Left, at: Path, monkeypatch: pytest.MonkeyPatch
    ) -> int:
        """At each ``stride``-th moment until it ends before it is killed; each time the same is left.

        Returns:
            The last moment, at which nothing happened any more.
        """
        number = first
        while True:
            finished, left = self.killed(number, at, monkeypatch)
            tables = expected.tables.keys() | left.tables.keys()
            other = {name for name in tables if expected.tables.get(name) != left.tables.get(name)}
            assert other == set(), number
            assert left.files == expected.files, number
            if finished:
                return number
            number += stride


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

"""Lists of streamers as people keep them, steps that are killed at any write, and what they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from chat_platform.errors import StreamError
from chat_platform.ingestion.streams.channels import StreamersImport, import_streamers
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import Streamer, StreamWorld
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import StreamPlatform
from chat_platform.storage.lake import Lake
from chat_platform.storage.ledger import Ledger
from chat_platform.storage.payloads import PayloadVault
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.spec import TableSpec

WRITES = (
    (PayloadVault, "write"),
    (Lake, "write"),
    (Ledger, "announce"),
    (Ledger, "mark_fetched"),
    (Ledger, "mark_parsed"),
)
MOMENTS = ("taken_at", "first_seen_at", "last_seen_at")


class KilledError(BaseException):
    """What a kill is to a process that lives on to be tested."""


@contextmanager
def killed_at(nth: int) -> Iterator[list[bool]]:
    """Die before the nth write of any kind; the list says afterwards whether it came to that."""
    struck: list[bool] = []
    calls = iter(range(1, 1_000_000))

    def dying(write: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if struck or next(calls) >= nth:
                struck.append(True)
                raise KilledError
            return write(*arguments, **options)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in WRITES:
            patch.setattr(owner, name, dying(getattr(owner, name)))
        with suppress(KilledError):
            yield struck


def rows_of(workspace: Workspace, spec: TableSpec) -> list[dict[str, Any]]:
    """A table of the lake, without the moments at which it was made, in the order of its keys."""
    partitions = sorted(workspace.lake.files(spec))
    rows = workspace.lake.read_many(spec, partitions).to_pylist()
    kept = [{name: value for name, value in row.items() if name not in MOMENTS} for row in rows]
    return sorted(kept, key=lambda row: [str(row[name]) for name in spec.primary_key])


def csv_of(world: StreamWorld, streamers: Iterable[Streamer], *more: str) -> bytes:
    """Name and address of streamers, as they are called today, and other lines."""
    lines = [f"{s.display_name},https://www.twitch.tv/{world.login(s)}" for s in streamers]
    return "\n".join(["이름,주소", *lines, *more]).encode()


def opening(platform: StreamPlatform) -> Callable[[Settings, str], StreamPlatform]:
    """Opens Twitch; every other platform has no credentials."""

    def connect(_: Settings, name: str) -> StreamPlatform:
        if name != platform.name:
            raise StreamError("CP-STREAM-001", name)
        return platform

    return connect


def take_list(workspace: Workspace, platform: StreamPlatform, data: bytes, clock: Clock) -> StreamersImport:
    """Import a list of a file."""
    return import_streamers(workspace, "list.csv", data, opening(platform), clock=clock)

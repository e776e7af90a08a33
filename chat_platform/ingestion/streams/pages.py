"""Pages of a video's chat in the raw vault, so that a reading goes on where it stopped.

What belongs here: the archive's parts, their header, and what of a chat is already there. What does not: asking for
pages, what is in them.

A part holds some pages as they arrived: one line of JSON (``cursors`` that led to the pages, ``sizes`` of their
bodies, ``next`` cursor or null, ``doubtful`` seconds, ``revision`` of the video), then the bodies. Parts are numbered
by their first page, and each is written whole, so the last one says where to go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chat_platform.sources.streams.port import ChatPage
from chat_platform.storage.workspace import Workspace

PAGES_A_PART = 16
VIDEO_PART = "video"
PREFIX = "pages-"


@dataclass(frozen=True)
class Reading:
    """What is archived of a chat.

    Attributes:
        pages: pages that are there.
        revision: revision of the video when the last of them was read.
        last: cursor that led to the last page.
        following: cursor to go on with; ``None``: the last page was the last of the chat, or there is none.
    """

    pages: int = 0
    revision: str | None = None
    last: str | None = None
    following: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the chat was read to its end, as it was then."""
        return self.pages > 0 and self.following is None

    @property
    def cursor(self) -> str | None:
        """What to ask with next: a chat that ended may have grown, beginning in its last page."""
        return self.last if self.following is None else self.following


@dataclass
class PageArchive:
    """Collects pages and archives some at a time.

    Attributes:
        source: source of the conversation in the vault.
        revision: revision of the video.
        pages: pages that are archived.
    """

    workspace: Workspace
    source: str
    conversation_id: str
    revision: str
    pages: int
    _held: list[tuple[str | None, ChatPage]] = field(default_factory=list)

    def add(self, cursor: str | None, page: ChatPage) -> None:
        """Take a page in."""
        self._held.append((cursor, page))
        if len(self._held) >= PAGES_A_PART:
            self.flush()

    def flush(self) -> None:
        """Archive what is held."""
        if not self._held:
            return
        header = {
            "cursors": [cursor for cursor, _ in self._held],
            "sizes": [len(page.raw) for _, page in self._held],
            "doubtful": [page.doubtful_s for _, page in self._held if page.doubtful_s is not None],
            "next": self._held[-1][1].next_cursor,
            "revision": self.revision,
        }
        part = f"{PREFIX}{self.pages:07d}"
        body = _put_together(header, [page.raw for _, page in self._held])
        self.workspace.vault.write(self.source, self.conversation_id, part, body)
        self.pages += len(self._held)
        self._held.clear()


def archived_reading(workspace: Workspace, source: str, conversation_id: str) -> Reading:
    """How far a chat has been read."""
    parts = _parts(workspace, source, conversation_id)
    if not parts:
        return Reading()
    header, _ = _read(workspace, source, conversation_id, parts[-1])
    before = int(parts[-1].removeprefix(PREFIX))
    return Reading(before + len(header["cursors"]), header["revision"], header["cursors"][-1], header["next"])


def archived_pages(workspace: Workspace, source: str, conversation_id: str) -> Iterator[bytes]:
    """Pages in order, as they arrived."""
    for part in _parts(workspace, source, conversation_id):
        yield from _pages(*_read(workspace, source, conversation_id, part))


def with_pages(part: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A part with each of its pages changed; where to go on stays."""
    header, bodies = _taken_apart(part)
    pages = list(_pages(header, bodies))
    changed = [change(page) for page in pages]
    return part if changed == pages else _put_together(header | {"sizes": list(map(len, changed))}, changed)


def doubtful_seconds(workspace: Workspace, source: str, conversation_id: str) -> list[float]:
    """Seconds of which the platform may not have shown all comments."""
    parts = _parts(workspace, source, conversation_id)
    found = (_read(workspace, source, conversation_id, part)[0]["doubtful"] for part in parts)
    return sorted({second for seconds in found for second in seconds})


def pages_sha256(workspace: Workspace, source: str, conversation_id: str) -> str:
    """SHA-256 over all pages."""
    digest = hashlib.sha256()
    for page in archived_pages(workspace, source, conversation_id):
        digest.update(page)
    return digest.hexdigest()


def _parts(workspace: Workspace, source: str, conversation_id: str) -> list[str]:
    return [part for part in workspace.vault.parts(source, conversation_id) if part.startswith(PREFIX)]


def _read(workspace: Workspace, source: str, conversation_id: str, part: str) -> tuple[dict[str, Any], bytes]:
    return _taken_apart(workspace.vault.read(source, conversation_id, part))


def _taken_apart(part: bytes) -> tuple[dict[str, Any], bytes]:
    line, _, bodies = part.partition(b"\n")
    return json.loads(line), bodies


def _put_together(header: dict[str, Any], pages: Iterable[bytes]) -> bytes:
    return json.dumps(header).encode("ascii") + b"\n" + b"".join(pages)


def _pages(header: dict[str, Any], bodies: bytes) -> Iterator[bytes]:
    start = 0
    for size in header["sizes"]:
        yield bodies[start : start + size]
        start += size

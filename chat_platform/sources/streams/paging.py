"""Following cursors, and what a chat read by them lacks.

What belongs here: going from page to page, telling a cursor that leads nowhere from one that is slow, and finding
silences in a chat that should not be there. What does not: what a page holds (the adapters).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from chat_platform.errors import StreamError
from chat_platform.sources.streams.port import ChatPage, StreamPlatform, Video

SAME_CURSOR_LIMIT = 4
SHORTEST_GAP_S = 300.0
GAP_RATIO = 30.0
"""A silence so many times longer than usual is a gap; in a chat of chance arrivals one of 30 never happens."""


class _Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=_Page)


def follow(fetch: Callable[[str | None], P], where: str, cursor: str | None = None) -> Iterator[P]:
    """Pages from a cursor on, until there is no next one.

    A page may come again a few times (platforms repeat a cursor now and then) but not for ever; whoever reads them
    keys on ids.

    Raises:
        StreamError: CP-STREAM-006 when a cursor leads to itself; and whatever ``fetch`` raises.
    """
    asked: Counter[str | None] = Counter()
    while True:
        asked[cursor] += 1
        if asked[cursor] > SAME_CURSOR_LIMIT:
            raise StreamError("CP-STREAM-006", f"{where}, after {asked.total() - 1} pages")
        page = fetch(cursor)
        yield page
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def newest_first(pages: Iterable[Iterable[Video]], published_since: datetime | None) -> Iterator[Video]:
    """Videos of pages that begin with the newest, each once, down to a moment.

    Pages behind the first video that was published before it are not asked for.
    """
    seen: set[str] = set()
    for page in pages:
        for video in page:
            if published_since and video.published_at and video.published_at < published_since:
                return
            if video.video_id not in seen:
                seen.add(video.video_id)
                yield video


def chat_pages(platform: StreamPlatform, video_id: str, cursor: str | None = None) -> Iterator[ChatPage]:
    """Pages of a video's chat, from the beginning or from where an earlier reading stopped.

    Raises:
        StreamError: CP-STREAM-006, or any of those of ``chat_page``.
    """
    return follow(lambda at: platform.chat_page(video_id, at), f"{platform.name} chat {video_id}", cursor)


@dataclass(frozen=True)
class ChatGap:
    """A part of a video without chat, where there should be some; seconds from its start."""

    start_s: float
    end_s: float


def chat_gaps(offsets: Iterable[float], duration_s: float | None) -> list[ChatGap]:
    """Silences much longer than the chat's own pace, at its beginning, within it and at its end.

    Args:
        offsets: seconds of the messages from the start of the video, in any order.
        duration_s: length of the video; ``None``: its end is not judged.

    Returns:
        Gaps in order of time. The whole video is one when nobody wrote at all.
    """
    times = sorted(offsets)
    end = duration_s if duration_s is not None else (times[-1] if times else 0.0)
    if not times:
        return [ChatGap(0.0, end)] if end >= SHORTEST_GAP_S else []
    # The middle one: a gap would spoil the mean by which it is to be found.
    steps = sorted(later - earlier for earlier, later in zip(times, times[1:], strict=False))
    usual = steps[len(steps) // 2] if steps else 0.0
    longest = max(SHORTEST_GAP_S, GAP_RATIO * usual)
    edges = [0.0, *(time for time in times if 0 <= time <= end), end]
    return [
        ChatGap(start, stop) for start, stop in zip(edges, edges[1:], strict=False) if stop - start > longest
    ]

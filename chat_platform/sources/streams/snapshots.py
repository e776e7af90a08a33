"""All figures of many channels at one moment.

What belongs here: from references to channels, and from channels to snapshots; batches, threads and what was done
before. What does not: where references come from (``streamer_list``), where snapshots are kept, differences of days.

Ids are matched by what an answer says, never by its order: platforms leave out whom they do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from chat_platform.errors import StreamError
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import (
    Channel,
    ChannelReference,
    ChannelTotals,
    StreamPlatform,
    Video,
)

R = TypeVar("R")
ABOUT_EVERYBODY = frozenset({"CP-STREAM-001", "CP-STREAM-002", "CP-STREAM-003"})


@dataclass(frozen=True)
class Resolution:
    """Whom references lead to.

    Attributes:
        found: reference → channel.
        missing: references that lead to nobody: misspelt, renamed, banned or gone.
    """

    found: dict[ChannelReference, Channel]
    missing: list[ChannelReference]


@dataclass(frozen=True)
class ChannelSnapshot:
    """Everything about a channel at a moment."""

    channel: Channel
    totals: ChannelTotals
    videos: tuple[Video, ...]
    taken_at: datetime


@dataclass(frozen=True)
class MissingChannel:
    """A channel of which there is no snapshot; the day shows a gap, and nothing is made up.

    Attributes:
        reason: ``gone`` (the platform does not know it now) or the code of an error.
        detail: facts of the error.
    """

    channel_id: str
    reason: str
    detail: str = ""


def resolve(
    platform: StreamPlatform,
    references: Iterable[ChannelReference],
    known: Mapping[ChannelReference, str] | None = None,
) -> Resolution:
    """Ask a platform who is meant, in its batches.

    Args:
        known: reference → channel id that it led to before. Such a one is followed by its id: the login may have been
            changed since, and may even belong to somebody else now.

    Raises:
        StreamError: any that the platform raises.
    """
    wanted = list(dict.fromkeys(references))
    ids = {r: r.value for r in wanted if r.kind == "id"} | dict(known or {})
    by_login = {
        channel.login: channel
        for channel in platform.channels_by_login([r.value for r in wanted if r not in ids])
    }
    by_id = {
        channel.channel_id: channel
        for channel in platform.channels_by_id([ids[r] for r in wanted if r in ids])
    }
    found: dict[ChannelReference, Channel] = {}
    for reference in wanted:
        channel = by_id.get(ids[reference]) if reference in ids else by_login.get(reference.value)
        if channel is not None:
            found[reference] = channel
    return Resolution(found, [reference for reference in wanted if reference not in found])


def take_snapshots(
    platform: StreamPlatform,
    channel_ids: Sequence[str],
    *,
    done: Collection[str] = (),
    with_videos: bool = True,
    videos_since: datetime | None = None,
    parallel: int = 1,
    clock: Clock | None = None,
) -> Iterator[ChannelSnapshot | MissingChannel]:
    """Snapshots of channels, each as soon as it is whole.

    Whoever keeps them says at the next start which are kept, and only the others cost anything. Channels come by id,
    so one that was renamed comes under its new login.

    Args:
        channel_ids: channels; one named twice comes once.
        done: channels that are kept already.
        videos_since: videos published before are left out.
        parallel: channels asked about at once; the platform's budget holds for all of them together.

    Raises:
        StreamError: one that concerns every channel: credentials (CP-STREAM-001, -002), a limit that lasts too long
            (-003). What fails for one channel only comes as ``MissingChannel``.
    """
    held = set(done)
    wanted = [channel_id for channel_id in dict.fromkeys(channel_ids) if channel_id not in held]
    profiles = {channel.channel_id: channel for channel in platform.channels_by_id(wanted)} if wanted else {}
    yield from (MissingChannel(channel_id, "gone") for channel_id in wanted if channel_id not in profiles)
    now = clock or Clock()

    def snapshot(channel: Channel) -> ChannelSnapshot | MissingChannel:
        try:
            totals = platform.totals(channel)
            videos = (
                tuple(platform.videos(channel.channel_id, published_since=videos_since))
                if with_videos
                else ()
            )
        except StreamError as error:
            if error.code in ABOUT_EVERYBODY:
                raise
            return MissingChannel(channel.channel_id, error.code, error.detail)
        return ChannelSnapshot(channel, totals, videos, datetime.fromtimestamp(now.now(), UTC))

    yield from _in_parallel(snapshot, [profiles[i] for i in wanted if i in profiles], parallel)


def _in_parallel(work: Callable[[Channel], R], channels: Iterable[Channel], parallel: int) -> Iterator[R]:
    """Results as they come. Little is begun ahead, so that a caller who stops leaves little undone."""
    waiting = iter(channels)
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        running = {pool.submit(work, channel) for channel in islice(waiting, 2 * parallel)}
        try:
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(work, channel) for channel in islice(waiting, len(finished))}
                yield from (future.result() for future in finished)
        finally:
            for future in running:
                future.cancel()

"""Snapshots: the figures of every listed channel on one day.

What belongs here: one day of a platform, from its channels to the archive and from the archive to the lake. What does
not: asking (``sources.streams.snapshots``), differences between days (dbt).

Each channel is archived as soon as it is whole, and what is archived for a day is not asked for again. Platforms only
say what holds now: a day that is over is read from the archive, and what is not in there stays missing. A channel
without a snapshot is in quarantine with the reason (``gone``, or the code of an error) and has no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from chat_platform.errors import StreamError
from chat_platform.ingestion.streams.facts import read_snapshot, snapshot_bytes
from chat_platform.ingestion.streams.problems import report
from chat_platform.ingestion.streams.tables import (
    SeenVideos,
    listed_ids,
    miss_channels,
    see_channels,
    see_videos,
)
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import StreamPlatform
from chat_platform.sources.streams.snapshots import ChannelSnapshot, MissingChannel, take_snapshots
from chat_platform.storage.ledger import Announced
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, VIDEO_SNAPSHOTS

SOURCE = "stream_snapshots"
KIND = "snapshot_day"
DAY_OVER = "day_over"
_ASKED, _OUTCOME, _WRITTEN = "stream_days", "outcome", "written"


@dataclass(frozen=True)
class SnapshotDay:
    """What is there of a day.

    Attributes:
        snapshot_id: ``<platform>-<day>``; also the partition in the lake.
        taken: channels that were asked about now.
        kept: channels with a snapshot, earlier ones included.
        missing: listed channels without one, and why.
        error: what ended the asking early; the rest is asked for at the next start.
    """

    snapshot_id: str
    taken: int
    kept: int
    missing: list[MissingChannel]
    error: StreamError | None = None


@dataclass(frozen=True)
class Asking:
    """What asking about a day came to.

    Attributes:
        taken: channels that were asked about and archived now.
        missing: channels that could not be had, and why.
        error: what ended the asking early; the rest is asked for at the next start.
    """

    taken: int = 0
    missing: tuple[MissingChannel, ...] = ()
    error: StreamError | None = None


def snapshot_id(platform: str, day: date) -> str:
    """Id of a platform's day."""
    return f"{platform}-{day.isoformat()}"


def snapshot_day(
    workspace: Workspace, platform: StreamPlatform, day: date, *, clock: Clock | None = None
) -> SnapshotDay:
    """Ask for what a day still lacks, when it is today, and write what is archived of it into the lake.

    Args:
        day: day in the time zone of the settings.
        clock: what time it is.
    """
    at = datetime.fromtimestamp((clock or Clock()).now(), UTC)
    return _conclude(workspace, platform.name, day, ask_day(workspace, platform, day, clock=clock), at)


def keep_asking(
    workspace: Workspace, platform: StreamPlatform, day: date, *, clock: Clock | None = None
) -> Asking:
    """Archive what a day still lacks, and what the asking came to, for ``write_asked``."""
    asked = ask_day(workspace, platform, day, clock=clock)
    outcome = {
        "at": (clock or Clock()).now(),
        "missing": [asdict(missing) for missing in asked.missing],
        "error": None if asked.error is None else [asked.error.code, asked.error.detail],
    }
    body = json.dumps(outcome).encode("ascii")
    workspace.vault.write(_ASKED, snapshot_id(platform.name, day), _OUTCOME, body)
    return asked


def asked_at(workspace: Workspace, platform: str, day: date) -> float | None:
    """When a day was asked about last, unix seconds."""
    outcome = _outcome(workspace, snapshot_id(platform, day))
    return None if outcome is None else float(outcome["at"])


def is_written(workspace: Workspace, platform: str, day: date) -> bool:
    """Whether a day is in the lake as it was asked about last; also where it was never asked about."""
    identity = snapshot_id(platform, day)
    at = asked_at(workspace, platform, day)
    if at is None:
        return True
    written = _WRITTEN in workspace.vault.parts(_ASKED, identity)
    return written and float(workspace.vault.read(_ASKED, identity, _WRITTEN)) == at


def write_asked(workspace: Workspace, platform: str, day: date) -> SnapshotDay | None:
    """Write a day into the lake as it was asked about, without a request; ``None`` when it was not."""
    outcome = _outcome(workspace, snapshot_id(platform, day))
    if outcome is None:
        return None
    missing = tuple(MissingChannel(**facts) for facts in outcome["missing"])
    error = None if outcome["error"] is None else StreamError(*outcome["error"])
    at = datetime.fromtimestamp(outcome["at"], UTC)
    written = _conclude(workspace, platform, day, Asking(0, missing, error), at)
    workspace.vault.write(_ASKED, written.snapshot_id, _WRITTEN, repr(outcome["at"]).encode("ascii"))
    return written


def _outcome(workspace: Workspace, identity: str) -> dict[str, Any] | None:
    if not workspace.vault.parts(_ASKED, identity):
        return None
    outcome: dict[str, Any] = json.loads(workspace.vault.read(_ASKED, identity, _OUTCOME))
    return outcome


def _conclude(workspace: Workspace, platform: str, day: date, asked: Asking, at: datetime) -> SnapshotDay:
    """Write what is archived of a day into the lake, and what is missing of it into quarantine and ledger.

    Args:
        at: when it was asked about.
    """
    identity = snapshot_id(platform, day)
    wanted = listed_ids(workspace, platform)
    missing, error = list(asked.missing), asked.error
    today = _day(workspace, at)
    kept = _archived(workspace, identity)
    if kept:
        _write(workspace, identity, day, kept)
    accounted = {s.channel.channel_id for s in kept} | {m.channel_id for m in missing}
    reason = error.code if error is not None else DAY_OVER
    missing += [MissingChannel(i, reason) for i in wanted if i not in accounted]
    if kept or day == today:
        gone = [(platform, m.channel_id) for m in missing if m.reason == "gone"]
        miss_channels(workspace, gone, at)
        _note(workspace, identity, day, missing, error)
    return SnapshotDay(identity, asked.taken, len(kept), missing, error)


def ask_day(
    workspace: Workspace, platform: StreamPlatform, day: date, *, clock: Clock | None = None
) -> Asking:
    """Archive what a day still lacks, when it is today; tables and ledger are left as they are."""
    now = clock or Clock()
    if day != _day(workspace, datetime.fromtimestamp(now.now(), UTC)):
        return Asking()
    identity = snapshot_id(platform.name, day)
    results = take_snapshots(
        platform,
        listed_ids(workspace, platform.name),
        done=workspace.vault.parts(SOURCE, identity),
        parallel=workspace.settings.streams.parallel,
        clock=clock,
    )
    missing: list[MissingChannel] = []
    taken, error = 0, None
    try:
        for result in results:
            if isinstance(result, MissingChannel):
                missing.append(result)
            elif _day(workspace, result.taken_at) != day:
                break
            else:
                _archive(workspace, identity, result)
                taken += 1
    except StreamError as failure:
        error = failure
    return Asking(taken, tuple(missing), error)


def snapshot_due(workspace: Workspace, platform: str, day: date) -> bool:
    """Whether the figures of today should be asked for now: for the first time, or for what is left of them.

    A channel that the day could not get, for a reason of its own, stands in quarantine and is not asked about again.
    """
    identity = snapshot_id(platform, day)
    left = set(listed_ids(workspace, platform)) - set(workspace.vault.parts(SOURCE, identity))
    entry = workspace.ledger.get(_entry_id(identity))
    if entry is None or entry["state"] == "quarantined":
        return bool(left)
    if _entry_id(identity) in workspace.ledger.due(SOURCE):
        return True
    return entry["state"] == "parsed" and len(left) > entry["quarantined"]


def rewrite_day(workspace: Workspace, platform: str, day: date) -> int:
    """Write a day into the lake from the archive alone.

    Returns:
        Channels with a snapshot; with none nothing is written.
    """
    identity = snapshot_id(platform, day)
    kept = _archived(workspace, identity)
    if kept:
        _write(workspace, identity, day, kept)
    return len(kept)


def _archive(workspace: Workspace, identity: str, snapshot: ChannelSnapshot) -> None:
    workspace.vault.write(SOURCE, identity, snapshot.channel.channel_id, snapshot_bytes(snapshot))


def _archived(workspace: Workspace, identity: str) -> list[ChannelSnapshot]:
    parts = workspace.vault.parts(SOURCE, identity)
    return [read_snapshot(workspace.vault.read(SOURCE, identity, part)) for part in parts]


def _write(workspace: Workspace, identity: str, day: date, kept: list[ChannelSnapshot]) -> None:
    see_channels(workspace, [(s.channel, s.taken_at) for s in kept])
    see_videos(
        workspace,
        (
            SeenVideos(s.channel.platform, s.channel.channel_id, s.videos, s.taken_at, whole=True)
            for s in kept
        ),
    )
    videos = [
        {
            "snapshot_id": identity,
            "platform": video.platform,
            "video_id": video.video_id,
            "channel_id": video.channel_id,
            "day": day,
            "taken_at": s.taken_at,
            "views": video.views,
        }
        for s in kept
        for video in s.videos
    ]
    workspace.lake.write(VIDEO_SNAPSHOTS, VIDEO_SNAPSHOTS.table(videos), identity)
    channels = [
        {
            "snapshot_id": identity,
            "platform": s.channel.platform,
            "channel_id": s.channel.channel_id,
            "day": day,
            "taken_at": s.taken_at,
            "followers": s.totals.followers,
            "views": s.totals.views,
            "videos": len(s.videos),
            "video_views": _sum(video.views for video in s.videos),
        }
        for s in kept
    ]
    workspace.lake.write(CHANNEL_SNAPSHOTS, CHANNEL_SNAPSHOTS.table(channels), identity)


def _note(
    workspace: Workspace, identity: str, day: date, missing: list[MissingChannel], error: StreamError | None
) -> None:
    entry = Announced(
        conversation_id=_entry_id(identity),
        source=SOURCE,
        kind=KIND,
        revision=identity,
        conversation_date=day,
    )
    ordered = sorted(missing, key=lambda m: m.channel_id)
    problems = [(place, m.reason, f"channel {m.channel_id}") for place, m in enumerate(ordered)]
    report(workspace, entry, problems, error)


def _entry_id(identity: str) -> str:
    return f"{identity}-snapshots"


def _sum(views: Iterable[int | None]) -> int | None:
    """Their sum; ``None`` when one of them is not known."""
    total = 0
    for value in views:
        if value is None:
            return None
        total += value
    return total


def _day(workspace: Workspace, moment: datetime) -> date:
    return moment.astimezone(workspace.settings.zone).date()

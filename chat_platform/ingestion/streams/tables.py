"""Channels and videos as the platforms last showed them: tables of one file, to which every step adds what it saw.

What belongs here: how what was seen changes ``core.channels`` and ``core.videos``, one writer at a time. What does
not: asking platforms, the list of streamers (``channels``), figures of a day (``snapshots``).

An answer changes nothing that a later one has said: days may be read again from the archive in any order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chat_platform.sources.records import nfc
from chat_platform.sources.streams.port import Channel, Video
from chat_platform.storage.files import held_lock
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.ids import identity_id
from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import CHANNELS, VIDEOS

ACTIVE, THERE, GONE = "active", "there", "gone"
Key = tuple[str, str]
"""Platform and id."""
Row = dict[str, Any]


@dataclass(frozen=True)
class SeenVideos:
    """Videos of a channel that were seen at a moment.

    Attributes:
        whole: they are all that the platform keeps; others of the channel are gone.
    """

    platform: str
    channel_id: str
    videos: Sequence[Video]
    at: datetime
    whole: bool


@contextmanager
def one_writer(workspace: Workspace) -> Iterator[None]:
    """Hold the lock of the tables of one file."""
    with held_lock(workspace.settings.home / "locks" / "streams.lock"):
        yield


def channel_rows(workspace: Workspace) -> dict[Key, Row]:
    """Every known channel."""
    return {(row["platform"], row["channel_id"]): row for row in workspace.lake.read(CHANNELS).to_pylist()}


def listed_ids(workspace: Workspace, platform: str) -> list[str]:
    """Ids of the channels of the latest list at a platform, sorted; those that are gone may come back."""
    rows = channel_rows(workspace).values()
    return sorted(row["channel_id"] for row in rows if row["listed"] and row["platform"] == platform)


def with_profile(row: Row | None, channel: Channel, at: datetime) -> Row:
    """A channel's row after its profile was seen."""
    if row is not None and row["last_seen_at"] > at:
        return row
    held = row or {"listed": False, "previous_logins": None, "first_seen_at": at}
    previous = json.loads(held["previous_logins"] or "[]")
    if row is not None and row["login"] is not None and row["login"] != channel.login:
        previous.append(row["login"])
    return held | {
        "platform": channel.platform,
        "channel_id": channel.channel_id,
        "identity_id": identity_id(channel.platform, channel.channel_id),
        "login": channel.login,
        "display_name": nfc(channel.display_name),
        "previous_logins": json.dumps(previous) if previous else None,
        "url": channel.url,
        "image_url": channel.image_url,
        "kind": channel.kind,
        "created_at": channel.created_at,
        "state": ACTIVE,
        "last_seen_at": at,
    }


def see_channels(workspace: Workspace, seen: Iterable[tuple[Channel, datetime]]) -> None:
    """Take in profiles, and when they were seen."""
    with one_writer(workspace):
        rows = channel_rows(workspace)
        after = dict(rows)
        for channel, at in seen:
            key = (channel.platform, channel.channel_id)
            after[key] = with_profile(after.get(key), channel, at)
        replace(workspace, CHANNELS, rows, after)


def miss_channels(workspace: Workspace, gone: Iterable[Key], at: datetime) -> None:
    """Take in that platforms did not know channels at a moment."""
    with one_writer(workspace):
        rows = channel_rows(workspace)
        missed = {key for key in gone if key in rows and rows[key]["last_seen_at"] <= at}
        after = rows | {key: rows[key] | {"state": GONE} for key in missed}
        replace(workspace, CHANNELS, rows, after)


def see_videos(workspace: Workspace, seen: Iterable[SeenVideos]) -> None:
    """Take in videos that were seen; of a channel whose videos were all seen, the others are gone."""
    with one_writer(workspace):
        rows = {(row["platform"], row["video_id"]): row for row in workspace.lake.read(VIDEOS).to_pylist()}
        after = dict(rows)
        of_channel: dict[Key, list[Key]] = {}
        for key, row in rows.items():
            of_channel.setdefault((row["platform"], row["channel_id"]), []).append(key)
        for part in seen:
            there = {(part.platform, video.video_id): video for video in part.videos}
            for key, video in there.items():
                after[key] = _with_video(after.get(key), video, part.at)
            for key in of_channel.get((part.platform, part.channel_id), ()) if part.whole else ():
                if key not in there and after[key]["last_seen_at"] <= part.at:
                    after[key] = after[key] | {"state": GONE}
        replace(workspace, VIDEOS, rows, after)


def replace(workspace: Workspace, spec: TableSpec, before: dict[Key, Row], after: dict[Key, Row]) -> None:
    """Write a table of one file, in the order of its keys; one that did not change is left alone."""
    if after != before:
        workspace.lake.write(spec, spec.table(after[key] for key in sorted(after)))


def _with_video(row: Row | None, video: Video, at: datetime) -> Row:
    if row is not None and row["last_seen_at"] > at:
        return row
    return {
        "platform": video.platform,
        "video_id": video.video_id,
        "channel_id": video.channel_id,
        "conversation_id": video.conversation_id,
        "title": nfc(video.title),
        "kind": video.kind,
        "started_at": video.started_at,
        "published_at": video.published_at,
        "duration_s": video.duration_s,
        "muted_s": video.muted_s,
        "language": video.language,
        "url": video.url,
        "views": video.views,
        "state": THERE,
        "first_seen_at": at if row is None else row["first_seen_at"],
        "last_seen_at": at,
    }

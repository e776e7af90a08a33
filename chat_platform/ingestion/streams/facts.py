"""Facts of a streaming platform as bytes for the raw vault, and back.

What belongs here: the JSON form of the port's plain records. What does not: where they are kept, tables.

Pages of chat are archived exactly as they arrived. Profiles, figures and lists come through the port as records, so
these are what is archived; nothing of them is rounded or left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chat_platform.sources.streams.port import Channel, ChannelTotals, Emote, Video
from chat_platform.sources.streams.snapshots import ChannelSnapshot

_MOMENT = "_at"


def snapshot_bytes(snapshot: ChannelSnapshot) -> bytes:
    """A snapshot with its videos."""
    return _bytes(asdict(snapshot))


def read_snapshot(data: bytes) -> ChannelSnapshot:
    """What ``snapshot_bytes`` wrote."""
    facts = json.loads(data)
    return ChannelSnapshot(
        Channel(**_with_moments(facts["channel"])),
        ChannelTotals(**facts["totals"]),
        tuple(Video(**_with_moments(video)) for video in facts["videos"]),
        datetime.fromisoformat(facts["taken_at"]),
    )


def video_bytes(video: Video) -> bytes:
    """A video."""
    return _bytes(asdict(video))


def read_video(data: bytes) -> Video:
    """What ``video_bytes`` wrote."""
    return Video(**_with_moments(json.loads(data)))


def emotes_bytes(emotes: Iterable[Emote]) -> bytes:
    """A list of emotes; the same emotes in another order are the same bytes."""
    return _bytes(sorted(map(asdict, emotes), key=lambda emote: (emote["emote_id"], emote["code"])))


def read_emotes(data: bytes) -> list[Emote]:
    """What ``emotes_bytes`` wrote."""
    return [Emote(**emote) for emote in json.loads(data)]


def _bytes(facts: Any) -> bytes:
    # ASCII, as texts of others may hold halves of characters that no encoding takes.
    return json.dumps(facts, default=datetime.isoformat, separators=(",", ":")).encode("ascii")


def _with_moments(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name.endswith(_MOMENT) and value is not None else value
        for name, value in facts.items()
    }

"""Streamers, their figures and the chat of their videos, for tests of the metrics.

What belongs here: rows of the tables of streams. What does not: the build file (``classroom``), claims.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import (
    CHANNEL_SNAPSHOTS,
    CHANNEL_TRENDS,
    CHANNELS,
    VIDEO_SNAPSHOTS,
    VIDEOS,
)
from tests.dbt.classroom import Conversation, Row, conversation

LAST_DAY = date(2026, 3, 20)
DAYS = 16
Tables = dict[TableSpec, Iterable[Row]]


def channel(channel_id: str, **values: object) -> Row:
    """A channel of the list."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        "platform": "twitch",
        "channel_id": channel_id,
        "identity_id": f"account-{channel_id}",
        "login": channel_id,
        "display_name": f"채널 {channel_id}",
        "url": f"https://www.twitch.tv/{channel_id}",
        "listed": True,
        "state": "active",
        "first_seen_at": at,
        "last_seen_at": at,
    } | values


def video(video_id: str, channel_id: str, started_at: datetime, **values: object) -> Row:
    """A recorded stream of half an hour."""
    return {
        "platform": "twitch",
        "video_id": video_id,
        "channel_id": channel_id,
        "conversation_id": f"twitch-{video_id}",
        "title": f"방송 {video_id}",
        "kind": "archive",
        "started_at": started_at,
        "duration_s": 1800.0,
        "views": 100,
        "state": "there",
        "first_seen_at": started_at,
        "last_seen_at": started_at,
    } | values


def snapshot(channel_id: str, day: date, followers: int | None, views: int | None = None) -> Row:
    """Figures of a channel."""
    return {
        "snapshot_id": f"twitch-{day}",
        "platform": "twitch",
        "channel_id": channel_id,
        "day": day,
        "taken_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "followers": followers,
        "views": views,
        "videos": 1,
        "video_views": None,
    }


def video_snapshot(made: Row, day: date, views: int) -> Row:
    """Views of a video."""
    return {
        "snapshot_id": f"twitch-{day}",
        "platform": made["platform"],
        "video_id": made["video_id"],
        "channel_id": made["channel_id"],
        "day": day,
        "taken_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "views": views,
    }


def use(chat: Conversation, message_id: str, code: str, *, channel_id: str, uses: int = 1) -> None:
    """Add an emote to a message that was said."""
    message = next(row for row in chat.rows["messages"] if row["message_id"] == message_id)
    chat.rows["emote_uses"].append(
        {
            "conversation_id": chat.conversation_id,
            "message_id": message_id,
            "platform": "twitch",
            "channel_id": channel_id,
            "identity_id": message["identity_id"],
            "sent_at": message["sent_at"],
            "provider": "7tv",
            "emote_id": f"id-{code}",
            "code": code,
            "uses": uses,
        }
    )


def stream_chat(made: Row, *, meme: float, seed: int) -> Conversation:
    """A chat of thirty minutes with a burst in the twelfth; ``meme`` is the part of messages that use MEME."""
    rng = random.Random(seed)
    started = made["started_at"]
    chat = conversation(made["conversation_id"], "twitch", started)
    chat.ledger["started_at"] = started
    for minute in range(30):
        for _ in range(60 if minute == 12 else 6):
            at = started + timedelta(minutes=minute, seconds=rng.randrange(60))
            code = "MEME" if rng.random() < meme else "WAVE"
            text = f"{code} {rng.choice(('안녕', '카프카', 'gg'))}"
            removed = rng.random() < 0.05
            said = chat.say(f"account-{rng.randrange(25)}", at, text, removed=removed)
            use(chat, said, code, channel_id=made["channel_id"])
    return chat


def streaming() -> tuple[Tables, list[Conversation]]:
    """Two channels with three videos: one rises past the other, and so does its video; MEME is new in March."""
    channels = [channel("c1"), channel("c2")]
    videos = [
        # 23:40 in Seoul: the chat goes on after midnight there.
        video("v1", "c1", datetime(2026, 2, 20, 14, 40, tzinfo=UTC)),
        video("v2", "c2", datetime(2026, 3, 10, 10, tzinfo=UTC)),
        video("v3", "c1", datetime(2026, 3, 18, 14, 40, tzinfo=UTC)),
    ]
    days = [LAST_DAY - timedelta(days=back) for back in reversed(range(DAYS))]
    figures = [snapshot("c1", day, 100 + 20 * place) for place, day in enumerate(days)]
    figures += [snapshot("c2", day, 300) for place, day in enumerate(days) if place != 5]
    views = [video_snapshot(videos[0], day, 50 * place) for place, day in enumerate(days)]
    views += [video_snapshot(videos[1], day, 600 + place) for place, day in enumerate(days)]
    trend = {
        "platform": "twitch",
        "channel_id": "c1",
        "metric": "followers",
        "as_of": LAST_DAY,
        "days": 60,
        "observed": DAYS,
        "trend": "rising",
        "score": 1.2,
        "confidence": 0.99,
        "slope": 0.1,
        "slope_low": 0.09,
        "slope_high": 0.11,
        "steps": "[]",
        "spikes": "[]",
    }
    # In the order in which a day is written, which the loader relies on.
    tables: Tables = {
        CHANNELS: channels,
        VIDEOS: videos,
        VIDEO_SNAPSHOTS: views,
        CHANNEL_SNAPSHOTS: figures,
        CHANNEL_TRENDS: [trend],
    }
    chats = [
        stream_chat(made, meme=meme, seed=seed)
        for seed, (made, meme) in enumerate(zip(videos, (0.02, 0.02, 0.6), strict=True))
    ]
    return tables, chats

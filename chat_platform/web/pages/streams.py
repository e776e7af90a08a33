"""Streamers and emotes: two pages over the metrics of streams.

What belongs here: the routes, what may be asked. What does not: figures (``stream_figures``), tiles (``tiles``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.sources.streams.registry import PLATFORMS, platform_spec
from chat_platform.web import access, stream_figures
from chat_platform.web.access import Visit
from chat_platform.web.parameters import PageNumber, Word
from chat_platform.web.stream_figures import Metric, Order
from chat_platform.web.tiles import published_tiles, visible

router = APIRouter()

OF_STREAMERS = ("core/channels", "core/channel_snapshots", "ml/channel_trends")
OF_EMOTES = ("core/channels", "core/videos", "core/emote_uses")
TREEMAP = 60
Period = Literal["7", "28", "90", "all"]


@router.get("/c/{class_id}/streamers")
def streamers(
    visit: access.Member,
    platform: Annotated[Word, Query()] = None,
    metric: Metric = "followers",
    sort: Order = "rank",
    page: PageNumber = 1,
) -> Response:
    """The ranking of a platform with rise and fall, who overtook whom, where chats woke up."""
    platforms, chosen = _platform(visit, platform)
    found = (
        stream_figures.streamers(visit.published, chosen, metric, sort, page) if chosen is not None else None
    )
    return visit.page(
        "streams/streamers.html",
        platforms=platforms,
        platform=chosen,
        metric=metric,
        sort=sort,
        page=page,
        found=found,
        missing=stream_figures.missing_assets(visit.published, OF_STREAMERS),
        tiles=visible(published_tiles(visit.published), visit.role, "streamers"),
    )


@router.get("/c/{class_id}/emotes")
def emotes(
    visit: access.Member,
    platform: Annotated[Word, Query()] = None,
    channel: Annotated[Word, Query()] = None,
    period: Period = "28",
) -> Response:
    """Most used emotes as a treemap, by day and as a table; those on the rise."""
    platforms, chosen = _platform(visit, platform)
    channels = stream_figures.emote_channels(visit.published, chosen) if chosen is not None else []
    if channel is not None and channel not in {one["channel_id"] for one in channels}:
        raise WebError("CP-WEB-001")
    found = None
    if chosen is not None:
        last = stream_figures.last_day(visit.published, chosen)
        since = last - timedelta(days=int(period) - 1) if last and period != "all" else None
        found = stream_figures.emotes(visit.published, chosen, channel, since)
    return visit.page(
        "streams/emotes.html",
        platforms=platforms,
        platform=chosen,
        channels=channels,
        channel=channel,
        period=period,
        found=found,
        treemap=[{"name": one["code"], "value": one["uses"]} for one in found.rows[:TREEMAP]]
        if found
        else [],
        lines=[
            {"name": code, "values": [round(share * 100, 2) for share in shares]}
            for code, shares in (found.lines if found else [])
        ],
        missing=stream_figures.missing_assets(visit.published, OF_EMOTES),
        tiles=visible(published_tiles(visit.published), visit.role, "emotes"),
    )


def _platform(visit: Visit, asked: str | None) -> tuple[dict[str, str], str | None]:
    """Platforms that there are, with how they are called, and the one that is looked at.

    Raises:
        WebError: CP-WEB-001 when there is no such platform.
    """
    known = stream_figures.platforms(visit.published)
    if asked is not None and asked not in known:
        raise WebError("CP-WEB-001")
    labels = {name: platform_spec(name).label if name in PLATFORMS else name for name in known}
    return labels, asked or next(iter(known), None)

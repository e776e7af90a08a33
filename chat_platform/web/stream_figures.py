"""What the published tables say of streamers and emotes.

What belongs here: queries and their shapes. What does not: who may see them (``pages.streams``), how a figure is
counted (the dbt models), what a trend is called in words (the templates).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from chat_platform.web import recordings
from chat_platform.web.published import PinnedReader

PAGE = 50
SPARK_DAYS = 60
OVERTAKES = 20
RISING = 30
LISTED_EMOTES = 100
LINES = 6
PEAKS = 10

Row = dict[str, Any]
Metric = Literal["followers", "views"]
Order = Literal["rank", "rise", "fall", "week", "places"]

ORDERS: dict[Order, str] = {
    "rank": "rank asc",
    "rise": "score desc",
    "fall": "score asc",
    "week": "change_week desc",
    "places": "places_gained desc",
}
"""What the list of streamers can be sorted by: name in addresses → expression."""

# Estimates are exact in a published copy, and a table that an older one lacks counts nothing.
_HAS_STREAMS = """
    select coalesce(sum(estimated_size), 0) > 0 as there from duckdb_tables()
    where schema_name = 'core' and table_name in ('channels', 'channel_snapshots', 'emote_uses')
"""
_FILLED = """
    select schema_name || '/' || table_name as asset from duckdb_tables()
    where estimated_size > 0 and schema_name in ('core', 'ml')
"""
_KNOWN = (
    "select 1 as yes from duckdb_tables() where schema_name = 'marts' and table_name = 'streamer_ranking'"
)
_PLATFORMS = """
    select distinct platform from marts.streamer_ranking
    union select distinct platform from marts.emotes_by_channel
    order by platform
"""
_RANKING = """
    select *, count(*) over () as found from marts.streamer_ranking
    where platform = $platform and metric = $metric
    order by {order} nulls last, channel_id
    limit $limit offset $offset
"""
# The same days for every channel, so that lines under each other can be compared.
_FIGURES = """
    with days as (
        select distinct day from marts.streamer_days
        where
            platform = $platform
            and day > (select max(day) from marts.streamer_days where platform = $platform) - {days}
    ),
    channels as (select unnest($channels::varchar[]) as channel_id),
    figures as (select * from marts.streamer_days where platform = $platform)
    select channels.channel_id, list(figures.{metric} order by days.day) as figures
    from channels cross join days
    left join figures using (channel_id, day)
    group by channels.channel_id
"""
_OVERTAKES = """
    select * from marts.streamer_overtakes
    where platform = $platform and metric = $metric
    order by figure desc, channel_id, passed_figure desc, passed_channel_id
    limit {limit}
"""
_PEAKS = """
    select conversation_id, channel, title, video_date, first_s, messages, ratio, link from marts.stream_video_peaks
    where platform = $platform
    order by video_date desc nulls last, ratio desc, conversation_id, rank
    limit {limit}
"""
_CHANNELS = """
    select distinct channel_id, channel from marts.emotes_by_channel where platform = $platform
    order by channel, channel_id
"""
_IN_SCOPE = """
    from marts.emotes_daily
    where
        platform = $platform and ($channel is null or channel_id = $channel)
        and ($since is null or local_date >= $since)
"""
_LAST_DAY = "select max(local_date) as last_day from marts.emotes_by_day where platform = $platform"
_EMOTES = f"""
    select
        provider,
        emote_id,
        arg_max(code, (uses, code)) as code,
        sum(uses)::bigint as uses,
        sum(messages)::bigint as messages,
        count(distinct channel_id) as channels,
        min(local_date) as first_date,
        max(local_date) as last_date,
        sum(uses) / sum(sum(uses)) over () as share,
        count(*) over () as found
    {_IN_SCOPE}
    group by provider, emote_id
    order by uses desc, code, provider, emote_id
    limit {LISTED_EMOTES}
"""  # noqa: S608 - constants of this module
# A day without any chat has no row at all: its share is not known, where that of an unused emote is zero.
_LINES = f"""
    with days as (select local_date, sum(uses) as uses {_IN_SCOPE} group by local_date),
    chosen as (
        select unnest($providers::varchar[]) as provider, unnest($emotes::varchar[]) as emote_id
    ),
    counted as (
        select local_date, provider, emote_id, sum(uses) as uses {_IN_SCOPE} group by all
    )
    select
        chosen.provider,
        chosen.emote_id,
        list(coalesce(counted.uses, 0) / days.uses order by days.local_date) as shares,
        list(days.local_date order by days.local_date) as days
    from days cross join chosen
    left join counted using (local_date, provider, emote_id)
    group by all
"""  # noqa: S608 - constants of this module
_RISING = """
    select * from marts.emotes_rising where platform = $platform order by rank limit {limit}
"""


@dataclass(frozen=True)
class Streamers:
    """A page of the ranking of a platform.

    Attributes:
        rows: rows of marts.streamer_ranking with ``figures`` of the last days, ``steps`` and ``spikes`` as lists.
        total: streamers in all.
    """

    rows: list[Row]
    total: int
    overtakes: list[Row]
    peaks: list[Row]

    @property
    def pages(self) -> int:
        """Pages in all, at least one."""
        return max(1, -(-self.total // PAGE))


@dataclass(frozen=True)
class Emotes:
    """Emotes of a platform, or of one channel of it, over some days.

    Attributes:
        rows: the most used with their part of all uses, ``total`` in all.
        days: days with chat.
        lines: code → share on each of these days, of the most used.
        rising: rows of marts.emotes_rising, of the whole platform.
    """

    rows: list[Row]
    total: int
    days: list[date]
    lines: list[tuple[str, list[float]]]
    rising: list[Row]


def has_streams(published: PinnedReader) -> bool:
    """Whether anything of streams was published."""
    return published.kept(
        ("has streams",), lambda: bool((published.row(_HAS_STREAMS) or {}).get("there")), lasting=True
    )


def missing_assets(published: PinnedReader, wanted: Sequence[str]) -> list[str]:
    """Of the assets that fill a page, those whose tables are empty."""

    def read() -> frozenset[str]:
        return frozenset(row["asset"] for row in published.query(_FILLED))

    filled = published.kept(("filled tables",), read, lasting=True)
    return [asset for asset in wanted if asset not in filled]


def platforms(published: PinnedReader) -> list[str]:
    """Platforms that there is anything of; none in what was published before there were metrics of streams."""

    def read() -> list[str]:
        return [row["platform"] for row in published.query(_PLATFORMS)] if published.row(_KNOWN) else []

    return published.kept(("stream platforms",), read, lasting=True)


def streamers(published: PinnedReader, platform: str, metric: Metric, order: Order, number: int) -> Streamers:
    """A page of the ranking."""

    def read() -> Streamers:
        asked = {"platform": platform, "metric": metric}
        rows = published.query(
            _RANKING.format(order=ORDERS[order]),
            {**asked, "limit": PAGE, "offset": (number - 1) * PAGE},
        )
        figures = {
            row["channel_id"]: row["figures"]
            for row in published.query(
                _FIGURES.format(metric=metric, days=SPARK_DAYS),
                {"platform": platform, "channels": [row["channel_id"] for row in rows]},
            )
        }
        return Streamers(
            [_ranked(row, figures.get(row["channel_id"], [])) for row in rows],
            rows[0]["found"] if rows else 0,
            published.query(_OVERTAKES.format(limit=OVERTAKES), asked),
            [
                _with_safe_link(row)
                for row in published.query(_PEAKS.format(limit=PEAKS), {"platform": platform})
            ],
        )

    return published.kept(("streamers", platform, metric, order, number), read)


def emote_channels(published: PinnedReader, platform: str) -> list[Row]:
    """Channels whose chat has emotes, by name."""
    return published.kept(
        ("emote channels", platform), lambda: published.query(_CHANNELS, {"platform": platform})
    )


def last_day(published: PinnedReader, platform: str) -> date | None:
    """The last day of the platform that has chat."""
    row = published.kept(("emote day", platform), lambda: published.row(_LAST_DAY, {"platform": platform}))
    return row["last_day"] if row else None


def emotes(published: PinnedReader, platform: str, channel_id: str | None, since: date | None) -> Emotes:
    """Emotes from a day on; ``None``: of all days."""

    def read() -> Emotes:
        asked = {"platform": platform, "channel": channel_id, "since": since}
        rows = published.query(_EMOTES, asked)
        top = rows[:LINES]
        drawn = published.query(
            _LINES,
            {
                **asked,
                "providers": [row["provider"] for row in top],
                "emotes": [row["emote_id"] for row in top],
            },
        )
        shares = {(row["provider"], row["emote_id"]): row["shares"] for row in drawn}
        rising = published.query(_RISING.format(limit=RISING), {"platform": platform})
        return Emotes(
            rows,
            rows[0]["found"] if rows else 0,
            drawn[0]["days"] if drawn else [],
            [(row["code"], shares[row["provider"], row["emote_id"]]) for row in top],
            rising,
        )

    return published.kept(("emotes", platform, channel_id, since), read)


def _ranked(row: Row, figures: list[int | None]) -> Row:
    lists = {name: json.loads(row[name] or "[]") for name in ("steps", "spikes")}
    return {**row, **lists, "figures": figures, "url": recordings.safe_link(row["url"])}


def _with_safe_link(row: Row) -> Row:
    return {**row, "link": recordings.safe_link(row["link"])}

"""Rise and fall of streamers: from the days of figures in the lake to ``ml.channel_trends``.

What belongs here: which days are read, and when there is something new to say. What does not: what a trend is
(``ml.trends``), rankings (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from chat_platform.ml.trends import WINDOW_DAYS, channel_trends
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNEL_TRENDS


@dataclass(frozen=True)
class TrendReport:
    """What a step did.

    Attributes:
        rows: rows of the table, one a channel and metric.
        by_class: rows by trend.
        as_of: last day with figures; ``None``: there is none.
        new: the table was written.
    """

    rows: int
    by_class: dict[str, int]
    as_of: date | None
    new: bool


def write_trends(workspace: Workspace) -> TrendReport:
    """Replace the trends by those up to the last day with figures; nothing is done while no day has changed.

    The table depends on the days alone, so a step that was killed is simply repeated.
    """
    lake = workspace.lake
    days = lake.files(CHANNEL_SNAPSHOTS)
    if not days:
        return TrendReport(0, {}, None, False)
    as_of = max(map(_day, days))
    there = lake.files(CHANNEL_TRENDS)
    new = not there or max(state.modified for state in days.values()) > max(
        state.modified for state in there.values()
    )
    if new:
        first = as_of - timedelta(days=WINDOW_DAYS - 1)
        figures = lake.read_many(CHANNEL_SNAPSHOTS, sorted(i for i in days if _day(i) >= first))
        lake.write(CHANNEL_TRENDS, channel_trends(figures, as_of))
    trends = lake.read(CHANNEL_TRENDS)["trend"].to_pylist()
    return TrendReport(len(trends), {name: trends.count(name) for name in sorted(set(trends))}, as_of, new)


def _day(snapshot_id: str) -> date:
    """The day of ``<platform>-<day>``."""
    return date.fromisoformat(snapshot_id.split("-", 1)[1])

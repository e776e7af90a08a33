"""Rows and charts of tiles.

What belongs here: the one query of a tile, filters, what students get instead of small counts, chart data, the way
from a row to its messages. What does not: which tiles there are (``tiles``), files (``exports``), pages.

Names of tables and columns come from the registry, which only takes plain names that the model has; values are
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from chat_platform.errors import WebError
from chat_platform.storage.asked import number_of
from chat_platform.web import recordings
from chat_platform.web.published import PinnedReader
from chat_platform.web.tiles import Chart, Column, Tile

LARGEST_PAGE = 2_000
_TOTAL = "rows_in_all"
_LECTURE_DATE = "lecture_date"
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a reader asks of a tile.

    Attributes:
        lecture: conversation id.
        since: first day.
        until: last day.
        person: person id; staff only.
        sort: a column shown, with ``-`` for descending; empty: the tile's own order.
        page: from 1.
    """

    lecture: str | None = None
    since: date | None = None
    until: date | None = None
    person: str | None = None
    sort: str = ""
    page: int = 1

    def query(self, **changed: Any) -> str:
        """As part of an address, with its question mark; empty where nothing is asked."""
        asked = replace(self, **changed)
        pairs = {
            "lecture": asked.lecture,
            "from": asked.since.isoformat() if asked.since else None,
            "to": asked.until.isoformat() if asked.until else None,
            "person": asked.person,
            "sort": asked.sort,
            "page": asked.page if asked.page > 1 else None,
        }
        text = urlencode({name: value for name, value in pairs.items() if value})
        return f"?{text}" if text else ""


@dataclass(frozen=True)
class Reader:
    """For whom rows are made.

    Attributes:
        staff: teaches or operates the class.
        smallest: fewer people than this are not told to students.
    """

    staff: bool
    smallest: int


@dataclass(frozen=True)
class Few:
    """A number of people that is too small to be told to students."""

    below: int

    def __str__(self) -> str:
        return f"< {self.below}"


@dataclass(frozen=True)
class TileRows:
    """A page of a tile's rows.

    Attributes:
        rows: column → value, hidden columns already left out or replaced by ``Few``.
        behind: for each row the address of the messages behind it within the class, or ``None``.
        total: rows in all.
    """

    columns: list[Column]
    rows: list[Row]
    behind: list[str | None]
    total: int
    size: int

    @property
    def pages(self) -> int:
        """Pages in all, at least one."""
        return max(1, -(-self.total // self.size))


def rows(published: PinnedReader, tile: Tile, asked: Asked, reader: Reader, *, size: int = 0) -> TileRows:
    """A page of rows.

    Args:
        size: rows on a page; default: as the tile says.

    Raises:
        WebError: CP-WEB-006 when a filter or order is asked for that the tile does not have.
    """
    size = size or tile.meta.limit
    if asked.page > LARGEST_PAGE:
        raise WebError("CP-WEB-006", "page")
    where, values = _where(published, tile, asked, reader)
    order = _order(tile, asked, reader)
    rest = f"{where} order by {order} limit ? offset ?"
    limits = [*values, size, (asked.page - 1) * size]
    counting = _select(tile, "count(*) as total", where)
    if asked.lecture:
        # What is told of one lecture is little and asked by few: counted on the way, and not kept.
        found = published.query(_select(tile, f"*, count(*) over () as {_TOTAL}", rest), limits)
        counted = found[0][_TOTAL] if found else published.query(counting, values)[0]["total"]
    else:
        found = _kept_rows(published, _select(tile, "*", rest), limits)
        counted = _kept_rows(published, counting, values)[0]["total"]
    columns = tile.columns(staff=reader.staff)
    return TileRows(
        columns,
        [_shown(row, columns, reader) for row in found],
        [behind(tile, row, reader) for row in found],
        counted,
        size,
    )


def all_rows(
    published: PinnedReader, tile: Tile, asked: Asked, reader: Reader, *, limit: int
) -> tuple[list[Column], Iterator[list[Any]]]:
    """Every row that is asked for, for a file: the columns, then rows in their order.

    Raises:
        WebError: CP-WEB-006 as ``rows``.
    """
    where, values = _where(published, tile, asked, reader)
    sql = _select(tile, "*", f"{where} order by {_order(tile, asked, reader)} limit ?")
    columns = tile.columns(staff=reader.staff)
    batches = published.batches(sql, [*values, limit])
    return columns, (
        [_value(row[column.name], column, reader) for column in columns] for batch in batches for row in batch
    )


def conditions(tile: Tile, asked: Asked, reader: Reader) -> tuple[str, list[Any]]:
    """The ``where`` of a tile's query and its values.

    Raises:
        WebError: CP-WEB-006 when the tile has no such filter, or not for this reader.
    """
    filters = tile.meta.filters
    parts: list[str] = []
    values: list[Any] = []
    wanted = (
        (filters.lecture, "=", asked.lecture),
        (filters.date, ">=", asked.since),
        (filters.date, "<=", asked.until),
        (filters.person if reader.staff else None, "=", asked.person),
    )
    for column, operator, value in wanted:
        if value is None or value == "":
            continue
        if column is None:
            raise WebError("CP-WEB-006", "filter")
        parts.append(f'"{column}" {operator} ?')
        values.append(value)
    if not reader.staff:
        parts += [f'"{column}" = ?' for column in tile.meta.students_see]
        values += tile.meta.students_see.values()
    return (f"where {' and '.join(parts)}" if parts else ""), values


def chart(
    published: PinnedReader, tile: Tile, asked: Asked, reader: Reader, language: str
) -> tuple[str, dict[str, Any]] | None:
    """Kind and data of the tile's chart; ``None`` where it has none, or none without a lecture."""
    wanted = tile.meta.chart
    if wanted is None or (wanted.kind == "timeline" and not asked.lecture):
        return None
    where, values = _where(published, tile, asked, reader)
    sql = _select(tile, "*", f"{where} order by {_order(tile, Asked(), reader)} limit ?")

    def make() -> tuple[str, dict[str, Any]] | None:
        labels = {column.name: column for column in tile.meta.columns}
        found = published.query(sql, [*values, wanted.limit])
        if not found:
            return None
        if labels[wanted.x].as_ in ("date", "moment"):
            found.sort(key=lambda row: row[wanted.x])
        return wanted.kind, _chart_data(wanted, labels, found, language)

    return make() if asked.lecture else published.kept(("chart", sql, tuple(values), language), make)


def newest(published: PinnedReader, tile: Tile) -> date | datetime | None:
    """The latest day that the tile has anything of."""
    column = tile.meta.filters.date
    if column is None:
        return None
    sql = _select(tile, f'max("{column}") as newest')
    return published.kept(("tile newest", tile.name), lambda: published.query(sql)[0]["newest"])


def lecture_of(published: PinnedReader, conversation_id: str) -> Row | None:
    """conversation_id, title and lecture_date of a lecture; ``None`` where there is none of this id."""
    sql = "select conversation_id, title, lecture_date from marts.lectures where conversation_id = ?"
    return published.kept(
        ("lecture of tiles", conversation_id), lambda: published.row(sql, [conversation_id])
    )


def behind(tile: Tile, row: Mapping[str, Any], reader: Reader) -> str | None:
    """Address, within the class, of the messages that a row is made of; ``None`` where there is no way."""
    way = tile.meta.behind
    lecture = row.get(way.lecture) if way.lecture else None
    if lecture and _has_chat(row):
        address = f"lectures/{quote(lecture, safe='')}"
        if way.message and row[way.message]:
            if number_of(row[way.message]) is not None:
                return f"questions/{row[way.message]}"
            message = quote(row[way.message], safe="")
            return f"{address}?around={message}#m-{message}"
        if way.minute and row[way.minute] is not None:
            return f"{address}?at={int(row[way.minute]) * 60}#chat"
        if way.word:
            return f"{address}?{urlencode({'q': row[way.word]})}#chat"
        return address
    if way.date and row[way.date]:
        return f"lectures?{urlencode({'from': row[way.date], 'to': row[way.date]})}"
    if way.person and row[way.person] and reader.staff:
        return f"people/{quote(row[way.person], safe='')}"
    return None


def local(value: Any, zone: ZoneInfo) -> Any:
    """A moment as the class's wall clock shows it; anything else as it is."""
    return (
        value.astimezone(zone).replace(tzinfo=None)
        if isinstance(value, datetime) and value.tzinfo is not None
        else value
    )


def timeline(
    counts: list[int], *, name: str, link: str | None, started_at: datetime | None, step: int = 60
) -> dict[str, Any]:
    """Data of a timeline whose points open the recording."""
    data: dict[str, Any] = {"start": 0, "step": step, "values": counts, "name": name, "peaks": []}
    if started_at is not None and recordings.safe_link(link):
        moments = (started_at + timedelta(seconds=index * step) for index in range(len(counts)))
        data["link"] = link
        data["links"] = [recordings.at_moment(link, moment) for moment in moments]
    return data


def _where(published: PinnedReader, tile: Tile, asked: Asked, reader: Reader) -> tuple[str, list[Any]]:
    """``conditions``, and the lecture's date where the mart has it: marts lie in its order, the rest is skipped."""
    where, values = conditions(tile, asked, reader)
    if asked.lecture and tile.meta.filters.date == _LECTURE_DATE:
        lecture = lecture_of(published, asked.lecture)
        if lecture is not None and lecture[_LECTURE_DATE] is not None:
            return f'{where} and "{_LECTURE_DATE}" = ?', [*values, lecture[_LECTURE_DATE]]
    return where, values


def _kept_rows(published: PinnedReader, sql: str, values: list[Any]) -> list[Row]:
    """Rows that many readers ask for; they are not to be changed."""
    return published.kept(("tile rows", sql, tuple(values)), lambda: published.query(sql, values))


def _has_chat(row: Mapping[str, Any]) -> bool:
    # Days of Slack's channels have no page: who may read a channel is Slack's to say.
    return row.get("source") != "slack" and row.get("kind") != "channel_day"


def _select(tile: Tile, what: str, rest: str = "") -> str:
    # Nothing in it is a value: see the head of this module.
    return f"select {what} from {tile.definition.table} {rest}"  # noqa: S608


def _order(tile: Tile, asked: Asked, reader: Reader) -> str:
    names = list(tile.meta.sort)
    if asked.sort:
        shown = {
            column.name for column in tile.columns(staff=reader.staff) if reader.staff or not column.people
        }
        if asked.sort.removeprefix("-") not in shown:
            raise WebError("CP-WEB-006", "sort")
        names.insert(0, asked.sort)
    seen: dict[str, str] = {}
    for name in names:
        column = name.removeprefix("-")
        seen.setdefault(column, f'"{column}" {"desc" if name.startswith("-") else "asc"} nulls last')
    return ", ".join(seen.values())


def _shown(row: Row, columns: list[Column], reader: Reader) -> Row:
    return {column.name: _value(row[column.name], column, reader) for column in columns}


def _value(value: Any, column: Column, reader: Reader) -> Any:
    if column.people and not reader.staff and value is not None and 0 < value < reader.smallest:
        return Few(reader.smallest)
    if column.as_ == "link":
        return recordings.safe_link(value)
    return value


def _chart_data(
    wanted: Chart, labels: Mapping[str, Column], found: list[Row], language: str
) -> dict[str, Any]:
    def series(name: str) -> list[Any]:
        return [row[name] for row in found]

    def title(name: str) -> str:
        return labels[name].ko if language == "ko" else labels[name].en

    if wanted.kind == "timeline":
        counts = {int(row[wanted.x]): row[wanted.y[0]] for row in found}
        whole = [counts.get(index, 0) for index in range(max(counts) + 1)]
        return timeline(whole, name=title(wanted.y[0]), link=None, started_at=None, step=wanted.step)
    if wanted.kind == "spark":
        return {"values": series(wanted.y[0])}
    names = [str(value) for value in series(wanted.x)]
    if wanted.kind == "treemap":
        pairs = zip(names, series(wanted.y[0]), strict=True)
        return {"items": [{"name": name, "value": value} for name, value in pairs]}
    data: dict[str, Any] = {
        "labels": names,
        "series": [{"name": title(name), "values": series(name)} for name in wanted.y],
        "horizontal": wanted.horizontal,
    }
    return {**data, "unit": wanted.unit} if wanted.unit else data

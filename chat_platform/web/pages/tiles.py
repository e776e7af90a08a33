"""Tiles: what a metric shows, means, is made of, and leads to.

What belongs here: the routes, filters as they stand in addresses, what is noted in the log. What does not: which
tiles there are (``tiles``), rows and charts (``tile_data``), files (``exports``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from chat_platform.errors import WebError
from chat_platform.storage.csv_text import csv_file
from chat_platform.web import access, exports, stream_figures, tile_data
from chat_platform.web.access import Visit
from chat_platform.web.tile_data import Asked, Reader, TileRows
from chat_platform.web.tiles import OF_STREAMS, PLACES, Tile, published_tiles, visible

router = APIRouter()

EXPORTED = "export.tile"
CARD_ROWS = 5


def day_asked(text: str) -> date | None:
    """A day of an address or a form; ``None`` for an empty one.

    Raises:
        WebError: CP-WEB-006 when it is no day.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise WebError("CP-WEB-006", "date") from error


def _asked(
    lecture: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(alias="from", max_length=10)] = "",
    until: Annotated[str, Query(alias="to", max_length=10)] = "",
    person: Annotated[str, Query(max_length=200)] = "",
    sort: Annotated[str, Query(max_length=64)] = "",
    page: Annotated[int, Query(ge=1, le=tile_data.LARGEST_PAGE)] = 1,
) -> Asked:
    return Asked(lecture or None, day_asked(since), day_asked(until), person or None, sort, page)


AskedOf = Annotated[Asked, Depends(_asked)]


@dataclass(frozen=True)
class Card:
    """A tile on a page of its place: chart and first rows."""

    tile: Tile
    chart: tuple[str, dict[str, Any]] | None
    listed: TileRows
    asked: Asked


def reader_of(visit: Visit) -> Reader:
    """For whom rows are made."""
    return Reader(visit.is_staff, visit.services.settings.web.smallest_group)


def cards(visit: Visit, place: str, asked: Asked | None = None) -> list[Card]:
    """The tiles of a place that the visitor sees, made once per published version, role and language."""
    asked, reader = asked or Asked(), reader_of(visit)
    shown = visible(published_tiles(visit.published), visit.role, place)

    def make(tile: Tile) -> Card:
        chart = tile_data.chart(visit.published, tile, asked, reader, visit.language)
        listed = tile_data.rows(visit.published, tile, asked, reader, size=CARD_ROWS)
        return Card(tile, chart, listed, asked)

    def kept(tile: Tile) -> Card:
        key = ("card", tile.name, asked, reader, visit.language)
        return visit.published.kept(key, lambda: make(tile))

    return [kept(tile) for tile in shown]


@router.get("/c/{class_id}/tiles")
def every_tile(visit: access.Member) -> Response:
    """What is measured, by place."""
    shown = visible(published_tiles(visit.published), visit.role)
    if not stream_figures.has_streams(visit.published):
        shown = [tile for tile in shown if tile.meta.place not in OF_STREAMS]
    places = [(place, [tile for tile in shown if tile.meta.place == place]) for place in PLACES]
    return visit.page("tiles/every.html", places=[(place, found) for place, found in places if found])


@router.get("/c/{class_id}/tiles/{name}")
def tile_page(visit: access.Member, name: str, asked: AskedOf) -> Response:
    """Chart, rows, definition, SQL, freshness, filters, files."""
    tile, reader = _tile(visit, name), reader_of(visit)
    listed = tile_data.rows(visit.published, tile, asked, reader)
    if visit.request.headers.get("hx-request"):
        return visit.page("tiles/rows.html", tile=tile, asked=asked, listed=listed)
    return visit.page(
        "tiles/tile.html",
        tile=tile,
        asked=asked,
        listed=listed,
        chart=tile_data.chart(visit.published, tile, asked, reader, visit.language),
        newest=tile_data.newest(visit.published, tile),
        version=visit.published.version,
        lecture=tile_data.lecture_of(visit.published, asked.lecture) if asked.lecture else None,
        most_rows=exports.MOST_ROWS,
    )


@router.get("/c/{class_id}/tiles/{name}/export.csv")
def as_csv(visit: access.Member, name: str, asked: AskedOf) -> Response:
    """Every row that is asked for, as CSV."""
    tile = _tile(visit, name)
    header, rows = _file(visit, tile, asked, "csv")
    return StreamingResponse(
        csv_file(header, rows),
        media_type=exports.CSV_TYPE,
        headers={"content-disposition": exports.attachment(tile.name, "csv")},
    )


@router.get("/c/{class_id}/tiles/{name}/export.xlsx")
def as_xlsx(visit: access.Member, name: str, asked: AskedOf) -> Response:
    """Every row that is asked for, as an Excel file."""
    tile = _tile(visit, name)
    header, rows = _file(visit, tile, asked, "xlsx")
    title = visit.tr(tile.meta.title.en, tile.meta.title.ko)
    return StreamingResponse(
        exports.xlsx_file(title, header, rows),
        media_type=exports.XLSX_TYPE,
        headers={"content-disposition": exports.attachment(title, "xlsx")},
    )


@router.get("/c/{class_id}/tiles/{name}/rows.json")
def as_json(visit: access.Member, name: str, asked: AskedOf) -> JSONResponse:
    """A page of rows with its definition, as JSON."""
    tile = _tile(visit, name)
    listed = tile_data.rows(visit.published, tile, asked, reader_of(visit))
    names = [column.name for column in listed.columns]
    return JSONResponse(
        {
            "tile": tile.name,
            "title": tile.meta.title.model_dump(),
            "definition": tile.definition.description,
            "columns": {name: tile.definition.columns[name] for name in names},
            "publication": visit.published.version.number,
            "published_at": visit.published.version.published_at.isoformat(),
            "total": listed.total,
            "page": asked.page,
            "pages": listed.pages,
            "rows": [{name: _plain(row[name]) for name in names} for row in listed.rows],
        }
    )


def _tile(visit: Visit, name: str) -> Tile:
    tile = published_tiles(visit.published).get(name)
    if tile is None:
        raise WebError("CP-WEB-001")
    if not tile.open_to(visit.role):
        raise WebError("CP-WEB-003")
    return tile


def _file(visit: Visit, tile: Tile, asked: Asked, kind: str) -> tuple[list[str], Iterator[list[Any]]]:
    """Header and rows of a file; that it was made is noted first.

    Raises:
        WebError: CP-WEB-061 when there are too many rows: a file that silently lacks some is worse than none.
    """
    reader, zone = reader_of(visit), visit.services.settings.zone
    total = tile_data.rows(visit.published, tile, asked, reader, size=1).total
    if total > exports.MOST_ROWS:
        raise WebError("CP-WEB-061", f"{total:,} > {exports.MOST_ROWS:,}")
    columns, rows = tile_data.all_rows(visit.published, tile, asked, reader, limit=exports.MOST_ROWS)
    visit.audit(EXPORTED, tile.name, format=kind, rows=total, filters=asked.query().removeprefix("?"))
    header = [visit.tr(column.en, column.ko) for column in columns]
    return header, ([tile_data.local(value, zone) for value in row] for row in rows)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else str(value)

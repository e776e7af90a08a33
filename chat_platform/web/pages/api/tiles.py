"""Every metric: what it means, and its rows.

What belongs here: the routes below ``/c/{class_id}/tiles``. What does not: which tiles there are (``web.tiles``),
their rows and who sees which column (``web.tile_data``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.web import tile_data
from chat_platform.web.access import Visit
from chat_platform.web.pages.api.common import (
    USUAL,
    ApiModel,
    ApiRoute,
    Limit,
    NumberCursor,
    Page,
    TileReader,
    keepable,
    number_of,
    page_link,
)
from chat_platform.web.pages.tiles import reader_of
from chat_platform.web.parameters import IsoDate
from chat_platform.web.tile_data import Asked
from chat_platform.web.tiles import Tile, published_tiles, visible

router = APIRouter(prefix="/c/{class_id}/tiles", route_class=ApiRoute, tags=["tiles"])

TileName = Annotated[
    str, Path(max_length=100, description="Name of the metric.", examples=["daily_activity"])
]


class TwoLanguages(ApiModel):
    """A text in both languages."""

    en: str
    ko: str


class TileColumn(ApiModel):
    """A column of a metric."""

    name: str = Field(examples=["messages"])
    title: TwoLanguages
    description: str


class TileInfo(ApiModel):
    """A metric: what it says and where it comes from."""

    name: str = Field(examples=["daily_activity"])
    title: TwoLanguages
    question: TwoLanguages = Field(description="What it answers.")
    place: str = Field(description="Page that shows it.", examples=["class"])
    definition: str = Field(description="How it is counted.")
    asset: str = Field(description="Asset that fills it.", examples=["marts/daily_activity"])
    filters: list[str] = Field(
        description="Which of `lecture`, `date` and `person` it knows.", examples=[["date"]]
    )
    columns: list[TileColumn]


@router.get("", response_model=list[TileInfo])
def tiles(visit: TileReader, response: Response) -> list[dict[str, Any]]:
    """Metrics that your role sees."""
    keepable(visit, response)
    return [_info(visit, tile) for tile in visible(published_tiles(visit.published), visit.role)]


@router.get("/{tile}", response_model=TileInfo)
def tile_info(visit: TileReader, response: Response, tile: TileName) -> dict[str, Any]:
    """One metric."""
    keepable(visit, response)
    return _info(visit, _tile(visit, tile))


@router.get("/{tile}/rows", response_model=Page[dict[str, Any]])
def rows(
    visit: TileReader,
    response: Response,
    tile: TileName,
    lecture: Annotated[str | None, Query(max_length=200, description="Id of a lecture.")] = None,
    since: Annotated[IsoDate | None, Query(description="First date.")] = None,
    until: Annotated[IsoDate | None, Query(description="Last date.")] = None,
    person: Annotated[str | None, Query(max_length=200, description="Id of a person; staff only.")] = None,
    sort: Annotated[
        str, Query(max_length=64, description="A column, with `-` before it for descending.")
    ] = "",
    limit: Limit = USUAL,
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Rows of a metric; keep the same `limit` while walking.

    A filter or an order that the metric does not have is refused. Numbers of people that are too small to be told
    are texts like `< 5`.
    """
    keepable(visit, response)
    found = _tile(visit, tile)
    number = max(number_of(cursor), 1)
    asked = Asked(lecture or None, since, until, person or None, sort, min(number, tile_data.LARGEST_PAGE))
    listed = tile_data.rows(visit.published, found, asked, reader_of(visit), size=limit)
    if number > listed.pages:
        return {"items": [], "next": None}
    items = [{name: _plain(value) for name, value in row.items()} for row in listed.rows]
    following = number + 1 if number < min(listed.pages, tile_data.LARGEST_PAGE) else None
    return {"items": items, "next": page_link(visit, response, following)}


def _tile(visit: Visit, name: str) -> Tile:
    found = published_tiles(visit.published).get(name)
    if found is None:
        raise WebError("CP-WEB-001")
    if not found.open_to(visit.role):
        raise WebError("CP-WEB-003")
    return found


def _info(visit: Visit, tile: Tile) -> dict[str, Any]:
    filters = tile.meta.filters
    known = {"lecture": filters.lecture, "date": filters.date, "person": filters.person}
    return {
        "name": tile.name,
        "title": tile.meta.title,
        "question": tile.meta.question,
        "place": tile.meta.place,
        "definition": tile.definition.description,
        "asset": tile.asset,
        "filters": [
            name for name, column in known.items() if column and (name != "person" or visit.is_staff)
        ],
        "columns": [
            {
                "name": column.name,
                "title": column,
                "description": tile.definition.columns.get(column.name, ""),
            }
            for column in tile.columns(staff=visit.is_staff)
        ],
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else str(value)

"""The registry of tiles: a metric with its title, place, columns, chart and filters.

What belongs here: what a dbt model's ``meta.tile`` may say, whether it holds together, which tiles a role sees. What
does not: rows and charts (``tile_data``), files (``exports``), pages (``pages.tiles``).

A new metric is a dbt model with ``meta`` and no Python::

    config:
      meta:
        tile:
          title: {en: Most talkative, ko: 가장 많이 말한 사람}
          question: {en: "Who writes most?", ko: "누가 가장 많이 쓰나요?"}
          about_ko: "…"             # the model's description in Korean
          place: class              # home, lectures, lecture, class, people, streamers, emotes or operations
          position: 30              # order within the place
          for: staff                # member, staff or operator
          chart: {kind: bar, x: name, y: [messages], horizontal: true, limit: 15}
          sort: [-messages, name]   # "-" for descending; the order should be total
          filters: {lecture: conversation_id, date: local_date, person: person_id}
          behind: {lecture: conversation_id, message: message_id}   # also minute, word, date, person
          students_see: {source: zoom}    # students get these rows only
          asset: ml/question_predictions  # what fills it, where that is not the mart itself
          columns:
            - {name: messages, en: Messages, ko: 메시지, as: number, about_ko: "…"}   # the column's description
            - {name: speakers, en: People, ko: 사람, as: number, people: true}   # students: "< k" where few
            - {name: name, en: Name, ko: 이름, staff_only: true}

The definitions stand in the published file itself (``storage.metric_definitions``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from chat_platform.errors import WebError
from chat_platform.storage.metric_definitions import SELECT, MetricDefinition
from chat_platform.web.published import PinnedReader, PublishedReader

log = logging.getLogger(__name__)

PLACES = ("home", "lectures", "lecture", "class", "people", "streamers", "emotes", "operations")
OF_STREAMS = frozenset({"streamers", "emotes"})
"""Places that a class without streams does not have."""
WHO = {"member": frozenset({"student", "teacher", "operator"}), "staff": frozenset({"teacher", "operator"})}
WHO["operator"] = frozenset({"operator"})
MOST_ROWS = 200
AUTHORS = frozenset({"author_name", "identity_id", "name", "participant_id", "person_id", "reactor_name"})
"""Columns of marts that tell who wrote something."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a column")
    return value


Name = Annotated[str, AfterValidator(_named)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Texts(_Strict):
    """A text in both languages."""

    en: str = Field(min_length=1)
    ko: str = Field(min_length=1)


class Column(Texts):
    """A column as people see it.

    Attributes:
        name: in the table.
        as_: how a value is shown; ``clock`` is seconds, ``share`` 0 to 1, ``chat`` what somebody wrote, ``link`` an
            address.
        people: counts people: students see "< k" where they are few.
        staff_only: students do not see it.
        about_ko: what it means, in Korean; a version that was published without it explains itself in English.
    """

    name: Name
    as_: Literal["text", "number", "decimal", "share", "clock", "date", "moment", "chat", "link"] = Field(
        "text", alias="as"
    )
    people: bool = False
    staff_only: bool = False
    about_ko: str | None = Field(None, min_length=1)


class Chart(_Strict):
    """A chart of some columns.

    Attributes:
        kind: as the browser's side draws it; a ``timeline`` needs one lecture.
        x: labels.
        y: series; ``treemap``, ``timeline`` and ``spark`` have one.
        limit: most points, taken in the tile's order.
        step: seconds that one unit of x lasts, for ``timeline``.
    """

    kind: Literal["bar", "line", "timeline", "treemap", "spark"]
    x: Name
    y: list[Name] = Field(min_length=1, max_length=6)
    horizontal: bool = False
    limit: int = Field(60, ge=1, le=2_000)
    step: int = Field(60, ge=1)
    unit: str | None = None


class Filters(_Strict):
    """Columns by which readers may narrow the rows."""

    lecture: Name | None = None
    date: Name | None = None
    person: Name | None = None


class Behind(_Strict):
    """Columns that lead from a row to the messages behind it; the most exact one is followed."""

    lecture: Name | None = None
    message: Name | None = None
    minute: Name | None = None
    word: Name | None = None
    date: Name | None = None
    person: Name | None = None

    @model_validator(mode="after")
    def _in_a_lecture(self) -> Behind:
        if (self.message or self.minute or self.word) and not self.lecture:
            raise ValueError("message, minute and word lead nowhere without lecture")
        return self


class TileMeta(_Strict):
    """What ``meta.tile`` of a mart says; see the head of this module."""

    title: Texts
    question: Texts
    about_ko: str = Field(min_length=1)
    place: Literal["home", "lectures", "lecture", "class", "people", "streamers", "emotes", "operations"]
    position: int = 100
    for_: Literal["member", "staff", "operator"] = Field(alias="for")
    chart: Chart | None = None
    sort: list[str] = Field(min_length=1)
    limit: int = Field(50, ge=1, le=MOST_ROWS)
    filters: Filters = Filters()
    behind: Behind = Behind()
    students_see: dict[Name, str | int | bool] = {}
    asset: str | None = Field(None, pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)+$")
    columns: list[Column] = Field(min_length=1)


@dataclass(frozen=True)
class Tile:
    """A metric that the portal shows."""

    definition: MetricDefinition
    meta: TileMeta

    @property
    def name(self) -> str:
        """The mart's name, which is also the tile's in addresses."""
        return self.definition.name

    @property
    def asset(self) -> str:
        """The asset that fills it."""
        return self.meta.asset or self.definition.table.replace(".", "/")

    @property
    def about(self) -> Texts:
        """How it is counted: the model's description, which dbt has in English."""
        return Texts(en=self.definition.description, ko=self.meta.about_ko)

    def meaning(self, column: Column) -> Texts:
        """What a column means: the model's description of it, which dbt has in English."""
        described = self.definition.columns[column.name] or column.en
        return Texts(en=described, ko=column.about_ko or described)

    def open_to(self, role: str | None) -> bool:
        """Whether a role of the class sees it."""
        return role in WHO[self.meta.for_]

    def columns(self, *, staff: bool) -> list[Column]:
        """The columns shown."""
        return [column for column in self.meta.columns if staff or not column.staff_only]


def read_tile(definition: MetricDefinition) -> Tile | None:
    """The tile of a metric, or ``None`` where it has none.

    Raises:
        WebError: CP-WEB-060 when its ``meta.tile`` does not hold together.
    """
    declared = definition.meta.get("tile")
    if declared is None:
        return None
    try:
        meta = TileMeta.model_validate(declared)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise WebError("CP-WEB-060", f"{definition.name}: {wrong}") from None
    wrong = "; ".join(_contradictions(meta, definition))
    if wrong:
        raise WebError("CP-WEB-060", f"{definition.name}: {wrong}")
    return Tile(definition, meta)


def tiles_of(definitions: Iterable[MetricDefinition]) -> dict[str, Tile]:
    """Tiles by name, in order of place and position; one that does not hold together is left out and logged."""
    found = []
    for definition in definitions:
        try:
            tile = read_tile(definition)
        except WebError as error:
            log.error("%s", error)
            continue
        if tile is not None:
            found.append(tile)
    found.sort(key=lambda tile: (PLACES.index(tile.meta.place), tile.meta.position, tile.name))
    return {tile.name: tile for tile in found}


def published_tiles(published: PinnedReader | PublishedReader) -> Mapping[str, Tile]:
    """Tiles of the published version; none where it was published before definitions were kept in it."""

    def read() -> Mapping[str, Tile]:
        there = published.row(
            "select 1 as yes from duckdb_tables() where schema_name = 'meta' and table_name = 'metrics'"
        )
        return tiles_of(MetricDefinition.of(row) for row in published.query(SELECT)) if there else {}

    return published.kept(("tiles",), read, lasting=True)


def visible(tiles: Mapping[str, Tile], role: str | None, place: str | None = None) -> list[Tile]:
    """Tiles that a role sees, of one place or of all."""
    return [
        tile for tile in tiles.values() if tile.open_to(role) and (place is None or tile.meta.place == place)
    ]


def _contradictions(meta: TileMeta, definition: MetricDefinition) -> Iterator[str]:
    named = {
        "columns": [column.name for column in meta.columns],
        "sort": [name.removeprefix("-") for name in meta.sort],
        "students_see": list(meta.students_see),
        "filters": [name for name in meta.filters.model_dump().values() if name],
        "behind": [name for name in meta.behind.model_dump().values() if name],
        "chart": [meta.chart.x, *meta.chart.y] if meta.chart else [],
    }
    for part, names in named.items():
        for name in names:
            if name not in definition.columns:
                yield f"{part}: {name} is no column of the model"
    if not definition.description:
        yield "description: the model has none"
    shown = {column.name: column for column in meta.columns}
    if len(shown) < len(meta.columns):
        yield "columns: one stands there twice"
    open_ = {column.name: column for column in meta.columns if not column.staff_only}
    if meta.for_ == "member" and not open_:
        yield "columns: nothing is left for students"
    if meta.for_ == "member" and any(column.as_ == "chat" for column in open_.values()):
        # Whoever asks may hide from the class, which the published tables do not know.
        yield from (
            f"columns: {name} tells students who wrote what stands beside it: staff_only"
            for name in sorted(AUTHORS & open_.keys())
        )
    if meta.chart:
        yield from _contradictions_of_chart(meta, meta.chart, shown)


def _contradictions_of_chart(meta: TileMeta, chart: Chart, shown: Mapping[str, Column]) -> Iterator[str]:
    if chart.kind in ("timeline", "treemap", "spark") and len(chart.y) > 1:
        yield f"chart: a {chart.kind} has one series"
    if chart.kind == "timeline" and not meta.filters.lecture:
        yield "chart: a timeline needs filters.lecture"
    for name in (chart.x, *chart.y):
        if name not in shown:
            yield f"chart: {name} is not among the columns shown, so the table would not say what the chart does"
        elif meta.for_ == "member" and (shown[name].people or shown[name].staff_only):
            yield f"chart: {name} is hidden from students, or where people are few"

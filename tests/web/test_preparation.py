"""What is kept as long as a published version lasts, and what of it is made before anybody asks."""

from __future__ import annotations

import shutil
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.storage.publication import Publication
from chat_platform.storage.workspace import Workspace
from chat_platform.web import board, tile_data
from chat_platform.web.chats import reaction_rows
from chat_platform.web.pages.labels import uncertain_messages
from chat_platform.web.preparation import prepare
from chat_platform.web.published import KEPT_ANSWERS, LOOK_S, PinnedReader, PublishedReader
from chat_platform.web.tile_data import Asked, Reader
from chat_platform.web.tiles import published_tiles

PREPARED = True  # see ``unprepared``


@pytest.fixture
def publication(taught_home: Path) -> Publication:
    """Where the class was published."""
    return Workspace(Settings(home=taught_home)).publication


@pytest.fixture
def published(publication: Publication) -> Iterator[PinnedReader]:
    """Its published version."""
    reader = PublishedReader(publication)
    yield reader.pinned()
    reader.close()


def _end_of(threads: str) -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(threads):
            thread.join(60)


def test_what_takes_long_is_there_before_it_is_asked_for(publication: Publication) -> None:
    reader = PublishedReader(publication, prepare=prepare)
    assert reader.version.number
    _end_of("prepare-")

    def never() -> None:
        raise AssertionError("made when somebody asked")

    for key in (
        "question columns",
        "rows of lectures",
        "lectures of the board",
        "reaction rows",
        "questions asked alike",
        "uncertain messages",
        "similar questions",
    ):
        assert reader.kept((key,), never) is not None
    assert uncertain_messages(reader.pinned())
    assert board.lectures_of(reader.pinned())


def test_a_version_that_cannot_be_prepared_is_read_all_the_same(publication: Publication) -> None:
    tried = threading.Event()

    def fail(published: PinnedReader) -> None:
        tried.set()
        raise WebError("CP-WEB-009")

    reader = PublishedReader(publication, prepare=fail)
    assert reader.row("select count(*) as messages from core.messages")["messages"] > 0
    assert tried.wait(10)


def test_preparing_an_older_file_makes_what_it_can(taught_home: Path, tmp_path: Path) -> None:
    current = Workspace(Settings(home=taught_home)).publication.current().path
    build = tmp_path / "build.duckdb"
    shutil.copy(current, build)
    with duckdb.connect(str(build)) as connection:
        connection.execute("drop table marts.similar_questions")
        connection.execute("drop table ml.question_predictions")
    publication = Publication(tmp_path / "published")
    publication.publish(build)
    reader = PublishedReader(publication)
    prepare(reader.pinned())
    made: list[str] = []
    for key in ("question columns", "reaction rows", "questions asked alike", "uncertain messages"):
        reader.kept((key,), lambda key=key: made.append(key))
    assert made == ["questions asked alike", "uncertain messages"]


def test_what_lasts_is_not_dropped_for_what_many_ask(publication: Publication) -> None:
    reader, made = PublishedReader(publication), []
    reader.kept("lasting", lambda: made.append("lasting"), lasting=True)
    for number in range(KEPT_ANSWERS + 1):
        reader.kept(number, lambda: made.append("another"))
    reader.kept("lasting", lambda: made.append("lasting"), lasting=True)
    reader.kept(0, lambda: made.append("first"))
    assert made.count("lasting") == 1
    assert made.count("first") == 1, "the least used one was dropped"


def test_reactions_lie_where_they_are_looked_for(published: PinnedReader) -> None:
    rows = published.query("select rowid as row, conversation_id from core.reactions")
    lies = reaction_rows(published)
    assert rows
    for row in rows:
        first, last = lies[row["conversation_id"]]
        assert first <= row["row"] <= last


def test_every_figure_of_a_lecture_has_the_lectures_date(published: PinnedReader) -> None:
    """Figures of a lecture are looked for at its date only."""
    checked = 0
    for tile in published_tiles(published).values():
        filters = tile.meta.filters
        if filters.lecture and filters.date == "lecture_date":
            other = published.row(
                f"select count(*) as rows from {tile.definition.table} as t "  # noqa: S608  ours
                f"inner join marts.lectures as l on l.conversation_id = t.{filters.lecture} "
                "where t.lecture_date is distinct from l.lecture_date"
            )
            assert other == {"rows": 0}, tile.name
            checked += 1
    assert checked > 5


def test_figures_of_a_lecture_are_those_of_the_mart(published: PinnedReader) -> None:
    reader = Reader(staff=True, smallest=5)
    lecture = published.row("select conversation_id from marts.lectures order by messages desc")
    tiles = published_tiles(published)
    for name in ("lecture_words", "lecture_minutes", "lecture_speakers"):
        counted = published.row(
            f"select count(*) as rows from marts.{name} where conversation_id = $lecture",  # noqa: S608  ours
            {"lecture": lecture["conversation_id"]},
        )
        listed = tile_data.rows(published, tiles[name], Asked(lecture=lecture["conversation_id"]), reader)
        assert listed.total == counted["rows"] > 0
        assert len(listed.rows) == min(listed.size, listed.total)
        beyond = tile_data.rows(
            published, tiles[name], Asked(lecture=lecture["conversation_id"], page=500), reader
        )
        assert (beyond.rows, beyond.total) == ([], listed.total)
        nothing = tile_data.rows(published, tiles[name], Asked(lecture="none of these"), reader)
        assert (nothing.rows, nothing.total) == ([], 0)


def test_a_version_that_was_replaced_is_let_go_of(taught_home: Path, tmp_path: Path) -> None:
    current = Workspace(Settings(home=taught_home)).publication.current().path
    publication = Publication(tmp_path / "published")
    build = tmp_path / "build.duckdb"
    shutil.copy(current, build)
    publication.publish(build)
    reader = PublishedReader(publication, prepare=lambda published: None)
    first = reader.pinned()
    assert first.version.number == 1
    _end_of("prepare-")
    held = weakref.ref(first.kept("something large", lambda: np.zeros(10)))
    # As requests and what they refer to do.
    circle = [first]
    circle.append(circle)
    del first, circle
    with duckdb.connect(str(build)) as connection:
        connection.execute("create table meta.again as select 1 as one")
    publication.publish(build)
    time.sleep(LOOK_S)
    assert reader.version.number == 2
    _end_of("prepare-")
    assert held() is None

"""Tiles: what dbt's models declare is what people see."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.storage.metric_definitions import (
    MetricDefinition,
    definitions_of,
    read_manifest,
    write_definitions,
)
from chat_platform.storage.workspace import Workspace
from chat_platform.web import recordings
from chat_platform.web.tile_data import Few
from chat_platform.web.tiles import read_tile, tiles_of
from tests.web.conftest import SignIn
from tests.web.hostile import Page


def asked(settings: Settings, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Rows of what is published, from a copy: the portal has the file open in its own way."""
    copy = settings.home / "asked.duckdb"
    shutil.copyfile(Workspace(settings).publication.current().path, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, parameters).fetchall()


def rows_of(client: TestClient, name: str, **filters: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/c/class/tiles/{name}/rows.json", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def manifest(home: Path) -> list[MetricDefinition]:
    return read_manifest(home / "dbt" / "run" / "manifest.json")


# What a mart may say of its tile.


def test_every_mart_says_what_its_tile_is_and_all_of_it_holds_together(taught_home: Path) -> None:
    definitions = manifest(taught_home)
    assert [definition.name for definition in definitions if read_tile(definition) is None] == []


def test_how_a_figure_is_counted_is_said_in_the_readers_language(sign_in: SignIn, taught_home: Path) -> None:
    client, tiles = sign_in("operator"), tiles_of(manifest(taught_home))
    assert [name for name, tile in tiles.items() if not re.search("[가-힣]", tile.about.ko)] == []
    assert [name for name, tile in tiles.items() if re.search("[가-힣]", tile.about.en)] == []
    for name in ("talkers", "lecture_peaks"):
        about = tiles[name].about
        for language, shown, other in (("ko", about.ko, about.en), ("en", about.en, about.ko)):
            page = Page(client.get(f"/c/class/tiles/{name}", headers={"accept-language": language}).text)
            assert shown in page.text
            assert other not in page.text


def test_every_column_shown_is_explained_in_the_readers_language(sign_in: SignIn, taught_home: Path) -> None:
    client, tiles = sign_in("operator"), tiles_of(manifest(taught_home))
    meanings = {
        f"{name}.{column.name}": tile.meaning(column)
        for name, tile in tiles.items()
        for column in tile.meta.columns
    }
    assert len(meanings) > 150
    assert [at for at, meaning in meanings.items() if not re.search("[가-힣]", meaning.ko)] == []
    assert [at for at, meaning in meanings.items() if re.search("[가-힣]", meaning.en)] == []
    meaning = meanings["lecture_peaks.ratio"]
    for language, shown, other in (("ko", meaning.ko, meaning.en), ("en", meaning.en, meaning.ko)):
        page = Page(client.get("/c/class/tiles/lecture_peaks", headers={"accept-language": language}).text)
        assert shown in page.text
        assert other not in page.text


def test_a_column_that_was_published_without_korean_is_explained_in_english() -> None:
    tile = read_tile(declared())
    assert tile is not None
    column = tile.meta.columns[0]
    assert tile.meaning(column).ko == tile.meaning(column).en == tile.definition.columns[column.name]


def test_assets_that_tiles_name_are_in_the_graph(taught_home: Path) -> None:
    loaded = {"core/conversations", "core/quarantine", "ml/question_predictions", "ml/question_groups"}
    named = {tile.asset for tile in tiles_of(manifest(taught_home)).values()}
    assert {asset for asset in named if not asset.startswith("marts/")} <= {*loaded, "raw/zoom_recordings"}


GOOD: dict[str, Any] = {
    "title": {"en": "A", "ko": "가"},
    "question": {"en": "A?", "ko": "가?"},
    "about_ko": "무엇인지.",
    "place": "class",
    "for": "member",
    "sort": ["-n", "word"],
    "chart": {"kind": "bar", "x": "word", "y": ["n"]},
    "columns": [
        {"name": "word", "en": "Word", "ko": "단어"},
        {"name": "n", "en": "Number", "ko": "수", "as": "number"},
    ],
}
COLUMNS = {
    "word": "A word.",
    "n": "How often.",
    "people": "Who.",
    "hidden": "Not shown.",
    "name": "Who said it.",
}


def declared(**changed: Any) -> MetricDefinition:
    return MetricDefinition("a_metric", "What it is.", COLUMNS, {"tile": {**GOOD, **changed}}, "select 1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"place": "nowhere"}, "place"),
        ({"title": {"en": "A"}}, "title.ko"),
        ({"about_ko": " "}, "about_ko"),
        ({"titel": {}}, "titel"),
        ({"sort": ["-nothing"]}, "nothing is no column"),
        ({"sort": []}, "sort"),
        ({"columns": []}, "columns"),
        ({"columns": [*GOOD["columns"], GOOD["columns"][0]]}, "twice"),
        ({"columns": [{"name": 'n"; drop', "en": "x", "ko": "x"}]}, "no name of a column"),
        ({"filters": {"lecture": "absent"}}, "absent"),
        ({"behind": {"message": "word"}}, "without lecture"),
        ({"students_see": {"absent": 1}}, "absent"),
        ({"chart": {"kind": "pie", "x": "word", "y": ["n"]}}, "chart.kind"),
        ({"chart": {"kind": "bar", "x": "hidden", "y": ["n"]}}, "not among the columns shown"),
        ({"chart": {"kind": "timeline", "x": "n", "y": ["n"]}}, "filters.lecture"),
        ({"chart": {"kind": "treemap", "x": "word", "y": ["n", "n"]}}, "one series"),
        ({"asset": "../etc"}, "asset"),
        ({"limit": 100_000}, "limit"),
        (
            {"columns": [GOOD["columns"][0], {**GOOD["columns"][1], "people": True}]},
            "hidden from students, or where people are few",
        ),
        ({"columns": [{**column, "staff_only": True} for column in GOOD["columns"]]}, "nothing is left"),
        (
            {
                "columns": [
                    *GOOD["columns"][1:],
                    {"name": "word", "en": "Said", "ko": "말", "as": "chat"},
                    {"name": "name", "en": "Name", "ko": "이름"},
                ]
            },
            "name tells students who wrote",
        ),
    ],
)
def test_what_does_not_hold_together_is_said_with_the_metric_and_the_place(
    changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(WebError) as caught:
        read_tile(declared(**changed))
    assert caught.value.code == "CP-WEB-060"
    assert caught.value.detail.startswith("a_metric: ")
    assert said in caught.value.detail
    assert tiles_of([declared(**changed)]) == {}


def test_a_model_without_a_tile_has_none() -> None:
    assert read_tile(MetricDefinition("a_metric")) is None


# A new metric is a model with meta, and no Python.


def with_metric(taught: Path, settings: Settings, tile: dict[str, Any]) -> None:
    """Publish a copy with one more mart, as dbt's manifest and table would have it."""
    manifest_json = json.loads((taught / "dbt" / "run" / "manifest.json").read_text(encoding="utf-8"))
    manifest_json["nodes"]["model.chat_platform.loud_words"] = {
        "resource_type": "model",
        "schema": "marts",
        "name": "loud_words",
        "description": "Words that are shouted.",
        "columns": {
            "word": {"description": "The word."},
            "times": {"description": "How often it was shouted."},
            "shouters": {"description": "People who shouted."},
        },
        "config": {"meta": {"owner": "team:class-data", "tile": tile}},
        "compiled_code": "select 'loud' as word",
        "raw_code": "",
        "depends_on": {"nodes": ["model.chat_platform.int_words"]},
    }
    build = settings.warehouse / "more.duckdb"
    shutil.copyfile(Workspace(settings).publication.current().path, build)
    with duckdb.connect(str(build)) as connection:
        connection.execute("create table marts.loud_words (word varchar, times bigint, shouters bigint)")
        connection.execute("insert into marts.loud_words values ('=야', 7, 2), ('앗', 3, 9), ('오', 5, 0)")
        assert write_definitions(connection, definitions_of(manifest_json))
        assert not write_definitions(connection, definitions_of(manifest_json))
    Workspace(settings).publication.publish(build)


LOUD = {
    **GOOD,
    "title": {"en": "Loud words", "ko": "큰 소리 단어"},
    "chart": {"kind": "treemap", "x": "word", "y": ["times"]},
    "sort": ["-times"],
    "columns": [
        {"name": "word", "en": "Word", "ko": "단어"},
        {"name": "times", "en": "Times", "ko": "횟수", "as": "number"},
        {"name": "shouters", "en": "Shouters", "ko": "외친 사람", "as": "number", "people": True},
    ],
}


def test_a_new_metric_is_a_model_with_meta(taught_home: Path, settings: Settings, sign_in: SignIn) -> None:
    with_metric(taught_home, settings, LOUD)
    client = sign_in("student")
    assert "/c/class/tiles/loud_words" in Page(client.get("/c/class/tiles").text).links
    assert "큰 소리 단어" in client.get("/c/class/lectures").text
    page = Page(client.get("/c/class/tiles/loud_words").text)
    assert json.loads(page.islands[0]) == {
        "items": [{"name": "=야", "value": 7}, {"name": "오", "value": 5}, {"name": "앗", "value": 3}]
    }
    for text in ("무엇인지.", "How often it was shouted.", "select 'loud' as word", "< 5"):
        assert text in page.text
    assert "marts/loud_words" in page.text
    assert "intermediate.int_words" in page.text
    body = client.get("/c/class/tiles/loud_words/export.csv").content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(body))) == [
        ["단어", "횟수", "외친 사람"],
        ["'=야", "7", "< 5"],
        ["오", "5", "0"],
        ["앗", "3", "9"],
    ]
    book = client.get("/c/class/tiles/loud_words/export.xlsx")
    assert "%ED%81%B0" in book.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(book.content)) as archive:
        assert "=야" in archive.read("xl/worksheets/sheet1.xml").decode()
    staff = rows_of(sign_in("teacher"), "loud_words")
    assert [row["shouters"] for row in staff] == [2, 0, 9]


def test_a_malformed_tile_in_what_is_published_breaks_no_page(
    taught_home: Path, settings: Settings, sign_in: SignIn
) -> None:
    with_metric(taught_home, settings, {**LOUD, "place": "nowhere"})
    client = sign_in("student")
    assert client.get("/c/class/lectures").status_code == 200
    assert client.get("/c/class/tiles/loud_words").status_code == 404


def test_what_was_published_before_there_were_definitions_has_no_tiles_and_works(
    home: Path, settings: Settings, sign_in: SignIn
) -> None:
    build = home / "warehouse" / "older.duckdb"
    shutil.copyfile(Workspace(settings).publication.current().path, build)
    with duckdb.connect(str(build)) as connection:
        connection.execute("drop table meta.metrics")
    Workspace(settings).publication.publish(build)
    client = sign_in("student")
    assert client.get("/c/class/lectures").status_code == 200
    assert "정의가 없습니다" in client.get("/c/class/tiles").text


# What a tile shows is what the table holds.


@pytest.mark.parametrize("name", ["daily_activity", "lecture_minutes", "question_summary", "talkers"])
def test_rows_equal_the_table(sign_in: SignIn, settings: Settings, name: str) -> None:
    client = sign_in("operator")
    first = client.get(f"/c/class/tiles/{name}/rows.json").json()
    found = list(first["rows"])
    for page in range(2, first["pages"] + 1):
        found += rows_of(client, name, page=page)
    columns = list(found[0])
    table = asked(settings, f"select {', '.join(columns)} from marts.{name}")
    plain = [[v.isoformat() if hasattr(v, "isoformat") else v for v in row] for row in table]
    assert first["total"] == len(table) == len(found)
    assert sorted(map(str, plain)) == sorted(str(list(row.values())) for row in found)


def test_a_chart_says_what_the_table_says(sign_in: SignIn, settings: Settings) -> None:
    page = Page(sign_in("student").get("/c/class/tiles/daily_activity").text)
    data = json.loads(page.islands[0])
    table = asked(
        settings, "select local_date, zoom_messages, slack_messages from marts.daily_activity order by 1"
    )
    assert data["labels"] == [row[0].isoformat() for row in table]
    assert [series["values"] for series in data["series"]] == [
        [row[1] for row in table],
        [row[2] for row in table],
    ]


def test_filters_narrow_and_orders_sort(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("student")
    ((lecture, day),) = asked(
        settings, "select conversation_id, lecture_date from marts.lectures order by 1 limit 1"
    )
    minutes = rows_of(client, "lecture_minutes", lecture=lecture, sort="-messages")
    counts = [row["messages"] for row in minutes]
    assert counts == sorted(counts, reverse=True)
    ((total,),) = asked(
        settings, "select sum(messages) from marts.lecture_minutes where conversation_id = ?", [lecture]
    )
    pages = client.get("/c/class/tiles/lecture_minutes/rows.json", params={"lecture": lecture}).json()[
        "pages"
    ]
    everything = [
        row
        for page in range(1, pages + 1)
        for row in rows_of(client, "lecture_minutes", lecture=lecture, page=page)
    ]
    assert sum(row["messages"] for row in everything) == total
    days = rows_of(client, "daily_activity", **{"from": day, "to": day})
    assert [row["local_date"] for row in days] == [day.isoformat()]
    assert rows_of(client, "daily_activity", to="2000-01-01") == []


@pytest.mark.parametrize(
    "filters",
    [
        {"sort": "nothing"},
        {"sort": "participant_id; drop table x"},
        {"from": "yesterday"},
        {"page": "0"},
        {"page": "99999999999999999999"},
        {"person": "p1", "name": "daily_activity"},
    ],
)
def test_what_cannot_be_asked_is_refused(sign_in: SignIn, filters: dict[str, str]) -> None:
    name = filters.pop("name", "talkers")
    answer = sign_in("operator").get(f"/c/class/tiles/{name}", params=filters)
    assert answer.status_code == 422


@pytest.mark.parametrize("text", ["' or 1=1 --", '"; drop table marts.talkers; --', "%", "?", "$1", "x\x1fy"])
def test_hostile_values_of_filters_find_nothing_and_break_nothing(sign_in: SignIn, text: str) -> None:
    client = sign_in("operator")
    assert rows_of(client, "lecture_minutes", lecture=text) == []
    assert rows_of(client, "participation_daily", person=text) == []
    assert rows_of(client, "talkers")


# Who sees what.


def test_students_see_no_figures_of_single_people(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("student")
    for name in ("talkers", "reacted", "reactors", "lecture_speakers", "participation_daily", "person_words"):
        for part in ("", "/rows.json", "/export.csv", "/export.xlsx"):
            assert client.get(f"/c/class/tiles/{name}{part}").status_code == 403
        assert f"/tiles/{name}" not in client.get("/c/class/tiles").text
    assert "tile-talkers" not in client.get("/c/class/lectures").text
    assert "tile-talkers" in sign_in("teacher").get("/c/class/lectures").text
    assert client.get("/c/class/tiles/data_quality").status_code == 403
    assert sign_in("teacher").get("/c/class/tiles/data_quality").status_code == 403
    assert sign_in("operator").get("/c/class/tiles/data_quality").status_code == 200


def test_students_see_hot_chats_of_lectures_only_and_no_resolved_names(
    sign_in: SignIn, settings: Settings
) -> None:
    found = rows_of(sign_in("student"), "top_messages")
    assert found
    assert all("name" not in row for row in found)
    texts = {row["text"] for row in found}
    slack = {row[0] for row in asked(settings, "select text from marts.top_messages where source = 'slack'")}
    zoom = {row[0] for row in asked(settings, "select text from marts.top_messages where source = 'zoom'")}
    assert texts <= zoom
    assert slack - zoom <= {row["text"] for row in rows_of(sign_in("teacher"), "top_messages")}


def test_few_people_are_not_told_to_students_anywhere(sign_in: SignIn, settings: Settings) -> None:
    client, staff = sign_in("student"), sign_in("teacher")
    ((lecture,),) = asked(settings, "select conversation_id from marts.lectures order by 1 limit 1")
    shown = rows_of(client, "lecture_minutes", lecture=lecture)
    exact = rows_of(staff, "lecture_minutes", lecture=lecture)
    k = settings.web.smallest_group
    assert any(0 < row["speakers"] < k for row in exact)
    for row, true in zip(shown, exact, strict=True):
        assert row["speakers"] == (f"< {k}" if 0 < true["speakers"] < k else true["speakers"])
    body = client.get("/c/class/tiles/lecture_minutes/export.csv", params={"lecture": lecture}).text
    counts = [row[2] for row in csv.reader(io.StringIO(body))][1:]
    assert not {str(number) for number in range(1, k)} & set(counts)
    assert client.get("/c/class/tiles/lecture_minutes", params={"sort": "speakers"}).status_code == 422


def test_few_is_a_text() -> None:
    assert str(Few(5)) == "< 5"


def test_exports_are_noted(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("teacher")
    client.get("/c/class/tiles/talkers")
    assert client.get("/c/class/tiles/talkers/export.csv").status_code == 200
    assert client.get("/c/class/tiles/talkers/export.xlsx").status_code == 200
    text = sign_in("operator").get("/c/class/audit").text
    assert text.count("export.tile") >= 2


def test_too_many_rows_are_refused_instead_of_cut(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_platform.web.exports.MOST_ROWS", 10)
    client = sign_in("teacher")
    answer = client.get("/c/class/tiles/lecture_minutes/export.csv")
    assert answer.status_code == 422
    assert "CP-WEB-061" in answer.text
    assert "export.csv" not in client.get("/c/class/tiles/lecture_minutes").text


# From a row to its messages.


def test_rows_lead_to_the_messages_behind_them(sign_in: SignIn, settings: Settings) -> None:
    client = sign_in("student")
    top = Page(client.get("/c/class/tiles/top_messages").text)
    ways = [link for link in top.links if "?around=" in link]
    assert ways
    page = client.get(ways[0].split("#")[0])
    message = re.search(r"around=([^#]+)", ways[0])
    assert message is not None
    assert page.text.count('class="message') > 1
    assert "chosen" in page.text
    days = Page(client.get("/c/class/tiles/daily_activity").text)
    assert any(link.startswith("/c/class/lectures?from=") for link in days.links)
    minutes = Page(client.get("/c/class/tiles/lecture_minutes").text)
    assert any(re.search(r"/lectures/[^?]+\?at=\d+#chat$", link) for link in minutes.links)


def test_empty_tiles_say_which_asset_has_not_run(sign_in: SignIn) -> None:
    text = sign_in("student").get("/c/class/tiles/similar_questions").text
    assert "ml/question_groups" in text


def test_htmx_gets_the_rows_only(sign_in: SignIn) -> None:
    answer = sign_in("student").get("/c/class/tiles/daily_activity", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert 'id="rows"' in answer.text


def test_links_into_recordings_are_those_of_the_marts(settings: Settings) -> None:
    rows = asked(
        settings,
        "select l.link, p.first_at, p.link from marts.lecture_peaks p join marts.lectures l using (conversation_id)",
    )
    assert rows
    for link, moment, wanted in rows:
        assert recordings.at_moment(link, moment) == wanted


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://zoom.example/a?startTime=5", "https://zoom.example/a?startTime=1772445600000"),
        (
            "https://zoom.example/a?x=1&startTime=5&y=2#t",
            "https://zoom.example/a?x=1&y=2&startTime=1772445600000#t",
        ),
        (
            "https://zoom.example/a?pwd=a/b.c%3D",
            "https://zoom.example/a?pwd=a/b.c%3D&startTime=1772445600000",
        ),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("http://[::1", None),
        (None, None),
    ],
)
def test_links_keep_what_is_not_ours(link: str | None, wanted: str | None) -> None:
    assert recordings.at_moment(link, datetime(2026, 3, 2, 10, tzinfo=UTC)) == wanted

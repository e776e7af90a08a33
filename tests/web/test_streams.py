"""Streamers and emotes on the portal: the metrics in words, tables and charts; nothing where there is nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.ingestion.publication import publish
from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace
from chat_platform.web import stream_figures
from chat_platform.web.published import PublishedReader
from chat_platform.web.rendering import environment
from tests.homes import copied
from tests.web.conftest import SignIn
from tests.web.hostile import TEXTS, Page, poison
from tests.web.test_hostile_pages import page_of, shown

STREAMERS, EMOTES = "/c/class/streamers", "/c/class/emotes"


@pytest.fixture
def home(streaming_home: Path, tmp_path: Path) -> Path:
    """A copy of the class with streams."""
    return copied(streaming_home, tmp_path)


def islands(page: Page, mark: str) -> dict[str, object]:
    """Data of the first chart that has a key."""
    return next(found for found in map(json.loads, page.islands) if mark in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (0.0131, "+1.3 %"),
        (-0.4, "−40.0 %"),
        (-0.0004, "±0.0 %"),
        (0.0004, "±0.0 %"),
        (0.0, "±0.0 %"),
        (None, "–"),
    ],
)
def test_a_change_that_rounds_to_nothing_has_no_direction(change: float | None, said: str) -> None:
    template = '{% import "streams/parts.html" as parts %}{{ parts.signed_percent(change) }}'
    assert environment().from_string(template).render(change=change) == said


def squeezed(text: str) -> str:
    """A text without white space, which tables lose between their cells."""
    return "".join(text.split())


def read(home: Path, sql: str) -> list[tuple[object, ...]]:
    path = Workspace(Settings(home=home)).publication.current().path
    copy = home / "asked.duckdb"
    shutil.copyfile(path, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_both_pages_and_their_tiles_are_linked(sign_in: SignIn) -> None:
    client = sign_in("student")
    assert {STREAMERS, EMOTES} <= set(page_of(client, "/c/class/lectures").links)
    tiles = {link for link in page_of(client, "/c/class/tiles").links if "/tiles/" in link}
    linked = {*page_of(client, STREAMERS).links, *page_of(client, EMOTES).links}
    of_streams = {link for link in tiles if link.rsplit("/", 1)[1].startswith(("stream", "emotes"))}
    assert len(of_streams) == 15
    assert of_streams <= linked
    for link in sorted(of_streams):
        page_of(client, link)


def test_the_ranking_says_who_rises_and_why(home: Path, sign_in: SignIn) -> None:
    page = Page(sign_in("student").get(STREAMERS, headers={"accept-language": "en"}).text)
    for said in (
        "1 ▲1 places gained 채널 c1 400 +140 rising +232.0 % over 60 days, 16 of them with a figure; +10.0 % a day",
        "; sure to 99 %.",
        "2 ▼1 places lost 채널 c2 300 ±0 unknown Too few figures to tell.",
        "채널 c1 260 400 채널 c2 300 300",
    ):
        assert squeezed(said) in squeezed(page.text)
    assert any(link.startswith("https://www.twitch.tv/videos/v3?t=0h12m") for link in page.links)
    korean = squeezed(sign_in("student").get(STREAMERS, headers={"accept-language": "ko"}).text)
    assert squeezed("60일 동안 +232.0 %, 수치가 있는 날 16일, 하루 +10.0 %, 확신도 99 %.") in korean


def test_a_peak_leads_to_the_volume_of_its_video(home: Path, sign_in: SignIn) -> None:
    client = sign_in("student")
    volume = "/c/class/tiles/stream_video_minutes?lecture=twitch-v3"
    assert volume in page_of(client, STREAMERS).links
    minutes = read(
        home, "select minute, messages from marts.stream_video_minutes where conversation_id = 'twitch-v3'"
    )
    drawn = islands(page_of(client, volume), "step")
    assert drawn["values"] == [dict(minutes).get(minute, 0) for minute in range(30)]
    assert max(drawn["values"]) == drawn["values"][12] > 40


def test_a_missing_day_is_a_gap_in_the_line_and_not_a_zero(sign_in: SignIn) -> None:
    page = Page(sign_in("student").get(STREAMERS).text)
    figures = [json.loads(island)["values"] for island in page.islands]
    assert figures[0] == [100 + 20 * place for place in range(16)]
    assert figures[1] == [None if place == 5 else 300 for place in range(16)]


def test_lines_of_streamers_have_the_same_days(home: Path, settings: Settings) -> None:
    with Workspace(settings).warehouse.write() as connection:
        connection.execute(
            "delete from marts.streamer_days where channel_id = 'c2' and day < date '2026-03-18'"
        )
    publish(Workspace(settings))
    published = PublishedReader(Workspace(settings).publication).pinned()
    found = stream_figures.streamers(published, "twitch", "followers", "rank", 1)
    assert [row["figures"] for row in found.rows] == [
        [100 + 20 * place for place in range(16)],
        [None] * 13 + [300] * 3,
    ]


def test_the_ranking_can_be_ordered_and_asked_for_another_figure(sign_in: SignIn) -> None:
    client = sign_in("student")
    falling = page_of(client, f"{STREAMERS}?sort=fall&metric=followers").text
    assert falling.index("채널 c1") < falling.index("채널 c2")  # without a score one stands last either way
    english = client.get(f"{STREAMERS}?metric=views", headers={"accept-language": "en"})
    assert "The platform does not say these figures." in english.text
    assert client.get(f"{STREAMERS}?sort=nothing").status_code == 422
    assert client.get(f"{STREAMERS}?platform=nowhere").status_code == 404
    assert "그런 쪽은 없습니다" in client.get(f"{STREAMERS}?page=9").text


def test_the_treemap_and_the_table_tell_the_same_counts(home: Path, sign_in: SignIn) -> None:
    client = sign_in("student")
    counted = read(home, "select code, sum(uses) from marts.emotes_daily group by code order by 2 desc")
    page = Page(client.get(f"{EMOTES}?period=all").text)
    assert islands(page, "items") == {"items": [{"name": code, "value": int(uses)} for code, uses in counted]}
    for code, uses in counted:
        assert squeezed(f"{code} 7tv {uses:,}") in squeezed(page.text)


def test_emotes_of_some_days_and_of_one_channel(home: Path, sign_in: SignIn) -> None:
    client = sign_in("student")
    for asked, where in (
        ("period=7", "local_date > date '2026-03-12'"),
        ("period=all&channel=c2", "channel_id = 'c2'"),
    ):
        items = islands(Page(client.get(f"{EMOTES}?{asked}").text), "items")["items"]
        counted = read(home, f"select code, sum(uses) from marts.emotes_daily where {where} group by code")
        assert {one["name"]: one["value"] for one in items} == dict(counted)
    assert client.get(f"{EMOTES}?channel=c9").status_code == 404
    assert client.get(f"{EMOTES}?period=8").status_code == 422


def test_the_trend_has_the_days_with_chat_and_what_rises_is_named(sign_in: SignIn) -> None:
    page = Page(sign_in("student").get(f"{EMOTES}?period=all", headers={"accept-language": "en"}).text)
    lines = islands(page, "series")
    assert lines["labels"] == ["2026-02-20", "2026-02-21", "2026-03-10", "2026-03-18", "2026-03-19"]
    by_name = {one["name"]: one["values"] for one in lines["series"]}
    assert [round(sum(day)) for day in zip(*by_name.values(), strict=True)] == [100] * 5
    assert by_name["MEME"][3] > 40 > by_name["MEME"][2]
    rising = page.text[page.text.index("On the rise") : page.text.index("Most used")]
    assert "MEME" in rising
    assert "WAVE" not in rising


@pytest.mark.parametrize(
    ("language", "words"), [("ko", ("스트리머", "이모트")), ("en", ("Streamers", "Emotes"))]
)
def test_both_pages_speak_both_languages(sign_in: SignIn, language: str, words: tuple[str, str]) -> None:
    client = sign_in("student")
    for address, word in zip((STREAMERS, EMOTES), words, strict=True):
        answer = client.get(address, headers={"accept-language": language})
        assert f"<h1>{word}</h1>" in answer.text


def test_names_titles_and_codes_are_text(home: Path, settings: Settings, sign_in: SignIn) -> None:
    # So many emotes that each text is the code of one.
    workspace = Workspace(settings)
    build = poison(home, workspace)
    with duckdb.connect(str(build)) as connection:
        connection.execute(
            "insert into intermediate.int_emote_days by name select 'twitch' as platform, 'c1' as channel_id, "
            "date '2026-03-19' as local_date, '7tv' as provider, n::varchar as emote_id, t as code, "
            "1000 - n as uses, 1 as messages, 1 as chatters, 0.1 as share, 'Asia/Seoul' as time_zone "
            "from (select unnest(?) as t, unnest(range(?)) as n)",
            [TEXTS, len(TEXTS)],
        )
    workspace.publication.publish(build)
    client = sign_in("student")
    text = shown(page_of(client, f"{EMOTES}?period=all").text)
    assert all(shown(code).strip() in text for code in TEXTS[:100])
    page_of(client, f"{EMOTES}?period=all&channel=c1")
    ranking = page_of(client, STREAMERS)
    names = read(home, "select channel from marts.streamer_ranking")
    assert all(shown(name).strip() in shown(ranking.text) for (name,) in names)
    assert all(link.startswith(("/", "#", "?", "https://", "http://")) for link in ranking.links)


def test_students_teachers_and_operators_may_look_and_others_not(sign_in: SignIn, client: TestClient) -> None:
    for address in (STREAMERS, EMOTES):
        assert [sign_in(role).get(address).status_code for role in ("student", "teacher", "operator")] == [
            200
        ] * 3
        assert client.get(address).status_code in (303, 401)
        assert sign_in(None).get(address).status_code == 404

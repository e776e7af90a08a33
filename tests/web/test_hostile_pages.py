"""Whatever people wrote is shown as text, on every page of lectures and of figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from fastapi.testclient import TestClient

from chat_platform.settings import Settings
from chat_platform.storage.csv_text import could_be_formula
from chat_platform.storage.workspace import Workspace
from chat_platform.web.application import create_app
from tests.homes import copied
from tests.web.conftest import SignIn
from tests.web.hostile import BUILD, TEXTS, Page, poison
from tests.web.members import member


@pytest.fixture(scope="module")
def poisoned_home(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which what is published is full of hostile texts; it is read only, but for accounts."""
    home = copied(taught_home, tmp_path_factory.mktemp("poisoned"))
    poison(home, Workspace(Settings(home=home)))
    return home


@pytest.fixture
def home(poisoned_home: Path) -> Path:
    """The home of ``settings``."""
    return poisoned_home


@pytest.fixture
def poisoned(home: Path) -> Path:
    """The file that was published, to be asked what pages should show."""
    return home / "warehouse" / BUILD


def asked(poisoned: Path, sql: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(poisoned), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def shown(text: str) -> str:
    """A text as HTML shows it: NUL is replaced, carriage returns are line feeds."""
    return text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")


def page_of(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    assert "hostile" not in str(answer.headers)
    page = Page(answer.text)
    assert page.ran == [], address
    assert page.outside == [], address
    return page


def lecture_ids(poisoned: Path) -> list[str]:
    return [row[0] for row in asked(poisoned, "select conversation_id from marts.lectures")]


def test_there_are_two_hundred_different_texts() -> None:
    assert len(set(TEXTS)) == 200


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_messages_and_names_of_a_lecture_are_text(poisoned: Path, sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    seen = ""
    for conversation_id in lecture_ids(poisoned):
        after = -1
        while after is not None:
            page = page_of(client, f"/c/class/lectures/{conversation_id}?after={after}")
            seen += shown(page.text)
            following = [link for link in page.links if "?after=" in link and link.endswith("#chat")]
            numbers = [int(link.split("after=")[1].split("#")[0]) for link in following]
            after = max((number for number in numbers if number > after), default=None)
    public = asked(
        poisoned,
        "select text, author_name from core.messages m join marts.lectures using (conversation_id) "
        "where m.visibility = 'everyone' and not m.removed",
    )
    missing = {text for row in public for text in row if shown(text).strip() not in seen}
    assert missing == set()
    # The lectures have messages enough for every one of the texts.
    assert {text for row in public for text in row} == set(TEXTS)


def test_the_list_of_lectures_and_its_statistics_are_text(poisoned: Path, sign_in: SignIn) -> None:
    page = page_of(sign_in("teacher"), "/c/class/lectures")
    assert page.islands
    titles = [row[0] for row in asked(poisoned, "select title from marts.lectures")]
    assert all(shown(title).strip() in shown(page.text) for title in titles)


def test_links_open_the_web_only(poisoned: Path, sign_in: SignIn) -> None:
    client = sign_in("student")
    outside = set()
    for conversation_id in lecture_ids(poisoned):
        links = page_of(client, f"/c/class/lectures/{conversation_id}").links
        outside |= {link for link in links if not link.startswith(("/", "#"))}
    assert outside
    assert all(link.startswith(("http://", "https://")) for link in outside)
    assert not any(character in link for link in outside for character in "<>\"'\u202e")


def test_every_tile_shows_text_and_its_files_are_harmless(poisoned: Path, sign_in: SignIn) -> None:
    client = sign_in("operator")
    names = {link.rsplit("/", 1)[1] for link in page_of(client, "/c/class/tiles").links if "/tiles/" in link}
    assert len(names) > 15
    for name in sorted(names):
        page_of(client, f"/c/class/tiles/{name}")
        answer = client.get(f"/c/class/tiles/{name}/export.csv")
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if could_be_formula(cell) and not number(cell)], name


def number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", TEXTS[:125])
def test_a_hostile_search_finds_what_it_says_and_runs_nothing(
    client_of_student: TestClient, text: str
) -> None:
    for address in ("/c/class/lectures", "/c/class/lectures/zoom-20260302-5b7e2c1a7647"):
        answer = client_of_student.get(address, params={"q": text})
        assert answer.status_code in (200, 422)
        page = Page(answer.text)
        assert (page.ran, page.outside) == ([], [])


@pytest.fixture(scope="module")
def client_of_student(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Somebody who only reads: one portal for all searches."""
    home = copied(taught_home, tmp_path_factory.mktemp("searched"))
    app = create_app(Settings(home=home))
    with member(app, "student") as client:
        yield client
    app.state.services.classes["class"].published.close()

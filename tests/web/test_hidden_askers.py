"""Whoever asks anonymously is named to staff only, wherever the question is shown."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import duckdb
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from chat_platform.digest.content import compose, published_week
from chat_platform.digest.weeks import Week
from chat_platform.settings import Settings
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.workspace import Workspace
from chat_platform.web.api_document import openapi_document
from chat_platform.web.published import PublishedReader
from chat_platform.web.quiz_messages import held_out
from tests.homes import copied
from tests.web.conftest import SignIn

C = "/c/class"
API = f"/api/v1{C}"
NAME = "가려진사람"
SAMPLE = 2
"""Links of one kind that are followed; those to the question itself always are."""
# A person who wrote nothing but one liked question, so that their name stands nowhere else.
_ONE_QUESTION = (
    "insert into core.people select * replace ('hidden' as person_id, $name as name) from core.people limit 1",
    "insert into core.identities select * replace ('hidden' as identity_id, 'hidden' as person_id, "
    "$name as display_name, $name as name_part) from core.identities where person_id is not null limit 1",
    "insert into intermediate.int_participants select * replace ('hidden' as identity_id, "
    "'hidden' as participant_id, 'hidden' as person_id, $name as name, 'student' as role) "
    "from intermediate.int_participants limit 1",
    "update core.messages set identity_id = 'hidden', author_name = $name where message_id = $message",
    *(
        f"update marts.{table} set participant_id = 'hidden', person_id = 'hidden', name = $name "
        "where message_id = $message"
        for table in ("lecture_questions", "open_questions", "top_messages")
    ),
    "update marts.top_messages set reactions = 1000 where message_id = $message",
)


@dataclass(frozen=True)
class Question:
    """A question of a chat, and the week and lecture in which it was asked."""

    message_id: str
    conversation_id: str
    week: Week


@pytest.fixture
def question(home: Path, settings: Settings) -> Question:
    """The one message of somebody, published."""
    build = home / "warehouse" / "hidden.duckdb"
    workspace = Workspace(settings)
    shutil.copyfile(workspace.publication.current().path, build)
    with duckdb.connect(str(build)) as connection:
        found = connection.execute(
            "select message_id, conversation_id, lecture_date from marts.lecture_questions "
            "inner join marts.top_messages using (message_id, conversation_id) "
            # The first page of both tiles has it.
            "order by lecture_date desc, conversation_id, asked_at, message_id limit 1"
        ).fetchone()
        assert found is not None
        for sql in _ONE_QUESTION:
            given = {"name": NAME, "message": found[0]}
            connection.execute(sql, {key: value for key, value in given.items() if f"${key}" in sql})
    workspace.publication.publish(build)
    return Question(found[0], found[1], Week(found[2] - timedelta(days=found[2].weekday())))


@pytest.fixture
def asker(sign_in: SignIn, question: Question) -> TestClient:
    """Whose question it is, and who hides; they have also asked on the portal."""
    client = sign_in("student", login=f"{NAME}@example.com", person_id="hidden")
    data = {"question_id": question.message_id, "hidden": "1"}
    assert client.post(f"{C}/questions/asker", data=data).status_code == 303
    data = {"text": "이건 비밀 질문인가요?", "hidden": "1", "lecture": question.conversation_id}
    assert client.post(f"{C}/questions", data=data).status_code == 303
    return client


@dataclass
class Crawl:
    """Whatever somebody can open from the pages of a class, and where a name stands."""

    client: TestClient
    message_id: str
    opened: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    _kinds: dict[Any, int] = field(default_factory=dict)

    def walk(self, *addresses: str) -> Crawl:
        waiting = list(addresses)
        while waiting:
            address = waiting.pop()
            if address in self.opened or not self._is_wanted(address):
                continue
            self.opened.add(address)
            answer = self.client.get(address)
            assert answer.status_code < 500, address
            text = text_of(answer)
            if NAME in text or NAME in unescape(str(answer.headers)):
                self.named.add(address)
            if answer.headers.get("content-type", "").startswith("text/html"):
                links = re.findall(r'(?:href|hx-get)="([^"]*)"', answer.text)
                targets = (urljoin(address, unescape(link)).partition("#")[0] for link in links)
                waiting += [target for target in targets if target.startswith(f"{C}/")]
        return self

    def _is_wanted(self, address: str) -> bool:
        parts = urlsplit(address)
        if self.message_id in (text := f"{parts.path}?{parts.query}") or quote(self.message_id) in text:
            return True
        if address.startswith("/api/"):
            return True
        place = re.sub(rf"^{C}/(lectures|questions|people|answers)/[^/]+", r"\1/*", parts.path)
        kind = (place, *sorted(parse_qs(parts.query)))
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        return self._kinds[kind] <= SAMPLE


def text_of(answer: Response) -> str:
    """What an answer holds as a text; of an Excel file all of its parts."""
    if "spreadsheet" not in answer.headers.get("content-type", ""):
        return unescape(answer.content.decode("utf-8-sig", "replace"))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        return "".join(unescape(book.read(part).decode()) for part in book.namelist())


def api_addresses(client: TestClient, question: Question) -> list[str]:
    """Every GET of the API, about the lecture, question or tile."""
    document = openapi_document(client.app.routes, "http://127.0.0.1:8600")  # type: ignore[attr-defined]
    tiles = [tile["name"] for tile in client.get(f"{API}/tiles").json()]
    values = {
        "class_id": ["class"],
        "conversation_id": [question.conversation_id],
        "question_id": [quote(question.message_id, safe="")],
        "tile": tiles,
        "person_id": ["hidden"],
    }
    found = []
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        filled = [f"/api/v1{path.removeprefix('/api/v1')}"]
        for name in re.findall(r"{(\w+)}", path):
            filled = [
                one.replace(f"{{{name}}}", value) for one in filled for value in values.get(name, ["1"])
            ]
        longest = (
            "?limit=200"
            if any(one["name"] == "limit" for one in methods["get"].get("parameters", ()))
            else ""
        )
        found += [f"{one}{longest}" for one in filled]
    return found


def everything(client: TestClient, question: Question) -> Crawl:
    crawl = Crawl(client, question.message_id)
    crawl.walk(
        f"{C}/lectures", f"{C}/questions", f"{C}/questions/uncertain", f"{C}/questions/similar?text=질문인가요?",
        f"{C}/notifications", f"{C}/people/me", f"{C}/tiles", f"{C}/digest",
        f"{C}/lectures/{question.conversation_id}?around={quote(question.message_id)}",
        f"{C}/questions/{quote(question.message_id, safe='')}",
    )  # fmt: skip
    return crawl.walk(*api_addresses(client, question))


@pytest.mark.exhaustive
@pytest.mark.usefixtures("asker")
def test_nothing_that_a_student_can_open_names_them(sign_in: SignIn, question: Question) -> None:
    student, teacher = sign_in("student", login="other@example.com"), sign_in("teacher")
    seen = everything(student, question)
    assert seen.named == set()
    # Staff see the name, so these are the places where it could be seen.
    places = {
        f"{C}/lectures/{question.conversation_id}?around={quote(question.message_id)}",
        f"{C}/questions/{quote(question.message_id, safe='')}",
        f"{API}/lectures/{question.conversation_id}/messages?limit=200",
        f"{API}/lectures/{question.conversation_id}/top-messages?limit=200",
        f"{API}/questions",
        *(
            f"{C}/tiles/{tile}{part}"
            for tile in ("top_messages", "lecture_questions")
            for part in ("", "/export.csv", "/export.xlsx", "/rows.json")
        ),
        *(f"{API}/tiles/{tile}/rows?limit=200" for tile in ("top_messages", "lecture_questions")),
    }
    assert [address for address in places if NAME not in text_of(teacher.get(address))] == []
    assert places <= seen.opened
    tiles = {address for address in seen.opened if re.fullmatch(rf"{C}/tiles/\w+", address)}
    assert len(tiles) > 8
    assert {f"{tile}/{part}" for tile in tiles for part in ("export.csv", "rows.json")} <= seen.opened


@pytest.mark.usefixtures("asker")
def test_searching_for_the_name_finds_nothing_of_theirs(sign_in: SignIn, question: Question) -> None:
    student, teacher, part = (
        sign_in("student", "other@example.com"),
        sign_in("teacher"),
        {"HX-Request": "true"},
    )
    chat = f"{C}/lectures/{question.conversation_id}?q={NAME}"
    for address in (chat, f"{C}/questions?text={NAME}"):
        assert question.message_id not in unescape(student.get(address, headers=part).text)
    assert question.message_id in unescape(teacher.get(chat, headers=part).text)


def test_they_see_their_own_name_and_others_when_they_show_it(
    sign_in: SignIn, question: Question, asker: TestClient
) -> None:
    address = f"{API}/lectures/{question.conversation_id}/messages?limit=500"
    other = sign_in("student", login="other@example.com")
    before = other.get(address)
    assert NAME not in before.text
    assert NAME in asker.get(address).text
    asker.post(f"{C}/questions/asker", data={"question_id": question.message_id, "hidden": "0"})
    # What was kept by its mark is not used on when the name may be shown, or not any more.
    after = other.get(address, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    (row,) = [one for one in after.json()["items"] if one["message_id"] == question.message_id]
    assert (row["author_name"], row["name"], row["person_id"]) == (NAME, NAME, "hidden")


@pytest.mark.usefixtures("asker")
def test_the_digest_shows_a_liked_question_without_its_author(settings: Settings, question: Question) -> None:
    workspace = Workspace(settings)
    query = PublishedReader(workspace.publication).query
    published = published_week(query, question.week, 1)
    digest = compose(
        "class", "수업", question.week, published, query, workspace.database, LabelLog(workspace.database),
        settings.zone, 1,
    )  # fmt: skip
    assert NAME in {one.name for one in published.top}
    assert question.message_id in {one.message_id for one in digest.published.top}
    assert NAME not in str(digest.to_dict())


class TestInTheQuiz:
    """A class that plays."""

    @pytest.fixture
    def home(self, playing_home: Path, tmp_path: Path) -> Path:
        return copied(playing_home, tmp_path)

    def test_nobody_is_asked_who_wrote_it_and_open_rounds_end(
        self, sign_in: SignIn, settings: Settings
    ) -> None:
        client = sign_in("student")
        services = client.app.state.services  # type: ignore[attr-defined]
        room = services.classes["class"]
        agreed = ConsentLog(room.workspace.database).active(AUTHOR_MODEL)
        asked = AskedStore(services.database, "class")
        account = services.accounts.create("shy@example.com", "shy")
        client.post(f"{C}/quiz")
        messages = [one for one in held_out(room.published.pinned()).values() if one.person_id in agreed]
        page = unescape(client.get(f"{C}/quiz").text)
        text = max((one.text for one in messages if one.text in page), key=len)
        for one in messages:
            if one.text == text:
                asked.set_hidden(one.message_id, account, hidden=True)
        assert text not in unescape(client.get(f"{C}/quiz").text)
        left = [one for one in messages if one.text != text]
        played = 0
        while client.post(f"{C}/quiz").status_code == 303:
            page = unescape(client.get(f"{C}/quiz").text)
            assert text not in page
            action = re.search(r'action="(/c/class/quiz/\d+)"', page)
            choice = re.search(r'name="choice" value="([^"]+)"', page)
            assert action and choice
            client.post(action[1], data={"choice": choice[1]})
            played += 1
        assert played >= len({one.text for one in left}) > 3

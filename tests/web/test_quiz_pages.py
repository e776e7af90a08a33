"""The quiz: real messages of people who agree now, an answer that nobody can get without giving one."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from random import Random

import duckdb
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.settings import Settings
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.workspace import Workspace
from chat_platform.web.published import PublishedReader
from chat_platform.web.quiz_messages import (
    FEWEST_PEOPLE,
    PEOPLE,
    HeldOut,
    callable_names,
    draw,
    held_out,
    is_fit,
)
from tests.homes import copied
from tests.web.conftest import SignIn


@pytest.fixture
def home(playing_home: Path, tmp_path: Path) -> Path:
    return copied(playing_home, tmp_path)


@pytest.fixture
def consents(settings: Settings) -> ConsentLog:
    return ConsentLog(Workspace(settings).database)


@pytest.fixture
def messages(settings: Settings) -> dict[str, HeldOut]:
    reader = PublishedReader(Workspace(settings).publication)
    found = held_out(reader.pinned())
    reader.close()
    return found


Asked = tuple[str, str, list[str]]


def asked(client: TestClient) -> Asked | None:
    """Address to answer to, text and people of the question that the page asks."""
    page = client.get("/c/class/quiz").text
    form = re.search(r'action="(/c/class/quiz/\d+)"', page)
    if form is None:
        return None
    question = page[page.index('id="question"') :]
    text = re.search(r"<blockquote>(.*?)</blockquote>", question, re.DOTALL)
    assert text
    return form[1], unescape(text[1]), re.findall(r'name="choice" value="([^"]+)"', question)


def start(client: TestClient) -> Asked:
    assert client.post("/c/class/quiz").status_code == 303
    found = asked(client)
    assert found
    return found


def authors_of(messages: dict[str, HeldOut], text: str) -> set[str]:
    return {one.person_id for one in messages.values() if one.text == text}


def test_a_round_is_a_real_message_and_its_author_among_others(
    sign_in: SignIn, messages: dict[str, HeldOut], consents: ConsentLog
) -> None:
    _, text, options = start(sign_in("student"))
    assert authors_of(messages, text) & set(options)
    assert FEWEST_PEOPLE <= len(set(options)) == len(options) <= PEOPLE
    assert set(options) <= consents.active(AUTHOR_MODEL)


def test_answers_are_judged_and_counted(sign_in: SignIn, messages: dict[str, HeldOut]) -> None:
    client = sign_in("student")
    address, text, options = start(client)
    (author,) = authors_of(messages, text) & set(options)
    answer = client.post(address, data={"choice": author})
    assert answer.headers["location"] == f"/c/class/quiz?done={address.rpartition('/')[2]}"
    page = client.get(answer.headers["location"]).text
    assert "맞았습니다!" in page
    assert text in unescape(page)
    address, text, options = start(client)
    wrong = next(one for one in options if one not in authors_of(messages, text))
    page = client.get(client.post(address, data={"choice": wrong}).headers["location"]).text
    assert "아쉽습니다" in page
    assert re.search(r'id="right">1 / 2', page)
    assert re.search(r'id="streak">0', page)


def test_the_answer_stands_nowhere_before_it_is_given(
    sign_in: SignIn, messages: dict[str, HeldOut], home: Path
) -> None:
    """Neither the page nor the stored round differs between the author and the other people."""
    client = sign_in("student")
    _, text, options = start(client)
    page = client.get("/c/class/quiz").text
    counts = {page.count(one) for one in options}
    assert counts == {1}
    assert "is_author" not in page
    assert "모델의 답" not in page


def test_rounds_are_their_players(sign_in: SignIn, messages: dict[str, HeldOut]) -> None:
    client, other = sign_in("student"), sign_in("student", "other@example.com")
    address, text, options = start(client)
    assert other.post(address, data={"choice": options[0]}).status_code == 409
    assert asked(client) == (address, text, options)
    assert client.post(address, data={"choice": "somebody"}).status_code == 422
    assert client.post(address, data={}).status_code == 422
    assert client.post("/c/class/quiz/999999", data={"choice": options[0]}).status_code == 409
    wrong = next(one for one in options if one not in authors_of(messages, text))
    assert client.post(address, data={"choice": wrong}).status_code == 303
    (author,) = authors_of(messages, text) & set(options)
    again = client.post(address, data={"choice": author})
    assert (again.status_code, "CP-WEB-031" in again.text) == (409, True)
    # Somebody else's result is not theirs to see.
    number = address.rpartition("/")[2]
    assert "result" not in re.findall(r'id="(\w+)"', other.get(f"/c/class/quiz?done={number}").text)


def test_starting_again_gives_the_same_round(sign_in: SignIn) -> None:
    client = sign_in("student")
    assert [start(client) for _ in range(5)] == [asked(client)] * 5


def test_every_message_is_asked_once_until_none_is_left(
    sign_in: SignIn, messages: dict[str, HeldOut], consents: ConsentLog, settings: Settings
) -> None:
    client, seen = sign_in("student"), 0
    known = [one for one in messages.values() if one.person_id in consents.active(AUTHOR_MODEL)]
    while True:
        answer = client.post("/c/class/quiz")
        if answer.status_code != 303:
            break
        found = asked(client)
        assert found
        client.post(found[0], data={"choice": found[2][0]})
        seen += 1
    assert (answer.status_code, "CP-WEB-033" in answer.text) == (409, True)
    assert seen == len(known) > 5
    assert re.search(rf'id="right">\d+ / {seen}', client.get("/c/class/quiz").text)


def test_nobody_is_asked_about_their_own_message(
    sign_in: SignIn, messages: dict[str, HeldOut], consents: ConsentLog
) -> None:
    agreed = consents.active(AUTHOR_MODEL)
    known = [one for one in messages.values() if one.person_id in agreed]
    own = max(agreed, key=lambda person: sum(one.person_id == person for one in known))
    client, seen = sign_in("student", person_id=own), 0
    while client.post("/c/class/quiz").status_code == 303:
        found = asked(client)
        assert found
        client.post(found[0], data={"choice": found[2][0]})
        seen += 1
    assert 0 < seen == sum(one.person_id != own for one in known) < len(known)


@pytest.mark.parametrize("role", ["author", "other"])
@pytest.mark.parametrize("way", ["page", "command line"])
def test_who_withdraws_is_gone_from_open_rounds_at_once(
    sign_in: SignIn, messages: dict[str, HeldOut], consents: ConsentLog, role: str, way: str
) -> None:
    client = sign_in("student")
    address, text, options = start(client)
    (author,) = authors_of(messages, text) & set(options)
    gone = author if role == "author" else next(one for one in options if one != author)
    if way == "page":
        own = sign_in("student", "own@example.com", person_id=gone)
        own.post("/c/class/consents", data={"action": "withdraw"})
    else:
        consents.withdraw(gone, AUTHOR_MODEL, by="somebody at the command line")
    assert client.post(address, data={"choice": author}).status_code == 409
    page = client.get("/c/class/quiz").text
    assert asked(client) is None
    assert gone not in page
    assert re.search(r'id="right">0 / 0', page)
    for _ in range(4):
        address, again, options = start(client)
        assert gone not in options
        assert again != text or authors_of(messages, text) != {author}
        client.post(address, data={"choice": options[0]})


def test_who_withdraws_is_not_named_in_what_was_answered(
    sign_in: SignIn, messages: dict[str, HeldOut], consents: ConsentLog, settings: Settings
) -> None:
    client = sign_in("student")
    address, text, options = start(client)
    (author,) = authors_of(messages, text) & set(options)
    done = client.post(address, data={"choice": author}).headers["location"]
    reader = PublishedReader(Workspace(settings).publication)
    name = (reader.row("select name from core.people where person_id = $p", {"p": author}) or {})["name"]
    reader.close()
    assert name in client.get(done).text
    consents.withdraw(author, AUTHOR_MODEL, by="test")
    page = client.get(done).text
    assert name not in page
    assert text not in unescape(page)


def test_with_too_few_people_there_is_no_quiz(sign_in: SignIn, consents: ConsentLog) -> None:
    for person in sorted(consents.active(AUTHOR_MODEL))[FEWEST_PEOPLE - 1 :]:
        consents.withdraw(person, AUTHOR_MODEL, by="test")
    client = sign_in("student")
    assert "동의한 사람이 적습니다" in client.get("/c/class/quiz").text
    assert client.post("/c/class/quiz").status_code == 409


@pytest.mark.parametrize("change", ["visibility = 'direct'", "removed = true", "language = 'code'"])
def test_direct_and_removed_messages_and_code_are_never_asked_about(
    settings: Settings, messages: dict[str, HeldOut], change: str
) -> None:
    published = Workspace(settings).publication.current().path
    chosen = sorted(messages)[0]
    with duckdb.connect(str(published)) as connection:
        connection.execute(f"update core.messages set {change} where message_id = ?", [chosen])  # noqa: S608
    reader = PublishedReader(Workspace(settings).publication)
    assert held_out(reader.pinned()).keys() == messages.keys() - {chosen}
    reader.close()


NAMES = callable_names(["김가나", "박큰별_오프라인", "Jane Doe", "남궁하나"])


@pytest.mark.parametrize(
    "text",
    [
        "제 번호는 010-1234-5678입니다",
        "제 번호는 ０１０ １２３４ 입니다",
        "메일은 some.one@example.com 으로 주세요",
        "여기 보세요 https://example.com/a 좋아요",
        "www.example.com 에서 봤어요",
        "가나님 감사합니다 덕분에 됐어요",
        "큰별 오늘 왔나요 아까 봤는데",
        "jane 어디 있나요 궁금합니다",
        "ＪＡＮＥ 어디 있나요 궁금합니다",
        "김\u200b가\u200b나 왔나요 궁금합니다",
        "첫 줄입니다\n둘째 줄입니다",
        "@somebody 오늘 과제 뭐예요",
    ],
)
def test_a_message_that_leads_to_a_person_is_not_shown(text: str) -> None:
    assert not is_fit(text, text, NAMES)


def test_a_folded_address_is_seen_too() -> None:
    assert not is_fit("여기 example.dev/a 보세요", "여기 ⟨url⟩ 보세요", NAMES)


@pytest.mark.parametrize(
    "text", ["오늘 과제 어디까지 하셨나요", "저는 3번 문제가 안 돼요 ㅠㅠ", "<b>굵게</b> 써 봤어요"]
)
def test_other_messages_are_fit(text: str) -> None:
    assert is_fit(text, text, NAMES)


PERSONS = st.sampled_from([f"p{number}" for number in range(9)])


@given(
    st.lists(
        st.tuples(PERSONS, st.sampled_from("ab"), st.lists(PERSONS, max_size=5, unique=True)), max_size=12
    ),
    st.frozensets(PERSONS),
    st.frozensets(st.integers(0, 11).map(lambda number: f"m{number}")),
    st.randoms(use_true_random=False),
)
def test_a_draw_offers_only_people_who_agree(
    said: list[tuple[str, str, list[str]]], agreed: frozenset[str], seen: frozenset[str], random: Random
) -> None:
    messages = [
        HeldOut(f"m{number}", person, text, tuple(guesses))
        for number, (person, text, guesses) in enumerate(said)
    ]
    found = draw(messages, agreed, seen, random)

    def others_who_said(text: str, author: str) -> set[str]:
        return {one.person_id for one in messages if one.text == text} - {author}

    left = [
        one
        for one in messages
        if one.person_id in agreed
        and one.message_id not in seen
        and len(agreed - others_who_said(one.text, one.person_id)) >= FEWEST_PEOPLE
    ]
    if not left:
        assert found is None
        return
    assert found is not None
    assert found.message in left
    assert found.message.person_id in found.options
    same = others_who_said(found.message.text, found.message.person_id)
    assert set(found.options) <= agreed - same
    assert len(found.options) == len(set(found.options)) == min(PEOPLE, len(agreed - same))
    assert found.model_choice is None or found.model_choice in found.options


def test_hostile_messages_and_names_are_text(settings: Settings, sign_in: SignIn) -> None:
    evil = "<img src=x onerror=alert(1)> 안녕하세요 {{7*7}}"
    published = Workspace(settings).publication.current().path
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            "update core.messages set text = ?, clean_text = ?, language = 'ko' "
            "where message_id in (select message_id from ml.author_predictions)",
            [evil, evil],
        )
        connection.execute("update core.people set name = '\"><svg onload=go>'")
    client = sign_in("student")
    client.post("/c/class/quiz")
    page = client.get("/c/class/quiz").text
    assert evil in unescape(page)
    assert "<img src=x" not in page
    assert "<svg onload" not in page
    assert "&lt;svg onload=go&gt;" in page

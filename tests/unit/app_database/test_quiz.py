"""Rounds of the quiz: nobody learns an answer that they did not give, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from chat_platform.errors import WebError
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.quiz import PLAYED_ENOUGH, QuizStore, Score

PEOPLE = ["p1", "p2", "p3", "p4"]


@pytest.fixture
def engine(database_url: str) -> Engine:
    upgrade(database_url)
    return open_database(database_url)


@pytest.fixture
def quiz(engine: Engine) -> QuizStore:
    return QuizStore(engine)


@pytest.fixture
def players(engine: Engine) -> list[int]:
    accounts = AccountStore(engine)
    return [accounts.create(f"{name}@example.com", name) for name in ("one", "two")]


def play(quiz: QuizStore, account: int, message: str, choice: str, author: str, model: str = "p1") -> bool:
    opened = quiz.start(account, "class", message_id=message, options=PEOPLE, model_choice=model)
    return bool(quiz.answer(account, "class", opened.round_id, choice=choice, author=author).is_right)


def code_of(error: pytest.ExceptionInfo[WebError]) -> str:
    return error.value.code


def test_score_counts_streaks_and_the_model_on_the_same_rounds(quiz: QuizStore, players: list[int]) -> None:
    one, two = players
    said = [("m1", "p1", "p1"), ("m2", "p2", "p2"), ("m3", "p3", "p4"), ("m4", "p1", "p1")]
    assert [play(quiz, one, *pair) for pair in said] == [True, True, False, True]
    assert quiz.score(one, "class") == Score(rounds=4, right=3, model_right=2, streak=1, longest=2)
    assert quiz.score(two, "class") == Score()
    assert quiz.score(one, "other") == Score()


def test_one_round_is_open_at_a_time(quiz: QuizStore, players: list[int]) -> None:
    first = quiz.start(players[0], "class", message_id="m1", options=PEOPLE, model_choice=None)
    again = quiz.start(players[0], "class", message_id="m2", options=PEOPLE, model_choice=None)
    assert again == first == quiz.open_round(players[0], "class")
    assert quiz.asked(players[0], "class") == {"m1"}
    assert quiz.open_round(players[1], "class") is None


def test_a_message_is_asked_once(quiz: QuizStore, players: list[int]) -> None:
    play(quiz, players[0], "m1", "p2", "p1")
    with pytest.raises(WebError) as error:
        quiz.start(players[0], "class", message_id="m1", options=PEOPLE, model_choice=None)
    assert code_of(error) == "CP-WEB-031"
    assert play(quiz, players[1], "m1", "p1", "p1")


def test_an_answer_is_given_once_by_its_player_to_one_of_the_people(
    quiz: QuizStore, players: list[int]
) -> None:
    one, two = players
    opened = quiz.start(one, "class", message_id="m1", options=PEOPLE, model_choice=None)
    with pytest.raises(WebError) as error:
        quiz.answer(two, "class", opened.round_id, choice="p1", author="p1")
    assert code_of(error) == "CP-WEB-031"
    assert quiz.round_of(two, "class", opened.round_id) is None
    with pytest.raises(WebError) as error:
        quiz.answer(one, "other", opened.round_id, choice="p1", author="p1")
    assert code_of(error) == "CP-WEB-031"
    with pytest.raises(WebError) as error:
        quiz.answer(one, "class", opened.round_id, choice="p9", author="p1")
    assert code_of(error) == "CP-WEB-006"
    assert quiz.answer(one, "class", opened.round_id, choice="p2", author="p1").is_right is False
    with pytest.raises(WebError) as error:
        quiz.answer(one, "class", opened.round_id, choice="p1", author="p1")
    assert code_of(error) == "CP-WEB-031"
    assert quiz.score(one, "class").right == 0


def test_many_answers_at_once_are_one(quiz: QuizStore, players: list[int]) -> None:
    opened = quiz.start(players[0], "class", message_id="m1", options=PEOPLE, model_choice=None)

    def answer(choice: str) -> bool:
        try:
            quiz.answer(players[0], "class", opened.round_id, choice=choice, author="p1")
        except WebError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(answer, PEOPLE)) == 1
    assert quiz.score(players[0], "class").rounds == 1


def test_many_starts_at_once_are_one_round(quiz: QuizStore, players: list[int]) -> None:
    def start(number: int) -> int:
        return quiz.start(
            players[0], "class", message_id=f"m{number}", options=PEOPLE, model_choice=None
        ).round_id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert len(quiz.asked(players[0], "class")) == 1


def test_who_withdraws_ends_the_open_rounds_they_are_in(quiz: QuizStore, players: list[int]) -> None:
    one, two = players
    play(quiz, one, "m0", "p2", "p1")
    with_them = quiz.start(one, "class", message_id="m1", options=PEOPLE, model_choice="p2")
    without = quiz.start(two, "class", message_id="m1", options=["p1", "p3", "p4", "p5"], model_choice="p2")
    assert quiz.forget("class", "p2") == 1
    assert quiz.open_round(one, "class") is None
    assert quiz.open_round(two, "class") == without
    with pytest.raises(WebError) as error:
        quiz.answer(one, "class", with_them.round_id, choice="p1", author="p1")
    assert code_of(error) == "CP-WEB-031"
    ended = quiz.round_of(one, "class", with_them.round_id)
    assert ended is not None
    assert (ended.options, ended.model_choice, ended.choice, ended.is_right) == ((), None, None, None)
    assert quiz.score(one, "class").rounds == 1
    # The message is not asked again: two sets of people that share one person would tell who it was.
    assert quiz.asked(one, "class") == {"m0", "m1"}


def test_an_ended_round_counts_for_nothing(quiz: QuizStore, players: list[int]) -> None:
    opened = quiz.start(players[0], "class", message_id="m1", options=PEOPLE, model_choice=None)
    quiz.end(players[1], "class", opened.round_id)
    assert quiz.open_round(players[0], "class") is not None
    quiz.end(players[0], "class", opened.round_id)
    assert quiz.open_round(players[0], "class") is None
    assert quiz.score(players[0], "class") == Score()


def test_players_are_those_who_played_enough(quiz: QuizStore, players: list[int]) -> None:
    one, two = players
    for number in range(PLAYED_ENOUGH):
        play(quiz, one, f"m{number}", "p1", "p1" if number % 2 else "p2")
        if number:
            play(quiz, two, f"m{number}", "p1", "p1")
    found = quiz.players("class", utc_now() + timedelta(seconds=1))
    assert {account: share for account, (_, share) in found.items()} == {one: 0.5}
    assert quiz.players("class", utc_now() - timedelta(hours=1)) == {}

"""Answers, questions of the portal, follows and notifications, on both databases."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from chat_platform.errors import WebError
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.answers import AnswerStore, EditConflictError
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.asked import AskedStore, number_of
from chat_platform.storage.board import BoardStore, Counts
from chat_platform.storage.follows import FollowStore
from chat_platform.storage.notifications import NotificationStore
from chat_platform.storage.verdicts import Verdict, signature, verdicts
from chat_platform.storage.written import LONGEST_ANSWER, MOST_LINES, written

CLASS = "class"
NAMES = ("asker", "writer", "reader", "teacher")


@pytest.fixture
def url(database_url: str) -> str:
    upgrade(database_url)
    accounts = AccountStore(open_database(database_url))
    for name in NAMES:
        accounts.set_role(accounts.create(name, name), CLASS, "teacher" if name == "teacher" else "student")
    return database_url


@pytest.fixture
def engine(url: str) -> Engine:
    return open_database(url)


@pytest.fixture
def who(engine: Engine) -> dict[str, int]:
    accounts = AccountStore(engine)
    found = {name: accounts.by_login(name) for name in NAMES}
    return {name: row.account_id for name, row in found.items() if row is not None}


@pytest.fixture
def answers(engine: Engine) -> AnswerStore:
    return AnswerStore(engine, CLASS)


@pytest.fixture
def asked(engine: Engine) -> AskedStore:
    return AskedStore(engine, CLASS)


@pytest.fixture
def notices(engine: Engine) -> NotificationStore:
    return NotificationStore(engine, CLASS)


def kinds(notices: NotificationStore, account_id: int) -> list[str]:
    return [notice.kind for notice in reversed(notices.list(account_id))]


# --- Texts ------------------------------------------------------------------------------------------------------


def test_a_text_is_composed_and_loses_what_cannot_be_stored() -> None:
    assert written(" \u1100\u1161\r\nb\x00\x1b[31m\ud800\u2028c\t \n") == "가\nb[31m\nc"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u202e\ufeff", "\x00", "\ud800"])
def test_a_text_without_anything_to_see_is_refused(text: str) -> None:
    with pytest.raises(WebError, match="CP-WEB-021"):
        written(text)


def test_a_text_has_a_longest_length_and_most_lines() -> None:
    assert len(written("가" * LONGEST_ANSWER)) == LONGEST_ANSWER
    for text in ("가" * (LONGEST_ANSWER + 1), "a\n" * MOST_LINES + "a", "a" * 10_000_000):
        with pytest.raises(WebError, match="CP-WEB-021"):
            written(text)


# --- Answers ----------------------------------------------------------------------------------------------------


def test_an_edit_makes_a_version_and_every_version_is_kept(answers: AnswerStore, who: dict[str, int]) -> None:
    number = answers.add("m1", who["writer"], "하나", offset_s=3)
    assert answers.edit(number, who["writer"], 1, "둘", offset_s=4.5) == 2
    assert answers.edit(number, who["teacher"], 2, "셋", staff=True) == 3
    assert [(r.version, r.body, r.offset_s, r.editor) for r in answers.revisions(number)] == [
        (1, "하나", 3.0, "writer"), (2, "둘", 4.5, "writer"), (3, "셋", None, "teacher"),
    ]  # fmt: skip
    assert answers.get(number, who["reader"]).author == "writer"


def test_an_edit_from_an_old_version_writes_nothing_and_shows_both_texts(
    answers: AnswerStore, who: dict[str, int]
) -> None:
    number = answers.add("m1", who["writer"], "처음")
    answers.edit(number, who["teacher"], 1, "선생님의 글", staff=True)
    with pytest.raises(EditConflictError) as caught:
        answers.edit(number, who["writer"], 1, "학생의 글")
    assert (caught.value.code, caught.value.current.body, caught.value.body) == (
        "CP-WEB-020", "선생님의 글", "학생의 글",
    )  # fmt: skip
    assert [r.body for r in answers.revisions(number)] == ["처음", "선생님의 글"]


def test_saving_the_same_text_twice_is_one_edit(answers: AnswerStore, who: dict[str, int]) -> None:
    number = answers.add("m1", who["writer"], "처음")
    assert answers.add("m1", who["writer"], " 처음 ") == number
    assert [answers.edit(number, who["writer"], 1, "둘") for _ in range(2)] == [2, 2]
    assert len(answers.revisions(number)) == 2
    assert answers.add("m2", who["writer"], "처음") != number != answers.add("m1", who["reader"], "처음")


def test_only_author_and_staff_edit_and_remove(answers: AnswerStore, who: dict[str, int]) -> None:
    number = answers.add("m1", who["writer"], "처음")
    with pytest.raises(WebError, match="CP-WEB-023"):
        answers.edit(number, who["reader"], 1, "아니오")
    with pytest.raises(WebError, match="CP-WEB-023"):
        answers.remove(number, who["reader"])
    answers.remove(number, who["teacher"], staff=True)
    assert answers.of_question("m1", who["writer"]) == []
    for gone in (
        lambda: answers.get(number, who["writer"]),
        lambda: answers.revisions(number),
        lambda: answers.edit(number, who["writer"], 1, "x"),
        lambda: answers.set_vote(number, who["reader"], useful=True),
        lambda: answers.endorse(number, who["teacher"], 1),
    ):
        with pytest.raises(WebError, match="CP-WEB-001"):
            gone()


def test_an_answer_of_another_class_is_not_there(
    answers: AnswerStore, engine: Engine, who: dict[str, int]
) -> None:
    number = answers.add("m1", who["writer"], "처음")
    other = AnswerStore(engine, "other")
    with pytest.raises(WebError, match="CP-WEB-001"):
        other.edit(number, who["writer"], 1, "x")
    assert other.of_question("m1", who["writer"]) == []


def test_a_vote_counts_once_can_be_taken_back_and_is_not_for_oneself(
    answers: AnswerStore, who: dict[str, int]
) -> None:
    number = answers.add("m1", who["writer"], "처음")
    assert [answers.set_vote(number, who["reader"], useful=True) for _ in range(2)] == [1, 1]
    assert answers.set_vote(number, who["asker"], useful=True) == 2
    assert answers.get(number, who["reader"]).voted
    assert answers.set_vote(number, who["reader"], useful=False) == 1
    assert not answers.get(number, who["reader"]).voted
    with pytest.raises(WebError, match="CP-WEB-024"):
        answers.set_vote(number, who["writer"], useful=True)


def test_an_endorsement_is_of_a_text(
    answers: AnswerStore, notices: NotificationStore, who: dict[str, int]
) -> None:
    number = answers.add("m1", who["writer"], "처음")
    answers.edit(number, who["writer"], 1, "둘")
    with pytest.raises(EditConflictError):
        answers.endorse(number, who["teacher"], 1)
    answers.endorse(number, who["teacher"], 2)
    assert answers.get(number, who["reader"]).endorsed_by == "teacher"
    answers.edit(number, who["writer"], 2, "셋")
    assert answers.get(number, who["reader"]).endorsed_by is None
    assert kinds(notices, who["teacher"]) == ["endorsement_lost"]
    assert kinds(notices, who["writer"]) == ["endorsed"]


def test_answers_are_endorsed_first_then_by_votes_then_by_age(
    answers: AnswerStore, who: dict[str, int]
) -> None:
    first, second, third = (answers.add("m1", who["writer"], text) for text in "abc")
    answers.set_vote(second, who["reader"], useful=True)
    answers.endorse(third, who["teacher"], 1)
    assert [a.answer_id for a in answers.of_question("m1", who["reader"])] == [third, second, first]


# --- Questions of the portal ------------------------------------------------------------------------------------


def test_a_question_is_the_askers_until_somebody_answers(
    asked: AskedStore, answers: AnswerStore, who: dict[str, int]
) -> None:
    question = asked.ask(who["asker"], "왜 안 되나요?", conversation_id="c1", offset_s=5)
    assert asked.ask(who["asker"], "왜 안 되나요?") == question
    asked.change(question, who["asker"], "왜 그런가요?", conversation_id=None, offset_s=None)
    found = asked.get(question)
    assert found is not None
    assert (found.text, found.conversation_id, found.name, found.role) == (
        "왜 그런가요?", None, "asker", "student",
    )  # fmt: skip
    with pytest.raises(WebError, match="CP-WEB-023"):
        asked.change(question, who["reader"], "x", conversation_id=None, offset_s=None)
    answer = answers.add(question, who["writer"], "이렇습니다")
    for change in (
        lambda: asked.change(question, who["asker"], "x", conversation_id=None, offset_s=None),
        lambda: asked.remove(question, who["asker"]),
    ):
        with pytest.raises(WebError, match="CP-WEB-025"):
            change()
    answers.remove(answer, who["writer"])
    asked.remove(question, who["asker"])
    assert asked.get(question) is None
    with pytest.raises(WebError, match="CP-WEB-001"):
        answers.add(question, who["writer"], "늦었습니다")


def test_staff_removes_any_question(asked: AskedStore, answers: AnswerStore, who: dict[str, int]) -> None:
    question = asked.ask(who["asker"], "욕설")
    answers.add(question, who["writer"], "네")
    with pytest.raises(WebError, match="CP-WEB-023"):
        asked.remove(question, who["reader"])
    asked.remove(question, who["teacher"], staff=True)
    assert asked.all() == []


def test_only_the_asker_hides(asked: AskedStore, who: dict[str, int]) -> None:
    question = asked.ask(who["asker"], "부끄러운 질문", hidden=True)
    assert asked.hidden() == {question: who["asker"]}
    with pytest.raises(WebError, match="CP-WEB-023"):
        asked.set_hidden(question, who["reader"], hidden=False)
    asked.set_hidden(question, who["asker"], hidden=False)
    assert asked.hidden() == {}
    asked.set_hidden("message of a chat", who["asker"], hidden=True)
    assert asked.hidden() == {"message of a chat": who["asker"]}


@pytest.mark.parametrize(
    "text", ["portal-0", "portal-01", "portal-", "portal-1 ", "Portal-1", "portal-²", "m1"]
)
def test_an_id_of_a_chat_is_not_one_of_the_portal(text: str) -> None:
    assert number_of(text) is None
    assert number_of("portal-12") == 12


# --- Follows and notifications ----------------------------------------------------------------------------------


def test_who_follows_is_told_and_never_of_their_own_doing(
    asked: AskedStore, answers: AnswerStore, engine: Engine, notices: NotificationStore, who: dict[str, int]
) -> None:
    question = asked.ask(who["asker"], "질문?")
    follows = FollowStore(engine, CLASS)
    follows.follow(question, who["reader"])
    answer = answers.add(question, who["writer"], "답")
    answers.add(question, who["asker"], "알아냈습니다")
    answers.endorse(answer, who["teacher"], 1)
    follows.unfollow(question, who["reader"])
    answers.edit(answer, who["writer"], 1, "더 나은 답")
    answers.remove(answer, who["teacher"], staff=True)
    assert kinds(notices, who["asker"]) == ["answer", "endorsed", "answer_edited"]
    assert kinds(notices, who["writer"]) == ["answer", "endorsed", "answer_removed"]
    assert kinds(notices, who["reader"]) == ["answer", "answer", "endorsed"]
    assert kinds(notices, who["teacher"]) == ["endorsement_lost"]
    assert follows.followed_by(who["writer"]) == {question}


def test_read_stays_read_and_what_comes_later_is_unread(
    answers: AnswerStore, engine: Engine, notices: NotificationStore, who: dict[str, int]
) -> None:
    FollowStore(engine, CLASS).follow("m1", who["reader"])
    for text in "abc":
        answers.add("m1", who["writer"], text)
    newest, middle, _ = notices.list(who["reader"])
    assert notices.unread(who["reader"]) == 3
    assert notices.mark_read(who["reader"], only=middle.notification_id) == 1
    answers.add("m1", who["writer"], "d")
    assert notices.mark_read(who["reader"], up_to=newest.notification_id) == 2
    assert notices.unread(who["reader"]) == 1
    assert notices.mark_read(who["writer"], only=newest.notification_id) == 0
    assert NotificationStore(engine, "other").unread(who["reader"]) == 0


def test_that_a_message_became_a_question_is_told_once(
    notices: NotificationStore, who: dict[str, int]
) -> None:
    for _ in range(2):
        notices.became_question("m1", who["asker"], actor_id=who["teacher"])
        notices.mark_read(who["asker"])
    notices.became_question("m2", who["asker"], actor_id=who["asker"])
    assert kinds(notices, who["asker"]) == ["became_question"]


# --- The board --------------------------------------------------------------------------------------------------


def test_the_mark_changes_with_every_change_that_the_board_shows(
    asked: AskedStore, answers: AnswerStore, engine: Engine, who: dict[str, int]
) -> None:
    board, follows = BoardStore(engine, CLASS), FollowStore(engine, CLASS)
    shown: dict[object, object] = {}
    first = answers.add("m1", who["writer"], "a")
    second = answers.add("m2", who["writer"], "b")
    question = asked.ask(who["asker"], "q")
    steps = [
        lambda: answers.set_vote(first, who["reader"], useful=True),
        lambda: answers.set_vote(second, who["reader"], useful=True),
        lambda: answers.set_vote(first, who["reader"], useful=False),
        lambda: answers.endorse(first, who["teacher"], 1),
        lambda: answers.endorse(second, who["teacher"], 1),
        lambda: answers.take_endorsement_back(first, who["teacher"]),
        lambda: answers.edit(second, who["writer"], 1, "c"),
        lambda: answers.remove(first, who["writer"]),
        lambda: follows.follow("m3", who["reader"]),
        lambda: follows.unfollow(question, who["asker"]),
        lambda: asked.set_hidden("m1", who["asker"], hidden=True),
        lambda: asked.set_hidden("m2", who["asker"], hidden=True),
        lambda: asked.set_hidden("m1", who["asker"], hidden=False),
        lambda: asked.remove(question, who["asker"]),
    ]  # fmt: skip
    before = None
    for number, step in enumerate(steps):
        step()
        mark, facts = board.mark(), (board.counts(), asked.hidden(), len(asked.all()))
        assert mark not in (before, None), number
        # What was taken back altogether may look as it did, and only then.
        assert shown.setdefault(mark, facts) == facts, number
        before = mark
    assert BoardStore(engine, "other").mark() == BoardStore(engine, "third").mark()


def test_counts_are_those_of_what_was_not_removed(
    answers: AnswerStore, engine: Engine, who: dict[str, int]
) -> None:
    first, second = answers.add("m1", who["writer"], "a"), answers.add("m1", who["reader"], "b")
    for number in (first, second):
        answers.set_vote(number, who["asker"], useful=True)
        answers.endorse(number, who["teacher"], 1)
    answers.remove(second, who["reader"])
    FollowStore(engine, CLASS).follow("m2", who["asker"])
    assert BoardStore(engine, CLASS).counts() == {"m1": Counts(1, 1, 1, 2), "m2": Counts(follows=1)}


def test_staffs_newest_word_beats_students_and_one_student_alone_changes_nothing() -> None:
    def said(*words: tuple[str, bool]) -> Verdict:
        rows = [{"message_id": "m", "corrected_by": by, "is_question": label} for by, label in words]
        return verdicts(rows, staff={1, 2})["m"]

    a, b, c, d = (signature(number) for number in (11, 12, 13, 14))
    assert said((a, True)) == Verdict(None, False, 1, 0)
    assert said((a, True), (b, True)).is_question is True
    assert said((a, True), (b, True), (c, False), (d, False)).is_question is None
    assert said((a, False), (b, False), (c, True)).is_question is False
    assert said((a, True), (b, True), (signature(1), False)) == Verdict(False, True, 2, 1)
    assert said((signature(1), False), (signature(2), True)).is_question is True
    assert said(("kim", False), (a, True), (b, True)).is_question is False


# --- Several at once, and killed --------------------------------------------------------------------------------


def test_of_writers_at_once_one_saves_and_all_others_are_told(url: str, who: dict[str, int]) -> None:
    number = AnswerStore(open_database(url), CLASS).add("m1", who["writer"], "처음")
    start = threading.Barrier(8)

    def edit(writer: int) -> str:
        store = AnswerStore(open_database(url), CLASS)
        start.wait()
        try:
            store.edit(number, who["writer"], 1, f"글 {writer}")
        except EditConflictError as conflict:
            assert conflict.current.version == 2
            return "conflict"
        return f"글 {writer}"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(edit, range(8)))
    (saved,) = [result for result in results if result != "conflict"]
    versions = AnswerStore(open_database(url), CLASS).revisions(number)
    assert [revision.body for revision in versions] == ["처음", saved]


def test_votes_of_several_processes_at_once_are_one_each(url: str, who: dict[str, int]) -> None:
    number = AnswerStore(open_database(url), CLASS).add("m1", who["writer"], "처음")
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_vote_often, args=(url, number, who[name])) for name in ("reader", "asker")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert AnswerStore(open_database(url), CLASS).get(number, who["reader"]).votes == 2


def test_answers_that_were_acknowledged_survive_a_kill(url: str, who: dict[str, int]) -> None:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_answer_for_ever, args=(url, who["writer"], theirs))
    worker.start()
    theirs.close()
    acknowledged = [mine.recv() for _ in range(25)]
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(10)
    while True:
        try:
            acknowledged.append(mine.recv())
        except EOFError:
            break
    store = AnswerStore(open_database(url), CLASS)
    kept = {answer.answer_id: answer.body for answer in store.of_question("m1", who["reader"])}
    assert set(acknowledged) <= set(kept)
    assert all([r.body for r in store.revisions(number)] == [body] for number, body in kept.items())
    assert store.add("m1", who["writer"], "danach") not in acknowledged


def _vote_often(url: str, answer_id: int, account_id: int) -> None:
    store = AnswerStore(open_database(url), CLASS)
    for turn in range(11):
        store.set_vote(answer_id, account_id, useful=turn % 2 == 0)


def _answer_for_ever(url: str, account_id: int, acknowledge: multiprocessing.connection.Connection) -> None:
    store = AnswerStore(open_database(url), CLASS)
    for number in range(1_000_000):
        acknowledge.send(store.add("m1", account_id, f"답 {number}"))
